use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    CheckId, CheckResult, Event, Level, MergedShard, Plan, PlannedCheck, Provenance, RanShard, Report, Shard, Sharding,
    Verdict, What,
};

/// Parts that began further apart than this are told of: a server may have changed in between.
const APART: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// The journal of one part, as it was given.
#[derive(Debug, Clone)]
pub struct GivenJournal {
    /// The file it was read from.
    pub name: String,
    /// Its events.
    pub events: Vec<Event>,
}

/// The events of the whole run, joined from its parts.
#[derive(Debug, Clone)]
pub struct Joined {
    /// Begins with the whole plan; every check of it has a result. The end of the run is not written yet.
    pub events: Vec<Event>,
    /// Whether every part was given and came to its own end.
    pub complete: bool,
    /// When the last part ended.
    pub ended: Timestamp,
}

/// Journals that are not the parts of one run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// Nothing was given.
    #[error("no journal was given")]
    Nothing,
    /// It does not begin with a plan.
    #[error("`{name}` does not begin with a plan")]
    NoPlan {
        /// The file.
        name: String,
    },
    /// A run of one machine, or one that was merged already.
    #[error("`{name}` is the journal of a whole run, not of a shard")]
    NotAShard {
        /// The file.
        name: String,
    },
    /// Two parts of different runs.
    #[error("`{name}` is a shard of another run than `{first}`: its {what} is {own}, not {other}")]
    OtherRun {
        /// The file.
        name: String,
        /// The first file.
        first: String,
        /// What differs.
        what: &'static str,
        /// What it is here.
        own: String,
        /// What it is in the first.
        other: String,
    },
    /// The same part by two runs, or two journals of one run that contradict each other.
    #[error("`{first}` and `{second}` are both shard {number} of {of}, and do not say the same")]
    Contradiction {
        /// The one file.
        first: String,
        /// The other file.
        second: String,
        /// The part.
        number: usize,
        /// How many parts there are.
        of: usize,
    },
}

/// One part with its journal folded.
struct Part {
    name: String,
    report: Report,
    events: Vec<Event>,
    finished: BTreeMap<CheckId, Timestamp>,
}

impl Part {
    fn read(given: GivenJournal) -> Result<Self, MergeError> {
        let Some(report) = Report::fold(&given.events) else { return Err(MergeError::NoPlan { name: given.name }) };
        if report.plan.shard().is_none() {
            return Err(MergeError::NotAShard { name: given.name });
        }
        let finished = given.events.iter().filter_map(|event| match &event.what {
            What::CheckFinished { id, .. } => Some((id.clone(), event.at)),
            _ => None,
        });
        Ok(Self { name: given.name, finished: finished.collect(), report, events: given.events })
    }

    fn shard(&self) -> &Shard {
        // `read` lets nothing else in.
        self.report.plan.shard().expect("the plan of a part is a shard")
    }

    /// Whether it came to its own end, and by itself.
    fn is_complete(&self) -> bool {
        self.report.complete && self.report.interrupted.is_none()
    }

    fn words(&self) -> String {
        format!("shard {}/{}", self.shard().number, self.shard().of)
    }

