use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CheckId, Profile, Report, Row, RunVerdict, Selection, Severity, Verdict};

/// What is compared of a run: its verdicts and times, and what they hold for.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The run as a whole.
    pub side: Side,
    /// Its checks, in the order of the plan.
    pub checks: Vec<Point>,
}

/// One run of a comparison, as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Its id.
    pub run: String,
    /// The kind of environment.
    pub profile: Profile,
    /// What of the profile it looked at, in words.
    pub reach: String,
    /// From where the bytes started.
    pub vantage: String,
    /// Version of the program.
    pub version: String,
    /// Digest of the resolved configuration.
    pub configuration: String,
    /// Digest of the catalogue.
    pub catalogue: String,
    /// When it began (UTC).
    pub started: Timestamp,
    /// Milliseconds it took.
    pub took_ms: u64,
    /// Its answer.
    pub verdict: RunVerdict,
    /// Whether it came to its own end, and was not interrupted.
    pub complete: bool,
    /// How many checks it planned.
    pub planned: usize,
}

/// One check of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Which.
    pub id: CheckId,
    /// What became of it.
    pub verdict: Verdict,
    /// Whether it decides readiness.
    pub severity: Severity,
    /// One sentence: what was observed.
    pub observed: String,
    /// For a blocked check: the root of it.
    pub root: Option<CheckId>,
    /// How often the probe ran.
    pub attempts: u32,
    /// Microseconds it took.
    pub took_us: u64,
    /// The address it was connected to.
    pub peer: Option<String>,
}

impl Snapshot {
    /// What is compared of a folded run.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let plan = &report.plan;
        let shard = plan.shard().map(|shard| (shard.number, shard.of));
        let side = Side {
            run: plan.run.to_string(),
            profile: plan.profile,
            reach: reach(&plan.selection, shard),
            vantage: report.provenance.vantage.clone(),
            version: report.provenance.version.clone(),
            configuration: plan.configuration_digest.clone(),
            catalogue: plan.catalogue_digest.clone(),
            started: report.started,
            took_ms: report.took_ms(),
            verdict: report.verdict,
            complete: report.complete && report.interrupted.is_none(),
            planned: report.rows.len(),
        };
        Self { side, checks: report.rows.iter().map(point).collect() }
    }

    /// Whether the run looked at everything it planned, so that a later one can be compared with it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.side.complete && !self.checks.iter().any(|point| point.verdict == Verdict::NotRun)
    }

    /// The check of this id.
    #[must_use]
    pub fn point(&self, id: &CheckId) -> Option<&Point> {
        self.checks.iter().find(|point| point.id == *id)
    }
}

fn point(row: &Row) -> Point {
    let result = &row.result;
    let judged = result.judgement.as_ref().map(|judgement| judgement.observed.as_str());
    Point {
        id: row.check.id.clone(),
        verdict: result.verdict,
        severity: row.check.severity,
        observed: judged.filter(|text| !text.is_empty()).unwrap_or(&result.reason).to_owned(),
        root: result.root.clone(),
        attempts: result.attempts,
        took_us: result.took_us,
        peer: result.observation.as_ref().and_then(|observation| observation.peer.clone()),
    }
}

/// What of a profile a run looked at, in words. Two runs of the same words looked at the same.
#[must_use]
pub fn reach(selection: &Selection, shard: Option<(usize, usize)>) -> String {
    let mut words = Vec::new();
    if let Some((number, of)) = shard {
        words.push(format!("shard {number}/{of}"));
    }
    let lists = [("only", &selection.only), ("without", &selection.without), ("tagged", &selection.tags)];
    words.extend(lists.iter().filter(|(_, texts)| !texts.is_empty()).map(|(word, texts)| {
        format!(
            "{word} {}",
            texts.iter().map(|text| format!("`{}`", text.replace('`', ""))).collect::<Vec<_>>().join(" ")
        )
    }));
    words.extend(selection.severity.map(|severity| format!("only {severity} checks")));
    if words.is_empty() { "everything".to_owned() } else { words.join(", ") }
}
