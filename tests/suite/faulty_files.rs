//! Every fault of the data files at once, each at its place with a hint, and exit code 3: as the user sees it.
//!
//! Each folder under `faulty/` is one case; `expected.txt` is what the program prints about it. `UPDATE_GOLDENS=1` writes
//! it again.

use std::{fs, path::Path};

use crate::program::{soma, text};

fn check(case: &str, arguments: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/faulty").join(case);
    let output = soma(arguments).current_dir(&folder).output().expect("runs");
    let (out, err) = text(&output);
    assert_eq!(output.status.code(), Some(3), "{case}\n{out}{err}");
    assert_eq!(out, "", "{case}: nothing belongs on standard output");
    assert!(err.contains("nothing was sent"), "{case}\n{err}");
    let golden = folder.join("expected.txt");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(&golden, &err).expect("a golden is written");
    }
    let expected = fs::read_to_string(&golden).expect("a golden; write it with UPDATE_GOLDENS=1");
    assert_eq!(err, expected, "{case}: look at the difference, then UPDATE_GOLDENS=1");
}

const LINT: [&str; 5] = ["lint", "--profile", "local", "--checks", "."];

#[test]
fn many_faults_are_told_at_once() {
    check("many-at-once", &LINT);
}

#[test]
fn a_cycle_is_told_with_its_way() {
    check("cycle", &LINT);
}

#[test]
fn a_refusal_needs_its_control_and_its_acceptance() {
    check("refusal-without-acceptance", &LINT);
}

#[test]
fn a_stanza_that_expands_to_nothing_is_a_fault() {
    check("nothing-to-expand", &LINT);
}

#[test]
fn a_file_that_is_not_yaml_is_told_where_it_stops_being_it() {
    check("not-yaml", &LINT);
}

#[test]
fn faulty_vectors_are_told_at_their_place() {
    check("vectors", &LINT);
}

#[test]
fn a_faulty_configuration_is_told_without_its_secrets() {
    check("configuration", &["lint", "--config", "soma-conformance.yaml"]);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/faulty/configuration/expected.txt");
    let golden = fs::read_to_string(golden).expect("a golden");
    assert!(!golden.contains("literal-secret"), "a secret written into the wrong place is a secret all the same");
}

#[test]
fn what_would_be_without_effect_is_a_fault() {
    check("without-effect", &["lint", "--config", "soma-conformance.yaml"]);
}

#[test]
fn values_that_no_check_reads_are_faults() {
    check("unknown-values", &["lint", "--config", "soma-conformance.yaml"]);
}

#[test]
fn a_waiver_of_no_check_is_a_fault() {
    check("waiver-of-nothing", &["lint", "--config", "soma-conformance.yaml"]);
}

#[test]
fn missing_credentials_are_told_before_anything_is_sent() {
    check(
        "missing-credentials",
        &["run", "postgres", "vault", "redis", "--config", "soma-conformance.yaml", "--report-dir", "/nonexistent"],
    );
}

#[test]
fn a_folder_that_cannot_be_read_or_written_is_a_clear_error() {
    for (arguments, words) in [
        (vec!["lint", "--checks", "/nonexistent"], "/nonexistent"),
        (vec!["run", "--config", "/nonexistent.yaml"], "/nonexistent.yaml"),
        (vec!["report", "--from", "/nonexistent"], "/nonexistent"),
        (
            vec!["run", "suite/negative-controls", "--profile", "local", "--report-dir", "/dev/null/reports"],
            "--report-dir",
        ),
    ] {
        let output = soma(&arguments).output().expect("runs");
        let (out, err) = text(&output);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}\n{out}{err}");
        assert!(err.contains(words), "{arguments:?}\n{err}");
    }
}

#[test]
fn wrong_usage_is_told_with_a_hint_and_its_own_exit_code() {
    for (arguments, code, words) in [
        (vec!["run", "rediss", "--profile", "local"], 4, "did you mean `redis`?"),
        (vec!["run", "redis/[", "--profile", "local"], 3, "not a pattern"),
        (vec!["list", "--tag", "no-such-label", "--profile", "local"], 4, "loosen"),
        (vec!["explain", "redis/pin", "--profile", "local"], 3, "did you mean `redis/ping`?"),
        (vec!["run", "--deadline", "soon"], 3, "not a duration"),
        (vec!["run", "--profile", "locl"], 3, "known are local, dev, staging, prod"),
        (vec!["rnu"], 3, "unrecognized subcommand"),
        (vec![], 3, "Usage"),
    ] {
        let output = soma(&arguments).output().expect("runs");
        let (out, err) = text(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}{err}");
        assert!(err.contains(words), "{arguments:?}\n{err}");
    }
}

#[test]
fn help_version_and_completions_are_answers_and_not_errors() {
    for (arguments, words) in [
        (vec!["--help"], "Exit codes:"),
        (vec!["run", "--help"], "--read-only"),
        (vec!["--version"], env!("CARGO_PKG_VERSION")),
        (vec!["completions", "bash"], "complete"),
        (vec!["schema", "config"], "waivers"),
        (vec!["explain", "http.request"], "facts"),
    ] {
        let output = soma(&arguments).output().expect("runs");
        let (out, err) = text(&output);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}\n{err}");
        assert!(out.contains(words), "{arguments:?}\n{out}");
    }
}
