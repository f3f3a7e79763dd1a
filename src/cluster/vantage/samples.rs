use std::{collections::BTreeMap, sync::Mutex};

use tokio::sync::watch;

use super::{Outcome, Sample, Source};

/// Attempts kept of each source and address; more are forgotten from the front.
const MOST_KEPT: usize = 600;
/// How far apart two attempts may begin to count as made at the same time, in milliseconds.
const SAME_TIME_MS: i64 = 1_000;

/// Everything the probe pods of a run told so far.
pub(super) struct Samples {
    kept: Mutex<BTreeMap<(Source, String), Vec<Sample>>>,
    lost: Mutex<BTreeMap<Source, String>>,
    news: watch::Sender<u64>,
}

impl Samples {
    pub(super) fn new() -> Self {
        Self { kept: Mutex::default(), lost: Mutex::default(), news: watch::Sender::new(0) }
    }

    pub(super) fn add(&self, source: &Source, sample: Sample) {
        {
            let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let of_address = kept.entry((source.clone(), sample.to.clone())).or_default();
            if of_address.len() >= MOST_KEPT {
                of_address.drain(..MOST_KEPT / 2);
            }
            of_address.push(sample);
        }
        self.news.send_modify(|count| *count += 1);
    }

    /// A source will tell nothing more.
    pub(super) fn lose(&self, source: &Source, why: String) {
        self.lost.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(source.clone(), why);
        self.news.send_modify(|count| *count += 1);
    }

    /// Why a source tells nothing more.
    pub(super) fn loss(&self, source: &Source) -> Option<String> {
        self.lost.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(source).cloned()
    }

    /// Is told of every news from now on.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// The attempts of a source to an address that began at or after `since_ms`.
    pub(super) fn since(&self, source: &Source, to: &str, since_ms: i64) -> Vec<Sample> {
        let kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let of_address = kept.get(&(source.clone(), to.to_owned()));
        of_address.map(|all| all.iter().filter(|one| one.at_ms >= since_ms).cloned().collect()).unwrap_or_default()
    }

    /// How the attempt of another source to the same address ended that began nearest to `at_ms`, if one began in the
    /// same second.
    pub(super) fn at_the_same_time(&self, source: &Source, to: &str, at_ms: i64) -> Option<Outcome> {
        self.since(source, to, at_ms - SAME_TIME_MS)
            .into_iter()
            .filter(|one| (one.at_ms - at_ms).abs() <= SAME_TIME_MS)
            .min_by_key(|one| (one.at_ms - at_ms).abs())
            .map(|one| one.outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at_ms: i64, outcome: Outcome) -> Sample {
        Sample { seq: 0, to: "10.0.0.1:80".to_owned(), at_ms, outcome, took_us: 1 }
    }

    #[test]
    fn a_twin_counts_only_within_the_same_second() {
        let samples = Samples::new();
        samples.add(&Source::Labelled, at(1_000, Outcome::Connected));
        samples.add(&Source::Labelled, at(4_000, Outcome::Refused));
        let twin = |at_ms| samples.at_the_same_time(&Source::Labelled, "10.0.0.1:80", at_ms);
        assert_eq!(twin(1_900), Some(Outcome::Connected));
        assert_eq!(twin(2_500), None);
        assert_eq!(twin(3_100), Some(Outcome::Refused));
        assert_eq!(samples.at_the_same_time(&Source::Unlabelled, "10.0.0.1:80", 1_000), None);
    }

    #[test]
    fn memory_is_bounded() {
        let samples = Samples::new();
        for at_ms in 0..5_000 {
            samples.add(&Source::Labelled, at(at_ms, Outcome::Connected));
        }
        let kept = samples.since(&Source::Labelled, "10.0.0.1:80", 0);
        assert!(kept.len() <= MOST_KEPT && kept.last().is_some_and(|last| last.at_ms == 4_999));
    }
}
