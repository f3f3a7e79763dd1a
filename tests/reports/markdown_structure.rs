//! `readiness.md` as Markdown parsers see it: a hostile text changes words, never the structure.

use comrak::{Arena, nodes::NodeValue};
use pulldown_cmark::{Event, Parser};
use soma_conformance::{
    model::{CheckResult, PlannedCheck, Report, Verdict, What},
    reports::{JOB_SUMMARY_BYTES, job_summary, markdown},
};

use crate::runs::{self, Journal};

/// The structure in plain CommonMark with tables: every start and end, every tag that is not a line break or code.
fn common_mark(text: &str) -> Vec<String> {
    Parser::new_ext(text, pulldown_cmark::Options::all())
        .filter_map(|event| match event {
            Event::Text(_) | Event::SoftBreak => None,
            Event::InlineHtml(tag) if is_harmless(&tag) => None,
            other => Some(format!("{other:?}")),
        })
        .collect()
}

/// The structure in GitHub's dialect, with everything it links by itself.
fn git_hub(text: &str) -> Vec<String> {
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.strikethrough = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.math_dollars = true;
    options.extension.math_code = true;
    options.extension.alerts = true;
    let arena = Arena::new();
    comrak::parse_document(&arena, text, &options)
        .descendants()
        .filter_map(|node| match &node.data.borrow().value {
            NodeValue::Text(_) | NodeValue::SoftBreak => None,
            NodeValue::HtmlInline(tag) if is_harmless(tag) => None,
            other => Some(format!("{other:?}")),
        })
        .collect()
}

fn is_harmless(tag: &str) -> bool {
    matches!(tag, "<br>" | "<code>" | "</code>")
}

/// How many cells each line has: a parser drops the cells that are too many, so the structure alone would not show them.
fn cells(text: &str) -> Vec<usize> {
    text.lines().map(|line| line.matches('|').count()).collect()
}

fn assert_same_structure(text: &str, tame: &str, poison: &str) {
    assert_eq!(cells(text), cells(tame), "cells, {poison:?}");
    assert_eq!(common_mark(text), common_mark(tame), "CommonMark, {poison:?}");
    assert_eq!(git_hub(text), git_hub(tame), "GitHub, {poison:?}");
}

#[test]
fn no_poison_changes_the_structure() {
    let tame = job_summary(&runs::hostile("tame"));
    assert!(git_hub(&tame).len() > 100, "the tame report has a structure to compare with");
    for poison in runs::POISONS {
        assert_same_structure(&job_summary(&runs::hostile(poison)), &tame, poison);
    }
    let all = runs::POISONS.join("\n");
    assert_same_structure(&job_summary(&runs::hostile(&all)), &tame, "all at once");
}

#[test]
fn an_unescaped_text_would_be_noticed() {
    let tame = job_summary(&runs::hostile("tame"));
    for poison in ["<b>", "a | b", "`code`", "\n\n# heading\n\n", "https://evil.example", "[x](y)", "*em*"] {
        let forged = tame.replace("tame", poison);
        let noticed = std::panic::catch_unwind(|| assert_same_structure(&forged, &tame, poison)).is_err();
        assert!(noticed, "{poison:?}");
    }
}

#[test]
fn nobody_is_mentioned_and_no_issue_is_referenced() {
    let text = job_summary(&runs::hostile("x @team a@b.example #123"));
    let mut is_code = false;
    for event in Parser::new_ext(&text, pulldown_cmark::Options::all()) {
        match event {
            Event::InlineHtml(tag) if tag.as_ref() == "<code>" => is_code = true,
            Event::InlineHtml(tag) if tag.as_ref() == "</code>" => is_code = false,
            Event::Text(text) if !is_code => {
                assert!(!text.contains("@t") && !text.contains("@b") && !text.contains("#1"), "{text}");
            }
            _ => {}
        }
    }
}

/// So many failures that a summary cannot hold them.
fn runaway(checks: usize, text: &str) -> Report {
    let long = "x".repeat(120);
    let planned: Vec<PlannedCheck> = (0..checks)
        .map(|index| {
            let mut check = PlannedCheck::sample(&format!("service-{}/{long}-{index}", index % 40));
            check.remedy = text.into();
            check
        })
        .collect();
    let ids: Vec<_> = planned.iter().map(|check| check.id.clone()).collect();
    let fail = |id| {
        let mut result = CheckResult::without_run(Verdict::Fail, text);
        result.attempts = 1;
        What::CheckFinished { id, result: Box::new(result) }
    };
    ids.into_iter().map(fail).fold(Journal::new(planned), Journal::step).ended().report()
}

#[test]
fn a_summary_never_exceeds_its_budget_and_says_when_it_was_cut() {
    for (checks, text) in [(300, "x".repeat(5_000)), (1_500, "<".repeat(5_000)), (7_000, "|".repeat(500))] {
        let report = runaway(checks, &text);
        let summary = job_summary(&report);
        assert!(summary.len() <= JOB_SUMMARY_BYTES, "{checks} checks: {} bytes", summary.len());
        assert!(summary.starts_with("# INCOMPLETE") || summary.starts_with("# NOT READY"));
        assert!(summary.contains("was cut to fit 900 KiB"), "{checks} checks");
    }
    let whole = runaway(100, "short");
    assert!(!job_summary(&whole).contains("was cut"));
    assert_eq!(job_summary(&whole), markdown(&whole, usize::MAX));
}

#[test]
fn the_whole_report_of_an_ordinary_run_fits_a_comment() {
    assert!(job_summary(&runs::failing()).len() < 65_536);
}
