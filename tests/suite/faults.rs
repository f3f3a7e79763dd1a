//! A probe that misbehaves costs its own check, or its worker, and nothing else.

use std::{collections::BTreeMap, fs, path::Path, sync::OnceLock};

use serde_json::Value;
use soma_stack::Stack;

use crate::{
    secrets::{Outputs, WITHOUT_DISK, canaries},
    servers,
};

/// The same program with the probes that misbehave.
const WITH_FAULTS: &str = env!("CARGO_BIN_EXE_soma-conformance-with-faults");

/// Runs every check, and those of these files besides.
fn run(stack: &Stack, faults: &[&str], arguments: &[&str]) -> Outputs {
    let folder = tempfile::tempdir().expect("a folder");
    for name in faults {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/suite/faults/{name}.yaml"));
        fs::copy(&from, folder.path().join(format!("{name}.yaml"))).expect("copied");
    }
    let checks = folder.path().to_str().expect("text");
    let arguments = [&["--checks", checks], &WITHOUT_DISK[..], arguments].concat();
    let outputs = Outputs::of(WITH_FAULTS, &stack.config_path(), &arguments, |_, _| {});
    outputs.assert_clean(&canaries(stack), &faults.join(", "));
    outputs
}

fn results(outputs: &Outputs) -> Value {
    serde_json::from_slice(&outputs.places["results.json"]).expect("JSON")
}

/// The verdict of every planned check of a run within its deadline; the ids of the plan and of the results are the same.
fn verdicts(outputs: &Outputs) -> BTreeMap<String, String> {
    let results = results(outputs);
    let (took, bound) = (&results["run"]["took_ms"], &results["run"]["deadline_ms"]);
    assert!(took.as_u64().expect("a time") < bound.as_u64().expect("a time"), "{took} ms of {bound} ms");
    let word = |value: &Value| value.as_str().expect("a text").to_owned();
    let found: BTreeMap<String, String> = results["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .map(|check| (word(&check["id"]), word(&check["verdict"])))
        .collect();
    let first = outputs.text("journal.ndjson").lines().next().expect("a first line").to_owned();
    let first: Value = serde_json::from_str(&first).expect("JSON");
    let planned: Vec<String> =
        first["plan"]["checks"].as_array().expect("a plan").iter().map(|check| word(&check["id"])).collect();
    assert!(planned.len() > 100, "only {} checks", planned.len());
    assert!(planned.iter().all(|id| found.contains_key(id)) && planned.len() == found.len(), "planned is not reported");
    found
}

/// What the checks of the program say without any fault.
fn healthy(stack: &Stack) -> &'static BTreeMap<String, String> {
    static HEALTHY: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    HEALTHY.get_or_init(|| {
        let outputs = run(stack, &[], &[]);
        assert_eq!(outputs.code, Some(0), "{}", outputs.text("standard output"));
        verdicts(&outputs)
    })
}

/// The faults have these verdicts and every other check has its own.
fn assert_isolated(stack: &Stack, outputs: &Outputs, expected: &[(&str, &str)]) {
    let mut seen = verdicts(outputs);
    for (id, verdict) in expected {
        assert_eq!(seen.remove(*id).as_deref(), Some(*verdict), "{id}\n{}", outputs.text("standard output"));
    }
    // A warning may be about speed, and a probe that spins takes time from all others.
    let hard = |verdict: &str| if verdict == "warn" { "pass".to_owned() } else { verdict.to_owned() };
    for (id, verdict) in healthy(stack) {
        let now = seen.remove(id).unwrap_or_default();
        if id == "opa/decision-latency" {
            // It measures speed itself, and whoever spins takes that from all others.
            continue;
        }
        assert_eq!(hard(&now), hard(verdict), "{id}\n{}", outputs.text("standard output"));
    }
    assert!(seen.is_empty(), "more checks than expected: {seen:?}");
}

