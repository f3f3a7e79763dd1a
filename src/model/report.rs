use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CheckId, CheckResult, Difference, Event, Level, Plan, PlannedCheck, Provenance, RunVerdict, Verdict, Waiver, What,
};

/// Everything a reader of a run may ask, folded from its journal. Writers print it and decide nothing.
#[derive(Debug, Clone)]
pub struct Report {
    /// The plan as it was fixed before the first byte.
    pub plan: Plan,
    /// Which program, where.
    pub provenance: Provenance,
    /// One row for each planned check, in the order of the plan.
    pub rows: Vec<Row>,
    /// The answer.
    pub verdict: RunVerdict,
    /// How many rows have which verdict.
    pub counts: Counts,
    /// Checks that are red themselves, required ones first, each with what it blocks.
    pub causes: Vec<Cause>,
    /// One line for each service.
    pub services: Vec<ServiceSummary>,
    /// What became of each declared exception.
    pub waivers: Vec<WaiverStatus>,
    /// What is different from the run before, when there is a history.
    pub since: Option<Box<Difference>>,
    /// Notes of the run.
    pub notes: Vec<(Level, String)>,
    /// When the plan was written (UTC).
    pub started: Timestamp,
    /// When the last event was written (UTC).
    pub ended: Timestamp,
    /// The signal that stopped the run, if one did.
    pub interrupted: Option<i32>,
    /// Whether the run came to its own end; a rebuilt or killed run did not.
    pub complete: bool,
}

/// One planned check with its result.
#[derive(Debug, Clone)]
pub struct Row {
    /// The check.
    pub check: PlannedCheck,
    /// What became of it.
    pub result: CheckResult,
}

/// A red check and the checks that could not run because of it.
#[derive(Debug, Clone)]
pub struct Cause {
    /// The red check.
    pub id: CheckId,
    /// What it blocks, in the order of the plan.
    pub blocks: Vec<CheckId>,
    /// Whether it keeps the run from being ready, by itself or by what it blocks.
    pub decides: bool,
}

/// How many checks have which verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names are the verdicts")]
pub struct Counts {
    pub planned: usize,
    pub pass: usize,
    pub skip: usize,
    pub warn: usize,
    pub not_run: usize,
    pub blocked: usize,
    pub error: usize,
    pub fail: usize,
}

impl Counts {
    fn of<'a>(results: impl Iterator<Item = &'a CheckResult>) -> Self {
        let mut counts = Self::default();
        for result in results {
            counts.planned += 1;
            *counts.slot(result.verdict) += 1;
        }
        counts
    }

    /// How many checks have this verdict.
    #[must_use]
    pub fn of_verdict(mut self, verdict: Verdict) -> usize {
        *self.slot(verdict)
    }

    fn slot(&mut self, verdict: Verdict) -> &mut usize {
        match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Skip => &mut self.skip,
            Verdict::Warn => &mut self.warn,
            Verdict::NotRun => &mut self.not_run,
            Verdict::Blocked => &mut self.blocked,
            Verdict::Error => &mut self.error,
            Verdict::Fail => &mut self.fail,
        }
    }
}

/// One service in the matrix of a report.
#[derive(Debug, Clone)]
pub struct ServiceSummary {
    /// The service.
    pub service: String,
    /// Its own verdict, by the same rule as the run's.
    pub verdict: RunVerdict,
    /// Its counts.
    pub counts: Counts,
    /// Microseconds from the start of its first to the end of its last check.
    pub span_us: u64,
}

impl ServiceSummary {
    /// Its verdict in the words of a report. A service of which nothing ran is `skipped`, not ready.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self.verdict {
            RunVerdict::Ready if self.counts.skip == self.counts.planned => "skipped",
            RunVerdict::Ready => "ready",
            RunVerdict::Incomplete => "incomplete",
            RunVerdict::NotReady => "not ready",
        }
    }
}

/// What became of a declared exception.
#[derive(Debug, Clone)]
pub struct WaiverStatus {
    /// The exception.
    pub waiver: Waiver,
    /// The checks it matched.
    pub checks: Vec<CheckId>,
    /// Its state.
    pub state: WaiverState,
}

/// The state of a declared exception in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaiverState {
    /// It excused at least one failure.
    Used,
    /// Every check it matches is fine without it.
    Unneeded,
    /// It matches no check of the plan.
    Unmatched,
    /// It no longer holds.
    Expired,
}

