//! `junit.xml` as parsers see it that nobody here wrote: Rust's roxmltree, Python's expat, Java's SAX.

use std::{fs, path::Path, process::Command};

use soma_conformance::{
    model::{Report, Verdict},
    reports::junit,
};

use crate::runs;

/// One line for each case: class name, name, and its result elements.
fn expected(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for service in &report.services {
        for row in report.rows.iter().filter(|row| row.check.id.service() == service.service) {
            let result = match row.result.verdict {
                Verdict::Pass | Verdict::Warn => "pass",
                Verdict::Fail => "failure",
                Verdict::Error | Verdict::NotRun => "error",
                Verdict::Skip | Verdict::Blocked => "skipped",
            };
            lines.push(format!("soma.{}\t{}\t{result}", service.service, row.check.id));
        }
    }
    lines
}

fn as_roxmltree(xml: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(xml).expect("well-formed XML");
    let cases = document.descendants().filter(|node| node.has_tag_name("testcase"));
    cases
        .map(|case| {
            let results = case.children().filter(|child| child.is_element() && !child.has_tag_name("system-out"));
            let mut results: Vec<&str> = results.map(|child| child.tag_name().name()).collect();
            if results.is_empty() {
                results.push("pass");
            }
            let name = |attribute| case.attribute(attribute).expect("an attribute");
            format!("{}\t{}\t{}", name("classname"), name("name"), results.join("\t"))
        })
        .collect()
}

fn as_program(program: &str, script: &str, file: &Path) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports").join(script);
    let output =
        Command::new(program).arg(script).arg(file).output().unwrap_or_else(|error| {
            panic!("`{program}` is needed to read the report with a parser of its own: {error}")
        });
    assert!(output.status.success(), "{program} refuses the report: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

/// All poisons one after the other, and a text far above every cap.
fn worst() -> Report {
    runs::hostile(&(runs::POISONS.join("\n") + &"long ".repeat(200_000)))
}

#[test]
fn three_foreign_parsers_read_the_same_cases() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, report) in [("failing", runs::failing()), ("interrupted", runs::interrupted()), ("hostile", worst())] {
        let xml = junit(&report);
        let file = folder.path().join(name);
        fs::write(&file, &xml).expect("the file");
        let expected = expected(&report);
        assert_eq!(as_roxmltree(&xml), expected, "roxmltree, {name}");
        assert_eq!(as_program("python3", "etree_cases.py", &file), expected, "Python, {name}");
        assert_eq!(as_program("java", "SaxCases.java", &file), expected, "Java, {name}");
    }
}

#[test]
fn no_poison_breaks_the_file() {
    for poison in runs::POISONS {
        let report = runs::hostile(poison);
        assert_eq!(as_roxmltree(&junit(&report)), expected(&report), "{poison:?}");
    }
}

#[test]
fn one_case_stays_small_whatever_a_server_sends() {
    let xml = junit(&worst());
    let document = roxmltree::Document::parse(&xml).expect("well-formed XML");
    for case in document.descendants().filter(|node| node.has_tag_name("testcase")) {
        let size: usize =
            case.descendants().filter(roxmltree::Node::is_text).filter_map(|node| node.text()).map(str::len).sum();
        assert!(size < 20 * 1024, "{:?} has {size} bytes", case.attribute("name"));
    }
}

#[test]
fn times_have_at_most_three_decimals() {
    let xml = junit(&runs::failing());
    let document = roxmltree::Document::parse(&xml).expect("well-formed XML");
    let times: Vec<&str> = document.descendants().filter_map(|node| node.attribute("time")).collect();
    assert!(times.len() > 10, "{times:?}");
    for time in times {
        let decimals = time.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        assert!(decimals <= 3 && time.parse::<f64>().is_ok(), "{time}");
    }
}

#[test]
fn a_warning_that_decides_is_a_failure_in_the_file_too() {
    let strict = runs::failing_journal().plan(|plan, _| plan.strict = true).report();
    let line = "soma.postgres\tpostgres/version\t";
    assert!(as_roxmltree(&junit(&strict)).contains(&format!("{line}failure")));
    assert!(as_roxmltree(&junit(&runs::failing())).contains(&format!("{line}pass")));
}
