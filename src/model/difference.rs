use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{CheckId, Point, Severity, Side, Snapshot, Verdict};

/// What became of one check from one run to a later one.
///
/// The order is the order of telling: what got worse, what got better, what stayed bad, what is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It fails, and did not before.
    NewRed,
    /// It is no longer known: an error, blocked or not run, and was known and not red before.
    NewUndecided,
    /// It was red and is not measured any more, which is no repair.
    NotMeasured,
    /// Advisory, and it warns as it did not before.
    NewWarning,
    /// The plan does not hold it any more.
    Vanished,
    /// It was checked, and is now skipped by declaration, which is no repair.
    NoLongerChecked,
    /// It passes, and did not before.
    Fixed,
    /// It fails as before, or its failure only warns by now.
    StillRed,
    /// It is not known, as before.
    StillUndecided,
    /// It warns as before.
    StillWarns,
    /// It was skipped by declaration, and is now checked and passes.
    NowChecked,
    /// The plan holds it for the first time, and it is not red.
    Added,
}

impl Change {
    /// All of them, in the order of telling.
    pub const ALL: [Self; 12] = [
        Self::NewRed,
        Self::NewUndecided,
        Self::NotMeasured,
        Self::NewWarning,
        Self::Vanished,
        Self::NoLongerChecked,
        Self::Fixed,
        Self::StillRed,
        Self::StillUndecided,
        Self::StillWarns,
        Self::NowChecked,
        Self::Added,
    ];

    /// What became of a check; nothing is told of one that stays good. `None` is a check that the plan does not hold.
    #[must_use]
    pub fn between(old: Option<Verdict>, new: Option<Verdict>) -> Option<Self> {
        use Verdict::{Blocked, Error, Fail, NotRun, Pass, Skip, Warn};
        let change = match (old, new) {
            (None, None) | (Some(Pass), Some(Pass)) | (Some(Skip), Some(Skip)) => return None,
            (Some(_), None) => Self::Vanished,
            (None, Some(Pass | Skip)) => Self::Added,
            (Some(Skip), Some(Pass)) => Self::NowChecked,
            (Some(_), Some(Pass)) => Self::Fixed,
            (Some(_), Some(Skip)) => Self::NoLongerChecked,
            (Some(Fail), Some(Fail | Warn)) => Self::StillRed,
            (_, Some(Fail)) => Self::NewRed,
            (Some(Warn), Some(Warn)) => Self::StillWarns,
            (_, Some(Warn)) => Self::NewWarning,
            (Some(Fail), Some(NotRun | Blocked | Error)) => Self::NotMeasured,
            (Some(NotRun | Blocked | Error), Some(NotRun | Blocked | Error)) => Self::StillUndecided,
            (_, Some(NotRun | Blocked | Error)) => Self::NewUndecided,
        };
        Some(change)
    }

    /// The words used in every report.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NewRed => "new red",
            Self::NewUndecided => "newly undecided",
            Self::NotMeasured => "was red, now undecided",
            Self::NewWarning => "new warning",
            Self::Vanished => "vanished",
            Self::NoLongerChecked => "no longer checked",
            Self::Fixed => "fixed",
            Self::StillRed => "still red",
            Self::StillUndecided => "still undecided",
            Self::StillWarns => "still warns",
            Self::NowChecked => "now checked",
            Self::Added => "added",
        }
    }
}

/// One check that is not as it was, or is as bad as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Which.
    pub id: CheckId,
    /// What became of it.
    pub change: Change,
    /// Its verdict before.
    pub old: Option<Verdict>,
    /// Its verdict now.
    pub new: Option<Verdict>,
    /// Whether it decides readiness; for a vanished one, whether it did.
    pub severity: Severity,
    /// What is observed now; for one that vanished or is fixed, what was observed before.
    pub observed: String,
    /// For a check that is blocked, or was until it was fixed: the root of it.
    pub root: Option<CheckId>,
}

/// One check that passes as before, but takes much longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slower {
    /// Which.
    pub id: CheckId,
    /// Microseconds it took before.
    pub old_us: u64,
    /// Microseconds it takes now.
    pub new_us: u64,
    /// How many times as long, in hundredths.
    pub factor_percent: u64,
}

