//! May this application be let in? Its own namespace decides: the label, and what its policies let out.

use std::thread;

use serde_json::json;

use crate::{
    Fact,
    cluster::Cluster,
    run::{CONFIGURATION, Run},
    undo::at_the_end,
};

pub(crate) const FACTS: &[Fact] = &[("gate::lets_in_who_is_labelled_and_says_what_keeps_the_others_out", lets_in)];

const NEEDS: [&str; 2] = ["application/allow-label", "application/reach"];

/// Three applications ask at once: one is ready, one has no label, and one lets nothing out of its own namespace.
fn lets_in(cluster: &Cluster) {
    let names = ["app-ready", "app-unlabelled", "app-shut"];
    let _removed = at_the_end(|| {
        cluster.enter(&[&["kubectl", "delete", "namespace", "--ignore-not-found"], &names[..]].concat(), None);
    });
    let items: Vec<_> = names.iter().map(|name| namespace(name, *name != "app-unlabelled")).collect();
    cluster.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string());
    let shut = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "default-deny-egress", "namespace": "app-shut"},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"]},
    });
    cluster.apply(&shut.to_string());
    let [ready, unlabelled, shut] = thread::scope(|scope| {
        names.map(|name| scope.spawn(move || gate(cluster, name))).map(|thread| thread.join().expect("judged"))
    });

    assert_eq!((ready.code, ready.red(), &ready.results["verdict"]), (0, vec![], &json!("READY")), "{}", ready.printed);
    ready.passes(&["application/allow-label", "application/reach/redis", "application/reach/postgres"]);

    assert_eq!((unlabelled.code, unlabelled.red()), (1, vec!["application/allow-label"]), "{}", unlabelled.printed);
    assert_eq!(unlabelled.verdict("application/reach/redis"), "blocked");

    assert_eq!(shut.code, 1, "{}", shut.printed);
    let reach: Vec<&str> = shut.verdicts().into_keys().filter(|id| id.starts_with("application/reach/")).collect();
    let decided: Vec<&str> = reach.into_iter().filter(|id| shut.verdict(id) != "skip").collect();
    assert!(decided.len() >= 7, "{decided:?}");
    assert_eq!(shut.red(), decided, "{}", shut.printed);
}

fn gate(cluster: &Cluster, name: &str) -> Run {
    let run = Run::with(cluster, CONFIGURATION, &[&["gate", "--app-namespace", name], &NEEDS[..]].concat());
    let pods = cluster.kubectl(&["-n", name, "get", "pods", "-o", "jsonpath={.items[*].status.phase}"]);
    assert!(!pods.contains("Running"), "no probe pod stays in the application's namespace");
    run
}

fn namespace(name: &str, is_labelled: bool) -> serde_json::Value {
    let mut labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    if is_labelled {
        labels["soma.sh/allow-shared-infra"] = json!("true");
    }
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}
