//! Two runs told apart, and many over time: what broke, what was repaired, what is not looked at any more, what flaps.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::Value;
use soma_stack::{Server, Stack};

use crate::{
    interruption::{signal, wait_for_events},
    program::{self, soma, text},
    servers::redis,
};

fn run(stack: &Stack, folder: &Path, arguments: &[&str]) -> Output {
    program::start(&stack.config_path(), folder, arguments).wait_with_output().expect("ended")
}

fn diff(old: &Path, new: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = soma(&["diff"]).arg(old).arg(new).args(arguments).output().expect("runs");
    let (out, err) = text(&output);
    (output.status.code(), out, err)
}

fn json(old: &Path, new: &Path, arguments: &[&str]) -> Value {
    let (_, out, _) = diff(old, new, &[&["--format", "json"], arguments].concat());
    serde_json::from_str(&out).expect("JSON")
}

/// The changes as `id change`.
fn changes(difference: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().expect("a text").to_owned();
    let all = difference["changes"].as_array().expect("changes");
    all.iter().map(|one| format!("{} {}", word(&one["id"]), word(&one["change"]))).collect()
}

/// A healthy and a broken run of one Redis.
fn healthy_and_broken(stack: &Stack, folder: &Path) -> (PathBuf, PathBuf) {
    let (healthy, broken) = (folder.join("healthy"), folder.join("broken"));
    assert_eq!(run(stack, &healthy, &["redis"]).status.code(), Some(0));
    stack.pause(Server::Redis).expect("paused");
    let code = run(stack, &broken, &["redis"]).status.code();
    stack.resume(Server::Redis).expect("resumed");
    assert_eq!(code, Some(1));
    (healthy, broken)
}

#[test]
fn what_broke_and_what_was_repaired_is_told() {
    let stack = redis();
    let folder = tempfile::tempdir().expect("a folder");
    let (healthy, broken) = healthy_and_broken(&stack, folder.path());
    let repaired = folder.path().join("repaired");
    assert_eq!(run(&stack, &repaired, &["redis"]).status.code(), Some(0));

    let worse = json(&healthy, &broken, &[]);
    let told = changes(&worse);
    assert_eq!(told[0], "redis/ping new_red");
    assert!(told.contains(&"redis/set-get-ttl new_undecided".to_owned()), "{told:?}");
    assert!(!told.iter().any(|one| one.ends_with("fixed")), "{told:?}");
    assert_eq!(worse["warnings"], Value::Array(Vec::new()));
    let better = json(&broken, &repaired, &[]);
    assert!(changes(&better).iter().all(|one| one.ends_with(" fixed")), "{better:#}");
    assert_eq!(changes(&better).len(), told.len(), "everything that broke is repaired");
    assert!(changes(&json(&broken, &broken, &[])).iter().all(|one| one.contains(" still_")));
    assert_eq!(changes(&json(&healthy, &repaired, &[])), Vec::<String>::new());

    // The journal and results.json of a run say the same.
    for (old, new) in [("results.json", "journal.ndjson"), ("journal.ndjson", "results.json")] {
        assert_eq!(json(&healthy.join(old), &broken.join(new), &[]), worse, "{old} {new}");
    }
    let (code, table, _) = diff(&healthy, &broken, &[]);
    assert_eq!(code, Some(0), "told, and not judged");
    assert!(table.contains("new red") && table.contains("redis/ping  pass → fail"), "{table}");
    assert!(table.contains("checks behind redis/ping"), "one root, one line: {table}");
    let (_, page, _) = diff(&healthy, &broken, &["--format", "markdown"]);
    assert!(page.starts_with("# READY → NOT READY") && page.contains("| new red | "), "{page}");
    for (fail_on, old, new, expected) in [
        ("new", &healthy, &broken, 1),
        ("any", &healthy, &broken, 1),
        ("vanished", &healthy, &broken, 0),
        ("any", &broken, &repaired, 0),
        ("new,vanished", &broken, &broken, 0),
    ] {
        let (code, _, err) = diff(old, new, &["--fail-on", fail_on, "--slower-floor", "1m"]);
        assert_eq!(code, Some(expected), "{fail_on}: {err}");
        assert_eq!(err.contains("failed on: "), expected == 1, "{err}");
    }
}

