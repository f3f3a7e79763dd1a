//! One run on several machines: each check belongs to one of them, the whole is judged over all, and what is missing is said.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::Value;
use soma_stack::{Server, Stack};

use crate::{
    interruption::{signal, wait_for_events},
    program::{self, PROGRAM, soma, text},
    servers::redis,
};

/// Everything that a Redis alone can answer, and the suite on itself.
const SELECTION: [&str; 5] = [
    "redis",
    "suite/canary-real/redis",
    "suite/no-leftovers/redis",
    "suite/negative-controls",
    "suite/report-complete",
];

fn results(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("results.json")).expect("results.json");
    serde_json::from_str(&text).expect("JSON")
}

fn verdicts(results: &Value) -> BTreeMap<String, String> {
    let word = |value: &Value| value.as_str().expect("a text").to_owned();
    let checks = results["checks"].as_array().expect("checks");
    checks.iter().map(|check| (word(&check["id"]), word(&check["verdict"]))).collect()
}

/// The shards of one run, side by side as machines would; their folders below `folder`.
fn shards(stack: &Stack, folder: &Path, group: &str, of: usize) -> Vec<PathBuf> {
    let folders: Vec<PathBuf> = (1..=of).map(|number| folder.join(format!("{group}-{number}"))).collect();
    let start = |(number, folder): (usize, &PathBuf)| {
        let shard = format!("{number}/{of}");
        let arguments = [&SELECTION[..], &["--shard", &shard, "--run-group", group]].concat();
        program::start(&stack.config_path(), folder, &arguments)
    };
    let children: Vec<_> = (1..).zip(&folders).map(start).collect();
    for child in children {
        let output = child.wait_with_output().expect("ended");
        assert!(matches!(output.status.code(), Some(0 | 1)), "{:?}", text(&output));
    }
    folders
}

fn merge(journals: &[&PathBuf], into: &Path) -> Output {
    let mut command = soma(&["merge"]);
    command.args(journals).arg("--report-dir").arg(into).output().expect("runs")
}

#[test]
fn the_shards_of_a_run_are_joined_into_the_whole() {
    let stack = redis();
    let folder = tempfile::tempdir().expect("a folder");
    let whole = folder.path().join("whole");
    let alone = program::start(&stack.config_path(), &whole, &SELECTION).wait_with_output().expect("ended");
    assert_eq!(alone.status.code(), Some(0), "{:?}", text(&alone));
    let parts = shards(&stack, folder.path(), "night", 3);

    let mut owned: Vec<String> = Vec::new();
    for (number, part) in (1..).zip(&parts) {
        let results = results(part);
        assert_eq!(results["run"]["shard"]["number"], number);
        let checks = results["checks"].as_array().expect("checks");
        let own: Vec<&Value> = checks.iter().filter(|check| check["shard"] == number).collect();
        assert_eq!(results["run"]["shard"]["checks"], own.len());
        assert!(!own.is_empty() && own.len() < checks.len(), "its own, and what they need");
        owned.extend(own.iter().map(|check| check["id"].as_str().expect("an id").to_owned()));
        assert_eq!(verdicts(&results)["suite/report-complete"], "pass", "planned = reported in each shard");
        let page = fs::read_to_string(part.join("readiness.md")).expect("readiness.md");
        assert!(page.starts_with(&format!("# READY of shard {number}/3")), "a shard is not the whole: {page}");
    }
    let planned = verdicts(&results(&whole));
    assert_eq!(owned.len(), planned.len(), "each check belongs to exactly one shard");
    assert_eq!(owned.into_iter().collect::<BTreeSet<_>>(), planned.keys().cloned().collect());

    let joined = folder.path().join("joined");
    // The order in which they are named means nothing, and one that is named twice is one.
    let output = merge(&[&parts[2], &parts[0], &parts[1], &parts[0]], &joined);
    assert_eq!(output.status.code(), Some(0), "{:?}", text(&output));
    let of_joined = results(&joined);
    assert_eq!(verdicts(&of_joined), planned);
    assert_eq!(of_joined["complete"], true);
    let shards = of_joined["run"]["shards"].as_array().expect("provenance");
    assert!(shards.iter().all(|shard| shard["ran"]["complete"] == true && shard["ran"]["run"].is_string()));
    assert_eq!(shards.len(), 3);
    let page = fs::read_to_string(joined.join("readiness.md")).expect("readiness.md");
    assert!(page.contains("shard") && page.contains("3/3"), "{page}");

    // The journal of the whole makes the same reports again.
    let again = folder.path().join("again");
    let journal = joined.join("journal.ndjson");
    let output = soma(&["report", "--from"]).arg(&journal).arg("--report-dir").arg(&again).output().expect("runs");
    assert_eq!(output.status.code(), Some(0), "{:?}", text(&output));
    assert_eq!(results(&again), of_joined);
}