    /// What must be the same in every part of one run.
    fn identity(&self) -> [(&'static str, String); 11] {
        let (plan, shard) = (&self.report.plan, self.shard());
        let selection = serde_json::to_string(&plan.selection).unwrap_or_default();
        let whole: Vec<String> = shard.whole.iter().map(|one| format!("{} {}", one.id, one.shard)).collect();
        [
            ("run group", format!("`{}`", shard.group)),
            ("number of shards", shard.of.to_string()),
            ("profile", plan.profile.to_string()),
            ("program's version", self.report.provenance.version.clone()),
            ("configuration's digest", plan.configuration_digest.clone()),
            ("catalogue's digest", plan.catalogue_digest.clone()),
            ("selection", selection),
            ("--read-only", plan.read_only.to_string()),
            ("--strict", plan.strict.to_string()),
            ("vantage", self.report.provenance.vantage.clone()),
            ("list of checks", whole.join(", ")),
        ]
    }

    fn ran(&self) -> RanShard {
        RanShard {
            run: self.report.plan.run.to_string(),
            host: self.report.provenance.host.clone(),
            vantage: self.report.provenance.vantage.clone(),
            started: self.report.started,
            took_ms: self.report.took_ms(),
            complete: self.is_complete(),
            interrupted: self.report.interrupted,
        }
    }
}

/// Joins the parts of one run into the events of the whole.
///
/// Each check has the result of the part it belongs to; where another part ran it along and saw worse, that counts, or
/// what it blocked there would have no root. The checks of a part that was not given are `not run`.
///
/// # Errors
/// When the journals are not the parts of one run, or one part was given twice with different words.
pub fn merge(given: Vec<GivenJournal>, command: &str) -> Result<Joined, MergeError> {
    let parts = given.into_iter().map(Part::read).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = parts.first() else { return Err(MergeError::Nothing) };
    for part in &parts[1..] {
        same_run(first, part)?;
    }
    let parts = one_each(parts)?;
    let Some(first) = parts.values().next() else { return Err(MergeError::Nothing) };
    let of = first.shard().of;
    let started = parts.values().map(|part| part.report.started).min().unwrap_or(first.report.started);
    let ended = parts.values().map(|part| part.report.ended).max().unwrap_or(first.report.ended);
    let complete = parts.len() == of && parts.values().all(Part::is_complete);
    let plan = whole_plan(&parts, of);
    let mut steps: Vec<(Timestamp, What)> = Vec::new();
    for part in parts.values() {
        steps.extend(part.report.notes.iter().map(|(level, text)| {
            (part.report.ended, What::Note { level: *level, text: format!("{}: {text}", part.words()) })
        }));
    }
    steps.extend(incomplete(&parts, of, started).into_iter().map(|text| (ended, warning(text))));
    for check in &plan.checks {
        let (at, result, note) = settle(check, &parts, first.shard(), started, ended);
        steps.push((at, What::CheckFinished { id: check.id.clone(), result: Box::new(result) }));
        steps.extend(note.map(|text| (at, warning(text))));
    }
    steps.sort_by_key(|(at, _)| *at);
    let planned = What::RunPlanned { provenance: provenance(&parts, command), plan: Box::new(plan) };
    let events = std::iter::once((started, planned)).chain(steps).zip(0..);
    Ok(Joined { events: events.map(|((at, what), seq)| Event { seq, at, what }).collect(), complete, ended })
}

fn warning(text: String) -> What {
    What::Note { level: Level::Warning, text }
}

fn same_run(first: &Part, part: &Part) -> Result<(), MergeError> {
    for ((what, other), (_, own)) in first.identity().into_iter().zip(part.identity()) {
        if own != other {
            let [own, other] = [own, other].map(|text| super::clip(&text, 80));
            return Err(MergeError::OtherRun { name: part.name.clone(), first: first.name.clone(), what, own, other });
        }
    }
    Ok(())
}

/// One journal for each part: of two of the same run, where one is the beginning of the other, the longer.
fn one_each(parts: Vec<Part>) -> Result<BTreeMap<usize, Part>, MergeError> {
    let mut by_number: BTreeMap<usize, Part> = BTreeMap::new();
    for part in parts {
        let (number, of) = (part.shard().number, part.shard().of);
        match by_number.remove(&number) {
            None => drop(by_number.insert(number, part)),
            Some(other) => {
                let (short, long) = if part.events.len() < other.events.len() { (part, other) } else { (other, part) };
                let line = |event: &Event| serde_json::to_string(event).unwrap_or_default();
                if !short.events.iter().zip(&long.events).all(|(left, right)| line(left) == line(right)) {
                    return Err(MergeError::Contradiction { first: short.name, second: long.name, number, of });
                }
                by_number.insert(number, long);
            }
        }
    }
    Ok(by_number)
}

fn whole_plan(parts: &BTreeMap<usize, Part>, of: usize) -> Plan {
    let mut known: BTreeMap<&CheckId, (bool, &PlannedCheck)> = BTreeMap::new();
    for (number, part) in parts {
        let shard = part.shard();
        for check in part.report.plan.checks.iter().chain(&shard.elsewhere) {
            let is_own = shard.owner(&check.id) == Some(*number);
            // The words of a check hold the id of its run, so they are taken from the part it belongs to.
            let entry = known.entry(&check.id).or_insert((is_own, check));
            if is_own && !entry.0 {
                *entry = (true, check);
            }
        }
    }
    // `merge` was given at least one part.
    let first = parts.values().next().expect("a part");
    let shard = first.shard();
    let checks = shard.whole.iter().filter_map(|one| known.get(&one.id).map(|(_, check)| (*check).clone())).collect();
    let merged = (1..=of)
        .map(|number| MergedShard { number, of, checks: shard.count(number), ran: parts.get(&number).map(Part::ran) })
        .collect();
    let deadline_ms = parts.values().map(|part| part.report.plan.deadline_ms).max().unwrap_or_default();
    let sharding = Some(Box::new(Sharding::Whole(merged)));
    Plan { checks, deadline_ms, sharding, ..first.report.plan.clone() }
}

fn provenance(parts: &BTreeMap<usize, Part>, command: &str) -> Provenance {
    let hosts: BTreeSet<&str> = parts.values().map(|part| part.report.provenance.host.as_str()).collect();
    let first = parts.values().next().map(|part| part.report.provenance.clone());
    let first = first.expect("`merge` was given at least one part");
    Provenance { host: hosts.into_iter().collect::<Vec<_>>().join(", "), command: command.to_owned(), ..first }
}

/// What keeps the parts from being the whole, in words.
fn incomplete(parts: &BTreeMap<usize, Part>, of: usize, started: Timestamp) -> Vec<String> {
    let mut texts = Vec::new();
    for number in 1..=of {
        match parts.get(&number) {
            None => texts.push(missing(number, of)),
            Some(part) => match (part.report.interrupted, part.report.complete) {
                (Some(signal), _) => texts.push(format!("{} was interrupted by signal {signal}", part.words())),
                (None, false) => texts.push(format!("{} did not come to its own end", part.words())),
                (None, true) => {}
            },
        }
    }
    let latest = parts.values().map(|part| part.report.started).max().unwrap_or(started);
    if latest.duration_since(started) > APART {
        texts.push(format!(
            "the shards began {} minutes apart: what the first saw may no longer hold",
            latest.duration_since(started).as_mins()
        ));
    }
    texts
}

fn missing(number: usize, of: usize) -> String {
    format!("shard {number}/{of} is missing: its journal was not given")
}

/// The result of one check: its own part's, or a worse one that another part saw.
fn settle(
    check: &PlannedCheck,
    parts: &BTreeMap<usize, Part>,
    shard: &Shard,
    started: Timestamp,
    ended: Timestamp,
) -> (Timestamp, CheckResult, Option<String>) {
    let owner = shard.owner(&check.id).unwrap_or_default();
    let own = parts.get(&owner);
    let (mut at, mut result) = match own.and_then(|part| result_of(part, &check.id, started)) {
        Some(found) => found,
        None => (ended, CheckResult::without_run(Verdict::NotRun, missing(owner, shard.of))),
    };
    let own_verdict = result.verdict;
    let mut worse = None;
    for (number, part) in parts.iter().filter(|(number, _)| **number != owner) {
        // Where another part got no result, it says nothing against the one that did.
        let is_finished = part.finished.contains_key(&check.id);
        let Some((when, seen)) = result_of(part, &check.id, started).filter(|_| is_finished) else { continue };
        if seen.verdict > result.verdict {
            (at, result, worse) = (when, seen, Some(*number));
        }
    }
    let note = worse.map(|number| {
        let verdict = result.verdict;
        format!(
            "`{}` is {verdict} by shard {number}/{of}, which ran it along, and {own_verdict} by shard {owner}/{of}, to which it belongs: the worse counts",
            check.id,
            of = shard.of
        )
    });
    if let Some(number) = worse {
        let by = format!(" (seen by shard {number}/{})", shard.of);
        result.reason.push_str(&by);
        if let Some(judgement) = result.judgement.as_mut().filter(|judgement| !judgement.observed.is_empty()) {
            judgement.observed.push_str(&by);
        }
    }
    (at, result, note)
}

/// The result of a check in one part, its times counted from the start of the whole.
fn result_of(part: &Part, id: &CheckId, started: Timestamp) -> Option<(Timestamp, CheckResult)> {
    let mut result = part.report.row(id)?.result.clone();
    let finished = part.finished.get(id);
    let later = part.report.started.duration_since(started).as_micros();
    result.start_us = result.start_us.saturating_add(u64::try_from(later).unwrap_or(0));
    if finished.is_none() {
        result.reason = format!("{}: {}", part.words(), result.reason);
    }
    Some((finished.copied().unwrap_or(part.report.ended), result))
}

#[cfg(test)]
#[expect(clippy::type_complexity, reason = "a table of a word and what it changes")]
mod tests {
    use super::*;
    use crate::model::RunVerdict;

