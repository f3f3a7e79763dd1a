//! Nothing is left behind on any server: after runs that succeed, that fail, that are ended and that are killed, and after
//! the next run that finds what a killed one left an hour ago. Seen by other eyes than those of `suite/no-leftovers`.

use std::{
    path::Path,
    process::Child,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use serde_json::json;
use soma_stack::{
    Server, Stack,
    poll::{self, Poll},
};

use crate::{
    interruption::{signal, worker_pid},
    inventory::{self, Inventory, difference, http, kafka_client, redis_cli, sql},
    program::{self, Run},
    servers,
};

/// What is there when no run is: the first one makes Kafka create the topic of the groups' offsets, and what another test
/// killed leaves leases that end by themselves.
fn before(stack: &Stack) -> Inventory {
    let run = Run::of(&stack.config_path(), &["kafka", "--wait", "60s"]);
    assert_eq!(run.code, 0, "{}", run.printed);
    poll::until("the leases of the dead end", Duration::from_secs(90), || {
        let there = inventory::of(stack);
        let leases = there.iter().filter(|line| line.starts_with("etcd lease")).count();
        if leases == 0 { Poll::Ready(there) } else { Poll::NotYet(format!("{leases} leases")) }
    })
    .expect("no lease is held when no run is")
}

/// Waits until something of this run lies on a server: its lease lives for two seconds at least. Only etcd is asked, often
/// enough to see it on a machine that has little time.
fn wait_for_traces(stack: &Stack, before: &Inventory, run: &mut Child) {
    poll::until("the run writes", Duration::from_secs(120), || {
        let keys = inventory::etcd(stack);
        match run.try_wait() {
            _ if keys.iter().any(|line| line.starts_with("etcd key soma-conf") && !before.contains(line)) => {
                Poll::Ready(())
            }
            Ok(None) => Poll::NotYet("nothing yet".to_owned()),
            ended => Poll::Failed(format!("the run ended: {ended:?}")),
        }
    })
    .expect("it is seen writing");
}

fn started(config: &Path) -> (tempfile::TempDir, Child) {
    let folder = tempfile::tempdir().expect("a folder");
    let child = program::start(config, folder.path(), &[]);
    (folder, child)
}

#[test]
fn nothing_is_left_on_any_server_after_a_run_that_succeeds() {
    let stack = servers::plain();
    let before = before(&stack);
    let (_folder, mut child) = started(&stack.config_path());
    wait_for_traces(&stack, &before, &mut child);
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(0), "{:?}", program::text(&output));
    assert_eq!(difference(&before, &inventory::of(&stack)), Vec::<String>::new());
}

#[test]
fn nothing_is_left_on_any_server_after_a_run_that_fails() {
    let stack = servers::plain();
    let before = before(&stack);
    let config = std::fs::read_to_string(stack.config_path()).expect("a configuration");
    // Red beside checks that write.
    let wrong =
        config.replace("kafka: {brokers: 1", "kafka: {brokers: 2").replace("etcd: {members: 1", "etcd: {members: 3");
    assert_ne!(config, wrong);
    let path = stack.directory().join("failing.yaml");
    std::fs::write(&path, wrong).expect("written");
    let run = Run::of(&path, &[]);
    assert_eq!(run.code, 1, "{}", run.printed);
    assert_eq!(difference(&before, &inventory::of(&stack)), Vec::<String>::new(), "after a contract that is not kept");

    for (server, service) in [(Server::Redis, "redis"), (Server::OpenFga, "openfga"), (Server::Etcd, "etcd")] {
        stack.pause(server).expect("paused");
        let run = Run::of(&stack.config_path(), &[]);
        stack.resume(server).expect("resumed");
        assert_eq!(run.code, 1, "{service}: {}", run.printed);
        assert_eq!(difference(&before, &inventory::of(&stack)), Vec::<String>::new(), "after a silent {service}");
    }

    // Refused in the middle of what it writes.
    let redis = stack.address(Server::Redis);
    let limit = redis_cli(redis, &["CONFIG", "GET", "maxmemory"]).pop().expect("a limit");
    redis_cli(redis, &["CONFIG", "SET", "maxmemory", "1"]);
    let run = Run::of(&stack.config_path(), &[]);
    redis_cli(redis, &["CONFIG", "SET", "maxmemory", &limit]);
    assert_eq!(run.code, 1, "{}", run.printed);
    assert_eq!(difference(&before, &inventory::of(&stack)), Vec::<String>::new(), "after a Redis without memory");
}

