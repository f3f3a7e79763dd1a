//! A cluster whose policy engine has stopped takes policies all the same. No refusal may be believed then.

use crate::{
    Fact,
    cluster::{Cluster, INFRASTRUCTURE, wait},
    run::Run,
    undo::at_the_end,
};

pub(crate) const FACTS: &[Fact] = &[
    ("enforcer::stopped_and_its_rules_gone_no_denial_passes_and_the_canary_is_the_root", gone),
    ("enforcer::stopped_with_its_rules_in_force_no_denial_passes", stale),
    ("enforcer::in_reject_mode_refusals_are_judged_alike", rejecting),
    ("enforcer::in_reject_mode_the_scope_of_ports_is_decided_all_the_same", rejecting_ports),
    ("enforcer::a_service_that_is_down_refuses_nobody", down),
];

const DENIALS: [&str; 3] = ["netpol/matrix-deny/redis", "netpol/deny-pod-ip/redis", "netpol/label-value-strict"];
const RULES_GONE: &str = "\"$here/enter.sh\" nft delete table ip netpol";

fn gone(cluster: &Cluster) {
    cluster.component("kill", "netpol");
    cluster.with_names(RULES_GONE);
    let mended = at_the_end(|| cluster.component("start", "netpol"));
    let run = Run::of(cluster, &DENIALS);
    assert_eq!(run.red(), ["netpol/enforcement-canary"], "{}", run.printed);
    assert_eq!((run.verdict("netpol/enforcement-canary"), run.code), ("fail", 1), "{}", run.printed);
    run.passes_no_denial("");
    drop(mended);
    let run = Run::of(cluster, &DENIALS);
    assert_eq!((run.red(), run.code), (vec![], 0), "{}", run.printed);
}

fn stale(cluster: &Cluster) {
    cluster.component("kill", "netpol");
    let _mended = at_the_end(|| cluster.component("start", "netpol"));
    let run = Run::of(cluster, &DENIALS);
    assert_eq!(run.red(), ["netpol/enforcement-canary"], "{}", run.printed);
    assert_ne!(run.code, 0, "{}", run.printed);
    run.passes_no_denial("");
}

fn become_(cluster: &Cluster, from: &str, to: &str) {
    const MODE: &str = "sed -i 's/--deny=FROM/--deny=TO/' \"$state/netpol.command\"";
    cluster.component("kill", "netpol");
    cluster.with_names(&MODE.replace("FROM", from).replace("TO", to));
    cluster.component("start", "netpol");
}

fn reject(cluster: &Cluster) {
    become_(cluster, "drop", "reject");
}

fn drop_again(cluster: &Cluster) {
    become_(cluster, "reject", "drop");
}

fn rejecting(cluster: &Cluster) {
    reject(cluster);
    let _mended = at_the_end(|| drop_again(cluster));
    let open = cluster.get("networkpolicy/allow-opa");
    let _closed = crate::undo::keep(cluster, &["networkpolicy/allow-opa"]);
    crate::policies::admit(cluster, &open, &serde_json::json!([{"namespaceSelector": {}}]));
    let run = Run::of_declared(cluster, &["allow-opa"], &[&DENIALS[..], &["netpol/matrix-deny/opa"]].concat());
    assert_eq!((run.red(), run.code), (vec!["netpol/matrix-deny/opa"], 1), "{}", run.printed);
    assert_eq!(run.check("netpol/enforcement-canary")["facts"]["refusal"], "refused");
    run.passes(&DENIALS[..2]);
}

/// A refused port may be one that nobody listens on or one that the enforcer shuts. Kafka's controllers listen on the
/// loopback of their pod alone, so what the policies open there is refused all the same, and is open.
fn rejecting_ports(cluster: &Cluster) {
    reject(cluster);
    let _mended = at_the_end(|| drop_again(cluster));
    let run = Run::of(cluster, &["netpol/port-scope"]);
    let facts = &run.check("netpol/port-scope")["facts"];
    assert_eq!((run.red(), run.code), (vec![], 0), "{}", run.printed);
    assert_eq!(facts["refusal"], "refused", "{facts}");
    assert!(facts["refused"].to_string().contains("9093"), "{facts}");
    let open = cluster.get("networkpolicy/allow-kafka");
    let _closed = crate::undo::keep(cluster, &["networkpolicy/allow-kafka"]);
    let mut rules = open["spec"]["ingress"].clone();
    rules[0]["ports"] = serde_json::json!([{"port": 9092}, {"port": 9093}]);
    let patch = serde_json::json!({"spec": {"ingress": rules}}).to_string();
    let words = ["-n", INFRASTRUCTURE, "patch", "networkpolicy", "allow-kafka", "--type=merge", "-p", &patch];
    cluster.kubectl(&words);
    let run = Run::of(cluster, &["netpol/port-scope"]);
    assert_eq!((run.red(), run.code), (vec!["netpol/port-scope"], 1), "{}", run.printed);
    let open = run.check("netpol/port-scope")["facts"]["open"].to_string();
    assert!(open.contains("9093") && !open.contains("2380"), "{open}");
}

fn down(cluster: &Cluster) {
    let scale = |replicas: &str| {
        cluster.kubectl(&["-n", INFRASTRUCTURE, "scale", "deployment/soma-infra-redis", "--replicas", replicas]);
        let wanted = if replicas == "0" { "" } else { "1" };
        wait("Redis to be scaled", || {
            let path = "jsonpath={.status.readyReplicas}";
            cluster.kubectl(&["-n", INFRASTRUCTURE, "get", "deployment/soma-infra-redis", "-o", path]) == wanted
        });
    };
    let _mended = at_the_end(|| scale("1"));
    scale("0");
    let run = Run::of(cluster, &[&DENIALS[..], &["netpol/matrix-deny/opa"]].concat());
    assert_eq!(run.red(), ["service/ready-endpoints/redis"], "{}", run.printed);
    assert_ne!(run.code, 0, "{}", run.printed);
    run.passes_no_denial("/redis");
    run.passes(&["netpol/enforcement-canary", "netpol/matrix-deny/opa"]);
}
