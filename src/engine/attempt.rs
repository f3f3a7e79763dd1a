use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{evidence, isolation::isolated};
use crate::{
    model::{CheckResult, Facts, Judgement, Observation, PlannedCheck, Trouble, Verdict, judge, one_line},
    net::{Clock, Dialler, Patience},
    probes::{self, RunView, Scope, Sessions, Targets},
};

/// What every check of a run shares.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) run: crate::model::RunId,
    pub(super) dialler: Arc<Dialler>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) targets: Arc<Targets>,
    pub(super) view: Arc<dyn RunView>,
    pub(super) started: Instant,
    /// Until when conditions may still come true (`--wait`).
    pub(super) wait_until: Instant,
    pub(super) today: jiff::civil::Date,
}

/// The clock of the attempt that runs now: what the watchdog shows of a check that does not come back.
#[derive(Debug, Clone, Default)]
pub(super) struct CurrentClock(Arc<Mutex<Option<Arc<Clock>>>>);

impl CurrentClock {
    fn set(&self, clock: &Arc<Clock>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(clock));
    }

    /// What was seen so far.
    pub(super) fn observation(&self) -> Observation {
        let clock = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        clock.map_or_else(Observation::default, |clock| Observation {
            facts: Facts::new(),
            phases: clock.phases(),
            peer: clock.peer(),
        })
    }
}

/// How long a pause `--wait` makes between two attempts of a check that has no pause of its own.
const WAIT_EVERY: Duration = Duration::from_millis(500);
/// The share of a measurement of speed that the machine may be short of CPU or disk for; beyond, slowness is not the server's.
const SHORT: f64 = 0.25;
/// How long such a measurement is taken again, in the hope of a machine that has time for it.
const MEASURED_WITHIN: Duration = Duration::from_secs(60);
/// What a probe may take beyond its time, to remove what it wrote.
const GRACE: Duration = Duration::from_secs(7);

/// How long a check may take, whatever its probe does.
pub(super) fn hard_deadline(check: &PlannedCheck, surroundings: &Surroundings) -> Patience {
    let waiting = waits_until(check, surroundings).saturating_duration_since(Instant::now());
    let measuring = if check.quiet { MEASURED_WITHIN } else { Duration::ZERO };
    Patience::new(convergence(check).max(waiting).max(measuring) + check.deadline() + GRACE)
}

/// How long its condition may take to come true by itself.
fn convergence(check: &PlannedCheck) -> Duration {
    check.eventually.map_or(Duration::ZERO, |eventually| Duration::from_millis(eventually.within_ms))
}

/// Until when `--wait` lets the condition of this check still come true. One on which no readiness hangs is not waited for:
/// an advisory check may be amber for months.
fn waits_until(check: &PlannedCheck, surroundings: &Surroundings) -> Instant {
    if check.waits { surroundings.wait_until } else { surroundings.started }
}

/// Probes and judges until the check passes or nothing more is to be expected.
pub(super) async fn run(check: Arc<PlannedCheck>, surroundings: Surroundings, current: CurrentClock) -> CheckResult {
    let begun = Instant::now();
    let converging = Patience::new(convergence(&check));
    let until = waits_until(&check, &surroundings);
    let pause = check.eventually.map_or(WAIT_EVERY, |eventually| Duration::from_millis(eventually.every_ms));
    let mut attempts = 0;
    loop {
        attempts += 1;
        let clock = Arc::new(Clock::new(check.deadline()));
        current.set(&clock);
        let mut outcome = probe(&check, &surroundings, &clock).await;
        let mut judgement = judge(&check, &outcome);
        let may_come = !check.is_negative() && outcome.as_ref().err().is_none_or(Trouble::is_transient);
        let mut again = may_come && (pause < converging.left() || Instant::now() + pause < until);
        let share = clock.short_share();
        if check.quiet && outcome.is_ok() && share > SHORT && is_only_slow(&judgement) {
            again |= begun.elapsed() + pause < MEASURED_WITHIN;
            outcome = Err(starved(share, &judgement.observed));
            judgement = judge(&check, &outcome);
        }
        if judgement.verdict != Verdict::Pass && again {
            tokio::time::sleep(pause).await;
            continue;
        }
        let mut result = result_of(&check, outcome, judgement, &clock, surroundings.today);
        result.attempts = attempts;
        result.start_us = micros(begun.duration_since(surroundings.started));
        result.took_us = micros(begun.elapsed());
        return result;
    }
}

/// Whether nothing but times are other than expected. A request that failed has failed on any machine.
fn is_only_slow(judgement: &Judgement) -> bool {
    !judgement.mismatches.is_empty() && judgement.mismatches.iter().all(|mismatch| mismatch.path.ends_with("_ms"))
}