    /// Two servers; what stands in the second also needs the first.
    fn plan() -> Plan {
        let check = |id: &str, needs: &[&str]| {
            let mut check = PlannedCheck::sample(id);
            check.needs = needs.iter().map(|need| need.parse().expect("id")).collect();
            check
        };
        Plan::sample(vec![
            check("redis/tcp", &[]),
            check("redis/ping", &["redis/tcp"]),
            check("opa/tcp", &[]),
            check("opa/cache", &["opa/tcp", "redis/tcp"]),
        ])
    }

    /// The journal of a part whose checks end as told; without a verdict a check has no result.
    fn journal(number: usize, verdicts: &[(&str, Verdict)], ended: bool) -> GivenJournal {
        let plan = Shard::cut(plan(), number, 2, "night").expect("a part");
        let provenance = Provenance {
            version: "1".to_owned(),
            host: format!("pod-{number}"),
            vantage: "direct".to_owned(),
            command: String::new(),
            configuration: Vec::new(),
        };
        let mut whats = Vec::new();
        for check in &plan.checks {
            let Some((_, verdict)) = verdicts.iter().find(|(id, _)| *id == check.id.as_str()) else { continue };
            let mut result = CheckResult::without_run(*verdict, "told");
            if *verdict == Verdict::Blocked {
                result.root = Some("redis/tcp".parse().expect("id"));
            }
            whats.push(What::CheckFinished { id: check.id.clone(), result: Box::new(result) });
        }
        if ended {
            whats.push(What::RunFinished);
        }
        let at: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a time");
        let planned = What::RunPlanned { plan: Box::new(plan), provenance };
        let events = std::iter::once(planned).chain(whats).zip(0..);
        GivenJournal {
            name: format!("{number}.ndjson"),
            events: events
                .map(|(what, seq)| Event { seq, at: at + std::time::Duration::from_secs(seq), what })
                .collect(),
        }
    }