#[test]
fn a_stopped_server_is_one_red_root_of_the_whole() {
    let stack = redis();
    let folder = tempfile::tempdir().expect("a folder");
    stack.pause(Server::Redis).expect("paused");
    let parts = shards(&stack, folder.path(), "stopped", 3);
    stack.resume(Server::Redis).expect("resumed");
    let red = |results: &Value| {
        let is_red = |verdict: &str| ["fail", "error", "not_run"].contains(&verdict);
        verdicts(results).into_iter().filter(|(_, verdict)| is_red(verdict)).map(|(id, _)| id).collect::<Vec<_>>()
    };
    let seen = parts.iter().filter(|part| red(&results(part)) == ["redis/ping"]).count();
    assert!(seen > 1, "the premise: more than one shard met the root");

    let joined = folder.path().join("joined");
    let output = merge(&parts.iter().collect::<Vec<_>>(), &joined);
    assert_eq!(output.status.code(), Some(1), "{:?}", text(&output));
    let joined = results(&joined);
    assert_eq!(red(&joined), ["redis/ping"]);
    assert_eq!(joined["causes"].as_array().expect("causes").len(), 1);
    for check in joined["checks"].as_array().expect("checks").iter().filter(|check| check["verdict"] == "blocked") {
        assert_eq!(check["root"], "redis/ping", "{}", check["id"]);
    }
    assert_eq!(verdicts(&joined)["suite/report-complete"], "pass", "judged over the whole");
}

#[test]
fn a_missing_or_killed_shard_is_never_ready() {
    let stack = redis();
    let folder = tempfile::tempdir().expect("a folder");
    let parts = shards(&stack, folder.path(), "cut", 2);
    let joined = folder.path().join("missing");
    let output = merge(&[&parts[0]], &joined);
    assert_eq!(output.status.code(), Some(2), "{:?}", text(&output));
    let missing = results(&joined);
    assert_eq!(missing["verdict"], "INCOMPLETE");
    assert_eq!(missing["run"]["shards"][1]["ran"], Value::Null);
    let lost: Vec<_> =
        missing["checks"].as_array().expect("checks").iter().filter(|check| check["verdict"] == "not_run").collect();
    assert!(!lost.is_empty());
    assert!(
        lost.iter().all(|check| check["observed"].as_str().is_some_and(|text| text.contains("shard 2/2 is missing")))
    );
    let page = fs::read_to_string(joined.join("readiness.md")).expect("readiness.md");
    assert!(page.contains("Shard 2/2 is missing."), "{page}");

    // The machine of the second shard is switched off in the middle of its run.
    let killed = folder.path().join("killed");
    stack.pause(Server::Redis).expect("paused");
    let arguments = [&SELECTION[..], &["--shard", "2/2", "--run-group", "cut", "--wait", "40s"]].concat();
    let mut child = program::start(&stack.config_path(), &killed, &arguments);
    wait_for_events(&mut child, &killed, 4);
    signal(child.id(), "KILL");
    child.wait().expect("ended");
    stack.resume(Server::Redis).expect("resumed");
    let joined = folder.path().join("with-killed");
    let output = merge(&[&parts[0], &killed], &joined);
    assert_eq!(output.status.code(), Some(2), "{:?}", text(&output));
    assert!(text(&output).0.contains("Shard 2/2 did not come to its own end."), "{:?}", text(&output));

    // A second attempt of the same shard does not undo the first by itself: somebody must say which one counts.
    let output = merge(&[&parts[0], &killed, &parts[1]], &joined);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).1.contains("are both shard 2 of 2"), "{:?}", text(&output));
}

