//! The matrix of a report: one line for each service, one column for each verdict that occurs.

use crate::model::{Report, ServiceSummary, Verdict};

use super::wording::took;

/// One service.
pub(super) struct ServiceLine {
    /// Its name.
    pub(super) service: String,
    /// Its verdict in words.
    pub(super) words: &'static str,
    /// Whether the words are bad news.
    pub(super) is_bad: bool,
    /// One cell for each of [`columns`], then its time; a zero is empty.
    pub(super) cells: Vec<String>,
}

/// The verdicts that occur in the run.
pub(super) fn columns(report: &Report) -> Vec<Verdict> {
    let order =
        [Verdict::Pass, Verdict::Warn, Verdict::Fail, Verdict::Error, Verdict::Blocked, Verdict::NotRun, Verdict::Skip];
    order.into_iter().filter(|verdict| report.counts.of_verdict(*verdict) > 0).collect()
}

/// The lines, in the order of the plan.
pub(super) fn service_lines(report: &Report) -> Vec<ServiceLine> {
    let columns = columns(report);
    let line = |summary: &ServiceSummary| {
        let words = summary.words();
        let count = |verdict: &Verdict| match summary.counts.of_verdict(*verdict) {
            0 => String::new(),
            some => some.to_string(),
        };
        ServiceLine {
            service: summary.service.clone(),
            words,
            is_bad: matches!(words, "not ready" | "incomplete"),
            cells: columns.iter().map(count).chain([took(summary.span_us)]).collect(),
        }
    };
    report.services.iter().map(line).collect()
}