#[test]
fn nothing_is_left_on_any_server_after_a_run_that_is_ended() {
    let stack = servers::plain();
    let before = before(&stack);
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let (folder, mut child) = started(&stack.config_path());
        wait_for_traces(&stack, &before, &mut child);
        signal(child.id(), name);
        let output = child.wait_with_output().expect("ended");
        let run = Run::finished(folder, &output);
        assert_eq!(run.code, code, "{name}\n{}", run.printed);
        assert_eq!(difference(&before, &inventory::of(&stack)), Vec::<String>::new(), "after SIG{name}");
    }
}

/// What nobody can prevent: a worker that is killed cannot remove what it is just using. It bears the name of the run, which
/// the next run an hour later knows.
#[test]
fn a_run_that_is_killed_leaves_what_bears_its_name_and_nothing_else() {
    let stack = servers::plain();
    let before = before(&stack);
    for whom in ["worker", "supervisor"] {
        let (folder, mut child) = started(&stack.config_path());
        wait_for_traces(&stack, &before, &mut child);
        let events = crate::interruption::journal(folder.path());
        let id = events[0]["plan"]["run"].as_str().expect("a run").to_owned();
        signal(if whom == "worker" { worker_pid(&events) } else { child.id() }, "KILL");
        child.wait().expect("ended");
        let left = settled(&stack, &before);
        let is_ours = |line: &String| {
            line.starts_with("+ ")
                && (line.contains(&format!("soma-conf-{id}")) || line.contains(&format!("soma_conf_{id}")))
        };
        let others: Vec<_> = left.iter().filter(|line| !is_ours(line) && !is_part(line, &left)).collect();
        assert!(others.is_empty(), "{whom} of run {id}: {others:#?}");
        remove(&stack, &left);
        assert_eq!(difference(&before, &inventory::of(&stack)), Vec::<String>::new(), "the test cleans up");
    }
}

/// A lease of etcd bears no name, and goes by itself; a store of `OpenFGA` is named once, and its contents by its id.
fn is_part(line: &str, left: &[String]) -> bool {
    let store = line.strip_prefix("+ openfga ").and_then(|rest| rest.split(' ').nth(1));
    store.is_some_and(|id| left.iter().any(|other| other.starts_with(&format!("+ openfga store {id} \"soma-conf-"))))
}

/// What is left when the leases of the dead have ended.
fn settled(stack: &Stack, before: &Inventory) -> Vec<String> {
    poll::until("leases end", Duration::from_secs(45), || {
        let left = difference(before, &inventory::of(stack));
        let leases = left.iter().filter(|line| line.starts_with("+ etcd lease")).count();
        if leases == 0 { Poll::Ready(left) } else { Poll::NotYet(format!("{leases} leases")) }
    })
    .expect("leases end")
}

fn remove(stack: &Stack, left: &[String]) {
    let token = stack.credential("vault-token").expect("a token");
    for line in left {
        let words: Vec<&str> = line.split(' ').skip(1).collect();
        match *words.as_slice() {
            ["postgres", "schema", name] => drop(sql(stack, &format!("drop schema if exists {name} cascade"))),
            ["redis", "redis", "key", name] => drop(redis_cli(stack.address(Server::Redis), &["DEL", name])),
            ["kafka", "topic", name] => topics(stack, &[], &[name]),
            ["kafka", "group", name] => groups(stack, name),
            ["etcd", "key", name] => {
                use base64::{Engine as _, engine::general_purpose::STANDARD};
                let body = json!({"key": STANDARD.encode(name)});
                http(stack.address(Server::Etcd), "POST", "/v3/kv/deleterange", "", Some(&body));
            }
            ["vault", "secret", name] => {
                http(stack.address(Server::Vault), "DELETE", &format!("/v1/secret/metadata/{name}"), &token, None);
            }
            ["openfga", "store", id, _] => {
                http(stack.address(Server::OpenFga), "DELETE", &format!("/stores/{id}"), "", None);
            }
            _ => {}
        }
    }
}

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