    const ALL: [(&str, Verdict); 4] = [
        ("redis/tcp", Verdict::Pass),
        ("redis/ping", Verdict::Pass),
        ("opa/tcp", Verdict::Pass),
        ("opa/cache", Verdict::Pass),
    ];

    fn owner_of(id: &str) -> usize {
        let part = Shard::cut(plan(), 1, 2, "night").expect("a part");
        part.shard().expect("a shard").owner(&id.parse().expect("id")).expect("an owner")
    }

    fn report(given: Vec<GivenJournal>) -> Report {
        let joined = merge(given, "merge").expect("merged");
        let mut events = joined.events;
        if joined.complete {
            events.push(Event { seq: 99, at: joined.ended, what: What::RunFinished });
        }
        let report = Report::fold(&events).expect("a plan");
        assert_eq!(report.rows.len(), plan().checks.len(), "planned = reported");
        report
    }

    fn verdicts(report: &Report) -> Vec<(&str, Verdict)> {
        report.rows.iter().map(|row| (row.check.id.as_str(), row.result.verdict)).collect()
    }

    #[test]
    fn the_parts_of_a_healthy_run_are_the_whole() {
        assert_ne!(owner_of("redis/tcp"), owner_of("opa/cache"), "the premise of these tests");
        let report = report(vec![journal(2, &ALL, true), journal(1, &ALL, true)]);
        assert_eq!(verdicts(&report), ALL);
        assert_eq!(report.verdict, RunVerdict::Ready);
        assert_eq!(report.plan.merged().len(), 2);
        assert!(report.notes.is_empty(), "{:?}", report.notes);
    }

