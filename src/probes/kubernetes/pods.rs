use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::{component, is_meant, list, name, pods, seconds_since},
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// The infrastructure's pods, each as one flat row.
///
/// `Running`, which `kubectl get pods` shows first, says only that a process was started. Whether a pod serves is said
/// by its conditions, and for how long they have held by their last transition. Pods of the suite itself and of Jobs
/// that are done are left out.
/// Source: Kubernetes, "Pod Lifecycle".
pub(in crate::probes) struct Pods;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Only the pods of these components; all, if not given.
    #[serde(default)]
    components: Option<Vec<String>>,
    /// Components that are declared exceptions.
    #[serde(default)]
    except: Vec<String>,
}

impl Probe for Pods {
    const NAME: &'static str = "kubernetes.pods";
    const ABOUT: &'static str = "lists the infrastructure's pods as flat rows";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "pods",
            about: "by name: {component, phase, ready, containers_ready, gates_ready, ready_for_s, not_ready, deleting, node, age_s, host_network, host_pid, host_ipc, host_paths, host_ports, service_links}",
        },
        Fact { name: "count", about: "how many there are" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(_: &With, namespace: &str) -> Vec<Right> {
        vec![listing("v1", "pods", Some(namespace))]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let rows: Map<String, Value> = pods(&connection, &scope)
            .await?
            .iter()
            .filter(|pod| is_meant(&component(pod), with.components.as_deref(), &with.except))
            .map(|pod| (name(pod), row(pod)))
            .collect();
        Ok(Facts::from_iter([("count".to_owned(), json!(rows.len())), ("pods".to_owned(), Value::Object(rows))]))
    }
}

fn row(pod: &Value) -> Value {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let ready = condition(status, "Ready");
    let holds = |condition: Option<&Value>| condition.is_some_and(|condition| condition["status"] == "True");
    let gates = list(&spec["readinessGates"]);
    let gates_ready = gates.iter().all(|gate| {
        let kind = gate["conditionType"].as_str().unwrap_or_default();
        holds(condition(status, kind))
    });
    let since = ready.filter(|condition| condition["status"] == "True");
    let ready_for_s = since.and_then(|condition| seconds_since(&condition["lastTransitionTime"]));
    let not_ready = ready.filter(|condition| condition["status"] != "True").and_then(|condition| {
        let message = condition["message"].as_str().or(condition["reason"].as_str())?;
        Some(message.to_owned())
    });
    let host_paths: Vec<&str> =
        list(&spec["volumes"]).iter().filter_map(|volume| volume["hostPath"]["path"].as_str()).collect();
    let containers = ["containers", "initContainers"].into_iter().flat_map(|kind| list(&spec[kind]));
    let host_ports: Vec<&Value> = containers
        .flat_map(|container| list(&container["ports"]))
        .map(|port| &port["hostPort"])
        .filter(|port| port.as_u64().is_some_and(|port| port > 0))
        .collect();
    json!({
        "component": component(pod),
        "phase": status["phase"],
        "ready": holds(ready),
        "containers_ready": holds(condition(status, "ContainersReady")),
        "gates_ready": gates_ready,
        "ready_for_s": ready_for_s,
        "not_ready": not_ready,
        "deleting": !pod["metadata"]["deletionTimestamp"].is_null(),
        "node": spec["nodeName"],
        "age_s": seconds_since(&pod["metadata"]["creationTimestamp"]),
        "host_network": spec["hostNetwork"] == true,
        "host_pid": spec["hostPID"] == true,
        "host_ipc": spec["hostIPC"] == true,
        "host_paths": host_paths,
        "host_ports": host_ports,
        // What is not said is on.
        "service_links": spec["enableServiceLinks"] != false,
    })
}

fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    list(&status["conditions"]).iter().find(|condition| condition["type"] == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_pod_is_not_a_ready_one() {
        let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "lastTransitionTime": "2020-01-01T00:00:00Z", "message": "no"});
        let pod = |ready: &str, gate: &str| {
            json!({
                "spec": {"readinessGates": [{"conditionType": "gate"}]},
                "status": {"phase": "Running", "conditions": [condition("Ready", ready), condition("gate", gate)]},
            })
        };
        let good = row(&pod("True", "True"));
        assert_eq!((&good["ready"], &good["gates_ready"]), (&json!(true), &json!(true)));
        assert!(good["ready_for_s"].as_i64().is_some_and(|seconds| seconds > 10) && good["not_ready"].is_null());
        let bad = row(&pod("False", "False"));
        assert_eq!((&bad["ready"], &bad["gates_ready"]), (&json!(false), &json!(false)));
        assert!(bad["ready_for_s"].is_null() && bad["not_ready"] == "no");
    }

    #[test]
    fn what_a_pod_takes_of_its_node_is_seen() {
        let pod = json!({"spec": {
            "hostNetwork": true, "volumes": [{"hostPath": {"path": "/etc"}}, {"emptyDir": {}}],
            "containers": [{"ports": [{"containerPort": 1, "hostPort": 80}, {"containerPort": 2}]}],
        }});
        let row = row(&pod);
        assert_eq!((&row["host_network"], &row["host_pid"]), (&json!(true), &json!(false)));
        assert_eq!((&row["host_paths"], &row["host_ports"]), (&json!(["/etc"]), &json!([80])));
        assert_eq!(row["service_links"], json!(true));
    }
}