/// From when on a check is called slower: both must hold, or every check of a millisecond would be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowerThan {
    /// How many times as long, in hundredths.
    pub factor_percent: u64,
    /// And by how many microseconds.
    pub floor_us: u64,
}

impl Default for SlowerThan {
    /// Twice as long, and half a second more.
    fn default() -> Self {
        Self { factor_percent: 200, floor_us: 500_000 }
    }
}

/// What is different between two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The earlier run.
    pub old: Side,
    /// The later run.
    pub new: Side,
    /// Why the comparison is worth little: the runs did not look at the same thing.
    pub warnings: Vec<String>,
    /// What else changed between them, and may explain the rest.
    pub context: Vec<String>,
    /// Every check that is told of, by [`Change`], and in the order of the plan within it.
    pub changes: Vec<Changed>,
    /// Checks that pass as before, but take much longer; the slowest first.
    pub slower: Vec<Slower>,
    /// What was called slower.
    pub slower_than: SlowerThan,
    /// How many checks are as good as they were.
    pub steady: usize,
}

impl Difference {
    /// Compares two runs.
    #[must_use]
    pub fn between(old: &Snapshot, new: &Snapshot, slower_than: SlowerThan) -> Self {
        let mut changes = Vec::new();
        let mut steady = 0;
        for point in &new.checks {
            let before = old.point(&point.id);
            match Change::between(before.map(|before| before.verdict), Some(point.verdict)) {
                None => steady += 1,
                Some(change) => changes.push(changed(change, before, Some(point))),
            }
        }
        let vanished = old.checks.iter().filter(|point| new.point(&point.id).is_none());
        changes.extend(vanished.map(|point| changed(Change::Vanished, Some(point), None)));
        changes.sort_by_key(|one| one.change);
        let mut slower: Vec<Slower> =
            new.checks.iter().filter_map(|point| is_slower(old.point(&point.id)?, point, slower_than)).collect();
        slower.sort_by_key(|one| std::cmp::Reverse(one.new_us));
        Self {
            old: old.side.clone(),
            new: new.side.clone(),
            warnings: incomparable(old, new),
            context: context(&old.side, &new.side),
            changes,
            slower,
            slower_than,
            steady,
        }
    }

    /// The checks of which this is told.
    pub fn with_change(&self, change: Change) -> impl Iterator<Item = &Changed> {
        self.changes.iter().filter(move |one| one.change == change)
    }
}

fn changed(change: Change, old: Option<&Point>, new: Option<&Point>) -> Changed {
    let told = match change {
        Change::Fixed => old,
        _ => new.or(old),
    };
    // At least one of the two is there: a check of neither run is not asked about.
    let known = new.or(old);
    Changed {
        id: known.map(|point| point.id.clone()).expect("a check of one of the runs"),
        change,
        old: old.map(|point| point.verdict),
        new: new.map(|point| point.verdict),
        severity: known.map_or(Severity::Required, |point| point.severity),
        observed: told.map(|point| point.observed.clone()).unwrap_or_default(),
        root: told.and_then(|point| point.root.clone()),
    }
}

fn is_slower(old: &Point, new: &Point, than: SlowerThan) -> Option<Slower> {
    let ran = |point: &Point| point.attempts > 0 && matches!(point.verdict, Verdict::Pass | Verdict::Warn);
    if !ran(old) || !ran(new) {
        return None;
    }
    let factor_percent = new.took_us.saturating_mul(100) / old.took_us.max(1);
    let more = new.took_us.saturating_sub(old.took_us);
    (factor_percent >= than.factor_percent && more > 0 && more >= than.floor_us).then(|| Slower {
        id: new.id.clone(),
        old_us: old.took_us,
        new_us: new.took_us,
        factor_percent,
    })
}