#[test]
fn what_is_not_looked_at_any_more_is_told_and_what_cannot_be_compared_is_told_loudly() {
    let stack = redis();
    let folder = tempfile::tempdir().expect("a folder");
    let (all, one, dev) = (folder.path().join("all"), folder.path().join("one"), folder.path().join("dev"));
    run(&stack, &all, &["redis"]);
    run(&stack, &one, &["redis/ping"]);
    run(&stack, &dev, &["redis", "--profile", "dev"]);
    let (code, out, err) = diff(&all, &one, &["--fail-on", "vanished"]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("vanished") && out.contains("redis/set-get-ttl"), "{out}");
    assert!(out.contains("NOT COMPARABLE: they are of different reach"), "{out}");
    assert!(err.contains("NOT COMPARABLE"), "also where only errors are read: {err}");
    let added = json(&one, &all, &[]);
    assert!(changes(&added).contains(&"redis/set-get-ttl added".to_owned()), "{added:#}");
    let (_, out, _) = diff(&all, &dev, &[]);
    assert!(out.contains("different profiles: local before, dev now"), "{out}");
}

#[test]
fn a_slower_check_is_told_by_its_factor() {
    let stack = redis();
    let folder = tempfile::tempdir().expect("a folder");
    let before = folder.path().join("before");
    run(&stack, &before, &["redis/ping"]);
    let text = fs::read_to_string(before.join("results.json")).expect("results.json");
    let mut results: Value = serde_json::from_str(&text).expect("JSON");
    let set = |results: &mut Value, took_us: u64| {
        let checks = results["checks"].as_array_mut().expect("checks");
        let ping = checks.iter_mut().find(|check| check["id"] == "redis/ping").expect("redis/ping");
        ping["took_us"] = took_us.into();
    };
    let write = |name: &str, results: &Value| {
        let path = folder.path().join(name);
        fs::write(&path, results.to_string()).expect("written");
        path
    };
    set(&mut results, 400_000);
    let fast = write("fast.json", &results);
    // A later version may add members.
    results["added_later"] = "whatever".into();
    results["run"]["id"] = "another".into();
    set(&mut results, 1_700_000);
    let slow = write("slow.json", &results);
    let (code, out, _) = diff(&fast, &slow, &["--fail-on", "slower"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("redis/ping took 400 ms and takes 1.7 s: 4.2 times as long"), "{out}");
    for thresholds in [["--slower-factor", "4.26"], ["--slower-floor", "1301ms"]] {
        let (code, out, err) = diff(&fast, &slow, &[&["--fail-on", "slower"][..], &thresholds[..]].concat());
        assert_eq!(code, Some(0), "{thresholds:?} {out}{err}");
    }
    results["schema_version"] = 2.into();
    let foreign = write("foreign.json", &results);
    let empty = write("empty.json", &Value::Null);
    for wrong in [&foreign, &empty, &folder.path().join("nowhere")] {
        let (code, _, err) = diff(&fast, wrong, &[]);
        assert_eq!(code, Some(3), "{err}");
        assert!(err.contains("hint:"), "{err}");
    }
}

fn entries(history: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(history)
        .expect("a history")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_night_tells_what_changed_since_the_last_and_a_flapping_check_is_seen() {
    let stack = redis();
    let folder = tempfile::tempdir().expect("a folder");
    let (reports, history) = (folder.path().join("reports"), folder.path().join("history"));
    let kept = history.to_str().expect("text").to_owned();
    let night = |broken: bool, keep: &str| {
        if broken {
            stack.pause(Server::Redis).expect("paused");
        }
        let output = run(&stack, &reports, &["redis", "--history", &kept, "--keep", keep]);
        stack.resume(Server::Redis).expect("resumed");
        assert_eq!(output.status.code(), Some(i32::from(broken)), "{:?}", text(&output));
        fs::read_to_string(reports.join("readiness.md")).expect("readiness.md")
    };
    let first = night(false, "30");
    assert!(!first.contains("## Since the last run") && first.contains("holds no earlier run"), "{first}");
    let second = night(true, "30");
    assert!(second.contains("## Since the last run") && second.contains("| new red | "), "{second}");
    let third = night(false, "30");
    assert!(third.contains("| fixed | ") && !third.contains("| new red | "), "{third}");
    // The journal alone makes the same page again.
    let again = folder.path().join("again");
    let journal = reports.join("journal.ndjson");
    soma(&["report", "--from"]).arg(&journal).arg("--report-dir").arg(&again).output().expect("runs");
    assert_eq!(fs::read_to_string(again.join("readiness.md")).expect("readiness.md"), third);

    let shown = |arguments: &[&str]| {
        let output = soma(&["history", &kept]).args(arguments).output().expect("runs");
        assert_eq!(output.status.code(), Some(0), "{:?}", text(&output));
        text(&output).0
    };
    let strip = shown(&[]);
    assert!(strip.contains("redis/ping  .F.  2 turns, 2 of them without any change"), "{strip}");
    assert!(strip.contains("1 check flapped"), "what hangs on it does not flap: {strip}");
    let json: Value = serde_json::from_str(&shown(&["--format", "json", "--last", "2"])).expect("JSON");
    assert_eq!(json["runs"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["runs"][0]["verdict"], "NOT_READY");

    // A crash in the middle of writing, a damaged entry, and somebody else's folder.
    let names = entries(&history);
    let crashed = history.join(format!(".unfinished-{}", names[0].replace("2026", "2025")));
    fs::create_dir(&crashed).expect("made");
    fs::create_dir(history.join("notes")).expect("made");
    fs::write(history.join(&names[2]).join("results.json"), "{\"half").expect("written");
    let strip = shown(&[]);
    assert_eq!(strip.matches("was not written to its end").count(), 1, "{strip}");
    assert_eq!(strip.matches("is damaged").count(), 1, "{strip}");
    let fourth = night(false, "2");
    assert!(fourth.contains("was not written to its end") && fourth.contains("is damaged"), "{fourth}");
    assert!(fourth.contains("| fixed | "), "compared with the last that is whole, which was broken: {fourth}");
    let left = entries(&history);
    assert!(left.contains(&"notes".to_owned()), "what is not ours is left alone: {left:?}");
    assert_eq!(left.iter().filter(|name| name.starts_with("20")).count(), 2, "{left:?}");
    assert!(!left.contains(&names[0]), "the oldest went: {left:?}");
    for file in ["journal.ndjson", "results.json", "readiness.md", "junit.xml"] {
        let newest = left.iter().rfind(|name| name.starts_with("20")).expect("an entry");
        let (own, kept) = (fs::read(reports.join(file)), fs::read(history.join(newest).join(file)));
        assert_eq!(own.expect(file), kept.expect(file), "{file}");
    }
}

#[test]
fn an_interrupted_night_is_kept_but_nothing_is_compared_with_it() {
    let stack = redis();
    let folder = tempfile::tempdir().expect("a folder");
    let (reports, history) = (folder.path().join("reports"), folder.path().join("history"));
    let kept = history.to_str().expect("text").to_owned();
    assert_eq!(run(&stack, &reports, &["redis", "--history", &kept]).status.code(), Some(0));
    let first = entries(&history);
    stack.pause(Server::Redis).expect("paused");
    let arguments = ["redis", "--history", &kept, "--keep", "1", "--wait", "40s"];
    // A folder of its own, or the journal of the first run would be taken for its.
    let cut = folder.path().join("cut");
    let mut child = program::start(&stack.config_path(), &cut, &arguments);
    wait_for_events(&mut child, &cut, 4);
    signal(child.id(), "TERM");
    let output = child.wait_with_output().expect("ended");
    stack.resume(Server::Redis).expect("resumed");
    assert_eq!(output.status.code(), Some(143), "{:?}", text(&output));
    let both = entries(&history);
    assert!(both.len() == 2 && both.contains(&first[0]), "the last whole run is never pruned: {both:?}");
    assert_eq!(run(&stack, &reports, &["redis", "--history", &kept]).status.code(), Some(0));
    let page = fs::read_to_string(reports.join("readiness.md")).expect("readiness.md");
    let id = first[0].split_once('-').expect("a name").1;
    assert!(page.contains(id) && page.contains("Nothing changed"), "{page}");
}

#[test]
fn a_history_that_cannot_be_written_is_told_by_the_exit_code() {
    let stack = redis();
    let folder = tempfile::tempdir().expect("a folder");
    let (reports, blocked) = (folder.path().join("reports"), folder.path().join("a-file"));
    fs::write(&blocked, "not a folder").expect("written");
    let output = run(&stack, &reports, &["redis/ping", "--history", blocked.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(5), "{:?}", text(&output));
    assert!(reports.join("results.json").exists(), "the reports are there all the same");
    let output = soma(&["history"]).arg(&blocked).output().expect("runs");
    assert_eq!(output.status.code(), Some(3), "{:?}", text(&output));
}