impl Report {
    /// Folds a journal.
    ///
    /// Planned set = reported set: each planned check has exactly one row. A check without a result in the journal is
    /// `not run`, or an `error` when it had begun; it is never a pass.
    ///
    /// # Panics
    /// Never: `None` is returned when the events do not begin with a plan.
    #[must_use]
    pub fn fold(events: &[Event]) -> Option<Self> {
        let (first, rest) = events.split_first()?;
        let What::RunPlanned { plan, provenance } = &first.what else { return None };
        let mut results: BTreeMap<&CheckId, &CheckResult> = BTreeMap::new();
        let mut begun: Vec<&CheckId> = Vec::new();
        let (mut notes, mut interrupted, mut complete, mut end_of_worker) = (Vec::new(), None, false, None);
        let mut since = None;
        for event in rest {
            match &event.what {
                What::CheckStarted { id } => begun.push(id),
                What::CheckFinished { id, result } => {
                    results.entry(id).or_insert(result);
                }
                What::Note { level, text } => notes.push((*level, text.clone())),
                What::Interrupted { signal } => interrupted = interrupted.or(Some(*signal)),
                What::WorkerEnded { how, complete } if !complete => end_of_worker = Some(how.as_str()),
                What::Compared { difference } => since = Some(difference.clone()),
                What::RunFinished => complete = true,
                What::RunPlanned { .. } | What::WorkerStarted { .. } | What::WorkerEnded { .. } => {}
            }
        }
        let missing = |id: &CheckId| lost(begun.contains(&id), interrupted, end_of_worker);
        let rows: Vec<Row> = plan
            .checks
            .iter()
            .map(|check| Row {
                check: check.clone(),
                result: results.get(&check.id).map_or_else(|| missing(&check.id), |result| (*result).clone()),
            })
            .collect();
        let ended = events.last().map_or(first.at, |event| event.at);
        Some(Self {
            verdict: verdict_of(&rows, plan.strict, complete),
            counts: Counts::of(rows.iter().map(|row| &row.result)),
            causes: causes(&rows, plan.strict),
            services: services(&rows, plan.strict),
            waivers: waivers(plan, &rows, first.at),
            plan: (**plan).clone(),
            provenance: provenance.clone(),
            rows,
            since,
            notes,
            started: first.at,
            ended,
            interrupted,
            complete,
        })
    }

    /// The row of a check.
    #[must_use]
    pub fn row(&self, id: &CheckId) -> Option<&Row> {
        self.rows.iter().find(|row| row.check.id == *id)
    }

    /// Whether the verdict of the run rests on this row.
    #[must_use]
    pub fn decides(&self, row: &Row) -> bool {
        decides(row, self.plan.strict)
    }

    /// Milliseconds from the plan to the last event.
    #[must_use]
    pub fn took_ms(&self) -> u64 {
        u64::try_from(self.ended.as_millisecond() - self.started.as_millisecond()).unwrap_or(0)
    }

    /// The rows with this verdict, in the order of the plan.
    pub fn with_verdict(&self, verdict: Verdict) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.result.verdict == verdict)
    }
}

/// The verdict of the rows; a run that did not come to its own end is at best incomplete, whatever it saw until then.
fn verdict_of(rows: &[Row], strict: bool, complete: bool) -> RunVerdict {
    let verdict = RunVerdict::of(rows, strict);
    if complete { verdict } else { verdict.max(RunVerdict::Incomplete) }
}

fn lost(begun: bool, interrupted: Option<i32>, end_of_worker: Option<&str>) -> CheckResult {
    let why = match (interrupted, end_of_worker) {
        (Some(signal), _) => format!("interrupted by signal {signal}"),
        (None, Some(how)) => format!("the worker ended early ({how})"),
        (None, None) => "the run ended before its own end was written".to_owned(),
    };
    if begun && interrupted.is_none() {
        CheckResult::without_run(Verdict::Error, format!("no result: {why} while the check ran"))
    } else {
        CheckResult::without_run(Verdict::NotRun, why)
    }
}

