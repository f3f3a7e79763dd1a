//! How a run was measured and what it did not look at, as labelled plain texts.

use std::collections::BTreeMap;

use crate::model::{CheckId, Level, MergedShard, Profile, Report, Row, Verdict};

use super::{
    super::{
        finding::shown,
        slowest_chain::slowest_chain,
        wording::{moment, names, number, took},
    },
    limits::{Limits, NAMES},
    view::notes,
};

/// One line of the last section; `is_literal` marks texts that are shown as they are.
pub(super) struct Measured {
    pub(super) label: &'static str,
    pub(super) text: String,
    pub(super) is_literal: bool,
}

pub(super) fn measured(report: &Report, limits: &Limits) -> Vec<Measured> {
    let (plan, provenance) = (&report.plan, &report.provenance);
    let words = |label, text: String| Measured { label, text, is_literal: false };
    let literal = |label, text: &str| Measured { label, text: shown(text, 1_000), is_literal: true };
    let files = match provenance.configuration.as_slice() {
        [] => "no file; the defaults of the profile".to_owned(),
        files => shown(&files.join(", "), 600),
    };
    let deadline = took(plan.deadline_ms.saturating_mul(1_000));
    let mut lines = vec![
        literal("program", &format!("soma-conformance {}", provenance.version)),
        literal("run", plan.run.as_str()),
        literal("measured from", &format!("{} ({})", provenance.vantage, provenance.host)),
        words("started", moment(report.started)),
        words("took", format!("{}, of at most {deadline}; {} at once", took(report.took_ms() * 1_000), plan.jobs)),
        words("slowest chain", chain(report)),
        words("configuration", format!("{files} (digest {})", shown(&plan.configuration_digest, 64))),
        words("catalogue", format!("digest {}", shown(&plan.catalogue_digest, 64))),
        words("writes", writes(report)),
        words("attempts", repeated(report)),
        words("shard", shard(report)),
        literal("again", &provenance.command),
    ];
    lines.extend(plan.merged().iter().map(|shard| words("shard", merged(shard))));
    lines.extend(notes(report, Level::Info, limits).into_iter().map(|note| words("note", note)));
    lines.retain(|line| !line.text.is_empty());
    lines
}

/// Which part of a run this is.
fn shard(report: &Report) -> String {
    report.plan.shard().map_or_else(String::new, |shard| {
        let (own, along) = (shard.count(shard.number), report.rows.len().saturating_sub(shard.count(shard.number)));
        format!(
            "{}/{} of run group {}: {} of its own, {along} more run along because these need them",
            shard.number,
            shard.of,
            shown(&shard.group, 100),
            number(own, "check")
        )
    })
}

/// Where one part of a joined run ran.
fn merged(shard: &MergedShard) -> String {
    let what = format!("{}/{}: {}", shard.number, shard.of, number(shard.checks, "check"));
    match &shard.ran {
        None => format!("{what}; missing: its journal was not given"),
        Some(ran) => {
            let end = match (ran.interrupted, ran.complete) {
                (Some(signal), _) => format!(", interrupted by signal {signal}"),
                (None, false) => ", did not come to its own end".to_owned(),
                (None, true) => String::new(),
            };
            format!(
                "{what} on {} from {}, started {}, took {}{end}; run `{}`",
                shown(&ran.host, 100),
                shown(&ran.vantage, 100),
                moment(ran.started),
                took(ran.took_ms.saturating_mul(1_000)),
                ran.run
            )
        }
    }
}

fn chain(report: &Report) -> String {
    let (rows, total) = slowest_chain(report);
    let step = |row: &&Row| format!("`{}` {}", row.check.id, took(row.result.took_us));
    let steps: Vec<String> = rows.iter().rev().take(NAMES).rev().map(step).collect();
    match (rows.len(), rows.len().saturating_sub(NAMES)) {
        (0, _) => String::new(),
        (_, 0) => format!("{}: {}", took(total), steps.join(", then ")),
        (_, more) => format!("{}: {more} more, then {}", took(total), steps.join(", then ")),
    }
}

fn writes(report: &Report) -> String {
    if report.plan.read_only {
        return "none: read-only run".to_owned();
    }
    match report.rows.iter().filter(|row| row.check.writes && row.result.attempts > 0).count() {
        0 => "none".to_owned(),
        some => {
            format!(
                "{} wrote objects named `{}` (or the same with `_`)",
                number(some, "check"),
                report.plan.run.scratch_name()
            )
        }
    }
}

/// Checks that passed, but not at once: a reader should know.
fn repeated(report: &Report) -> String {
    let is_late = |row: &&Row| row.result.attempts > 1;
    let late: Vec<&CheckId> = report.with_verdict(Verdict::Pass).filter(is_late).map(|row| &row.check.id).collect();
    if late.is_empty() {
        return String::new();
    }
    format!("{} passed only after more than one attempt: {}", number(late.len(), "check"), names(&late, NAMES))
}

/// What the answer does not rest on.
pub(super) fn not_checked(report: &Report, limits: &Limits) -> Vec<String> {
    let mut lines = left_out(report, limits);
    let mut by_profiles: BTreeMap<&[Profile], Vec<&CheckId>> = BTreeMap::new();
    for (id, profiles) in &report.plan.not_applicable {
        by_profiles.entry(profiles).or_default().push(id);
    }
    for (profiles, ids) in by_profiles.into_iter().take(limits.lines) {
        let words: Vec<&str> = profiles.iter().map(|profile| profile.word()).collect();
        let only = match words.as_slice() {
            [] => "no profile".to_owned(),
            words => format!("profile {}", words.join(", ")),
        };
        lines.push(format!("{} only of {only}: {}", applies(ids.len()), names(&ids, NAMES)));
    }
    lines.extend(unproven(report));
    lines
}

fn applies(count: usize) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{} {verb}", number(count, "check"))
}

fn left_out(report: &Report, limits: &Limits) -> Vec<String> {
    let selection = &report.plan.selection;
    if !selection.is_partial() {
        return Vec::new();
    }
    let flag = |name: &str, texts: &[String]| {
        let quoted: Vec<String> = texts.iter().map(|text| format!("`{}`", text.replace('`', ""))).collect();
        (!texts.is_empty()).then(|| format!("{name} {}", quoted.join(" ")))
    };
    let flags: Vec<String> = [
        flag("only", &selection.only),
        flag("without", &selection.without),
        selection.severity.map(|severity| format!("severity {severity}")),
        flag("tags", &selection.tags),
    ]
    .into_iter()
    .flatten()
    .collect();
    let line = format!(
        "left out by the selection: {} of the profile ({})",
        number(selection.left_out, "check"),
        flags.join("; ")
    );
    vec![shown(&line, limits.text.min(1_000))]
}

fn unproven(report: &Report) -> Option<String> {
    let unproven = report.rows.iter().filter(|row| row.check.proven_by.is_empty()).count();
    let planned = report.rows.len();
    (unproven > 0).then(|| {
        format!(
            "{unproven} of {} unproven: no sabotage of a real server was seen to turn them red",
            number(planned, "check")
        )
    })
}
