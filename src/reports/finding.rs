//! Everything a report says about one check, as labelled plain texts in the order of reading.
//!
//! JUnit, Markdown, terminal and annotations print the same box; only the markup differs. Texts are printable and
//! clipped here, and still have to be escaped for the markup they are written into.

use crate::model::{CheckId, CheckResult, Report, Row, Verdict, clip, likely_cause, printable};

use super::wording::{names, number, took};

/// Characters of one text of a box; a server's whole answer is never needed to see why it is wrong.
const LONGEST_TEXT: usize = 4_096;
/// Blocked checks named in a box.
const BLOCKED_NAMED: usize = 5;

/// One labelled text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// What the text is.
    pub(super) label: &'static str,
    /// The text: printable, clipped, possibly of several lines.
    pub(super) text: String,
    /// Where the text comes from.
    pub(super) origin: Origin,
}

/// Where a text comes from, and so how it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Written by a person in the catalogue; backticks mark code.
    Catalogue,
    /// Seen or sent on the wire: shown literally.
    Wire,
}

/// The box of one row: what was expected and observed, why, and what to do.
pub(super) fn fields(report: &Report, row: &Row) -> Vec<Field> {
    let check = &row.check;
    let texts = [
        ("expected", Origin::Wire, check.expect.describe()),
        ("observed", Origin::Wire, observed(row)),
        ("likely cause", Origin::Catalogue, why_likely(row)),
        ("do next", Origin::Catalogue, check.remedy.clone()),
        ("blocks", Origin::Catalogue, blocked_by(report, &check.id)),
        ("waiver", Origin::Catalogue, unused_waiver(report, row)),
        ("why it matters", Origin::Catalogue, check.why.clone()),
        ("proven by", Origin::Catalogue, proof(row)),
        ("time", Origin::Catalogue, spent(&row.result)),
        ("asked", Origin::Wire, asked(row)),
        ("written in", Origin::Wire, place(row)),
    ];
    texts
        .into_iter()
        .map(|(label, origin, text)| Field { label, text: shown(&text, LONGEST_TEXT), origin })
        .filter(|field| !field.text.is_empty())
        .collect()
}

/// The one sentence: what was observed, or why there is nothing to observe.
pub(super) fn observed(row: &Row) -> String {
    let result = &row.result;
    let judged = result.judgement.as_ref().map(|judgement| judgement.observed.as_str());
    let sentence = judged.filter(|text| !text.is_empty()).unwrap_or(&result.reason);
    let sentence = shown(sentence, LONGEST_TEXT);
    if sentence.is_empty() && result.verdict != Verdict::Pass {
        return "no reason was recorded".to_owned();
    }
    sentence
}

/// A text made printable, without outer space, of at most `most` characters.
pub(super) fn shown(text: &str, most: usize) -> String {
    // Clipped before as well, so that a huge text is not cleaned for nothing. Cleaning can only shorten by dropping.
    let text = clip(text, most.saturating_mul(4));
    clip(printable(&text).trim(), most)
}

fn why_likely(row: &Row) -> String {
    let judged = row.result.judgement.as_ref().map_or("", |judgement| judgement.likely_cause.as_str());
    let by_class = row.result.trouble.as_ref().map_or("", |trouble| likely_cause(&trouble.class));
    let declared = match row.result.verdict {
        Verdict::Fail | Verdict::Warn => row.check.likely_cause.as_str(),
        _ => "",
    };
    [judged, by_class, declared].into_iter().find(|text| !text.is_empty()).unwrap_or("").to_owned()
}

fn blocked_by(report: &Report, id: &CheckId) -> String {
    let Some(cause) = report.causes.iter().find(|cause| cause.id == *id) else {
        return String::new();
    };
    names(&cause.blocks.iter().collect::<Vec<_>>(), BLOCKED_NAMED)
}

/// A declared exception that did not excuse this row: it has expired, or it is for failures and this is another red.
fn unused_waiver(report: &Report, row: &Row) -> String {
    let Some(waiver) = row.check.waiver.as_ref().filter(|_| !row.result.waived) else {
        return String::new();
    };
    let today = report.started.to_zoned(jiff::tz::TimeZone::UTC).date();
    let state = if waiver.is_expired(today) {
        format!("expired after {}", waiver.expires)
    } else {
        format!("holds until {}, but excuses only failures", waiver.expires)
    };
    format!("{state}; owner {}: {}", waiver.owner, waiver.reason)
}

fn proof(row: &Row) -> String {
    match row.check.proven_by.as_slice() {
        [] => "unproven: no sabotage of a real server was seen to turn it red".to_owned(),
        sabotages => sabotages.join("; "),
    }
}

/// The time with its phases: where it went, and which step did not come to its end.
fn spent(result: &CheckResult) -> String {
    if result.attempts == 0 {
        return String::new();
    }
    let attempts = number(result.attempts as usize, "attempt");
    let phases = result.observation.as_ref().map_or(&[][..], |observation| &observation.phases);
    let steps: Vec<String> = phases
        .iter()
        .map(|phase| {
            let cut = if phase.done { "" } else { " (not finished)" };
            format!("{} {}{cut}", phase.name, took(phase.took_us))
        })
        .collect();
    let colon = if steps.is_empty() { "" } else { ": " };
    format!("{} in {attempts}{colon}{}", took(result.took_us), steps.join(", "))
}

fn asked(row: &Row) -> String {
    let peer = row.result.observation.as_ref().and_then(|observation| observation.peer.as_deref());
    let peer = peer.map(|peer| format!(" at {peer}")).unwrap_or_default();
    match &row.check.with {
        serde_json::Value::Null => format!("{}{peer}", row.check.probe),
        with => format!("{}{peer} with {with}", row.check.probe),
    }
}

fn place(row: &Row) -> String {
    match &row.check.vector {
        Some(vector) => format!("{vector}, asked by {}", row.check.source),
        None => row.check.source.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_printable_before_it_is_clipped() {
        assert_eq!(shown("\u{1b}[31mred\u{1b}[0m", 10), "red");
        assert_eq!(shown(&"x".repeat(1_000_000), 3), "xxx…");
        assert_eq!(shown("\u{202e}\u{202e}", 9), "\\u{202e}\\…");
        assert_eq!(shown(" \n ", 9), "");
    }
}