fn causes(rows: &[Row], strict: bool) -> Vec<Cause> {
    let mut blocked_by: BTreeMap<&CheckId, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        if let Some(root) = &row.result.root {
            blocked_by.entry(root).or_default().push(row);
        }
    }
    let mut causes: Vec<(u8, Cause)> = Vec::new();
    for row in rows {
        let blocked: &[&Row] = blocked_by.get(&row.check.id).map_or(&[], Vec::as_slice);
        let own = decides(row, strict);
        let is_red = match row.result.verdict {
            Verdict::Fail | Verdict::Error => true,
            // An advisory failure is a cause only where something hangs on it.
            Verdict::Warn => own || !blocked.is_empty(),
            Verdict::Pass | Verdict::Skip | Verdict::NotRun | Verdict::Blocked => false,
        };
        if !is_red {
            continue;
        }
        let cause = Cause {
            id: row.check.id.clone(),
            decides: own || blocked.iter().any(|other| decides(other, strict)),
            blocks: blocked.iter().map(|other| other.check.id.clone()).collect(),
        };
        let rank = match (cause.decides, row.result.verdict) {
            (true, Verdict::Fail | Verdict::Warn) => 0,
            (true, _) => 1,
            (false, _) => 2,
        };
        causes.push((rank, cause));
    }
    causes.sort_by_key(|(rank, cause)| (*rank, std::cmp::Reverse(cause.blocks.len())));
    causes.into_iter().map(|(_, cause)| cause).collect()
}

/// Whether the verdict of the run rests on this row: advisory checks count only when they were declared to.
fn decides(row: &Row, strict: bool) -> bool {
    strict || row.check.severity == super::Severity::Required
}

fn services(rows: &[Row], strict: bool) -> Vec<ServiceSummary> {
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if !names.contains(&row.check.id.service()) {
            names.push(row.check.id.service());
        }
    }
    names
        .into_iter()
        .map(|service| {
            let own: Vec<Row> = rows.iter().filter(|row| row.check.id.service() == service).cloned().collect();
            let ran = || own.iter().map(|row| &row.result).filter(|result| result.attempts > 0);
            let start = ran().map(|result| result.start_us).min().unwrap_or(0);
            let end = ran().map(|result| result.start_us.saturating_add(result.took_us)).max().unwrap_or(0);
            ServiceSummary {
                service: service.to_owned(),
                verdict: service_verdict(&own, rows, strict),
                counts: Counts::of(own.iter().map(|row| &row.result)),
                span_us: end.saturating_sub(start),
            }
        })
        .collect()
}

/// Like the run's verdict, but a service whose checks are all declared not to apply is not incomplete.
fn service_verdict(own: &[Row], all: &[Row], strict: bool) -> RunVerdict {
    if own.iter().all(|row| row.result.verdict == Verdict::Skip) {
        return RunVerdict::Ready;
    }
    // A root may stand in another service, so it is looked up among all rows.
    let mut with_roots = own.to_vec();
    let roots = own.iter().filter_map(|row| row.result.root.as_ref());
    let foreign: Vec<Row> = roots
        .filter_map(|id| all.iter().find(|row| row.check.id == *id))
        .filter(|row| row.check.id.service() != own[0].check.id.service())
        .cloned()
        .collect();
    with_roots.extend(foreign.into_iter().map(|mut row| {
        row.check.severity = super::Severity::Advisory;
        row
    }));
    RunVerdict::of(&with_roots, strict)
}

