//! Two runs in one cluster at the same time, and what earlier ones left.

use std::{
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::json;

use crate::{
    Fact,
    cluster::{Cluster, HOME},
    job::Job,
    undo::at_the_end,
};

pub(crate) const FACTS: &[Fact] =
    &[("pairs::two_jobs_at_once_do_not_meet_and_sweep_only_what_a_killed_run_forgot", at_once)];

const CHECKS: [&str; 4] =
    ["netpol/matrix-deny/redis", "netpol/label-flip-live", "cluster/rbac-suite", "suite/no-leftovers/kubernetes"];

fn at_once(cluster: &Cluster) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    let of_run = |began: u128| format!("soma-conf-{began:012x}70008000000000000001-labelled");
    let (forgotten, young) = (of_run(now - 2 * 3_600_000), of_run(now));
    let foreign = "somebody-else-labelled".to_owned();
    let made = [&forgotten, &young, &foreign];
    let _removed = at_the_end(|| {
        for name in made {
            cluster.enter(&["kubectl", "delete", "namespace", name, "--ignore-not-found"], None);
        }
    });
    for name in made {
        let labels = json!({"app.kubernetes.io/managed-by": "soma-conformance"});
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        cluster.apply(&object.to_string());
    }
    let jobs = ["first", "second"].map(|name| Job::start(cluster, name, &CHECKS, &[]));
    let runs = thread::scope(|scope| {
        let collected = jobs.each_ref().map(|job| scope.spawn(|| job.collect(1)));
        collected.map(|thread| thread.join().expect("collected"))
    });
    for run in &runs {
        assert_eq!((run.code, run.red()), (0, vec![]), "{}", run.printed);
        run.passes(&CHECKS);
    }
    assert_ne!(runs[0].results["run"]["id"], runs[1].results["run"]["id"]);
    assert_eq!(runs[0].verdicts(), runs[1].verdicts());
    let labels = &cluster.get_in(HOME, &format!("namespace/{HOME}"))["metadata"]["labels"];
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted", "their pods were admitted by it");

    let left: Vec<String> = cluster.scratch(None).into_iter().map(|name| format!("soma-conf-{name}")).collect();
    assert_eq!(left, std::slice::from_ref(&young), "a run that is younger than an hour may still need its own");
    cluster.kubectl(&["get", "namespace", &foreign]);
    assert!(!left.contains(&forgotten));
}
