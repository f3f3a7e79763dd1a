use serde_json::{Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::{component, is_ours, list, name},
};
use crate::{
    cluster::slices::{is_usable, of_service},
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope, no_parameters::NoParameters},
};

/// The pods, Services and endpoints of the infrastructure, as the report shows them.
///
/// It is what the requirements ask the readiness report for; nothing is judged by it. Pods of Jobs that are done are
/// shown as well, the suite's own are not.
pub(in crate::probes) struct Inventory;

impl Probe for Inventory {
    const NAME: &'static str = crate::model::INVENTORY;
    const ABOUT: &'static str = "lists pods, Services and endpoints for the report";
    const FACTS: &'static [Fact] = &[
        Fact { name: "namespace", about: "the namespace that was looked at" },
        Fact { name: "pods", about: "{name, component, phase, ready, restarts, node, address} each" },
        Fact { name: "services", about: "{name, type, address, ports} each" },
        Fact { name: "endpoints", about: "{service, ready, not_ready} each, addresses with ports" },
        Fact { name: "pod_count", about: "how many pods there are" },
        Fact { name: "service_count", about: "how many Services there are" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = NoParameters;

    fn rights(_: &NoParameters, namespace: &str) -> Vec<Right> {
        vec![
            listing("v1", "pods", Some(namespace)),
            listing("v1", "services", Some(namespace)),
            listing("discovery.k8s.io/v1", "endpointslices", Some(namespace)),
        ]
    }

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespace = Some(connection.cluster.namespace.as_str());
        let pods = connection.list(&scope, "v1", "pods", namespace).await?;
        let services = connection.list(&scope, "v1", "services", namespace).await?;
        let slices = connection.list(&scope, "discovery.k8s.io/v1", "endpointslices", namespace).await?;
        let pods: Vec<Value> = pods.iter().filter(|pod| !is_ours(pod)).map(pod_row).collect();
        let services: Vec<&Value> = services.iter().filter(|service| !is_ours(service)).collect();
        let endpoints: Vec<Value> = services.iter().map(|service| endpoints_row(service, &slices)).collect();
        let services: Vec<Value> = services.into_iter().map(service_row).collect();
        Ok(Facts::from_iter([
            ("namespace".to_owned(), json!(namespace)),
            ("pod_count".to_owned(), json!(pods.len())),
            ("service_count".to_owned(), json!(services.len())),
            ("pods".to_owned(), Value::Array(pods)),
            ("services".to_owned(), Value::Array(services)),
            ("endpoints".to_owned(), Value::Array(endpoints)),
        ]))
    }
}

fn pod_row(pod: &Value) -> Value {
    let status = &pod["status"];
    let containers = list(&status["containerStatuses"]);
    let restarts: u64 = containers.iter().filter_map(|one| one["restartCount"].as_u64()).sum();
    let is_ready = list(&status["conditions"]).iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
    let phase = if pod["metadata"]["deletionTimestamp"].is_null() { &status["phase"] } else { &json!("Terminating") };
    json!({
        "name": name(pod), "component": component(pod), "phase": phase, "ready": is_ready, "restarts": restarts,
        "node": pod["spec"]["nodeName"], "address": status["podIP"],
    })
}

fn service_row(service: &Value) -> Value {
    let spec = &service["spec"];
    let ports: Vec<String> = list(&spec["ports"])
        .iter()
        .map(|port| format!("{}/{}", port["port"], port["protocol"].as_str().unwrap_or("TCP")))
        .collect();
    let address = spec["externalName"].as_str().or(spec["clusterIP"].as_str());
    json!({"name": name(service), "type": spec["type"], "address": address, "ports": ports})
}

fn endpoints_row(service: &Value, slices: &[Value]) -> Value {
    let published = service["spec"]["publishNotReadyAddresses"] == true;
    let (mut ready, mut not_ready) = (Vec::new(), Vec::new());
    for slice in of_service(slices, &name(service)) {
        let ports: Vec<String> = list(&slice["ports"]).iter().map(|port| port["port"].to_string()).collect();
        for endpoint in list(&slice["endpoints"]) {
            let addresses = list(&endpoint["addresses"]).iter().filter_map(Value::as_str);
            let addresses = addresses.map(|address| format!("{address}:{}", ports.join(",")));
            if is_usable(endpoint, published) { ready.extend(addresses) } else { not_ready.extend(addresses) }
        }
    }
    json!({"service": name(service), "ready": ready, "not_ready": not_ready})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_goes_is_not_shown_as_running() {
        let pod = json!({
            "metadata": {"name": "redis-0", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"nodeName": "n"},
            "status": {"phase": "Running", "containerStatuses": [{"restartCount": 2}, {"restartCount": 1}]},
        });
        let row = pod_row(&pod);
        assert_eq!((&row["phase"], &row["restarts"], &row["ready"]), (&json!("Terminating"), &json!(3), &json!(false)));
    }

    #[test]
    fn endpoints_are_parted_by_whether_they_take_connections() {
        let service = json!({"metadata": {"name": "redis"}});
        let slice = json!({
            "metadata": {"labels": {"kubernetes.io/service-name": "redis"}}, "ports": [{"port": 6379}],
            "endpoints": [{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2"], "conditions": {"ready": false}}],
        });
        let row = endpoints_row(&service, &[slice]);
        assert_eq!((&row["ready"], &row["not_ready"]), (&json!(["10.0.0.1:6379"]), &json!(["10.0.0.2:6379"])));
    }
}
