//! What GitHub shows beside a job: the summary and the annotations.

use crate::model::{Report, Row, Verdict, clip, one_line, printable};

use super::{
    finding::observed,
    log_safe::log_safe,
    markdown::{JOB_SUMMARY_BYTES, markdown},
    wording::{answer, headline},
};

/// Annotations of one step; GitHub shows no more than about ten.
const MOST_ANNOTATIONS: usize = 10;

/// The text for the file that `GITHUB_STEP_SUMMARY` names. Appended whole or not at all: it stays under the limit.
#[must_use]
pub fn job_summary(report: &Report) -> String {
    markdown(report, JOB_SUMMARY_BYTES)
}

/// Workflow commands, one a line: the answer first, then a line for each cause, where its stanza or vector is written.
///
/// Everything foreign is percent-encoded as the runner asks for, so it cannot begin a line or a property.
#[must_use]
pub fn annotations(report: &Report) -> String {
    let deciding = |row: &&Row| report.causes.iter().any(|cause| cause.decides && cause.id == row.check.id);
    let causes: Vec<&Row> = report
        .causes
        .iter()
        .filter_map(|cause| report.row(&cause.id))
        .filter(deciding)
        .take(MOST_ANNOTATIONS - 1)
        .collect();
    let kind = match report.verdict {
        crate::model::RunVerdict::Ready => "notice",
        _ => "error",
    };
    let mut lines = vec![format!(
        "::{kind} title={}::{}",
        property(&format!("{}: profile {}", headline(report), report.plan.profile)),
        message(&answer(report))
    )];
    lines.extend(causes.into_iter().map(annotation));
    lines.join("\n") + "\n"
}

fn annotation(row: &Row) -> String {
    let kind = if row.result.verdict == Verdict::Warn { "warning" } else { "error" };
    let place = row.check.vector.as_ref().unwrap_or(&row.check.source);
    let title = format!("{}: {}", row.check.id, row.check.title);
    let text = format!("{}\ndo next: {}", clip(&observed(row), 1_000), clip(&row.check.remedy, 1_000));
    format!(
        "::{kind} title={},file={},line={},col={}::{}",
        property(&clip(&one_line(&title), 200)),
        property(&clip(&one_line(&place.file), 400)),
        place.line,
        place.column,
        message(&text)
    )
}

/// The part after the second `::`.
fn message(text: &str) -> String {
    encoded(text)
}

/// A value of a property: it ends at a comma, and the command at a colon.
fn property(text: &str) -> String {
    encoded(text).replace(':', "%3A").replace(',', "%2C")
}

fn encoded(text: &str) -> String {
    // `%` first, or the encodings would be encoded.
    log_safe(&printable(text)).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_end_its_property_or_its_line() {
        assert_eq!(property("a,b:c\nd%"), "a%2Cb%3Ac%0Ad%25");
        assert_eq!(message("x\n::error::y"), "x%0A::error::y");
    }
}