/// Why two runs did not look at the same thing.
fn incomparable(old: &Snapshot, new: &Snapshot) -> Vec<String> {
    let mut texts = Vec::new();
    let mut differ = |what: &str, old: &str, new: &str| {
        if old != new {
            texts.push(format!("they are of different {what}: {old} before, {new} now"));
        }
    };
    differ("profiles", old.side.profile.word(), new.side.profile.word());
    differ("reach", &old.side.reach, &new.side.reach);
    differ("vantage", &old.side.vantage, &new.side.vantage);
    if let Some((before, now)) = other_servers(old, new) {
        texts.push(format!("they asked different servers: {before} before, {now} now"));
    }
    if old.side.run == new.side.run {
        texts.push("both are the same run".to_owned());
    } else if old.side.started > new.side.started {
        texts.push("the run called old began after the new one: are they swapped?".to_owned());
    }
    for (side, when) in [(&old.side, "earlier"), (&new.side, "later")] {
        if !side.complete {
            texts.push(format!("the {when} run did not come to its own end"));
        }
    }
    texts
}

/// The hosts of both runs, when no check that ran in both was answered by the same host.
fn other_servers(old: &Snapshot, new: &Snapshot) -> Option<(String, String)> {
    let host = |peer: &str| peer.rsplit_once(':').map_or(peer, |(host, _)| host).to_owned();
    let pairs: Vec<(String, String)> = new
        .checks
        .iter()
        .filter_map(|point| Some((host(old.point(&point.id)?.peer.as_deref()?), host(point.peer.as_deref()?))))
        .collect();
    if pairs.is_empty() || pairs.iter().any(|(before, now)| before == now) {
        return None;
    }
    let few = |hosts: BTreeSet<String>| {
        let more = if hosts.len() > 3 { " …" } else { "" };
        hosts.into_iter().take(3).collect::<Vec<_>>().join(", ") + more
    };
    let (before, now): (BTreeSet<String>, BTreeSet<String>) = pairs.into_iter().unzip();
    Some((few(before), few(now)))
}

fn context(old: &Side, new: &Side) -> Vec<String> {
    let texts = [
        ("program", &old.version, &new.version),
        ("configuration", &old.configuration, &new.configuration),
        ("catalogue", &old.catalogue, &new.catalogue),
    ];
    let differing = texts.into_iter().filter(|(_, old, new)| old != new);
    differing.map(|(what, old, new)| format!("the {what} changed: {old} before, {new} now")).collect()
}

#[cfg(test)]
#[expect(clippy::type_complexity, reason = "a table of a word and what it changes")]
mod tests {
    use super::*;
    use crate::model::{Profile, RunVerdict};

    #[test]
    fn every_pair_of_verdicts_has_its_word_and_none_is_dropped() {
        use Change::{
            Added as Ad, Fixed as Fx, NewRed as Nr, NewUndecided as Nu, NewWarning as Nw, NoLongerChecked as Nc,
            NotMeasured as Nm, NowChecked as Now, StillRed as Sr, StillUndecided as Su, StillWarns as Sw,
            Vanished as Va,
        };
        // Columns: pass, skip, warn, not run, blocked, error, fail, not in the plan.
        let table: [(Option<Verdict>, [Option<Change>; 8]); 8] = [
            (Some(Verdict::Pass), [None, Some(Nc), Some(Nw), Some(Nu), Some(Nu), Some(Nu), Some(Nr), Some(Va)]),
            (Some(Verdict::Skip), [Some(Now), None, Some(Nw), Some(Nu), Some(Nu), Some(Nu), Some(Nr), Some(Va)]),
            (Some(Verdict::Warn), [Some(Fx), Some(Nc), Some(Sw), Some(Nu), Some(Nu), Some(Nu), Some(Nr), Some(Va)]),
            (Some(Verdict::NotRun), [Some(Fx), Some(Nc), Some(Nw), Some(Su), Some(Su), Some(Su), Some(Nr), Some(Va)]),
            (Some(Verdict::Blocked), [Some(Fx), Some(Nc), Some(Nw), Some(Su), Some(Su), Some(Su), Some(Nr), Some(Va)]),
            (Some(Verdict::Error), [Some(Fx), Some(Nc), Some(Nw), Some(Su), Some(Su), Some(Su), Some(Nr), Some(Va)]),
            (Some(Verdict::Fail), [Some(Fx), Some(Nc), Some(Sr), Some(Nm), Some(Nm), Some(Nm), Some(Sr), Some(Va)]),
            (None, [Some(Ad), Some(Ad), Some(Nw), Some(Nu), Some(Nu), Some(Nu), Some(Nr), None]),
        ];
        for (old, row) in table {
            let columns = Verdict::ALL.into_iter().map(Some).chain([None]);
            for (new, expected) in columns.zip(row) {
                assert_eq!(Change::between(old, new), expected, "{old:?} to {new:?}");
                // Only a pass repairs, and a check that is not good now is always told of.
                let is_good = matches!(new, Some(Verdict::Pass | Verdict::Skip));
                assert!(expected != Some(Fx) || new == Some(Verdict::Pass));
                assert!(is_good || expected.is_some() || (old, new) == (None, None));
            }
        }
    }

