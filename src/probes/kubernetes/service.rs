use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::{is_ours, list, name},
    label_selector::selects,
    service_name::place_of,
};
use crate::{
    cluster::slices::{is_usable, of_service, port_named},
    model::{Fact, Facts, HostPort, Right, Trouble},
    probes::{Probe, Scope},
};

/// The Service behind an address of the contract: its ports, its endpoints, and the pods that its selector takes.
///
/// A Service exists under the name of the contract or it does not; a port-forward to the one with the release's name
/// works and proves nothing. Endpoints are read from all `EndpointSlices` of it, and what is not said there is good.
/// Sources: Kubernetes, "Service", "`EndpointSlices`".
pub(in crate::probes) struct Service;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The declared address, `NAME.NAMESPACE.svc.…:PORT`.
    #[schemars(with = "String")]
    address: HostPort,
}

impl Probe for Service {
    const NAME: &'static str = "kubernetes.service";
    const ABOUT: &'static str = "looks at the Service behind an address of the contract";
    const FACTS: &'static [Fact] = &[
        Fact { name: "exists", about: "whether there is one of that name" },
        Fact { name: "has_port", about: "whether it has the port of the address, over TCP" },
        Fact { name: "ports", about: "its ports, as PORT/PROTOCOL" },
        Fact { name: "kind", about: "its type: ClusterIP, NodePort, LoadBalancer, ExternalName" },
        Fact { name: "target_port", about: "what the port leads to, a number or a name" },
        Fact { name: "usable", about: "how many endpoints take new connections at the right port" },
        Fact { name: "endpoints", about: "by address: {usable, port, right_port, pod}" },
        Fact {
            name: "workloads",
            about: "what owns the pods that its selector takes, each once; a pod nobody owns is its own",
        },
        Fact { name: "pods", about: "the names of those pods" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(with: &With, namespace: &str) -> Vec<Right> {
        let namespace = Some(place_of(&with.address).1.unwrap_or(namespace));
        vec![
            listing("v1", "services", namespace),
            listing("discovery.k8s.io/v1", "endpointslices", namespace),
            listing("v1", "pods", namespace),
        ]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let (service, namespace) = place_of(&with.address);
        let namespace = Some(connection.namespace(namespace));
        let services = connection.list(&scope, "v1", "services", namespace).await?;
        let Some(object) = services.iter().find(|one| name(one) == service) else {
            let names: Vec<String> = services.iter().map(name).collect();
            return Ok(Facts::from_iter([("exists".to_owned(), json!(false)), ("services".to_owned(), json!(names))]));
        };
        let slices = connection.list(&scope, "discovery.k8s.io/v1", "endpointslices", namespace).await?;
        let pods = connection.list(&scope, "v1", "pods", namespace).await?;
        Ok(facts_of(object, with.address.port, &of_service(&slices, service), &pods))
    }
}

fn facts_of(service: &Value, port: u16, slices: &[&Value], pods: &[Value]) -> Facts {
    let spec = &service["spec"];
    let protocol = |port: &Value| port["protocol"].as_str().unwrap_or("TCP").to_owned();
    let ports: Vec<String> =
        list(&spec["ports"]).iter().map(|port| format!("{}/{}", port["port"], protocol(port))).collect();
    let own = list(&spec["ports"]).iter().find(|one| one["port"] == port && protocol(one) == "TCP");
    let endpoints = own.map(|own| endpoints(spec, own, slices, pods)).unwrap_or_default();
    let usable = endpoints.values().filter(|row| row["usable"] == true && row["right_port"] == true).count();
    let selected = selected(spec, pods);
    let workloads: BTreeSet<String> = selected.iter().map(|pod| workload(pod)).collect();
    let names: Vec<String> = selected.iter().map(|pod| name(pod)).collect();
    Facts::from_iter([
        ("exists".to_owned(), json!(true)),
        ("has_port".to_owned(), json!(own.is_some())),
        ("ports".to_owned(), json!(ports)),
        ("kind".to_owned(), json!(spec["type"])),
        ("target_port".to_owned(), own.map(|own| target_port(own).clone()).into()),
        ("usable".to_owned(), json!(usable)),
        ("endpoints".to_owned(), Value::Object(endpoints)),
        ("workloads".to_owned(), json!(workloads)),
        ("pods".to_owned(), json!(names)),
    ])
}

/// What the port leads to; where nothing is said, to the same number.
fn target_port(port: &Value) -> &Value {
    if port["targetPort"].is_null() { &port["port"] } else { &port["targetPort"] }
}

fn endpoints(spec: &Value, own: &Value, slices: &[&Value], pods: &[Value]) -> Map<String, Value> {
    let published = spec["publishNotReadyAddresses"] == true;
    let mut rows = Map::new();
    for slice in slices {
        let port = port_named(slice, own["name"].as_str().unwrap_or_default());
        for endpoint in list(&slice["endpoints"]) {
            let pod_name = endpoint["targetRef"]["name"].as_str();
            let pod = pods.iter().find(|pod| Some(name(pod).as_str()) == pod_name);
            let wanted = resolved(target_port(own), pod);
            // Endpoints that somebody wrote by hand have no pod to compare with.
            let right_port = port.is_some() && (pod.is_none() || port == wanted);
            let row = json!({
                "usable": is_usable(endpoint, published), "port": port, "right_port": right_port, "pod": pod_name,
            });
            for address in list(&endpoint["addresses"]).iter().filter_map(Value::as_str) {
                rows.insert(address.to_owned(), row.clone());
            }
        }
    }
    rows
}

/// The number behind a target port, which may be the name of a port of the pod.
fn resolved(target: &Value, pod: Option<&Value>) -> Option<u64> {
    let Some(name) = target.as_str() else { return target.as_u64() };
    let spec = &pod?["spec"];
    let containers = ["containers", "initContainers"].into_iter().flat_map(|kind| list(&spec[kind]));
    let mut ports = containers.flat_map(|container| list(&container["ports"]));
    ports.find(|port| port["name"] == name)?["containerPort"].as_u64()
}

/// The pods that the selector takes; none without a selector.
fn selected<'a>(spec: &Value, pods: &'a [Value]) -> Vec<&'a Value> {
    let selector = &spec["selector"];
    if selector.as_object().is_none_or(serde_json::Map::is_empty) {
        return Vec::new();
    }
    let selector = json!({"matchLabels": selector});
    let is_over = |pod: &Value| matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    let taken = |pod: &&Value| !is_over(pod) && !is_ours(pod) && selects(&selector, &pod["metadata"]["labels"]);
    pods.iter().filter(taken).collect()
}

