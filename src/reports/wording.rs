//! The words that every report shares: times, counts, lists, and the sentences of the answer.

use std::fmt::Write;

use jiff::Timestamp;

use crate::model::{CheckId, Counts, MergedShard, Report, RunVerdict};

/// A time in the unit a person would use: `<1 ms`, `84 ms`, `2.1 s`, `3 min 04 s`.
pub(super) fn took(microseconds: u64) -> String {
    let milliseconds = microseconds / 1_000;
    match milliseconds {
        0 => "<1 ms".to_owned(),
        1..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => format!("{} min {:02} s", milliseconds / 60_000, milliseconds % 60_000 / 1_000),
    }
}

/// A point in time (UTC), to the second.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `1 check`, `2 checks`.
pub(super) fn number(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Check ids in backticks, at most `most` of them: `` `a/b`, `a/c` and 3 more ``.
pub(super) fn names(ids: &[&CheckId], most: usize) -> String {
    let shown: Vec<String> = ids.iter().take(most).map(|id| format!("`{id}`")).collect();
    match ids.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The answer with its reach: `NOT READY`, `READY of a selection`, `READY of shard 2/3`.
pub(super) fn headline(report: &Report) -> String {
    let reach = match (report.plan.shard(), report.plan.selection.is_partial()) {
        (Some(shard), is_partial) => {
            format!(" of shard {}/{}{}", shard.number, shard.of, if is_partial { " of a selection" } else { "" })
        }
        (None, true) => " of a selection".to_owned(),
        (None, false) => String::new(),
    };
    format!("{}{reach}", report.verdict)
}

/// Why the answer is what it is, in a sentence or two.
pub(super) fn answer(report: &Report) -> String {
    let deciding = report.causes.iter().filter(|cause| cause.decides).count();
    let mut sentences = Vec::new();
    match (report.verdict, deciding) {
        (RunVerdict::Ready, _) if report.plan.strict => {
            sentences.push("Every check that applies passed.".to_owned());
        }
        (RunVerdict::Ready, _) => {
            sentences.push("Every required check that applies passed.".to_owned());
        }
        (_, 0) if report.counts.pass == 0 => {
            sentences.push("No check passed, so nothing was shown.".to_owned());
        }
        (_, 0) => sentences.push("Not every required check could be decided.".to_owned()),
        (RunVerdict::NotReady, 1) => sentences.push("1 cause keeps it from ready.".to_owned()),
        (RunVerdict::NotReady, many) => {
            sentences.push(format!("{many} causes keep it from ready."));
        }
        (RunVerdict::Incomplete, many) => sentences
            .push(format!("Nothing was seen to fail, but {} kept it from being decided.", number(many, "cause"))),
    }
    match report.counts.not_run {
        0 => {}
        1 => sentences.push("1 check has no result.".to_owned()),
        many => sentences.push(format!("{many} checks have no result.")),
    }
    sentences.join(" ")
}

/// How many checks ended how; what did not occur is left out.
pub(super) fn counted(report: &Report) -> String {
    let Counts { planned, pass, skip, warn, not_run, blocked, error, fail } = report.counts;
    let waived = report.rows.iter().filter(|row| row.result.waived).count();
    let skipped = match waived {
        0 => "skipped as declared".to_owned(),
        _ => format!("skipped as declared ({waived} by waiver)"),
    };
    let parts = [
        (fail, "failed"),
        (error, "could not be decided"),
        (blocked, if fail + error > 0 { "blocked by them" } else { "blocked" }),
        (not_run, "not run"),
        (warn, "warned"),
        (skip, skipped.as_str()),
    ];
    let mut text = format!("{planned} planned, {} reported: {pass} passed", report.rows.len());
    for (count, words) in parts.into_iter().filter(|(count, _)| *count > 0) {
        // Writing into a `String` cannot fail.
        let _ = write!(text, ", {count} {words}");
    }
    text.push('.');
    text
}

/// What a reader must know when the run did not come to its own end.
pub(super) fn cut_short(report: &Report) -> Option<String> {
    let after = took(report.took_ms() * 1_000);
    if let Some(sentence) = missing_shards(report.plan.merged()) {
        return Some(sentence);
    }
    match report.interrupted {
        Some(signal) => Some(format!("The run was interrupted by signal {signal} after {after}.")),
        None if !report.complete => {
            Some(format!("The run did not come to its own end: this is what its journal held after {after}."))
        }
        None => None,
    }
}

/// Which parts of a joined run have told nothing, or not everything.
fn missing_shards(shards: &[MergedShard]) -> Option<String> {
    let list = |what: &str, wanted: &dyn Fn(&&MergedShard) -> bool| {
        let names: Vec<String> =
            shards.iter().filter(wanted).map(|shard| format!("{}/{}", shard.number, shard.of)).collect();
        (!names.is_empty()).then(|| format!("Shard {} {what}.", names.join(", ")))
    };
    let is_cut_short = |shard: &&MergedShard| shard.ran.as_ref().is_some_and(|ran| !ran.complete);
    let sentences =
        [list("is missing", &|shard| shard.ran.is_none()), list("did not come to its own end", &is_cut_short)];
    let sentences: Vec<String> = sentences.into_iter().flatten().collect();
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_the_unit_a_person_would_use() {
        let cases = [
            (0, "<1 ms"),
            (999, "<1 ms"),
            (1_000, "1 ms"),
            (999_999, "999 ms"),
            (1_000_000, "1.0 s"),
            (2_199_000, "2.1 s"),
            (59_999_000, "59.9 s"),
            (184_000_000, "3 min 04 s"),
        ];
        for (microseconds, expected) in cases {
            assert_eq!(took(microseconds), expected);
        }
    }

    #[test]
    fn a_long_list_of_names_says_how_many_are_left_out() {
        let ids: Vec<CheckId> = ["a/b", "a/c", "a/d"].map(|id| id.parse().expect("an id")).into();
        let ids: Vec<&CheckId> = ids.iter().collect();
        assert_eq!(names(&ids, 3), "`a/b`, `a/c`, `a/d`");
        assert_eq!(names(&ids, 1), "`a/b` and 2 more");
    }
}