    #[test]
    fn the_listed_order_is_the_order_of_telling() {
        assert!(Change::ALL.windows(2).all(|pair| pair[0] < pair[1]));
    }

    fn point(id: &str, verdict: Verdict, took_us: u64) -> Point {
        Point {
            id: id.parse().expect("id"),
            verdict,
            severity: Severity::Required,
            observed: format!("{verdict} of {took_us}"),
            root: None,
            attempts: 1,
            took_us,
            peer: Some(format!("10.0.0.1:{took_us}")),
        }
    }

    fn snapshot(run: &str, started: &str, checks: Vec<Point>) -> Snapshot {
        let side = Side {
            run: run.to_owned(),
            profile: Profile::Dev,
            reach: "everything".to_owned(),
            vantage: "direct".to_owned(),
            version: "1".to_owned(),
            configuration: "c".to_owned(),
            catalogue: "k".to_owned(),
            started: started.parse().expect("a time"),
            took_ms: 1,
            verdict: RunVerdict::Ready,
            complete: true,
            planned: checks.len(),
        };
        Snapshot { side, checks }
    }

    fn old(checks: Vec<Point>) -> Snapshot {
        snapshot("1", "2026-01-01T00:00:00Z", checks)
    }

    fn new(checks: Vec<Point>) -> Snapshot {
        snapshot("2", "2026-01-02T00:00:00Z", checks)
    }

    #[test]
    fn what_is_told_of_a_check_is_what_is_seen_now_or_was_seen_last() {
        let before = old(vec![
            point("a/fixed", Verdict::Fail, 1),
            point("a/gone", Verdict::Fail, 2),
            point("a/same", Verdict::Pass, 3),
        ]);
        let now = new(vec![
            point("a/fixed", Verdict::Pass, 4),
            point("a/same", Verdict::Pass, 5),
            point("a/red", Verdict::Fail, 6),
        ]);
        let difference = Difference::between(&before, &now, SlowerThan::default());
        let told: Vec<_> =
            difference.changes.iter().map(|one| (one.id.as_str(), one.change, one.observed.as_str())).collect();
        let expected = [
            ("a/red", Change::NewRed, "fail of 6"),
            ("a/gone", Change::Vanished, "fail of 2"),
            ("a/fixed", Change::Fixed, "fail of 1"),
        ];
        assert_eq!(told, expected);
        let red: Vec<_> = difference.with_change(Change::NewRed).map(|one| one.id.as_str()).collect();
        assert_eq!((red, difference.steady), (vec!["a/red"], 1));
        assert!(difference.warnings.is_empty() && difference.context.is_empty(), "{difference:?}");
    }

