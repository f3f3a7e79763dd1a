//! The pods of the `CronJob` keep their history on a volume, and tell what changed since the night before.

use std::path::Path;

use serde_json::Value;

use crate::{
    Fact,
    cluster::{Cluster, HOME, INFRASTRUCTURE, PROGRAM, said, wait},
    job::{Job, rendered},
    undo::at_the_end,
};

pub(crate) const FACTS: &[Fact] = &[("nightly::the_second_night_tells_what_changed_since_the_first", second_night)];

const CHECKS: [&str; 2] = ["redis/ping", "opa/health"];

fn second_night(cluster: &Cluster) {
    // A day that no month has: it runs only when it is told to.
    let nightly = rendered(cluster, "nightly", &CHECKS, &["nightly.enabled=true", "nightly.schedule=0 0 30 2 *"]);
    cluster.apply(&nightly);
    let _removed = at_the_end(|| {
        let objects = ["cronjob/nightly", "persistentvolumeclaim/nightly-history", "configmap/nightly-configuration"];
        let words = ["kubectl", "-n", HOME, "delete", "--ignore-not-found", "--wait=false"];
        cluster.enter(&[&words[..], &objects].concat(), None);
    });
    let first = Job::from_cron(cluster, "night-1", "nightly").collect(1);
    assert_eq!((first.code, first.red()), (0, vec![]), "{}", first.printed);
    let volume = volume(cluster);
    let page = read(cluster, &volume, "run/readiness.md");
    assert!(!page.contains("## Since the last run"), "{page}");

    scale_redis(cluster, "0");
    let repaired = at_the_end(|| scale_redis(cluster, "1"));
    let second = Job::from_cron(cluster, "night-2", "nightly").collect(1);
    drop(repaired);
    assert_eq!(second.code, 1, "{}", second.printed);
    let page = read(cluster, &volume, "run/readiness.md");
    assert!(page.contains("## Since the last run") && page.contains("new red"), "{page}");

    let history = Path::new(&volume).join("history");
    let output = cluster.enter(&[PROGRAM, "history", &history.display().to_string()], None);
    let told = said(&output);
    for run in [&first, &second] {
        let id = run.results["run"]["id"].as_str().expect("an id");
        let short = &id[..8];
        assert!(told.contains(short), "{short} in {told}");
    }
}

/// Where the volume of the history lies on the node.
fn volume(cluster: &Cluster) -> String {
    let claim = cluster.get_in(HOME, "persistentvolumeclaim/nightly-history");
    let name = claim["spec"]["volumeName"].as_str().expect("a bound volume").to_owned();
    let volume: Value = cluster.get_in(HOME, &format!("persistentvolume/{name}"));
    let path = volume["spec"]["hostPath"]["path"].as_str().or_else(|| volume["spec"]["local"]["path"].as_str());
    path.unwrap_or_else(|| panic!("{volume}")).to_owned()
}

fn read(cluster: &Cluster, volume: &str, name: &str) -> String {
    let output = cluster.enter(&["cat", &format!("{volume}/{name}")], None);
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn scale_redis(cluster: &Cluster, replicas: &str) {
    cluster.kubectl(&["-n", INFRASTRUCTURE, "scale", "deployment/soma-infra-redis", "--replicas", replicas]);
    let wanted = if replicas == "0" { "" } else { "1" };
    wait("Redis to be scaled", || {
        let path = "jsonpath={.status.readyReplicas}";
        cluster.kubectl(&["-n", INFRASTRUCTURE, "get", "deployment/soma-infra-redis", "-o", path]) == wanted
    });
}
