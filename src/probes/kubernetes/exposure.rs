use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    connect,
    connection::{Connection, KUBERNETES, listing},
    infrastructure::{is_ours, list, name},
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// Every way into the infrastructure from outside of the cluster that somebody declared.
///
/// `NodePorts`, load balancers and external addresses of Services, and Ingresses and routes that lead to them. An
/// operator may add one by itself, as Strimzi does for an external listener.
/// Sources: Kubernetes, "Service", "Ingress"; Gateway API, `HTTPRoute`.
pub(in crate::probes) struct Exposure;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Objects that are declared to lead in, as `Kind/name`.
    #[serde(default)]
    declared: Vec<String>,
}

/// Routes of the Gateway API, which a cluster need not have.
const ROUTES: (&str, &str) = ("gateway.networking.k8s.io/v1", "httproutes");

impl Probe for Exposure {
    const NAME: &'static str = "kubernetes.exposure";
    const ABOUT: &'static str = "lists every declared way into the infrastructure from outside";
    const FACTS: &'static [Fact] = &[
        Fact { name: "exposed", about: "{object, how} for each that is not declared" },
        Fact { name: "services", about: "how many Services were looked at" },
        Fact { name: "ingresses", about: "how many Ingresses and routes were looked at" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(_: &With, namespace: &str) -> Vec<Right> {
        vec![
            listing("v1", "services", Some(namespace)),
            listing("networking.k8s.io/v1", "ingresses", Some(namespace)),
            listing(ROUTES.0, ROUTES.1, None),
        ]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespace = connection.cluster.namespace.clone();
        let services = connection.list(&scope, "v1", "services", Some(&namespace)).await?;
        let ingresses = connection.list(&scope, "networking.k8s.io/v1", "ingresses", Some(&namespace)).await?;
        let routes = routes(&connection, &scope).await?;
        let routes: Vec<&Value> = routes.iter().filter(|route| leads_to(route, &namespace)).collect();
        let of_services = services.iter().filter(|one| !is_ours(one)).flat_map(of_service);
        let of_ingresses = ingresses.iter().map(|one| (format!("Ingress/{}", name(one)), hosts(one)));
        let of_routes =
            routes.iter().map(|one| (format!("HTTPRoute/{}", name(one)), "leads to the namespace".to_owned()));
        let exposed: Vec<Value> = of_services
            .chain(of_ingresses)
            .chain(of_routes)
            .filter(|(object, _)| !with.declared.contains(object))
            .map(|(object, how)| json!({"object": object, "how": how}))
            .collect();
        Ok(Facts::from_iter([
            ("exposed".to_owned(), Value::Array(exposed)),
            ("services".to_owned(), json!(services.len())),
            ("ingresses".to_owned(), json!(ingresses.len() + routes.len())),
        ]))
    }
}

/// The routes of the cluster; none where it does not know the kind.
async fn routes(connection: &Connection, scope: &Scope) -> Result<Vec<Value>, Trouble> {
    match connection.list(scope, ROUTES.0, ROUTES.1, None).await {
        Err(trouble) if trouble.class == "kube.not_found" => Ok(Vec::new()),
        other => other,
    }
}

/// Every way in by a Service.
fn of_service(service: &Value) -> Vec<(String, String)> {
    let spec = &service["spec"];
    let mut ways = Vec::new();
    if let Some(kind @ ("NodePort" | "LoadBalancer")) = spec["type"].as_str() {
        let ports: Vec<String> = list(&spec["ports"])
            .iter()
            .filter(|port| port["nodePort"].is_u64())
            .map(|port| port["nodePort"].to_string())
            .collect();
        ways.push(format!("type {kind}, node ports {}", ports.join(", ")));
    }
    let addresses: Vec<&str> = list(&spec["externalIPs"]).iter().filter_map(Value::as_str).collect();
    if !addresses.is_empty() {
        ways.push(format!("external addresses {}", addresses.join(", ")));
    }
    ways.into_iter().map(|how| (format!("Service/{}", name(service)), how)).collect()
}

fn hosts(ingress: &Value) -> String {
    let hosts: Vec<&str> =
        list(&ingress["spec"]["rules"]).iter().map(|rule| rule["host"].as_str().unwrap_or("every host")).collect();
    format!("hosts {}", hosts.join(", "))
}

/// Whether any backend of a route is in the namespace; what is not said is the route's own.
fn leads_to(route: &Value, namespace: &str) -> bool {
    let own = route["metadata"]["namespace"].as_str();
    let rules = list(&route["spec"]["rules"]).iter();
    rules
        .flat_map(|rule| list(&rule["backendRefs"]))
        .any(|backend| backend["namespace"].as_str().or(own) == Some(namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_in_by_a_service_is_named() {
        for (spec, expected) in [
            (json!({"type": "ClusterIP", "ports": [{"port": 1}]}), None),
            (json!({"type": "ClusterIP", "clusterIP": "None"}), None),
            (
                json!({"type": "NodePort", "ports": [{"port": 1, "nodePort": 30_001}]}),
                Some("type NodePort, node ports 30001"),
            ),
            (json!({"type": "LoadBalancer", "ports": []}), Some("type LoadBalancer, node ports ")),
            (json!({"type": "ClusterIP", "externalIPs": ["1.2.3.4"]}), Some("external addresses 1.2.3.4")),
        ] {
            let ways = of_service(&json!({"metadata": {"name": "x"}, "spec": spec}));
            assert_eq!(ways.first().map(|(_, how)| how.as_str()), expected, "{spec}");
        }
    }

    #[test]
    fn a_route_of_another_namespace_may_lead_in() {
        let route =
            |backend: Value| json!({"metadata": {"namespace": "app"}, "spec": {"rules": [{"backendRefs": [backend]}]}});
        assert!(leads_to(&route(json!({"name": "opa", "namespace": "infra"})), "infra"));
        assert!(!leads_to(&route(json!({"name": "opa"})), "infra"));
    }
}
