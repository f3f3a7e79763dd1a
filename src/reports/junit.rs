//! `junit.xml`: one suite for each service, one case for each planned check, exactly one result in each case.

use std::fmt::Write;

use junit_report::{Duration, OffsetDateTime, Report as Document, TestCase, TestResult, TestSuite, TestSuiteBuilder};

use crate::model::{Report, Row, Verdict, clip, one_line};

use super::{
    finding::{fields, observed},
    wording::{headline, moment},
    xml::xml_clean,
};

/// Bytes of one case's text; consumers give up on reports of some ten megabytes.
const LONGEST_BODY: usize = 16 * 1024;
/// Characters of a message, which is one line in every consumer.
const LONGEST_MESSAGE: usize = 1_000;

/// The report as JUnit XML in the dialect that Jenkins, GitLab and GitHub's readers share.
///
/// `failure` means the system is not as required, `error` that it could not be told. Names are the check ids, literal
/// and unique: several consumers keep only one of two cases of the same name.
///
/// # Panics
/// Never: writing into memory does not fail, and every text was made legal before.
#[must_use]
pub fn junit(report: &Report) -> String {
    let mut document = Document::new();
    for service in &report.services {
        document.add_testsuite(suite(report, &service.service));
    }
    let mut bytes = Vec::new();
    document.write_xml(&mut bytes).expect("writing into memory does not fail");
    let xml = String::from_utf8_lossy(&bytes);
    // The crate gives its root no attributes. It is the first element, so the first match is the root.
    xml.replacen("<testsuites", &root(report, &document), 1) + "\n"
}

fn root(report: &Report, document: &Document) -> String {
    let sum = |count: fn(&TestSuite) -> usize| document.testsuites().iter().map(count).sum::<usize>();
    let milliseconds = report.took_ms();
    format!(
        "<testsuites name=\"soma-conformance\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{}.{:03}\"",
        sum(TestSuite::tests),
        sum(TestSuite::failures),
        sum(TestSuite::errors),
        milliseconds / 1_000,
        milliseconds % 1_000,
    )
}

fn suite(report: &Report, service: &str) -> TestSuite {
    let rows = report.rows.iter().filter(|row| row.check.id.service() == service);
    // The crate prints years up to 9999 and panics beyond; a journal may be anybody's.
    let started = report.started.as_second().clamp(0, 253_402_300_799);
    let mut suite = TestSuiteBuilder::new(service)
        .set_timestamp(OffsetDateTime::from_unix_timestamp(started).unwrap_or(OffsetDateTime::UNIX_EPOCH))
        .set_system_out(&xml_clean(&provenance(report)))
        .add_testcases(rows.map(|row| case(report, row)))
        .build();
    suite.package = format!("soma.{service}");
    suite.hostname = line(&report.provenance.host, 200);
    suite
}

fn provenance(report: &Report) -> String {
    format!(
        "{}: soma-conformance {}, run {}, profile {}, from {}, started {}, configuration {}, catalogue {}",
        headline(report),
        one_line(&clip(&report.provenance.version, 100)),
        report.plan.run,
        report.plan.profile,
        one_line(&clip(&report.provenance.vantage, 200)),
        moment(report.started),
        one_line(&clip(&report.plan.configuration_digest, 100)),
        one_line(&clip(&report.plan.catalogue_digest, 100)),
    )
}

fn case(report: &Report, row: &Row) -> TestCase {
    let id = row.check.id.as_str();
    // Three decimals: what Jenkins' schema allows.
    let milliseconds = i64::try_from(row.result.took_us / 1_000).unwrap_or(i64::MAX);
    let mut case = TestCase::success(id, Duration::milliseconds(milliseconds));
    case.set_classname(&format!("soma.{}", row.check.id.service()));
    let message = line(&observed(row), LONGEST_MESSAGE);
    match row.result.verdict {
        Verdict::Pass if row.result.attempts > 1 => {
            case.set_system_out(&format!("passed after {} attempts", row.result.attempts));
        }
        Verdict::Pass => {}
        // With `--strict` a warning decides, and a consumer of this file must see that.
        Verdict::Fail | Verdict::Warn if report.decides(row) || row.result.verdict == Verdict::Fail => {
            case.result = TestResult::Failure { type_: class(row), message, cause: Some(body(report, row)) };
        }
        Verdict::Fail | Verdict::Warn => {
            case.set_system_out(&format!("warn: {message}\n\n{}", body(report, row)));
        }
        Verdict::Error | Verdict::NotRun => {
            case.result = TestResult::Error { type_: class(row), message, cause: Some(body(report, row)) };
        }
        Verdict::Blocked => {
            let message = match &row.result.root {
                Some(root) => format!("blocked by {root}"),
                None => message,
            };
            case.result = TestResult::SkippedWithCause { type_: class(row), message, cause: None };
        }
        Verdict::Skip => {
            case.result = TestResult::SkippedWithCause { type_: class(row), message, cause: None };
        }
    }
    case
}

/// The class of trouble where there is one, else the verdict: what a consumer groups by.
fn class(row: &Row) -> String {
    let trouble = row.result.trouble.as_ref().map(|trouble| trouble.class.as_str());
    let word = if row.result.waived { "waived" } else { row.result.verdict.word() };
    line(trouble.unwrap_or(word), 100)
}

fn line(text: &str, most: usize) -> String {
    xml_clean(&clip(&one_line(text), most))
}

/// The whole box as text.
fn body(report: &Report, row: &Row) -> String {
    let mut text = format!("{}\n", row.check.title);
    for field in fields(report, row) {
        let indented = field.text.replace('\n', "\n                ");
        // Writing into a `String` cannot fail.
        let _ = writeln!(text, "{:<14}: {indented}", field.label);
    }
    let mut text = xml_clean(&text);
    if text.len() > LONGEST_BODY {
        text.truncate(text.floor_char_boundary(LONGEST_BODY));
        text.push_str("…\n(cut at 16 KiB; the whole stands in results.json)\n");
        // A cut cannot make `]]>`: nothing that is left was changed.
    }
    text
}