/// What owns a pod, as `kind/name`. A `ReplicaSet` stands for its Deployment: during a rollout there are two of them.
fn workload(pod: &Value) -> String {
    let owner = list(&pod["metadata"]["ownerReferences"]).iter().find(|owner| owner["controller"] == true);
    let Some(owner) = owner else { return format!("Pod/{}", name(pod)) };
    let text = |key: &str| owner[key].as_str().unwrap_or_default();
    let hash = pod["metadata"]["labels"]["pod-template-hash"].as_str().unwrap_or_default();
    match text("name").strip_suffix(hash).and_then(|name| name.strip_suffix('-')) {
        Some(deployment) if text("kind") == "ReplicaSet" && !hash.is_empty() => format!("Deployment/{deployment}"),
        _ => format!("{}/{}", text("kind"), text("name")),
    }
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "literals are written where they are used")]
mod tests {
    use super::*;

    fn pod(name: &str, owner: Value) -> Value {
        json!({
            "metadata": {"name": name, "labels": {"app": "redis", "pod-template-hash": "abc"}, "ownerReferences": owner},
            "spec": {"containers": [{"ports": [{"name": "client", "containerPort": 6379}]}]}, "status": {"phase": "Running"},
        })
    }

    fn service(target: Value) -> Value {
        json!({"spec": {"type": "ClusterIP", "selector": {"app": "redis"}, "ports": [{"port": 6379, "targetPort": target}]}})
    }

    fn slice(port: u16, conditions: Value) -> Value {
        json!({"ports": [{"name": "", "port": port}], "endpoints": [{"addresses": ["10.0.0.1"], "conditions": conditions, "targetRef": {"name": "redis-0"}}]})
    }

    #[test]
    fn an_endpoint_is_usable_when_it_is_ready_at_the_right_port() {
        let pods = [pod("redis-0", json!([]))];
        for (target, port, conditions, usable) in [
            (json!(6379), 6379, json!({}), 1),
            (json!("client"), 6379, json!({}), 1),
            (json!("client"), 6380, json!({}), 0),
            (json!("nosuch"), 6379, json!({}), 0),
            (json!(6379), 6379, json!({"ready": false}), 0),
        ] {
            let facts = facts_of(&service(target.clone()), 6379, &[&slice(port, conditions.clone())], &pods);
            assert_eq!(facts["usable"], json!(usable), "{target} {port} {conditions}");
        }
        assert_eq!(facts_of(&service(json!(6379)), 6380, &[], &pods)["has_port"], json!(false));
    }

    #[test]
    fn a_pod_that_nobody_owns_is_a_workload_of_its_own() {
        let owner = |name: &str| json!([{"kind": "ReplicaSet", "name": name, "controller": true}]);
        let stranger = pod("busybox", json!(null));
        let pods = [pod("redis-abc-1", owner("redis-abc")), pod("redis-abc-2", owner("redis-abc")), stranger];
        let facts = facts_of(&service(json!(6379)), 6379, &[], &pods);
        assert_eq!(facts["workloads"], json!(["Deployment/redis", "Pod/busybox"]));
        let facts = facts_of(&service(json!(6379)), 6379, &[], &pods[..2]);
        assert_eq!(facts["workloads"], json!(["Deployment/redis"]));
    }
}