#[test]
fn a_probe_that_panics_leaks_or_prints_costs_nobody_else_anything() {
    let stack = servers::hardened();
    let outputs = run(&stack, &["panic", "leak", "print"], &[]);
    let mut expected = vec![
        ("fault/panic", "error"),
        ("fault/panic-late", "error"),
        ("fault/leak-facts", "fail"),
        ("fault/print", "pass"),
        // Its pass was forged on standard output.
        ("fault/never-passes", "fail"),
    ];
    let troubles = [0, 540, 560, 570, 580, 590, 594].map(|after| format!("fault/leak-trouble-{after}"));
    expected.extend(troubles.iter().map(|id| (id.as_str(), "fail")));
    assert_isolated(&stack, &outputs, &expected);
    assert_eq!(outputs.code, Some(1));
    let printed = outputs.text("standard output");
    assert!(printed.contains("the probe panicked: login failed with ***"), "{printed}");
    // What a library printed is not lost: it is a note.
    assert!(outputs.text("results.json").contains("what is this: ***"), "no note of what was printed");
}

#[test]
fn probes_that_spin_or_block_are_ended_at_their_deadline_and_cost_nobody_else_anything() {
    let stack = servers::hardened();
    let outputs = run(&stack, &["spin", "block"], &[]);
    let mut ids = ["spin-1", "spin-2", "spin-3", "spin-late", "block"].map(|name| format!("fault/{name}")).to_vec();
    ids.extend((1..=8).map(|number| format!("fault/block-late-{number}")));
    let expected: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), "error")).collect();
    assert_isolated(&stack, &outputs, &expected);
    assert_eq!(outputs.code, Some(2));
    for check in results(&outputs)["checks"].as_array().expect("checks") {
        if check["id"].as_str().is_some_and(|id| id.starts_with("fault/")) {
            let took = check["took_us"].as_u64().expect("a time");
            // How much later it is ended depends on the machine, which the spinning ones keep busy.
            assert!(took >= 1_000_000, "{}: {took} µs", check["id"]);
            assert_eq!(check["trouble"]["class"], "harness.deadline", "{}", check["id"]);
        }
    }
}

#[test]
fn a_library_that_prints_without_end_neither_fills_our_memory_nor_outlives_its_check() {
    let stack = servers::hardened();
    let outputs = run(&stack, &["flood"], &[]);
    assert_isolated(&stack, &outputs, &[("fault/flood", "error"), ("fault/long-lines", "pass")]);
    assert_eq!(outputs.code, Some(2));
    assert!(outputs.places["journal.ndjson"].len() < 4_000_000, "{} bytes", outputs.places["journal.ndjson"].len());
    assert!(outputs.text("results.json").contains("more lines, which are left out"));
}

#[test]
fn a_run_ends_in_time_also_when_its_worker_never_stops_talking() {
    let stack = servers::hardened();
    let outputs = run(&stack, &["flood"], &["fault/flood", "suite", "--deadline", "2s"]);
    let results = results(&outputs);
    assert_eq!(outputs.code, Some(2), "{}", outputs.text("standard output"));
    assert!(results["run"]["took_ms"].as_u64().expect("a time") < 9_000, "{}", results["run"]);
}

#[test]
fn a_library_that_ends_the_process_costs_the_run_its_worker_and_not_its_report() {
    let stack = servers::hardened();
    let outputs = run(&stack, &["exit"], &[]);
    assert_eq!(outputs.code, Some(2), "{}", outputs.text("standard output"));
    let seen = verdicts(&outputs);
    assert_eq!(seen["fault/exit"], "error");
    assert!(seen.values().any(|verdict| verdict == "not_run"), "{seen:?}");
    // Nothing is better than it was, and nothing is called bad that was not seen to be.
    for (id, verdict) in healthy(&stack) {
        let now = seen[id].as_str();
        assert!(now == verdict || matches!(now, "error" | "not_run"), "{id} was {verdict} and is {now}");
    }
    let told = outputs.text("readiness.md");
    // The libraries in C may not survive the end of their process: then it is a signal.
    let why = told.lines().find(|line| line.contains("the worker ended early"));
    assert!(why.is_some_and(|line| line.contains("exit code 0") || line.contains("signal 6")), "told is {why:?}");
}
