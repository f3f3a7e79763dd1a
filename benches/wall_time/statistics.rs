use std::fmt;

/// One figure over all rounds.
pub(crate) struct Row {
    name: &'static str,
    values: Vec<f64>,
}

impl Row {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, values: Vec::new() }
    }

    pub(crate) fn add(&mut self, value: f64) {
        self.values.push(value);
    }

    /// The value that this share of the values does not exceed: the nearest rank, so always one that was measured.
    fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank within a short list")]
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (min, median, p95) = (self.quantile(0.0), self.quantile(0.5), self.quantile(0.95));
        let digits = if median < 100.0 { 2 } else { 0 };
        write!(formatter, "{:<52} {min:>9.digits$} {median:>9.digits$} {p95:>9.digits$}", self.name)
    }
}
