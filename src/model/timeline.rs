use std::collections::BTreeMap;

use serde::Serialize;

use super::{CheckId, Side, Snapshot, Verdict};

/// Several runs of one environment over time.
#[derive(Debug, Clone, Serialize)]
pub struct Timeline {
    /// The runs, the oldest first.
    pub runs: Vec<Side>,
    /// Checks that went from good to bad and back, or the other way round; the least steady first.
    pub flapping: Vec<Flapping>,
    /// Checks that are bad in the last run and were so in every run before that held them.
    pub always_red: Vec<CheckId>,
}

/// A check that does not stay as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flapping {
    /// Which.
    pub id: CheckId,
    /// Its verdict in each run; nothing where the plan does not hold it.
    pub verdicts: Vec<Option<Verdict>>,
    /// How often it went from good to bad or back.
    pub turns: usize,
    /// How many of them came while neither configuration nor catalogue had changed.
    pub unexplained: usize,
}

impl Timeline {
    /// Puts runs in the order of their start and looks for checks that flap.
    ///
    /// A check flaps when it turned at least twice: a single turn is a breakage or a repair. A blocked check or one that
    /// did not run was not measured, so it neither turns nor hides a turn; otherwise one flapping server would show as
    /// all of its checks.
    #[must_use]
    pub fn of(mut snapshots: Vec<Snapshot>) -> Self {
        snapshots.sort_by_key(|snapshot| snapshot.side.started);
        let mut columns: BTreeMap<&CheckId, Vec<Option<Verdict>>> = BTreeMap::new();
        for (at, snapshot) in snapshots.iter().enumerate() {
            for point in &snapshot.checks {
                columns.entry(&point.id).or_insert_with(|| vec![None; snapshots.len()])[at] = Some(point.verdict);
            }
        }
        let mut flapping = Vec::new();
        let mut always_red = Vec::new();
        for (id, verdicts) in columns {
            let (turns, unexplained) = turns(&verdicts, &snapshots);
            if turns >= 2 {
                flapping.push(Flapping { id: id.clone(), verdicts, turns, unexplained });
            } else if verdicts.last() == Some(&Some(Verdict::Fail))
                && verdicts.iter().flatten().all(|verdict| is_good(*verdict) != Some(true))
            {
                always_red.push(id.clone());
            }
        }
        flapping.sort_by_key(|one| std::cmp::Reverse(one.turns));
        Self { runs: snapshots.into_iter().map(|snapshot| snapshot.side).collect(), flapping, always_red }
    }
}

/// Whether a verdict is good news; nothing for one that measured nothing.
fn is_good(verdict: Verdict) -> Option<bool> {
    match verdict {
        Verdict::Pass => Some(true),
        Verdict::Warn | Verdict::Error | Verdict::Fail => Some(false),
        Verdict::Skip | Verdict::NotRun | Verdict::Blocked => None,
    }
}

fn turns(verdicts: &[Option<Verdict>], snapshots: &[Snapshot]) -> (usize, usize) {
    let measured: Vec<(usize, bool)> =
        verdicts.iter().enumerate().filter_map(|(at, verdict)| Some((at, is_good((*verdict)?)?))).collect();
    let turned: Vec<(usize, usize)> =
        measured.windows(2).filter(|pair| pair[0].1 != pair[1].1).map(|pair| (pair[0].0, pair[1].0)).collect();
    let same = |at: usize, other: usize| {
        let (one, two) = (&snapshots[at].side, &snapshots[other].side);
        (&one.configuration, &one.catalogue, &one.version) == (&two.configuration, &two.catalogue, &two.version)
    };
    (turned.len(), turned.iter().filter(|(at, other)| same(*at, *other)).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Point, Profile, RunVerdict, Severity};

    fn runs(verdicts: &[(&str, &[Option<Verdict>])], configurations: &[&str]) -> Timeline {
        let snapshots = configurations.iter().enumerate().map(|(at, configuration)| {
            let point = |id: &str, verdict| Point {
                id: id.parse().expect("id"),
                verdict,
                severity: Severity::Required,
                observed: String::new(),
                root: None,
                attempts: 1,
                took_us: 1,
                peer: None,
            };
            let side = Side {
                run: at.to_string(),
                profile: Profile::Dev,
                reach: "everything".to_owned(),
                vantage: "direct".to_owned(),
                version: "1".to_owned(),
                configuration: (*configuration).to_owned(),
                catalogue: "k".to_owned(),
                started: format!("2026-01-{:02}T00:00:00Z", at + 1).parse().expect("a time"),
                took_ms: 1,
                verdict: RunVerdict::Ready,
                complete: true,
                planned: 1,
            };
            let checks = verdicts.iter().filter_map(|(id, all)| Some(point(id, all[at]?))).collect();
            Snapshot { side, checks }
        });
        // The order in which they are given is not the order in which they were.
        Timeline::of(snapshots.rev().collect())
    }

    #[test]
    fn a_check_flaps_when_it_turns_twice_and_blocked_is_no_turn() {
        let (good, bad) = (Some(Verdict::Pass), Some(Verdict::Fail));
        let blocked = Some(Verdict::Blocked);
        let timeline = runs(
            &[
                ("a/flaps", &[good, bad, good, good]),
                ("a/broke", &[good, good, bad, bad]),
                ("a/repaired", &[bad, bad, good, good]),
                ("a/behind-it", &[good, blocked, good, good]),
                ("a/hidden-turn", &[good, bad, blocked, good]),
                ("a/errs", &[good, Some(Verdict::Error), good, bad]),
                ("a/new", &[None, None, bad, good]),
                ("a/always", &[bad, blocked, bad, bad]),
            ],
            &["c", "c", "c", "d"],
        );
        let told: Vec<_> = timeline.flapping.iter().map(|one| (one.id.as_str(), one.turns, one.unexplained)).collect();
        assert_eq!(told, [("a/errs", 3, 2), ("a/flaps", 2, 2), ("a/hidden-turn", 2, 1)]);
        assert_eq!(timeline.flapping[1].verdicts, [good, bad, good, good]);
        let runs: Vec<_> = timeline.runs.iter().map(|side| side.run.as_str()).collect();
        assert_eq!(runs, ["0", "1", "2", "3"]);
        assert_eq!(timeline.always_red.iter().map(CheckId::as_str).collect::<Vec<_>>(), ["a/always"]);
    }
}
