use std::{
    future::Future,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::model::{Phase, Trouble};

/// The time of one probe run: when it must be over, and what its steps took.
#[derive(Debug)]
pub struct Clock {
    start: Instant,
    deadline: Instant,
    phases: Mutex<Vec<Phase>>,
    peer: Mutex<Option<String>>,
}

impl Clock {
    /// A clock that runs out after `budget`.
    #[must_use]
    pub fn new(budget: Duration) -> Self {
        let start = Instant::now();
        Self { start, deadline: start + budget, phases: Mutex::default(), peer: Mutex::default() }
    }

    /// What is left of the budget; zero when it is used up.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
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
        let bound = self.left().min(bound);
        let index = self.begin(name);
        let outcome = tokio::time::timeout(bound, step).await;
        self.end(index, matches!(outcome, Ok(Ok(_))));
        outcome.unwrap_or_else(|_| Err(silence(name, bound)))
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

fn silence(phase: &str, bound: Duration) -> Trouble {
    let class = match phase {
        "dns" => "dns.timeout",
        "tcp" => "tcp.timeout",
        _ => "proto.timeout",
    };
    Trouble::fault(phase, class, format!("no answer within {:.1} s", bound.as_secs_f64()))
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
        assert!(!clock.phases()[0].done);
    }
}
