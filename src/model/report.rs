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