#[test]
fn journals_that_are_not_of_one_run_are_refused() {
    let stack = redis();
    let folder = tempfile::tempdir().expect("a folder");
    let tonight = shards(&stack, folder.path(), "tonight", 2);
    let yesterday = shards(&stack, folder.path(), "yesterday", 2);
    let whole = folder.path().join("whole");
    program::start(&stack.config_path(), &whole, &SELECTION).wait().expect("ended");
    // The same group, but a waiver more: another configuration.
    let other = folder.path().join("other.yaml");
    let config = fs::read_to_string(stack.config_path()).expect("a configuration")
        + "\nwaivers: [{check: redis/ping, owner: me, reason: test, expires: 2099-01-01}]\n";
    fs::write(&other, config).expect("written");
    let reconfigured = folder.path().join("reconfigured");
    let arguments = [&SELECTION[..], &["--shard", "2/2", "--run-group", "tonight"]].concat();
    let output = program::start(&other, &reconfigured, &arguments).wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(0), "{:?}", text(&output));

    let into = folder.path().join("into");
    let cases: [(&[&PathBuf], &str); 4] = [
        (&[&tonight[0], &yesterday[1]], "its run group is `yesterday`, not `tonight`"),
        (&[&tonight[0], &whole], "is the journal of a whole run, not of a shard"),
        (&[&tonight[0], &reconfigured], "its configuration's digest is"),
        (&[&folder.path().join("nowhere")], "failed to read"),
    ];
    for (journals, expected) in cases {
        let output = merge(journals, &into);
        let (_, err) = text(&output);
        assert_eq!(output.status.code(), Some(3), "{err}");
        assert!(err.contains(expected) && err.contains("hint:"), "{expected}: {err}");
        assert!(!into.join("results.json").exists(), "nothing is written");
    }
    // The truth of a shard is not overwritten by the whole.
    let output = merge(&[&tonight[0], &tonight[1]], &tonight[0]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).1.contains("holds the journal of a shard"), "{:?}", text(&output));
    assert_eq!(results(&tonight[0])["run"]["shard"]["number"], 1);
}

#[test]
fn an_indexed_job_needs_no_argument() {
    let stack = redis();
    let folder = tempfile::tempdir().expect("a folder");
    let run = |index: Option<&str>, group: Option<&str>| {
        let mut command = program::run_command(PROGRAM, &stack.config_path(), folder.path(), &["redis"]);
        command.env("SOMA_CONFORMANCE_SHARD", "auto/3");
        command.envs(index.map(|index| ("JOB_COMPLETION_INDEX", index)));
        command.envs(group.map(|group| ("SOMA_CONFORMANCE_RUN_GROUP", group)));
        let output = command.output().expect("runs");
        (output.status.code(), text(&output).1)
    };
    let (code, err) = run(Some("1"), Some("job-uid"));
    assert_eq!(code, Some(0), "{err}");
    let shard = results(folder.path())["run"]["shard"].clone();
    assert_eq!((&shard["number"], &shard["of"], &shard["group"]), (&2.into(), &3.into(), &"job-uid".into()));
    for (index, group, expected) in [
        (Some("1"), None, "a shard needs a run group"),
        (None, Some("job-uid"), "JOB_COMPLETION_INDEX is not set"),
        (Some("3"), Some("job-uid"), "which is not below 3"),
    ] {
        let (code, err) = run(index, group);
        assert_eq!(code, Some(3), "{err}");
        assert!(err.contains(expected), "{expected}: {err}");
    }
}
