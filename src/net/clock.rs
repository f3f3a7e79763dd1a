use std::{
    future::Future,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::Patience;
use crate::model::{Phase, Trouble};

/// The time of one probe run: when it must be over, and what its steps took.
#[derive(Debug)]
pub struct Clock {
    start: Instant,
    patience: Patience,
    phases: Mutex<Vec<Phase>>,
    peer: Mutex<Option<String>>,
}

impl Clock {
    /// A clock that runs out after `budget`.
    #[must_use]
    pub fn new(budget: Duration) -> Self {
        Self {
            start: Instant::now(),
            patience: Patience::new(budget),
            phases: Mutex::default(),
            peer: Mutex::default(),
        }
    }

    /// What is left of the budget; zero when it is used up.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.patience.left()
    }

    /// The share of the time so far in which this machine was short of CPU or disk: from 0 to 1.
    #[must_use]
    pub fn short_share(&self) -> f64 {
        self.patience.short_share()
    }

    /// Runs one step and ends it when the budget is used up: the trouble then names the step.
    ///
    /// # Errors
    /// The step's own trouble, or a `…timeout` fault of the step.
    pub async fn phase<T>(&self, name: &str, step: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
        self.phase_within(name, Duration::MAX, step).await
    }

    /// [`Clock::phase`] with a bound of its own inside the budget.
    ///
    /// # Errors
    /// As [`Clock::phase`].
    pub async fn phase_within<T>(
        &self,
        name: &str,
        bound: Duration,
        step: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        let index = self.begin(name);
        let own = Patience::new(bound);
        let outcome = self.patience.wait(&own, step).await;
        self.end(index, matches!(outcome, Some(Ok(_))));
        outcome.unwrap_or_else(|| Err(Trouble::fault(name, silence(name), self.waited(index))))
    }

    /// How long a silent step was waited for, and what had used up the time when it was not the step itself.
    fn waited(&self, index: usize) -> String {
        let budget = self.patience.budget();
        told(&self.phases(), index, Some(budget).filter(|_| self.patience.left().is_zero()))
    }

    /// Remembers the address that was really connected to.
    pub fn set_peer(&self, peer: String) {
        *self.peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(peer);
    }

    /// The address that was really connected to.
    #[must_use]
    pub fn peer(&self) -> Option<String> {
        self.peer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The steps so far; a step that is still running is shown as cut off now.
    #[must_use]
    pub fn phases(&self) -> Vec<Phase> {
        let now = micros(self.start.elapsed());
        let mut phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for phase in phases.iter_mut().filter(|phase| !phase.done && phase.took_us == 0) {
            phase.took_us = now.saturating_sub(phase.start_us);
        }
        phases
    }

    fn begin(&self, name: &str) -> usize {
        let phase = Phase { name: name.to_owned(), start_us: micros(self.start.elapsed()), took_us: 0, done: false };
        let mut phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        phases.push(phase);
        phases.len() - 1
    }

    fn end(&self, index: usize, done: bool) {
        let now = micros(self.start.elapsed());
        if let Some(phase) = self.phases.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index) {
            phase.took_us = now.saturating_sub(phase.start_us).max(1);
            phase.done = done;
        }
    }
}

fn silence(phase: &str) -> &'static str {
    match phase {
        "dns" => "dns.timeout",
        "tcp" => "tcp.timeout",
        _ => "proto.timeout",
    }
}

/// How long the step at `index` was waited for; with what took longer before it, when the whole `budget` is used up.
fn told(phases: &[Phase], index: usize, budget: Option<Duration>) -> String {
    let waited = phases.get(index).map_or(0, |phase| phase.took_us);
    let told = format!("no answer within {}", seconds(waited));
    let before = phases.iter().take(index).max_by_key(|phase| phase.took_us).filter(|before| before.took_us > waited);
    match (budget, before) {
        (Some(budget), Some(before)) => {
            let budget = seconds(micros(budget));
            format!("{told}, all that was left of {budget} after `{}` took {}", before.name, seconds(before.took_us))
        }
        _ => told,
    }
}

fn seconds(micros: u64) -> String {
    format!("{:.1} s", Duration::from_micros(micros).as_secs_f64())
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_silent_step_is_ended_and_named() {
        let clock = Clock::new(Duration::from_secs(60));
        let outcome: Result<(), _> = clock.phase_within("auth", Duration::from_millis(5), std::future::pending()).await;
        let trouble = outcome.expect_err("the step never answers");
        assert_eq!((trouble.phase.as_str(), trouble.class.as_str()), ("auth", "proto.timeout"));
        assert_eq!(trouble.message, "no answer within 0.0 s");
        assert!(!clock.phases()[0].done);
    }

    #[test]
    fn a_step_that_came_too_late_names_the_one_that_took_the_time() {
        let phase = |name: &str, took_us| Phase { name: name.to_owned(), start_us: 0, took_us, done: false };
        let phases = [phase("tcp", 100_000), phase("auth", 4_000_000), phase("op", 900_000), phase("end", 5_000_000)];
        let five = Some(Duration::from_secs(5));
        for (index, budget, expected) in [
            (2, five, "no answer within 0.9 s, all that was left of 5.0 s after `auth` took 4.0 s"),
            (2, None, "no answer within 0.9 s"),
            (3, five, "no answer within 5.0 s"),
            (0, five, "no answer within 0.1 s"),
        ] {
            assert_eq!(told(&phases, index, budget), expected);
        }
    }
}
