//! What the template prints, as plain texts: nothing is decided and nothing is escaped here.

use crate::model::{CheckId, Level, Report, Row, Verdict, WaiverState, WaiverStatus};

use super::{
    super::{
        finding::{self, Origin, observed, shown},
        wording::{names, number, took},
    },
    limits::{Limits, NAMES},
};

/// One cause with everything known of it.
pub(super) struct CauseBox {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) lines: Vec<BoxLine>,
}

/// One line of a box.
pub(super) struct BoxLine {
    pub(super) label: &'static str,
    pub(super) text: String,
    pub(super) from_wire: bool,
}

/// One warning.
pub(super) struct WarningLine {
    pub(super) id: String,
    pub(super) verdict: &'static str,
    pub(super) observed: String,
    pub(super) remedy: String,
}

/// One declared exception.
pub(super) struct WaiverLine {
    pub(super) pattern: String,
    pub(super) owner: String,
    pub(super) until: String,
    pub(super) state: String,
    pub(super) reason: String,
}

/// Checks that share a reason or a root.
pub(super) struct Group {
    pub(super) words: String,
    pub(super) count: String,
    pub(super) names: String,
}

/// One check with its verdict.
pub(super) struct CheckLine {
    pub(super) id: String,
    pub(super) verdict: String,
    pub(super) took: String,
}

pub(super) fn cause_boxes(report: &Report, limits: &Limits) -> Vec<CauseBox> {
    let rows = report.causes.iter().filter(|cause| cause.decides).filter_map(|cause| report.row(&cause.id));
    rows.take(limits.boxes)
        .map(|row| CauseBox {
            id: row.check.id.to_string(),
            title: shown(&row.check.title, limits.text.min(300)),
            lines: finding::fields(report, row)
                .into_iter()
                .map(|field| BoxLine {
                    label: field.label,
                    text: shown(&field.text, limits.text),
                    from_wire: field.origin == Origin::Wire,
                })
                .collect(),
        })
        .collect()
}

/// Advisory checks that are not as they should be, and do not keep the run from ready.
pub(super) fn warning_lines(report: &Report, limits: &Limits) -> Vec<WarningLine> {
    let deciding = |id: &CheckId| report.causes.iter().any(|cause| cause.decides && cause.id == *id);
    let is_warning = |row: &&Row| {
        matches!(row.result.verdict, Verdict::Warn | Verdict::Fail | Verdict::Error) && !deciding(&row.check.id)
    };
    let line = |row: &Row| WarningLine {
        id: row.check.id.to_string(),
        verdict: row.result.verdict.word(),
        observed: shown(&observed(row), limits.text),
        remedy: shown(&row.check.remedy, limits.text),
    };
    report.rows.iter().filter(is_warning).take(limits.lines).map(line).collect()
}

pub(super) fn notes(report: &Report, level: Level, limits: &Limits) -> Vec<String> {
    let of_level = report.notes.iter().filter(|(of, _)| *of == level);
    of_level.take(limits.lines).map(|(_, text)| shown(text, limits.text.min(1_000))).collect()
}

pub(super) fn waiver_lines(report: &Report, limits: &Limits) -> Vec<WaiverLine> {
    let line = |status: &WaiverStatus| WaiverLine {
        pattern: shown(&status.waiver.check, 200),
        owner: shown(&status.waiver.owner, 200),
        until: status.waiver.expires.to_string(),
        state: waiver_state(report, status),
        reason: shown(&status.waiver.reason, limits.text.min(1_000)),
    };
    report.waivers.iter().take(limits.lines).map(line).collect()
}

fn waiver_state(report: &Report, status: &WaiverStatus) -> String {
    match status.state {
        WaiverState::Used => {
            let is_excused = |id: &&CheckId| report.row(id).is_some_and(|row| row.result.waived);
            let excused: Vec<&CheckId> = status.checks.iter().filter(is_excused).collect();
            format!("excuses {}", names(&excused, NAMES))
        }
        WaiverState::Unneeded => "not needed: what it covers is fine without it; remove it".to_owned(),
        WaiverState::Unmatched => "matches no check; correct or remove it".to_owned(),
        WaiverState::Expired => "expired: it excuses nothing any more".to_owned(),
    }
}

/// Blocked checks by what they wait for.
pub(super) fn blocked_groups(report: &Report, limits: &Limits) -> Vec<Group> {
    let key = |row: &Row| match &row.result.root {
        Some(root) => {
            let verdict = report.row(root).map_or("not in the plan", |row| row.result.verdict.word());
            format!("`{root}` ({verdict})")
        }
        None => shown(&row.result.reason, limits.text.min(300)),
    };
    grouped(report.with_verdict(Verdict::Blocked), key, limits)
}

/// Checks without a result, by why they have none.
pub(super) fn lost_groups(report: &Report, limits: &Limits) -> Vec<Group> {
    grouped(report.with_verdict(Verdict::NotRun), |row| reason(row, limits), limits)
}

/// Checks that were declared not to apply, by the reason declared. Waived ones stand with their waivers.
pub(super) fn skipped_groups(report: &Report, limits: &Limits) -> Vec<Group> {
    let declared = report.with_verdict(Verdict::Skip).filter(|row| !row.result.waived);
    grouped(declared, |row| reason(row, limits), limits)
}

fn reason(row: &Row, limits: &Limits) -> String {
    match shown(&row.result.reason, limits.text.min(300)) {
        reason if reason.is_empty() => "no reason was recorded".to_owned(),
        reason => reason,
    }
}

fn grouped<'a>(rows: impl Iterator<Item = &'a Row>, key: impl Fn(&Row) -> String, limits: &Limits) -> Vec<Group> {
    let mut groups: Vec<(String, Vec<&CheckId>)> = Vec::new();
    for row in rows {
        let key = key(row);
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, ids)) => ids.push(&row.check.id),
            None => groups.push((key, vec![&row.check.id])),
        }
    }
    let group = |(words, ids): (String, Vec<&CheckId>)| Group {
        words,
        count: number(ids.len(), "check"),
        names: names(&ids, NAMES),
    };
    groups.into_iter().take(limits.lines).map(group).collect()
}

/// Said of a check that another shard answers for, and that was run along because something here needs it.
fn of_other_shard(report: &Report, id: &CheckId) -> String {
    let owner = report.plan.shard().and_then(|shard| Some((shard.owner(id)?, shard)));
    let other = owner.filter(|(owner, shard)| *owner != shard.number);
    other.map_or_else(String::new, |(owner, shard)| format!(" (of shard {owner}/{})", shard.of))
}

/// Every planned check exactly once, in the order of the plan.
pub(super) fn every_check(report: &Report, limits: &Limits) -> Vec<CheckLine> {
    let line = |row: &Row| CheckLine {
        id: row.check.id.to_string(),
        verdict: match (row.result.verdict, row.result.attempts) {
            (verdict, _) if row.result.waived => format!("{verdict} (waived)"),
            (verdict, 0 | 1) => verdict.word().to_owned(),
            (verdict, attempts) => format!("{verdict} after {attempts} attempts"),
        } + &of_other_shard(report, &row.check.id),
        took: if row.result.attempts == 0 { String::new() } else { took(row.result.took_us) },
    };
    report.rows.iter().filter(|_| limits.every_check).map(line).collect()
}
