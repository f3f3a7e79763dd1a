use std::{
    future::Future,
    time::{Duration, Instant},
};

use super::shortage::shortage;

/// A bound on waiting that does not count the time in which the machine had no CPU or disk to give: silence is not the
/// server's when nobody could speak or hear. While either is short, a second counts as a quarter of one, so that the wait
/// stays bounded: never more than [`Patience::STRETCH`] times the budget.
#[derive(Debug, Clone)]
pub struct Patience {
    start: Instant,
    budget: Duration,
    short_before: Duration,
}

impl Patience {
    /// How many times its budget a wait may take at most.
    pub const STRETCH: u32 = 4;

    /// A bound that begins to run now.
    #[must_use]
    pub fn new(budget: Duration) -> Self {
        Self { start: Instant::now(), budget, short_before: shortage() }
    }

    /// The budget it was given.
    #[must_use]
    pub fn budget(&self) -> Duration {
        self.budget
    }

    /// How much of the budget is left; zero when it is used up.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.left_after(self.short())
    }

    /// The share of the time since it began in which CPU or disk was short: from 0 to 1.
    #[must_use]
    pub fn short_share(&self) -> f64 {
        self.short().as_secs_f64() / self.start.elapsed().as_secs_f64().max(f64::EPSILON)
    }

    /// How long CPU or disk was short since it began.
    fn short(&self) -> Duration {
        shortage().saturating_sub(self.short_before).min(self.start.elapsed())
    }

    fn left_after(&self, short: Duration) -> Duration {
        self.budget.saturating_sub(self.start.elapsed().saturating_sub(short.saturating_sub(short / Self::STRETCH)))
    }

    /// Waits for a step until either bound is used up; nothing then.
    pub(super) async fn wait<T>(&self, inner: &Self, step: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(step);
        loop {
            let left = self.left().min(inner.left());
            if let Ok(outcome) = tokio::time::timeout(left, &mut step).await {
                return Some(outcome);
            }
            if self.left().min(inner.left()).is_zero() {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_second_of_shortage_counts_as_a_quarter_and_never_as_nothing() {
        let now = Instant::now();
        let patience = |ago: u32| Patience {
            start: now.checked_sub(SECOND * ago).expect("the machine is older"),
            budget: SECOND * 5,
            short_before: Duration::ZERO,
        };
        let seconds = |left: Duration| (left + SECOND / 2).as_secs();
        assert_eq!(seconds(patience(2).left_after(Duration::ZERO)), 3, "an idle machine");
        assert_eq!(seconds(patience(4).left_after(SECOND * 4)), 4, "short all the time");
        assert_eq!(seconds(patience(9).left_after(SECOND * 8)), 2, "9 s, 8 of them short, count as 3");
        assert_eq!(patience(6).left_after(Duration::ZERO), Duration::ZERO);
        assert_eq!(patience(21).left_after(SECOND * 21), Duration::ZERO, "bounded by four budgets");
    }

    #[tokio::test]
    async fn a_silent_step_is_given_up_when_the_smaller_bound_is_used_up() {
        let (outer, inner) = (Patience::new(SECOND * 60), Patience::new(Duration::from_millis(5)));
        assert_eq!(outer.wait(&inner, std::future::pending::<()>()).await, None);
        assert_eq!(outer.wait(&inner, async { 7 }).await, Some(7), "what is there already is taken");
        assert!(outer.left() > SECOND * 30);
    }
}