    #[test]
    fn a_red_that_only_another_part_saw_is_the_root_of_what_it_blocks() {
        let (own, other) = (owner_of("redis/tcp"), owner_of("opa/cache"));
        let red = [
            ("redis/tcp", Verdict::Fail),
            ("opa/tcp", Verdict::Pass),
            ("opa/cache", Verdict::Blocked),
            ("redis/ping", Verdict::Pass),
        ];
        let report = report(vec![journal(own, &ALL, true), journal(other, &red, true)]);
        assert_eq!(report.row(&"redis/tcp".parse().expect("id")).expect("row").result.verdict, Verdict::Fail);
        assert_eq!(report.verdict, RunVerdict::NotReady);
        assert_eq!(report.causes.len(), 1, "one root, one red");
        assert_eq!(report.causes[0].blocks.len(), 1);
        assert!(report.notes.iter().any(|(_, text)| text.contains("the worse counts")));
    }

    #[test]
    fn a_red_seen_by_both_parts_is_one_red() {
        let red = [
            ("redis/tcp", Verdict::Fail),
            ("redis/ping", Verdict::Blocked),
            ("opa/tcp", Verdict::Pass),
            ("opa/cache", Verdict::Blocked),
        ];
        let report = report(vec![journal(1, &red, true), journal(2, &red, true)]);
        assert_eq!(report.causes.len(), 1);
        assert_eq!(report.causes[0].blocks.len(), 2);
        assert!(report.notes.is_empty(), "both say the same: {:?}", report.notes);
    }

    #[test]
    fn a_missing_part_is_not_run_and_never_ready() {
        for given in [1, 2] {
            let report = report(vec![journal(given, &ALL, true)]);
            assert_eq!(report.verdict, RunVerdict::Incomplete);
            assert!(!report.complete);
            for row in &report.rows {
                let is_own = owner_of(row.check.id.as_str()) == given;
                assert_eq!(row.result.verdict == Verdict::Pass, is_own, "{}", row.check.id);
                assert!(is_own || row.result.reason.contains("is missing"), "{}", row.result.reason);
            }
        }
    }

    #[test]
    fn a_part_that_was_cut_short_says_nothing_against_what_others_saw() {
        let (own, other) = (owner_of("redis/tcp"), owner_of("opa/cache"));
        let report = report(vec![journal(own, &ALL, true), journal(other, &[("opa/tcp", Verdict::Pass)], false)]);
        let own = [
            ("redis/tcp", Verdict::Pass),
            ("redis/ping", Verdict::Pass),
            ("opa/tcp", Verdict::Pass),
            ("opa/cache", Verdict::NotRun),
        ];
        assert_eq!(verdicts(&report), own);
        assert_eq!(report.verdict, RunVerdict::Incomplete);
    }

    #[test]
    fn an_interrupted_part_is_never_ready_whatever_it_saw() {
        let mut cut = journal(1, &ALL, false);
        for what in [What::Interrupted { signal: 15 }, What::RunFinished] {
            let last = cut.events.last().expect("events").clone();
            cut.events.push(Event { seq: last.seq + 1, what, ..last });
        }
        let report = report(vec![cut, journal(2, &ALL, true)]);
        assert_eq!(report.verdict, RunVerdict::Incomplete);
        assert!(report.notes.iter().any(|(_, text)| text.contains("shard 1/2 was interrupted by signal 15")));
    }

    #[test]
    fn a_part_given_twice_counts_once_unless_it_contradicts_itself() {
        let (one, two) = (journal(1, &ALL, true), journal(2, &ALL, true));
        assert_eq!(report(vec![one.clone(), two.clone(), one.clone()]).verdict, RunVerdict::Ready);
        let mut copied_early = one.clone();
        copied_early.events.truncate(2);
        for given in [[&copied_early, &two, &one], [&one, &two, &copied_early]] {
            assert_eq!(report(given.map(Clone::clone).to_vec()).verdict, RunVerdict::Ready);
        }
        let retried = journal(1, &ALL, true);
        let refused = merge(vec![one, two, retried], "merge").expect_err("two runs");
        assert!(matches!(refused, MergeError::Contradiction { number: 1, of: 2, .. }), "{refused}");
    }

