//! Each server in turn stopped and killed: one red root, the rest blocked or untouched, in time, and green again after.

use std::collections::BTreeMap;

use soma_stack::{Server, Stack};

use crate::{program::Run, servers};

fn run(stack: &Stack) -> Run {
    Run::of(&stack.config_path(), &[])
}

/// Waits for the stack to be judged ready again, which also proves the repair.
fn assert_ready(stack: &Stack, after: &str) -> BTreeMap<String, String> {
    let run = Run::of(&stack.config_path(), &["--wait", "60s"]);
    assert_eq!(run.code, 0, "{after}:\n{}", run.printed);
    run.verdicts()
}

fn assert_one_root(broken: &Run, service: &str, healthy: &BTreeMap<String, String>) {
    assert_eq!(broken.code, 1, "{service}: not NOT READY\n{}", broken.printed);
    let mut red = broken.with_verdict("fail");
    red.extend(broken.with_verdict("error"));
    red.extend(broken.with_verdict("not_run"));
    assert_eq!(red.len(), 1, "{service}: one root expected, seen {red:?}\n{}", broken.printed);
    assert!(red[0].starts_with(&format!("{service}/")), "{service}: the root is {}", red[0]);
    let blocked = broken.with_verdict("blocked");
    assert!(!blocked.is_empty(), "{service}: nothing was blocked");
    for (id, verdict) in broken.verdicts() {
        let before = &healthy[&id];
        assert!(
            id == red[0] || verdict == "blocked" || verdict == *before,
            "{service}: `{id}` was {before} and became {verdict}\n{}",
            broken.printed
        );
    }
    let took = broken.results["run"]["took_ms"].as_u64().expect("a time");
    let deadline = broken.results["run"]["deadline_ms"].as_u64().expect("a deadline");
    assert!(took < deadline, "{service}: {took} ms of {deadline} ms");
    for check in
        broken.results["checks"].as_array().expect("checks").iter().filter(|check| check["verdict"] == "blocked")
    {
        assert_eq!(check["root"], red[0].as_str(), "{service}: {}", check["id"]);
    }
}

fn stop_and_kill(server: Server, service: &str) {
    let stack = servers::plain();
    let healthy = assert_ready(&stack, "before anything");

    stack.pause(server).expect("paused");
    let stopped = run(&stack);
    stack.resume(server).expect("resumed");
    assert_one_root(&stopped, service, &healthy);
    assert_ready(&stack, "resumed");

    stack.kill(server).expect("killed");
    let killed = run(&stack);
    stack.restart(server).expect("restarted");
    assert_one_root(&killed, service, &healthy);
    assert_ready(&stack, "restarted");
}

#[test]
fn a_stopped_or_killed_redis_is_one_red_root() {
    stop_and_kill(Server::Redis, "redis");
}

#[test]
fn a_stopped_or_killed_postgres_is_one_red_root() {
    stop_and_kill(Server::Postgres, "postgres");
}

#[test]
fn a_stopped_or_killed_kafka_is_one_red_root() {
    stop_and_kill(Server::Kafka, "kafka");
}

#[test]
fn a_stopped_or_killed_etcd_is_one_red_root() {
    stop_and_kill(Server::Etcd, "etcd");
}

#[test]
fn a_stopped_or_killed_opa_is_one_red_root() {
    stop_and_kill(Server::Opa, "opa");
}

#[test]
fn a_stopped_or_killed_vault_is_one_red_root() {
    stop_and_kill(Server::Vault, "vault");
}

#[test]
fn a_stopped_or_killed_openfga_is_one_red_root() {
    stop_and_kill(Server::OpenFga, "openfga");
}

#[test]
fn a_stopped_or_killed_issuer_is_one_red_root() {
    stop_and_kill(Server::Issuer, "jwt");
}

#[test]
fn a_stopped_or_killed_prometheus_is_one_red_root() {
    stop_and_kill(Server::Prometheus, "prometheus");
}
