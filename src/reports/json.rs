//! `results.json`: everything that is known of a run, for machines.

use std::fmt::Write;

use serde_json::Value;

use crate::model::{self, CheckId, Level, Report, Row, Verdict, WaiverState, clip, is_hidden};

use super::{
    finding::observed,
    results_shape::{Cause, Check, DeclaredWaiver, Note, Results, Run, SCHEMA_VERSION, Service, ShardOf, State},
};

/// Characters of one text; what is longer ends in an ellipsis.
const LONGEST_TEXT: usize = 4_096;

/// The report as JSON, with everything that could act on a terminal or hide in an editor written as `\u` escapes.
///
/// # Panics
/// Never: every member of the shape can be written as JSON.
#[must_use]
pub fn results(report: &Report) -> String {
    safe_json(serde_json::to_value(shape(report)).expect("the shape holds only what JSON can hold"))
}

/// JSON text that acts on no terminal and hides nothing in an editor.
pub(super) fn safe_json(mut value: Value) -> String {
    clip_texts(&mut value);
    let text = format!("{value:#}");
    // Outside of strings JSON is plain ASCII, so these characters stand inside strings, where an escape is the same.
    let mut safe = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        if is_hidden(character) && character != '\n' {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing into a `String` cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    safe.push('\n');
    safe
}

/// The JSON Schema of [`results`].
///
/// # Panics
/// Never: a schema can be written as JSON.
#[must_use]
pub fn results_schema() -> String {
    let schema = schemars::schema_for!(Results);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

fn shape(report: &Report) -> Results {
    let waiver = |status: &model::WaiverStatus| DeclaredWaiver {
        waiver: status.waiver.clone(),
        state: state(status.state),
        checks: texts(&status.checks),
    };
    let service = |summary: &model::ServiceSummary| Service {
        name: summary.service.clone(),
        verdict: summary.verdict,
        counts: summary.counts,
        span_us: summary.span_us,
    };
    let cause =
        |cause: &model::Cause| Cause { id: cause.id.to_string(), decides: cause.decides, blocks: texts(&cause.blocks) };
    let note = |(level, text): &(Level, String)| Note { level: *level, text: text.clone() };
    Results {
        schema_version: SCHEMA_VERSION,
        verdict: report.verdict,
        partial: report.plan.selection.is_partial(),
        complete: report.complete,
        interrupted: report.interrupted,
        run: run(report),
        counts: report.counts,
        causes: report.causes.iter().map(cause).collect(),
        services: report.services.iter().map(service).collect(),
        checks: report.rows.iter().map(|row| check(report, row)).collect(),
        inventory: report.inventory(),
        waivers: report.waivers.iter().map(waiver).collect(),
        not_applicable: report.plan.not_applicable.iter().map(|(id, of)| (id.to_string(), of.clone())).collect(),
        notes: report.notes.iter().map(note).collect(),
    }
}

fn run(report: &Report) -> Run {
    let plan = &report.plan;
    Run {
        id: plan.run.to_string(),
        profile: plan.profile,
        started: report.started.to_string(),
        ended: report.ended.to_string(),
        took_ms: report.took_ms(),
        provenance: report.provenance.clone(),
        selection: plan.selection.clone(),
        read_only: plan.read_only,
        strict: plan.strict,
        configuration_digest: plan.configuration_digest.clone(),
        catalogue_digest: plan.catalogue_digest.clone(),
        deadline_ms: plan.deadline_ms,
        jobs: plan.jobs,
        shard: plan.shard().map(|shard| ShardOf {
            number: shard.number,
            of: shard.of,
            group: shard.group.clone(),
            checks: shard.count(shard.number),
        }),
        shards: plan.merged().to_vec(),
    }
}

fn check(report: &Report, row: &Row) -> Check {
    let (check, result) = (&row.check, &row.result);
    let judgement = result.judgement.as_ref();
    let observation = result.observation.as_ref();
    Check {
        id: check.id.to_string(),
        title: check.title.clone(),
        why: check.why.clone(),
        verdict: result.verdict,
        severity: check.severity,
        observed: if result.verdict == Verdict::Pass { String::new() } else { observed(row) },
        expected: check.expect.describe(),
        expect: serde_json::to_value(&check.expect).unwrap_or_default(),
        mismatches: judgement.map(|judgement| judgement.mismatches.clone()).unwrap_or_default(),
        likely_cause: judgement.map(|judgement| judgement.likely_cause.clone()).unwrap_or_default(),
        remedy: check.remedy.clone(),
        trouble: result.trouble.clone(),
        facts: observation.map(|observation| Value::Object(observation.facts.clone())),
        phases: observation.map(|observation| observation.phases.clone()).unwrap_or_default(),
        peer: observation.and_then(|observation| observation.peer.clone()),
        root: result.root.as_ref().map(ToString::to_string),
        waived: result.waived,
        attempts: result.attempts,
        start_us: result.start_us,
        took_us: result.took_us,
        probe: check.probe.clone(),
        with: check.with.clone(),
        target: check.target.clone(),
        needs: texts(&check.needs),
        tags: check.tags.clone(),
        covers: check.covers.clone(),
        source: check.source.clone(),
        vector: check.vector.clone(),
        proven_by: check.proven_by.clone(),
        shard: report.plan.shard().and_then(|shard| shard.owner(&check.id)),
    }
}

fn texts(ids: &[CheckId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn state(state: WaiverState) -> State {
    match state {
        WaiverState::Used => State::Used,
        WaiverState::Unneeded => State::Unneeded,
        WaiverState::Unmatched => State::Unmatched,
        WaiverState::Expired => State::Expired,
    }
}

/// Cuts long texts, wherever they stand; names, numbers and structure stay as they are.
fn clip_texts(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > LONGEST_TEXT => {
            *text = clip(text, LONGEST_TEXT);
        }
        Value::Array(list) => list.iter_mut().for_each(clip_texts),
        Value::Object(map) => {
            if map.keys().any(|name| name.len() > LONGEST_TEXT) {
                let members = std::mem::take(map);
                map.extend(members.into_iter().map(|(name, member)| (clip(&name, LONGEST_TEXT), member)));
            }
            map.values_mut().for_each(clip_texts);
        }
        _ => {}
    }
}
