//! What is printed: to a terminal, into a log, as workflow commands.

use std::path::Path;

use soma_conformance::{
    model::{CheckResult, PlannedCheck, Verdict},
    reports::{TerminalOptions, annotations, plain_line, terminal},
};

use crate::runs;

const PLAIN: TerminalOptions = TerminalOptions { width: 80, colour: false };

fn acts_on_a_terminal(text: &str) -> bool {
    text.chars().any(|character| character.is_control() && character != '\n')
}

fn is_command(line: &str) -> bool {
    line.trim_start().starts_with("::") || line.contains("##[") || line.contains("##vso") || line.contains("##team")
}

#[test]
fn no_poison_acts_on_a_terminal_or_a_log() {
    let check = PlannedCheck::sample("evil/fact");
    for poison in runs::POISONS {
        let report = runs::hostile(poison);
        let summary = terminal(&report, Some(Path::new(poison)), PLAIN);
        let line = plain_line(&check, &CheckResult::without_run(Verdict::Fail, poison), 1, 1);
        assert_eq!(line.lines().count(), 1, "{poison:?}");
        for text in [&summary, &line] {
            assert!(!acts_on_a_terminal(text), "{poison:?}");
            assert!(!text.lines().any(is_command), "{poison:?}: {text}");
        }
    }
}

#[test]
fn the_last_line_is_the_verdict_and_where_the_reports_are() {
    for (report, verdict) in [
        (runs::healthy(), "READY:"),
        (runs::failing(), "NOT READY of a selection:"),
        (runs::interrupted(), "INCOMPLETE:"),
    ] {
        let text = terminal(&report, Some(Path::new("target/reports")), PLAIN);
        let last = text.lines().last().expect("a line");
        assert!(last.starts_with(verdict) && last.ends_with("; reports in target/reports"), "{last}");
    }
}

#[test]
fn colours_are_used_only_when_told_so_and_change_no_word() {
    let report = runs::failing();
    let plain = terminal(&report, None, PLAIN);
    let coloured = terminal(&report, None, TerminalOptions { colour: true, ..PLAIN });
    assert!(!plain.contains('\u{1b}') && coloured.contains('\u{1b}'));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
}

#[test]
fn lines_of_boxes_fit_the_width() {
    let text = terminal(&runs::failing(), None, PLAIN);
    for line in text.lines().filter(|line| line.starts_with("  |")) {
        assert!(textwrap::core::display_width(line) <= 80, "{line}");
    }
}

#[test]
fn annotations_are_commands_of_ours_and_at_most_ten() {
    for poison in runs::POISONS {
        let text = annotations(&runs::hostile(poison));
        assert!(text.lines().count() <= 10, "{poison:?}");
        for line in text.lines() {
            let properties = line.strip_prefix("::error title=").or_else(|| line.strip_prefix("::warning title="));
            let (properties, _) = properties.unwrap_or_else(|| panic!("{line}")).split_once("::").expect("a message");
            assert!(!properties.replace("%3A", "").contains(':'), "{line}");
            assert!(matches!(properties.split(',').count(), 1 | 4), "{line}");
        }
        assert!(!acts_on_a_terminal(&text), "{poison:?}");
    }
}
