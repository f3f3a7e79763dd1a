//! A history at a glance: one line a run, a strip for each check that does not stay as it is.

use crate::model::{Flapping, Timeline, Verdict};

use super::{
    finding::shown,
    log_safe::log_safe,
    wording::{moment, number, took},
};

/// Checks of one list.
const MOST: usize = 50;

/// The history as text.
#[must_use]
pub fn timeline(timeline: &Timeline, ignored: &[String]) -> String {
    let mut lines: Vec<String> =
        ignored.iter().map(|text| format!("ignored: {}", log_safe(&shown(text, 300)))).collect();
    for run in &timeline.runs {
        let cut = if run.complete { "" } else { "  cut short" };
        let reach = if run.reach == "everything" { String::new() } else { format!("  {}", shown(&run.reach, 100)) };
        lines.push(format!(
            "{}  {:<10}  {:>4} checks  {:>8}  {}  {}{}{cut}",
            moment(run.started),
            run.verdict,
            run.planned,
            took(run.took_ms.saturating_mul(1_000)),
            run.profile,
            log_safe(&shown(&run.run, 64)),
            log_safe(&reach),
        ));
    }
    if timeline.runs.is_empty() {
        lines.push("no run is kept here".to_owned());
        return lines.join("\n") + "\n";
    }
    lines.push(String::new());
    if timeline.flapping.is_empty() {
        lines.push(format!("No check flapped in {}.", number(timeline.runs.len(), "run")));
    } else {
        lines.push(format!(
            "{} flapped (the oldest run first; . pass  w warn  F fail  E error  b blocked  - not run  s skip):",
            number(timeline.flapping.len(), "check")
        ));
        let width = timeline.flapping.iter().map(|one| one.id.as_str().len()).max().unwrap_or(0);
        lines.extend(timeline.flapping.iter().take(MOST).map(|one| flapping(one, width)));
        if let more @ 1.. = timeline.flapping.len().saturating_sub(MOST) {
            lines.push(format!("and {more} more"));
        }
    }
    if !timeline.always_red.is_empty() {
        let names: Vec<&str> = timeline.always_red.iter().take(MOST).map(crate::model::CheckId::as_str).collect();
        lines.push(format!("Never passed in these runs: {}", names.join(", ")));
    }
    lines.join("\n") + "\n"
}

fn flapping(one: &Flapping, width: usize) -> String {
    let strip: String = one.verdicts.iter().map(|verdict| verdict.map_or(' ', letter)).collect();
    let unexplained = match one.unexplained {
        0 => String::new(),
        count => format!(", {count} of them without any change of configuration or catalogue"),
    };
    format!("  {:width$}  {strip}  {} turns{unexplained}", one.id.as_str(), one.turns)
}

fn letter(verdict: Verdict) -> char {
    match verdict {
        Verdict::Pass => '.',
        Verdict::Skip => 's',
        Verdict::Warn => 'w',
        Verdict::NotRun => '-',
        Verdict::Blocked => 'b',
        Verdict::Error => 'E',
        Verdict::Fail => 'F',
    }
}