    #[test]
    fn parts_of_other_runs_are_refused_by_name() {
        let change = |what: fn(&mut Plan, &mut Provenance)| {
            let mut other = journal(2, &ALL, true);
            let What::RunPlanned { plan, provenance } = &mut other.events[0].what else { panic!("a plan") };
            what(plan, provenance);
            merge(vec![journal(1, &ALL, true), other], "merge").expect_err("refused").to_string()
        };
        let group: fn(&mut Plan, &mut Provenance) = |plan, _| match plan.sharding.as_deref_mut() {
            Some(Sharding::Part(shard)) => shard.group = "yesterday".to_owned(),
            _ => panic!("a part"),
        };
        let cases: [(&str, fn(&mut Plan, &mut Provenance)); 7] = [
            ("run group", group),
            ("configuration", |plan, _| plan.configuration_digest = "0".to_owned()),
            ("catalogue", |plan, _| plan.catalogue_digest = "0".to_owned()),
            ("profile", |plan, _| plan.profile = crate::model::Profile::Prod),
            ("version", |_, provenance| provenance.version = "2".to_owned()),
            ("selection", |plan, _| plan.selection.only = vec!["redis".to_owned()]),
            ("a whole run", |plan, _| plan.sharding = None),
        ];
        for (expected, what) in cases {
            let told = change(what);
            assert!(told.contains(expected), "{expected}: {told}");
        }
        assert_eq!(merge(Vec::new(), "merge").expect_err("nothing"), MergeError::Nothing);
    }

    fn planned(journal: &mut GivenJournal) -> &mut Plan {
        let What::RunPlanned { plan, .. } = &mut journal.events[0].what else { panic!("a plan") };
        plan
    }

    #[test]
    fn the_words_of_a_check_are_those_of_the_part_it_belongs_to() {
        let told = |number: usize, deadline_ms: u64| {
            let mut journal = journal(number, &ALL, true);
            let plan = planned(&mut journal);
            plan.deadline_ms = deadline_ms;
            let Some(Sharding::Part(shard)) = plan.sharding.as_deref_mut() else { panic!("a part") };
            for check in plan.checks.iter_mut().chain(&mut shard.elsewhere) {
                check.title = format!("as part {number} tells it");
            }
            journal
        };
        let report = report(vec![told(1, 7_000), told(2, 9_000)]);
        for row in &report.rows {
            assert_eq!(row.check.title, format!("as part {} tells it", owner_of(row.check.id.as_str())));
        }
        assert_eq!(report.plan.deadline_ms, 9_000);
        assert_eq!((report.provenance.host.as_str(), report.provenance.command.as_str()), ("pod-1, pod-2", "merge"));
    }

    #[test]
    fn parts_that_began_more_than_an_hour_apart_are_told_of() {
        for (minutes, told) in [(60, None), (61, Some("the shards began 61 minutes apart"))] {
            let mut late = journal(2, &ALL, true);
            for event in &mut late.events {
                event.at += jiff::SignedDuration::from_mins(minutes);
            }
            let notes = report(vec![journal(1, &ALL, true), late]).notes;
            let found = notes.iter().map(|(_, text)| text.as_str()).next();
            assert_eq!(found.map(|text| text.split(':').next().unwrap_or_default()), told, "{notes:?}");
        }
    }

    #[test]
    fn what_another_part_saw_says_by_whom_it_was_seen() {
        for (observed, expected) in [("it is down", "it is down (seen by shard"), ("", "")] {
            let (own, other) = (owner_of("redis/tcp"), owner_of("opa/cache"));
            let mut red = journal(other, &[("redis/tcp", Verdict::Fail), ("opa/tcp", Verdict::Pass)], true);
            for event in &mut red.events {
                if let What::CheckFinished { result, .. } = &mut event.what {
                    result.judgement = Some(crate::model::Judgement {
                        verdict: result.verdict,
                        observed: observed.to_owned(),
                        mismatches: Vec::new(),
                        likely_cause: String::new(),
                    });
                }
            }
            let report = report(vec![journal(own, &ALL, true), red]);
            let result = &report.row(&"redis/tcp".parse().expect("id")).expect("row").result;
            assert_eq!(result.reason, format!("told (seen by shard {other}/2)"));
            let judged = &result.judgement.as_ref().expect("judged").observed;
            assert!(judged.starts_with(expected) && judged.is_empty() == expected.is_empty(), "{judged}");
        }
    }
}
