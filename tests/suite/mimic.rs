//! The checks as tests of `cargo test` and nextest: listed, chosen and told in libtest's words, by the same engine.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use soma_stack::{Server, Stack};

use crate::{
    program::{soma, text},
    servers::redis,
};

/// The program as a test binary.
fn mimic(stack: &Stack, arguments: &[&str]) -> Command {
    let mut command = soma(arguments);
    command.env("SOMA_CONFORMANCE_CONFIG", stack.config_path());
    command
}

fn finished(mut command: Command) -> (i32, String) {
    let output: Output = command.output().expect("runs");
    let (out, err) = text(&output);
    (output.status.code().unwrap_or(-1), format!("{out}{err}"))
}

fn planned(stack: &Stack) -> Vec<Value> {
    let output = soma(&["list", "--format", "json", "--config"]).arg(stack.config_path()).output().expect("runs");
    let listed: Value = serde_json::from_str(&text(&output).0).expect("JSON");
    listed["checks"].as_array().expect("checks").clone()
}

#[test]
fn every_planned_check_is_listed_as_one_test() {
    let stack = redis();
    let (code, printed) = finished(mimic(&stack, &["--list", "--format", "terse"]));
    assert_eq!(code, 0, "{printed}");
    let mut listed: Vec<String> = printed.lines().map(str::to_owned).collect();
    let mut expected: Vec<String> =
        planned(&stack).iter().map(|check| format!("{}: test", check["id"].as_str().expect("an id"))).collect();
    listed.sort();
    expected.sort();
    assert!(expected.len() > 100);
    assert_eq!(listed, expected);
    // None is ignored before it ran: nextest asks for these in a call of its own.
    let (code, printed) = finished(mimic(&stack, &["--list", "--format", "terse", "--ignored"]));
    assert_eq!((code, printed.as_str()), (0, ""));
}

#[test]
fn an_exact_name_runs_that_check_and_what_it_needs_and_leaves_the_whole_report() {
    let stack = redis();
    let folder = tempfile::tempdir().expect("a folder");
    // nextest calls a test so.
    for words in [&["--exact", "redis/ping", "--nocapture"][..], &["redis/ping", "--exact"]] {
        let mut command = mimic(&stack, words);
        command.env("SOMA_CONFORMANCE_REPORT_DIR", folder.path());
        let (code, printed) = finished(command);
        assert_eq!(code, 0, "{printed}");
        assert!(printed.contains("1 passed") && printed.contains("test redis/ping"), "{printed}");
        assert!(!printed.contains("redis/tcp"), "only what was asked for is told: {printed}");
        let results: Value =
            serde_json::from_slice(&std::fs::read(folder.path().join("results.json")).expect("results")).expect("JSON");
        assert_eq!(results["complete"], true, "{words:?}: the process ended before its report");
        assert_eq!(results["verdict"], "READY");
        let ids: Vec<&str> =
            results["checks"].as_array().expect("checks").iter().filter_map(|check| check["id"].as_str()).collect();
        assert!(ids.contains(&"redis/tcp") && ids.contains(&"redis/ping") && ids.len() < 10, "with its needs: {ids:?}");
        for name in ["junit.xml", "readiness.md"] {
            assert!(folder.path().join(name).exists(), "{name}");
        }
    }
}

#[test]
fn a_part_of_a_name_chooses_and_skip_leaves_out() {
    let stack = redis();
    let (code, printed) = finished(mimic(&stack, &["redis/", "--skip", "redis/ping", "--test-threads", "4"]));
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("test redis/tcp") && !printed.contains("test redis/ping "), "{printed}");
    assert!(!printed.contains("test kafka/"), "{printed}");
    let (code, printed) = finished(mimic(&stack, &["--skip", "/", "--format", "pretty"]));
    assert!(code == 0 && printed.contains("0 passed; 0 failed"), "everything was left out: {printed}");
}

#[test]
fn a_test_that_runs_nothing_sends_nothing() {
    let stack = redis();
    stack.pause(Server::Redis).expect("paused");
    let folder = tempfile::tempdir().expect("a folder");
    for words in [&["--exact", "redis/nonsense"][..], &["--ignored", "redis/"], &["--exact", "redis/ping", "--bench"]] {
        let mut command = mimic(&stack, words);
        command.env("SOMA_CONFORMANCE_REPORT_DIR", folder.path().join("reports"));
        let (code, printed) = finished(command);
        assert_eq!(code, 0, "{words:?}: {printed}");
        assert!(printed.contains("0 passed; 0 failed"), "{words:?}: {printed}");
        assert!(!folder.path().join("reports").exists(), "{words:?} made a run");
    }
    stack.resume(Server::Redis).expect("resumed");
}

#[test]
fn a_red_check_is_a_failed_test_with_its_reason() {
    let stack = redis();
    stack.pause(Server::Redis).expect("paused");
    let (code, printed) = finished(mimic(&stack, &["--exact", "redis/ping"]));
    let (blocked_code, blocked) = finished(mimic(&stack, &["--exact", "redis/set-get-ttl"]));
    stack.resume(Server::Redis).expect("resumed");
    assert_eq!(code, 101, "{printed}");
    assert!(printed.contains("fail: ") && printed.contains("proto.timeout"), "{printed}");
    assert_eq!(blocked_code, 101, "{blocked}");
    assert!(blocked.contains("blocked by redis/ping"), "{blocked}");
}

#[test]
fn a_declared_skip_is_an_ignored_test_with_its_reason() {
    let stack = redis();
    let checks = planned(&stack);
    let skipped = checks.iter().find(|check| check["skip"].is_string()).expect("a declared skip");
    let (code, printed) = finished(mimic(&stack, &["--exact", skipped["id"].as_str().expect("an id")]));
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("0 passed; 0 failed; 1 ignored"), "{printed}");
    assert!(printed.contains(skipped["skip"].as_str().expect("a reason")), "{printed}");
}

#[test]
fn a_fault_in_the_configuration_is_told_before_any_test() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("soma-conformance.yaml");
    std::fs::write(&config, "profile: locl\n").expect("written");
    let mut command = soma(&["--exact", "redis/ping"]);
    command.env("SOMA_CONFORMANCE_CONFIG", &config);
    let (code, printed) = finished(command);
    assert_eq!(code, 3, "{printed}");
    assert!(printed.contains("locl") && !printed.contains("running"), "{printed}");
}

/// `cargo test --test conformance` with these words.
fn cargo_test(stack: &Stack, words: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    command.args([
        "test",
        "--quiet",
        "--locked",
        "--offline",
        "--package",
        "soma-conformance",
        "--test",
        "conformance",
    ]);
    // The same build as ours, or everything would be built again.
    if cfg!(feature = "faults") {
        command.args(["--features", "faults"]);
    }
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    command.arg("--").args(words).env("SOMA_CONFORMANCE_CONFIG", stack.config_path());
    finished(command)
}

#[test]
fn the_test_target_without_a_harness_runs_the_same_checks() {
    let stack = redis();
    let (code, listed) = cargo_test(&stack, &["--list", "--format", "terse"]);
    assert_eq!(code, 0, "{listed}");
    assert!(listed.lines().any(|line| line == "redis/ping: test"), "{listed}");
    let (code, printed) = cargo_test(&stack, &["--exact", "redis/ping"]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("1 passed"), "{printed}");
    stack.pause(Server::Redis).expect("paused");
    let (code, printed) = cargo_test(&stack, &["--exact", "redis/ping"]);
    stack.resume(Server::Redis).expect("resumed");
    assert_eq!(code, 101, "{printed}");
    assert!(printed.contains("proto.timeout"), "{printed}");
}