fn waivers(plan: &Plan, rows: &[Row], at: Timestamp) -> Vec<WaiverStatus> {
    let today = at.to_zoned(TimeZone::UTC).date();
    let mut found: Vec<WaiverStatus> = Vec::new();
    for row in rows {
        let Some(waiver) = &row.check.waiver else { continue };
        let index = found.iter().position(|status| status.waiver == *waiver).unwrap_or_else(|| {
            let state = if waiver.is_expired(today) { WaiverState::Expired } else { WaiverState::Unneeded };
            found.push(WaiverStatus { waiver: waiver.clone(), checks: Vec::new(), state });
            found.len() - 1
        });
        found[index].checks.push(row.check.id.clone());
        if row.result.waived && found[index].state == WaiverState::Unneeded {
            found[index].state = WaiverState::Used;
        }
    }
    let unmatched = plan.unmatched_waivers.iter().map(|waiver| WaiverStatus {
        waiver: waiver.clone(),
        checks: Vec::new(),
        state: if waiver.is_expired(today) { WaiverState::Expired } else { WaiverState::Unmatched },
    });
    found.extend(unmatched);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Severity::{self, Advisory, Required};
    use Verdict::{Blocked, Error, Fail, NotRun, Pass, Skip, Warn};

    /// A check by its id and severity, what became of it, and the root where it is blocked.
    type Told<'a> = (&'a str, Severity, Verdict, Option<&'a str>);

    fn id(text: &str) -> CheckId {
        text.parse().expect("id")
    }

    fn finished(of: &str, verdict: Verdict) -> What {
        What::CheckFinished { id: id(of), result: Box::new(CheckResult::without_run(verdict, "told")) }
    }

    fn plan_of(ids: &[&str]) -> Plan {
        Plan::sample(ids.iter().copied().map(PlannedCheck::sample).collect())
    }

    /// A journal of which each line is written a second after the one before.
    fn fold(plan: Plan, whats: Vec<What>) -> Report {
        let provenance = Provenance {
            version: "1".to_owned(),
            host: "pod".to_owned(),
            vantage: "direct".to_owned(),
            command: String::new(),
            configuration: Vec::new(),
        };
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a time");
        let planned = What::RunPlanned { plan: Box::new(plan), provenance };
        let at = |seq: u64| start + std::time::Duration::from_secs(seq);
        let events = std::iter::once(planned).chain(whats).zip(0..).map(|(what, seq)| Event { seq, at: at(seq), what });
        Report::fold(&events.collect::<Vec<_>>()).expect("a plan")
    }

    /// A run that came to its end.
    fn report(told: &[Told], strict: bool) -> Report {
        let mut plan = plan_of(&[]);
        plan.strict = strict;
        let mut whats = Vec::new();
        for (of, severity, verdict, root) in told {
            let mut check = PlannedCheck::sample(of);
            check.severity = *severity;
            plan.checks.push(check);
            let mut result = CheckResult::without_run(*verdict, "told");
            result.root = root.map(id);
            whats.push(What::CheckFinished { id: id(of), result: Box::new(result) });
        }
        whats.push(What::RunFinished);
        fold(plan, whats)
    }

    fn verdicts(report: &Report) -> Vec<Verdict> {
        report.rows.iter().map(|row| row.result.verdict).collect()
    }

    #[test]
    fn every_planned_check_has_one_row_and_the_first_result_counts() {
        let whats = vec![
            finished("b/1", Pass),
            finished("a/1", Fail),
            finished("a/1", Pass),
            finished("z/not-planned", Fail),
            What::RunFinished,
        ];
        let report = fold(plan_of(&["a/1", "b/1"]), whats);
        assert_eq!(verdicts(&report), [Fail, Pass]);
        assert_eq!((report.verdict, report.complete), (RunVerdict::NotReady, true));
        assert_eq!(report.row(&id("b/1")).map(|row| row.result.verdict), Some(Pass));
        assert!(report.row(&id("z/not-planned")).is_none());
        assert_eq!(report.with_verdict(Fail).map(|row| row.check.id.as_str()).collect::<Vec<_>>(), ["a/1"]);
        assert_eq!(report.took_ms(), 5_000);
        assert!(Report::fold(&[]).is_none());
        let no_plan = Event { seq: 0, at: report.started, what: What::RunFinished };
        assert!(Report::fold(&[no_plan]).is_none());
    }

    #[test]
    fn a_check_without_a_result_is_never_a_pass() {
        let begun = || What::CheckStarted { id: id("a/1") };
        let ended = |complete: bool| What::WorkerEnded { how: "killed by signal 9".to_owned(), complete };
        let interrupted = || What::Interrupted { signal: 15 };
        // What the journal holds beside a pass of `a/2`; the verdict of `a/1`, why, and the run's.
        let cases = [
            (vec![], NotRun, "before its own end was written", RunVerdict::Incomplete),
            (vec![begun()], Error, "no result: the run ended before", RunVerdict::Incomplete),
            (vec![begun(), ended(false)], Error, "no result: the worker ended early (killed", RunVerdict::Incomplete),
            (vec![ended(false)], NotRun, "the worker ended early (killed by signal 9)", RunVerdict::Incomplete),
            (vec![ended(true)], NotRun, "before its own end was written", RunVerdict::Incomplete),
            (vec![begun(), interrupted()], NotRun, "interrupted by signal 15", RunVerdict::Incomplete),
            (vec![interrupted(), What::Interrupted { signal: 9 }], NotRun, "signal 15", RunVerdict::Incomplete),
            (vec![begun(), finished("a/1", Fail)], Fail, "told", RunVerdict::NotReady),
            (vec![begun(), finished("a/1", Pass)], Pass, "told", RunVerdict::Incomplete),
            (vec![begun(), finished("a/1", Pass), What::RunFinished], Pass, "told", RunVerdict::Ready),
        ];
        for (mut whats, verdict, why, of_run) in cases {
            whats.insert(0, finished("a/2", Pass));
            let report = fold(plan_of(&["a/1", "a/2"]), whats.clone());
            assert_eq!(verdicts(&report), [verdict, Pass], "{whats:?}");
            assert!(report.rows[0].result.reason.contains(why), "{whats:?}: {}", report.rows[0].result.reason);
            assert_eq!(report.verdict, of_run, "{whats:?}");
        }
    }

    #[test]
    fn counts_are_of_rows() {
        let told: Vec<Told> = [Pass, Pass, Skip, Skip, Skip, Warn, NotRun, Blocked, Error, Fail]
            .into_iter()
            .zip(["a/0", "a/1", "a/2", "a/3", "a/4", "a/5", "a/6", "a/7", "a/8", "a/9"])
            .map(|(verdict, of)| (of, Required, verdict, None))
            .collect();
        let counts = report(&told, false).counts;
        assert_eq!(Verdict::ALL.map(|verdict| counts.of_verdict(verdict)), [2, 3, 1, 1, 1, 1, 1]);
        let expected = Counts { planned: 10, pass: 2, skip: 3, warn: 1, not_run: 1, blocked: 1, error: 1, fail: 1 };
        assert_eq!(counts, expected);
    }

    #[test]
    fn causes_are_what_is_red_itself_and_those_that_decide_come_first() {
        let told: [Told; 10] = [
            ("a/pass", Required, Pass, None),
            ("a/warns-alone", Advisory, Warn, None),
            ("a/error", Required, Error, None),
            ("a/advisory-error", Advisory, Error, None),
            ("a/fails-alone", Required, Fail, None),
            ("a/fails", Required, Fail, None),
            ("a/blocked", Required, Blocked, Some("a/fails")),
            ("b/advice", Advisory, Warn, None),
            ("b/required", Required, Blocked, Some("b/advice")),
            ("b/not-run", Required, NotRun, None),
        ];
        let told_of = |strict: bool| {
            let causes = report(&told, strict).causes;
            causes
                .into_iter()
                .map(|one| {
                    (one.id.to_string(), one.decides, one.blocks.iter().map(ToString::to_string).collect::<Vec<_>>())
                })
                .collect::<Vec<_>>()
        };
        let cause = |of: &str, decides: bool, blocks: &[&str]| {
            (of.to_owned(), decides, blocks.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
        };
        let plain = [
            cause("a/fails", true, &["a/blocked"]),
            cause("b/advice", true, &["b/required"]),
            cause("a/fails-alone", true, &[]),
            cause("a/error", true, &[]),
            cause("a/advisory-error", false, &[]),
        ];
        assert_eq!(told_of(false), plain);
        let strict = [
            cause("a/fails", true, &["a/blocked"]),
            cause("b/advice", true, &["b/required"]),
            cause("a/warns-alone", true, &[]),
            cause("a/fails-alone", true, &[]),
            cause("a/error", true, &[]),
            cause("a/advisory-error", true, &[]),
        ];
        assert_eq!(told_of(true), strict);
        let plain = report(&told, false);
        let decides = |report: &Report, of: &str| report.decides(report.row(&id(of)).expect("a row"));
        assert!(decides(&plain, "a/pass") && !decides(&plain, "a/warns-alone"));
        assert!(decides(&report(&told, true), "a/warns-alone"));
        // What only advice hangs on decides nothing.
        let advice = report(&[("a/w", Advisory, Warn, None), ("a/b", Advisory, Blocked, Some("a/w"))], false);
        assert_eq!(advice.causes.iter().map(|one| one.decides).collect::<Vec<_>>(), [false]);
    }

    #[test]
    fn a_service_has_its_own_verdict_also_where_the_root_stands_in_another() {
        let told: [Told; 9] = [
            ("a/tcp", Required, Pass, None),
            ("b/tcp", Required, Fail, None),
            ("c/tcp", Required, Pass, None),
            ("c/uses-b", Required, Blocked, Some("b/tcp")),
            ("d/tcp", Required, Skip, None),
            ("e/tcp", Required, Skip, None),
            ("e/info", Required, Pass, None),
            ("f/uses-b", Advisory, Blocked, Some("b/tcp")),
            ("g/tcp", Required, NotRun, None),
        ];
        let report = report(&told, false);
        let seen: Vec<_> = report.services.iter().map(|one| (one.service.as_str(), one.verdict, one.words())).collect();
        let expected = [
            ("a", RunVerdict::Ready, "ready"),
            ("b", RunVerdict::NotReady, "not ready"),
            ("c", RunVerdict::NotReady, "not ready"),
            ("d", RunVerdict::Ready, "skipped"),
            ("e", RunVerdict::Ready, "ready"),
            // Nothing of it was seen to be well.
            ("f", RunVerdict::Incomplete, "incomplete"),
            ("g", RunVerdict::Incomplete, "incomplete"),
        ];
        assert_eq!(seen, expected);
        assert_eq!(report.services.iter().map(|one| one.counts.planned).collect::<Vec<_>>(), [1, 1, 2, 1, 2, 1, 1]);
    }

    #[test]
    fn the_span_of_a_service_is_from_its_first_start_to_its_last_end() {
        let ran = |of: &str, attempts: u32, start_us: u64, took_us: u64| {
            let mut result = CheckResult::without_run(Pass, "");
            (result.attempts, result.start_us, result.took_us) = (attempts, start_us, took_us);
            What::CheckFinished { id: id(of), result: Box::new(result) }
        };
        let whats = vec![ran("a/1", 1, 100, 50), ran("a/2", 2, 120, 900), ran("a/3", 0, 0, 5_000), ran("b/1", 0, 7, 7)];
        let report = fold(plan_of(&["a/1", "a/2", "a/3", "b/1"]), whats);
        assert_eq!(report.services.iter().map(|one| one.span_us).collect::<Vec<_>>(), [920, 0]);
    }

    #[test]
    fn every_declared_exception_is_told_with_what_became_of_it() {
        let waiver = |check: &str, expires: &str| Waiver {
            check: check.to_owned(),
            owner: "team".to_owned(),
            reason: "known".to_owned(),
            expires: expires.parse().expect("a day"),
        };
        // The run began on 2026-01-02.
        let (used, unneeded, expired) =
            (waiver("a/**", "2026-01-02"), waiver("b/1", "2027-01-01"), waiver("c/1", "2026-01-01"));
        let mut plan = plan_of(&["a/1", "a/2", "b/1", "c/1", "d/1"]);
        for (at, waiver) in [(0, &used), (1, &used), (2, &unneeded), (3, &expired)] {
            plan.checks[at].waiver = Some(waiver.clone());
        }
        plan.unmatched_waivers = vec![waiver("x/1", "2027-01-01"), waiver("y/1", "2025-01-01")];
        let excused = |of: &str| {
            let mut result = CheckResult::without_run(Skip, "declared");
            result.waived = true;
            What::CheckFinished { id: id(of), result: Box::new(result) }
        };
        let whats =
            vec![finished("a/1", Pass), excused("a/2"), finished("b/1", Pass), excused("c/1"), finished("d/1", Pass)];
        let told: Vec<_> = fold(plan, whats)
            .waivers
            .into_iter()
            .map(|one| (one.waiver.check, one.state, one.checks.iter().map(ToString::to_string).collect::<Vec<_>>()))
            .collect();
        let expected = [
            ("a/**", WaiverState::Used, vec!["a/1", "a/2"]),
            ("b/1", WaiverState::Unneeded, vec!["b/1"]),
            ("c/1", WaiverState::Expired, vec!["c/1"]),
            ("x/1", WaiverState::Unmatched, vec![]),
            ("y/1", WaiverState::Expired, vec![]),
        ];
        let expected = expected.map(|(check, state, checks)| {
            (check.to_owned(), state, checks.into_iter().map(str::to_owned).collect::<Vec<_>>())
        });
        assert_eq!(told, expected);
    }
}
