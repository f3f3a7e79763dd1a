//! What the reports look like, kept as files that people read in a review: `UPDATE_GOLDENS=1 cargo test` rewrites them.

use std::{fs, path::PathBuf};

use soma_conformance::{
    model::Report,
    reports::{TerminalOptions, annotations, job_summary, junit, results, terminal},
};

use crate::runs;

fn everything(report: &Report) -> [(&'static str, String); 5] {
    let directory = PathBuf::from("target/soma-conformance");
    let options = TerminalOptions { width: 100, colour: false };
    [
        ("junit.xml", junit(report)),
        ("readiness.md", job_summary(report)),
        ("results.json", results(report)),
        ("terminal.txt", terminal(report, Some(&directory), options)),
        ("annotations.txt", annotations(report)),
    ]
}

/// Compares with the files under `reports/`, or rewrites them when asked to.
pub(crate) fn assert_is_golden(path: &str, text: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("reports").join(path);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::create_dir_all(file.parent().expect("a folder")).expect("the folder");
        fs::write(&file, text).expect("the golden");
        return;
    }
    let golden = fs::read_to_string(&file).unwrap_or_default();
    let line = golden.lines().zip(text.lines()).position(|(golden, text)| golden != text);
    assert!(
        golden == text,
        "`reports/{path}` is stale (first difference in line {:?}); UPDATE_GOLDENS=1 cargo test --test reports rewrites it",
        line.map(|line| line + 1)
    );
}

fn assert_are_golden(name: &str, report: &Report) {
    for (file, text) in everything(report) {
        assert_is_golden(&format!("golden/{name}/{file}"), &text);
    }
}

#[test]
fn a_healthy_run() {
    assert_are_golden("healthy", &runs::healthy());
}

#[test]
fn a_failing_run() {
    assert_are_golden("failing", &runs::failing());
}

#[test]
fn an_interrupted_run() {
    assert_are_golden("interrupted", &runs::interrupted());
}

#[test]
fn a_run_against_a_hostile_server() {
    assert_are_golden("hostile", &runs::hostile(runs::POISON));
}

#[test]
fn a_healthy_report_is_short() {
    let text = job_summary(&runs::healthy());
    let (shown, _folded) = text.split_once("<details>").expect("a folded list");
    assert!(shown.lines().count() < 35, "{shown}");
}
