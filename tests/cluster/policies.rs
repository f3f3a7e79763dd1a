//! Each hole in the release's policies turns exactly its checks red, seen from probe pods.

use serde_json::{Value, json};

use crate::{
    Fact,
    cluster::{Cluster, INFRASTRUCTURE},
    run::Run,
    undo::{at_the_end, keep},
};

pub(crate) const FACTS: &[Fact] = &[
    ("policies::each_hole_turns_exactly_its_checks_red", holes),
    (
        "policies::a_rule_without_ports_is_red_where_it_is_written_and_declared_only_in_the_scope_of_ports",
        without_ports,
    ),
];

const LABEL: &str = "soma.sh/allow-shared-infra";

/// Has the policy admit these peers, on its own ports.
pub(crate) fn admit(cluster: &Cluster, policy: &Value, from: &Value) {
    let name = policy["metadata"]["name"].as_str().expect("a name");
    let ports = &policy["spec"]["ingress"][0]["ports"];
    let patch = json!({"spec": {"ingress": [{"from": from, "ports": ports}]}});
    cluster.kubectl(&["-n", INFRASTRUCTURE, "patch", "networkpolicy", name, "--type=merge", "-p", &patch.to_string()]);
}

/// Six holes at once, each at a service of its own: every family of every service must judge its own hole and no other.
fn holes(cluster: &Cluster) {
    let all = ["default-deny", "allow-redis", "allow-opa", "allow-vault", "allow-postgres"];
    let objects: Vec<String> = all.iter().map(|name| format!("networkpolicy/{name}")).collect();
    let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
    let _mended = keep(cluster, &objects);
    let policy = |name: &str| cluster.get(&format!("networkpolicy/{name}"));
    let delete = |name: &str| drop(cluster.kubectl(&["-n", INFRASTRUCTURE, "delete", "networkpolicy", name]));

    // OPA: every namespace.
    admit(cluster, &policy("allow-opa"), &json!([{"namespaceSelector": {}}]));
    // Redis: the key of the label, whatever its value.
    let any_value = json!([{"namespaceSelector": {"matchExpressions": [{"key": LABEL, "operator": "Exists"}]}}]);
    admit(cluster, &policy("allow-redis"), &any_value);
    // etcd: a second policy that admits everything.
    cluster.apply(
        &json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "allow-all-etcd", "namespace": INFRASTRUCTURE},
            "spec": {
                "podSelector": {"matchLabels": {"app.kubernetes.io/name": "etcd"}},
                "policyTypes": ["Ingress"], "ingress": [{}],
            },
        })
        .to_string(),
    );
    let _removed =
        at_the_end(|| drop(cluster.kubectl(&["-n", INFRASTRUCTURE, "delete", "networkpolicy", "allow-all-etcd"])));
    // Vault: nobody is admitted while the default denial stands … and with it gone and no other policy of its own,
    // PostgreSQL is open to all.
    delete("allow-vault");
    cluster.apply(
        &json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "deny-vault", "namespace": INFRASTRUCTURE},
            "spec": {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "vault"}}, "policyTypes": ["Ingress"]},
        })
        .to_string(),
    );
    let _denied =
        at_the_end(|| drop(cluster.kubectl(&["-n", INFRASTRUCTURE, "delete", "networkpolicy", "deny-vault"])));
    delete("default-deny");
    delete("allow-postgres");

    let checks = ["netpol/matrix-deny", "netpol/deny-pod-ip", "netpol/label-value-strict"];
    let run = Run::of(cluster, &checks);
    let expected = [
        "netpol/coverage/vault",
        "netpol/only-labelled/etcd",
        "netpol/only-labelled/opa",
        "netpol/only-labelled/postgres",
        "netpol/only-labelled/redis",
    ];
    judges(&run, &expected);
    // Where it is declared that they are meant so, what they let in is seen by probe pods.
    let run = Run::of_declared(cluster, &["allow-opa", "allow-redis", "allow-all-etcd"], &checks);
    let expected = [
        "netpol/coverage/vault",
        "netpol/label-value-strict/labelled-false",
        "netpol/matrix-deny/etcd",
        "netpol/matrix-deny/opa",
        "netpol/only-labelled/postgres",
    ];
    judges(&run, &expected);
    run.passes(&[
        "netpol/matrix-deny/redis",
        "netpol/label-value-strict/pod-labelled",
        "netpol/label-value-strict/other-case",
    ]);
}

/// These failed and nothing else is red, and no denial of a service with a hole passed.
fn judges(run: &Run, expected: &[&str]) {
    assert_eq!(run.red(), expected, "{}", run.printed);
    for id in expected {
        assert_eq!(run.verdict(id), "fail", "{id}");
    }
    for service in ["etcd", "opa", "postgres", "vault"] {
        run.passes_no_denial(service);
    }
    run.passes(&["netpol/matrix-deny/kafka", "netpol/deny-pod-ip/kafka", "netpol/deny-pod-ip/prometheus"]);
    assert_eq!(run.code, 1);
}

fn without_ports(cluster: &Cluster) {
    let _mended = keep(cluster, &["networkpolicy/allow-kafka"]);
    let from = &cluster.get("networkpolicy/allow-kafka")["spec"]["ingress"][0]["from"];
    let patch = json!({"spec": {"ingress": [{"from": from}]}});
    let words =
        ["-n", INFRASTRUCTURE, "patch", "networkpolicy", "allow-kafka", "--type=merge", "-p", &patch.to_string()];
    cluster.kubectl(&words);
    let run = Run::of(cluster, &["netpol/port-scope"]);
    assert_eq!((run.red(), run.code), (vec!["netpol/only-labelled/kafka"], 1), "{}", run.printed);
    let run = Run::of_declared(cluster, &["allow-kafka"], &["netpol/port-scope"]);
    assert_eq!((run.red(), run.code), (vec!["netpol/port-scope"], 1), "{}", run.printed);
    let open = run.check("netpol/port-scope")["facts"]["open"].to_string();
    assert!(open.contains("9093") && !open.contains("2380"), "{open}");
}