    #[test]
    fn slower_is_by_factor_and_by_floor() {
        let than = SlowerThan { factor_percent: 200, floor_us: 1_000 };
        let cases = [
            (1_000, 2_000, Verdict::Pass, Some(200)),
            (1_000, 1_999, Verdict::Pass, None),
            (900, 1_899, Verdict::Pass, None),
            (0, 1_000, Verdict::Pass, Some(100_000)),
            (1_000, 9_000, Verdict::Fail, None),
            (1_000, 9_000, Verdict::Blocked, None),
            (1_000, 4_250, Verdict::Warn, Some(425)),
            (5_000, 5_000, Verdict::Pass, None),
        ];
        for (before, now, verdict, expected) in cases {
            let seen = is_slower(&point("a/b", Verdict::Pass, before), &point("a/b", verdict, now), than);
            assert_eq!(seen.map(|one| one.factor_percent), expected, "{before} to {now} {verdict}");
        }
        let every = SlowerThan { factor_percent: 0, floor_us: 0 };
        assert_eq!(is_slower(&point("a/b", Verdict::Pass, 5), &point("a/b", Verdict::Pass, 5), every), None);
        let mut never_ran = point("a/b", Verdict::Pass, 0);
        never_ran.attempts = 0;
        assert_eq!(is_slower(&never_ran, &point("a/b", Verdict::Pass, 9_000_000), than), None);
    }

    #[test]
    fn runs_that_did_not_look_at_the_same_thing_are_told_apart() {
        let checks = || vec![point("a/b", Verdict::Pass, 1)];
        let told = |change: fn(&mut Snapshot)| {
            let mut now = new(checks());
            change(&mut now);
            Difference::between(&old(checks()), &now, SlowerThan::default()).warnings.join("; ")
        };
        let cases: [(&str, fn(&mut Snapshot)); 7] = [
            ("different profiles: dev before, prod now", |one| one.side.profile = Profile::Prod),
            ("different reach", |one| one.side.reach = "shard 1/3".to_owned()),
            ("different vantage", |one| one.side.vantage = "pod".to_owned()),
            ("different servers: 10.0.0.1 before, 10.0.0.2 now", |one| {
                one.checks[0].peer = Some("10.0.0.2:1".to_owned());
            }),
            ("the same run", |one| one.side.run = "1".to_owned()),
            ("swapped", |one| one.side.started = "2025-12-31T00:00:00Z".parse().expect("a time")),
            ("the later run did not come to its own end", |one| one.side.complete = false),
        ];
        for (expected, change) in cases {
            assert!(told(change).contains(expected), "{expected}: {}", told(change));
        }
        assert_eq!(told(|_| {}), "");
        assert_eq!(told(|one| one.checks[0].peer = Some("10.0.0.1:9".to_owned())), "", "another port of one host");
        let mut changed = new(checks());
        (changed.side.version, changed.side.configuration) = ("2".to_owned(), "d".to_owned());
        let difference = Difference::between(&old(checks()), &changed, SlowerThan::default());
        assert_eq!(difference.context.len(), 2, "{:?}", difference.context);
    }

    #[test]
    fn two_runs_that_began_together_are_not_swapped() {
        let checks = || vec![point("a/b", Verdict::Pass, 1)];
        let mut now = new(checks());
        now.side.started = old(checks()).side.started;
        assert!(Difference::between(&old(checks()), &now, SlowerThan::default()).warnings.is_empty());
    }

    #[test]
    fn of_many_other_servers_three_are_named() {
        let at = |host: &str, count: usize| -> Vec<Point> {
            (0..count)
                .map(|number| {
                    let mut point = point(&format!("a/{number}"), Verdict::Pass, 1);
                    point.peer = Some(format!("{host}{number}:1"));
                    point
                })
                .collect()
        };
        for (count, told) in [(3, "old0, old1, old2 before, new0, new1, new2 now"), (4, "old0, old1, old2 … before")]
        {
            let warnings =
                Difference::between(&old(at("old", count)), &new(at("new", count)), SlowerThan::default()).warnings;
            assert!(warnings.iter().any(|text| text.contains(told)), "{warnings:?}");
        }
    }

    #[test]
    fn each_change_has_its_words() {
        let words = [
            "new red",
            "newly undecided",
            "was red, now undecided",
            "new warning",
            "vanished",
            "no longer checked",
            "fixed",
            "still red",
            "still undecided",
            "still warns",
            "now checked",
            "added",
        ];
        assert_eq!(Change::ALL.map(Change::words), words);
    }
}