fn admin(stack: &Stack) -> AdminClient<rdkafka::client::DefaultClientContext> {
    let address = stack.address(Server::Kafka).to_string();
    rdkafka::ClientConfig::new().set("bootstrap.servers", address).create().expect("a client of Kafka")
}

fn topics(stack: &Stack, make: &[&str], delete: &[&str]) {
    let (client, options) = (admin(stack), AdminOptions::new().operation_timeout(Some(Duration::from_secs(10))));
    let new: Vec<NewTopic<'_>> = make.iter().map(|name| NewTopic::new(name, 1, TopicReplication::Fixed(1))).collect();
    block(async {
        if !new.is_empty() {
            client.create_topics(&new, &options).await.expect("created");
        }
        if !delete.is_empty() {
            client.delete_topics(delete, &options).await.expect("deleted");
        }
    });
    // An answer comes before every client is told.
    let is_known = |name: &str| {
        use rdkafka::consumer::Consumer as _;
        let known = kafka_client(stack).fetch_metadata(None, Duration::from_secs(10)).expect("metadata");
        known.topics().iter().any(|topic| topic.name() == name)
    };
    poll::until("the topics are as they should be", Duration::from_secs(20), || {
        if make.iter().all(|name| is_known(name)) && !delete.iter().any(|name| is_known(name)) {
            Poll::Ready(())
        } else {
            Poll::NotYet("not yet".to_owned())
        }
    })
    .expect("in time");
}

fn groups(stack: &Stack, name: &str) {
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(10)));
    block(admin(stack).delete_groups(&[name], &options)).expect("deleted");
}

/// A name of a run of two hours ago: its time is in the first twelve digits.
fn old_id() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    format!("{:012x}7abc8def0123456789ab", now.as_millis() - 7_200_000)
}

#[test]
fn what_a_killed_run_left_two_hours_ago_is_removed_from_every_server_by_the_next() {
    let stack = servers::plain();
    let before = before(&stack);
    let id = old_id();
    let (name, identifier) = (format!("soma-conf-{id}"), format!("soma_conf_{id}_rw"));
    let stranger = "somebody-elses-soma-conf";
    let token = stack.credential("vault-token").expect("a token");
    sql(&stack, &format!("create schema {identifier} authorization soma_app; create table {identifier}.t (x int)"));
    topics(&stack, &[&format!("{name}-records"), stranger], &[]);
    {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let body = json!({"key": STANDARD.encode(format!("soma-conf/{name}/round-trip")), "value": "eA=="});
        http(stack.address(Server::Etcd), "POST", "/v3/kv/put", "", Some(&body));
    }
    let secret = json!({"data": {"x": "y"}});
    http(stack.address(Server::Vault), "POST", &format!("/v1/secret/data/{name}"), &token, Some(&secret));
    http(stack.address(Server::OpenFga), "POST", "/stores", "", Some(&json!({"name": name})));
    let planted = difference(&before, &inventory::of(&stack));
    for server in ["postgres", "kafka", "etcd", "vault", "openfga"] {
        assert!(planted.iter().any(|line| line.starts_with(&format!("+ {server} "))), "{server}: {planted:?}");
    }
    let run = Run::of(&stack.config_path(), &[]);
    assert_eq!(run.code, 0, "{}", run.printed);
    let left = difference(&before, &inventory::of(&stack));
    topics(&stack, &[], &[stranger]);
    assert_eq!(left, [format!("+ kafka topic {stranger}")], "what is not ours by its name stays");
}
