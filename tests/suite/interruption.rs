//! Signals and sudden deaths: the reports are complete, or can be made complete from the journal.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Child, Command},
    time::Duration,
};

use serde_json::Value;
use soma_stack::{
    Server,
    poll::{self, Poll},
};

use crate::{
    program::{self, Run, soma, text},
    servers,
};

const BOUND: Duration = Duration::from_secs(30);

/// The events in the journal of a run, also while it runs.
pub(crate) fn journal(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("journal.ndjson")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Waits until the journal of a run holds this many events.
pub(crate) fn wait_for_events(run: &mut Child, folder: &Path, count: usize) -> Vec<Value> {
    poll::until("the journal grows", BOUND, || {
        let events = journal(folder);
        if events.len() >= count {
            return Poll::Ready(events);
        }
        match run.try_wait() {
            Ok(None) => Poll::NotYet(format!("{} events", events.len())),
            ended => Poll::Failed(format!("the run ended: {ended:?}")),
        }
    })
    .expect("events in time")
}

/// Sends a signal to a process of ours.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status().expect("kill runs");
    assert!(status.success(), "kill -{name} {pid}");
}

/// The process id of the worker.
pub(crate) fn worker_pid(events: &[Value]) -> u32 {
    let event = events.iter().find(|event| event["event"] == "worker_started").expect("the worker has started");
    u32::try_from(event["pid"].as_u64().expect("a pid")).expect("a pid")
}

fn planned(events: &[Value]) -> BTreeSet<String> {
    let checks = events[0]["plan"]["checks"].as_array().expect("a plan");
    checks.iter().map(|check| check["id"].as_str().expect("an id").to_owned()).collect()
}

fn assert_whole(run: &Run, events: &[Value]) {
    let planned = planned(events);
    assert_eq!(run.verdicts().into_keys().collect::<BTreeSet<_>>(), planned, "results.json");
    for name in ["junit.xml", "readiness.md"] {
        let text = std::fs::read_to_string(run.file(name)).expect(name);
        for id in &planned {
            assert!(text.contains(id.as_str()), "{name} lacks {id}");
        }
    }
    let junit = std::fs::read_to_string(run.file("junit.xml")).expect("junit.xml");
    let document = roxmltree::Document::parse(&junit).expect("XML");
    let cases: Vec<_> = document.descendants().filter(|node| node.has_tag_name("testcase")).collect();
    assert_eq!(cases.len(), planned.len(), "one testcase a check");
}

/// Starts a run that cannot end soon: a stopped server keeps its checks waiting.
fn slow_run(config: &Path, folder: &Path) -> Child {
    program::start(config, folder, &["--wait", "40s"])
}

#[test]
fn a_run_ended_by_sigterm_or_sigint_reports_every_planned_check() {
    let stack = servers::plain();
    stack.pause(Server::Redis).expect("paused");
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = slow_run(&stack.config_path(), folder.path());
        wait_for_events(&mut child, folder.path(), 40);
        signal(child.id(), name);
        let output = child.wait_with_output().expect("ended");
        let events = journal(folder.path());
        let run = Run::finished(folder, &output);
        assert_eq!(run.code, code, "{name}\n{}", run.printed);
        assert_eq!(run.results["interrupted"].as_i64(), Some(i64::from(code) - 128));
        assert_ne!(run.results["verdict"], "READY");
        assert!(!run.with_verdict("not_run").is_empty(), "something had not run yet");
        assert_whole(&run, &events);
    }
    stack.resume(Server::Redis).expect("resumed");
}

