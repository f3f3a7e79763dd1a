//! A run may end at any byte of its journal: what is folded from the rest lists every check and claims nothing new.

use proptest::prelude::*;
use serde_json::json;
use soma_conformance::{
    model::{CheckResult, Report, RunVerdict, Severity, Trouble, Verdict, What, read_journal},
    reports::{verify, write_all},
};

use crate::runs::{self, Journal, check, text_of};

fn assert_claims_nothing_new(prefix: &Report, whole: &Report) {
    let ids = |report: &Report| report.rows.iter().map(|row| row.check.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(prefix), ids(whole), "planned set = reported set");
    for (early, late) in prefix.rows.iter().zip(&whole.rows) {
        let early_verdict = early.result.verdict;
        assert!(
            early_verdict == late.result.verdict || matches!(early_verdict, Verdict::NotRun | Verdict::Error),
            "{} was {early_verdict} and became {}",
            early.check.id,
            late.result.verdict
        );
    }
    assert!(prefix.verdict != RunVerdict::Ready || whole.verdict == RunVerdict::Ready, "ready before its time");
}

fn fold_prefix(text: &str, end: usize) -> Option<Report> {
    let end = text.floor_char_boundary(end.min(text.len()));
    Report::fold(&read_journal(&text[..end]).ok()?)
}

#[test]
fn every_line_and_torn_line_of_a_failing_run_folds() {
    for journal in [runs::failing_journal(), runs::hostile_journal(runs::POISONS[7]), runs::healthy_journal().ended()] {
        let events = journal.events();
        let whole = Report::fold(&events).expect("a report");
        let text = text_of(&events);
        let first = text.find('\n').expect("a first line");
        let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        for end in ends.iter().flat_map(|end| [*end, end + 1, end + 7]) {
            let prefix = fold_prefix(&text, end).expect("the plan is whole");
            assert_claims_nothing_new(&prefix, &whole);
        }
        assert!(fold_prefix(&text, first - 1).is_none(), "without its plan a journal tells nothing");
    }
}

#[test]
fn reports_of_a_cut_journal_are_whole() {
    let text = text_of(&runs::failing_journal().events());
    let folder = tempfile::tempdir().expect("a folder");
    for (end, _) in text.match_indices('\n') {
        let report = fold_prefix(&text, end).expect("the plan is whole");
        write_all(&report, folder.path()).expect("written");
        verify(&report, folder.path()).expect("whole");
    }
}

fn outcomes() -> impl Strategy<Value = Vec<(u8, bool)>> {
    proptest::collection::vec((0_u8..8, any::<bool>()), 1..12)
}

fn random_journal(outcomes: &[(u8, bool)]) -> Journal {
    let name = |index: usize| format!("s{}/c{index}", index % 3);
    let checks = outcomes.iter().enumerate().map(|(index, (_, is_advisory))| {
        let mut check = check(&name(index), &[], json!({"up": true}));
        check.severity = if *is_advisory { Severity::Advisory } else { Severity::Required };
        check
    });
    let mut journal = Journal::new(checks.collect());
    for (index, (outcome, _)) in outcomes.iter().enumerate() {
        let id = name(index);
        journal = journal.step(What::CheckStarted { id: id.parse().expect("an id") });
        journal = match outcome {
            0..=2 => journal.came_back(&id, Ok(json!({"up": true})), 5),
            3 => journal.came_back(&id, Ok(json!({"up": false})), 5),
            4 => journal.came_back(&id, Err(Trouble::unable("op", "harness.fd_limit", "too many")), 5),
            5 => journal.finished(&id, CheckResult::without_run(Verdict::Skip, "declared")),
            6 => {
                let mut blocked = CheckResult::without_run(Verdict::Blocked, "blocked");
                blocked.root = Some(name(0).parse().expect("an id"));
                journal.finished(&id, blocked)
            }
            _ => journal,
        };
    }
    journal.ended()
}

proptest! {
    #[test]
    fn any_prefix_of_any_journal_claims_nothing_new(outcomes in outcomes(), cut in 0.0_f64..1.0) {
        let events = random_journal(&outcomes).events();
        let whole = Report::fold(&events).expect("a report");
        let text = text_of(&events);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
        let end = (text.len() as f64 * cut) as usize;
        if let Some(prefix) = fold_prefix(&text, end) {
            assert_claims_nothing_new(&prefix, &whole);
        }
    }

    #[test]
    fn a_run_is_not_ready_exactly_when_a_cause_or_a_gap_decides(outcomes in outcomes()) {
        let report = random_journal(&outcomes).report();
        let decides = report.causes.iter().any(|cause| cause.decides);
        prop_assert!(!(decides && report.verdict == RunVerdict::Ready));
        prop_assert!(decides || report.verdict != RunVerdict::NotReady);
    }
}