/// A machine that has no time measures itself.
fn starved(share: f64, observed: &str) -> Trouble {
    let percent = (share * 100.0).round();
    let what = format!(
        "this machine was short of CPU or disk for {percent} % of the measurement, so it says nothing of the server: {observed}"
    );
    Trouble::unable("op", "harness.starved", what)
}

async fn probe(check: &PlannedCheck, surroundings: &Surroundings, clock: &Arc<Clock>) -> Result<Facts, Trouble> {
    let Some(probe) = probes::find(&check.probe) else {
        return Err(Trouble::unable("plan", "harness.no_probe", format!("this worker has no probe `{}`", check.probe)));
    };
    let scope = Scope::new(
        surroundings.run.clone(),
        check.id.clone(),
        check.target.clone(),
        Arc::clone(clock),
        Arc::clone(&surroundings.dialler),
        Arc::clone(&surroundings.sessions),
        Arc::clone(&surroundings.targets),
        Arc::clone(&surroundings.view),
    );
    isolated(probe, scope, check.with.clone()).await
}

fn result_of(
    check: &PlannedCheck,
    outcome: Result<Facts, Trouble>,
    judgement: Judgement,
    clock: &Clock,
    today: jiff::civil::Date,
) -> CheckResult {
    let mut result = CheckResult::without_run(judgement.verdict, one_line(&judgement.observed));
    let mut observation = Observation { facts: Facts::new(), phases: clock.phases(), peer: clock.peer() };
    match outcome {
        Ok(facts) => observation.facts = evidence::trimmed(facts),
        Err(trouble) => result.trouble = Some(trouble),
    }
    result.observation = Some(observation);
    result.judgement = Some(judgement);
    apply_waiver(check, &mut result, today);
    result
}

/// A valid waiver turns a failure into a declared skip that still tells what failed; an expired one does nothing but say so.
fn apply_waiver(check: &PlannedCheck, result: &mut CheckResult, today: jiff::civil::Date) {
    let Some(waiver) = &check.waiver else { return };
    if !matches!(result.verdict, Verdict::Fail | Verdict::Warn) {
        return;
    }
    if waiver.is_expired(today) {
        result.reason = format!("{} (the waiver of {} expired on {})", result.reason, waiver.owner, waiver.expires);
    } else {
        result.verdict = Verdict::Skip;
        result.waived = true;
        result.reason =
            format!("waived by {} until {} ({}): {}", waiver.owner, waiver.expires, waiver.reason, result.reason);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Mismatch, Waiver};

    #[test]
    fn a_failed_request_is_no_slow_one() {
        let judgement = |paths: &[&str]| {
            let mismatch =
                |path: &&str| Mismatch { path: (*path).to_owned(), expected: "0".to_owned(), observed: "4".to_owned() };
            Judgement {
                verdict: if paths.is_empty() { Verdict::Pass } else { Verdict::Fail },
                observed: String::new(),
                mismatches: paths.iter().map(mismatch).collect(),
                likely_cause: String::new(),
            }
        };
        assert!(is_only_slow(&judgement(&["p95_ms", "p99_ms"])));
        assert!(!is_only_slow(&judgement(&["failed", "p99_ms"])));
        assert!(!is_only_slow(&judgement(&[])), "a pass is a pass");
    }

    #[test]
    fn only_a_waiver_that_still_holds_excuses_a_failure() {
        let today = jiff::civil::date(2026, 11, 21);
        let cases = [
            (Verdict::Fail, "2026-11-21", Verdict::Skip),
            (Verdict::Warn, "2026-12-01", Verdict::Skip),
            (Verdict::Fail, "2026-11-20", Verdict::Fail),
            (Verdict::Error, "2026-12-01", Verdict::Error),
            (Verdict::Pass, "2026-12-01", Verdict::Pass),
        ];
        for (verdict, expires, expected) in cases {
            let mut check = PlannedCheck::sample("redis/ping");
            check.waiver = Some(Waiver {
                check: "redis/ping".into(),
                owner: "team-cache".into(),
                reason: "replacement ordered".into(),
                expires: expires.parse().expect("a date"),
            });
            let mut result = CheckResult::without_run(verdict, "refused");
            apply_waiver(&check, &mut result, today);
            assert_eq!(result.verdict, expected, "{verdict} until {expires}");
            assert_eq!(result.waived, expected == Verdict::Skip, "{verdict} until {expires}");
            assert!(result.reason.contains("refused"));
        }
    }
}