#[test]
fn a_killed_worker_costs_its_checks_and_not_the_report() {
    let stack = servers::plain();
    stack.pause(Server::Redis).expect("paused");
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = slow_run(&stack.config_path(), folder.path());
    let events = wait_for_events(&mut child, folder.path(), 30);
    signal(worker_pid(&events), "KILL");
    let output = child.wait_with_output().expect("ended");
    stack.resume(Server::Redis).expect("resumed");
    let events = journal(folder.path());
    let run = Run::finished(folder, &output);
    assert!(run.code == 1 || run.code == 2, "{}\n{}", run.code, run.printed);
    assert_ne!(run.results["verdict"], "READY");
    assert!(run.printed.contains("killed by signal 9"), "{}", run.printed);
    assert_whole(&run, &events);
}

#[test]
fn a_killed_supervisor_leaves_a_journal_that_makes_the_whole_report() {
    let stack = servers::plain();
    stack.pause(Server::Redis).expect("paused");
    for moment in [1, 2, 3, 10, 35, 80] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = slow_run(&stack.config_path(), folder.path());
        wait_for_events(&mut child, folder.path(), moment);
        signal(child.id(), "KILL");
        child.wait().expect("ended");
        let events = journal(folder.path());
        if let Some(started) = events.iter().find(|event| event["event"] == "worker_started") {
            assert_gone(u32::try_from(started["pid"].as_u64().expect("a pid")).expect("a pid"));
        }
        let from = folder.path().join("journal.ndjson");
        let output = soma(&["report", "--from"]).arg(&from).output().expect("runs");
        let (out, err) = text(&output);
        let run = Run::finished(folder, &output);
        assert!(matches!(run.code, 1 | 2), "moment {moment}: {}\n{out}{err}", run.code);
        assert_ne!(run.results["verdict"], "READY", "moment {moment}");
        assert_eq!(run.results["complete"], false, "moment {moment}");
        assert_whole(&run, &events);
    }
    stack.resume(Server::Redis).expect("resumed");
}

/// A worker whose supervisor is gone has nobody to work for.
fn assert_gone(pid: u32) {
    poll::until("the orphaned worker ends", BOUND, || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = status.rsplit(") ").next().and_then(|rest| rest.chars().next());
        match state {
            None | Some('Z') => Poll::Ready(()),
            Some(state) => Poll::NotYet(format!("state {state}")),
        }
    })
    .expect("no orphan");
}

#[test]
fn a_run_that_is_out_of_time_says_so_and_is_not_ready() {
    let stack = servers::plain();
    stack.pause(Server::Redis).expect("paused");
    let run = Run::of(&stack.config_path(), &["--wait", "60s", "--deadline", "3s"]);
    stack.resume(Server::Redis).expect("resumed");
    assert!(matches!(run.code, 1 | 2), "{}\n{}", run.code, run.printed);
    assert!(run.printed.contains("deadline"), "{}", run.printed);
    let unknown = run.with_verdict("not_run").len() + run.with_verdict("error").len();
    assert!(unknown > 0, "{}", run.printed);
}

#[test]
fn two_runs_into_one_folder_do_not_mix() {
    let stack = servers::plain();
    stack.pause(Server::Redis).expect("paused");
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = slow_run(&stack.config_path(), folder.path());
    wait_for_events(&mut first, folder.path(), 5);
    let second = program::start(&stack.config_path(), folder.path(), &[]).wait_with_output().expect("ended");
    let (_, err) = text(&second);
    assert_eq!(second.status.code(), Some(3), "{err}");
    assert!(err.contains("another run is writing"), "{err}");
    signal(first.id(), "TERM");
    let output = first.wait_with_output().expect("ended");
    stack.resume(Server::Redis).expect("resumed");
    let events = journal(folder.path());
    assert_whole(&Run::finished(folder, &output), &events);
}

#[test]
fn two_runs_at_once_against_the_same_servers_do_not_disturb_each_other() {
    let stack = servers::plain();
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let children = folders.each_ref().map(|folder| program::start(&stack.config_path(), folder.path(), &[]));
    for (child, folder) in children.into_iter().zip(folders) {
        let output = child.wait_with_output().expect("ended");
        let run = Run::finished(folder, &output);
        assert_eq!(run.code, 0, "{}", run.printed);
    }
}
