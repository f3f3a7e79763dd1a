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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        CheckResult, Event, Judgement, Observation, Plan, PlannedCheck, Provenance, Severity, Shard, What,
    };

    fn snapshot(plan: Plan, whats: Vec<What>) -> Snapshot {
        let provenance = Provenance {
            version: "1.2".to_owned(),
            host: "pod".to_owned(),
            vantage: "direct".to_owned(),
            command: String::new(),
            configuration: Vec::new(),
        };
        let planned = What::RunPlanned { plan: Box::new(plan), provenance };
        let events: Vec<Event> = std::iter::once(planned)
            .chain(whats)
            .zip(0..)
            .map(|(what, seq)| Event { seq, at: Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(seq), what })
            .collect();
        Snapshot::of(&Report::fold(&events).expect("a plan"))
    }

    fn finished(id: &str, result: CheckResult) -> What {
        What::CheckFinished { id: id.parse().expect("id"), result: Box::new(result) }
    }

    fn told(verdict: Verdict) -> CheckResult {
        CheckResult::without_run(verdict, "told")
    }

    #[test]
    fn a_later_run_is_compared_only_with_one_that_looked_at_everything() {
        let plan = || Plan::sample(vec![PlannedCheck::sample("a/1"), PlannedCheck::sample("a/2")]);
        let end = || What::RunFinished;
        let both = |verdict| vec![finished("a/1", told(Verdict::Pass)), finished("a/2", told(verdict))];
        let and = |mut whats: Vec<What>, more: Vec<What>| {
            whats.extend(more);
            whats
        };
        // The journal; whether the run came to its own end, and whether it is whole.
        let cases = [
            (and(both(Verdict::Fail), vec![end()]), true, true),
            (and(both(Verdict::NotRun), vec![end()]), true, false),
            (both(Verdict::Pass), false, false),
            (and(both(Verdict::Pass), vec![What::Interrupted { signal: 15 }, end()]), false, false),
        ];
        for (whats, complete, whole) in cases {
            let snapshot = snapshot(plan(), whats.clone());
            assert_eq!((snapshot.side.complete, snapshot.is_whole()), (complete, whole), "{whats:?}");
            assert_eq!(snapshot.side.planned, 2);
            assert_eq!(snapshot.side.took_ms, 1_000 * u64::try_from(whats.len()).expect("few"));
        }
    }

    #[test]
    fn what_was_observed_is_the_judgement_or_else_the_reason() {
        let judged = |observed: &str| {
            let mut result = told(Verdict::Fail);
            let (mismatches, likely_cause) = (Vec::new(), String::new());
            let judgement =
                Judgement { verdict: Verdict::Fail, observed: observed.to_owned(), mismatches, likely_cause };
            result.judgement = Some(judgement);
            result
        };
        let mut connected = judged("lag is 9");
        connected.observation = Some(Observation { peer: Some("10.0.0.1:5432".to_owned()), ..Observation::default() });
        (connected.attempts, connected.took_us) = (3, 70);
        let plan = Plan::sample(["a/1", "a/2", "a/3"].map(PlannedCheck::sample).to_vec());
        let whats = vec![finished("a/1", connected), finished("a/2", judged("")), finished("a/3", told(Verdict::Skip))];
        let snapshot = snapshot(plan, whats);
        let observed: Vec<_> = snapshot.checks.iter().map(|point| point.observed.as_str()).collect();
        assert_eq!(observed, ["lag is 9", "told", "told"]);
        let point = snapshot.point(&"a/1".parse().expect("id")).expect("a check");
        assert_eq!((point.peer.as_deref(), point.attempts, point.took_us), (Some("10.0.0.1:5432"), 3, 70));
        assert!(snapshot.point(&"x/1".parse().expect("id")).is_none());
    }

    #[test]
    fn the_reach_of_a_run_is_what_it_was_asked_for() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let mut selection = Selection::default();
        assert_eq!(reach(&selection, None), "everything");
        assert_eq!(reach(&selection, Some((2, 3))), "shard 2/3");
        selection.only = texts(&["redis", "opa/`x`"]);
        assert_eq!(reach(&selection, None), "only `redis` `opa/x`");
        (selection.without, selection.tags) = (texts(&["etcd"]), texts(&["data"]));
        selection.severity = Some(Severity::Required);
        let all = "shard 1/2, only `redis` `opa/x`, without `etcd`, tagged `data`, only required checks";
        assert_eq!(reach(&selection, Some((1, 2))), all);
        let part = Shard::cut(Plan::sample(["a/1", "b/1"].map(PlannedCheck::sample).to_vec()), 2, 2, "night");
        assert_eq!(snapshot(part.expect("a part"), Vec::new()).side.reach, "shard 2/2");
    }
}
