use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::{is_ours, list, name},
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// Who in the cluster uses ports that are kept for the applications' gateways.
///
/// Looked at are the ports and node ports of all Services and the host ports of all pods. What an application's
/// namespace does with them is its own affair and a fact of its own.
/// Source: Kubernetes, "Service"; `ContainerPort.hostPort`.
pub(in crate::probes) struct ReservedPorts;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The ports.
    ports: Vec<u16>,
}

impl Probe for ReservedPorts {
    const NAME: &'static str = "kubernetes.reserved_ports";
    const ABOUT: &'static str = "looks for whoever uses ports kept for the applications' gateways";
    const FACTS: &'static [Fact] = &[
        Fact { name: "taken", about: "{owner, port, how} for each that is the infrastructure's" },
        Fact { name: "by_others", about: "the same for every other namespace" },
        Fact { name: "looked_at", about: "how many Services and pods were looked at" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(_: &With, _: &str) -> Vec<Right> {
        vec![listing("v1", "services", None), listing("v1", "pods", None)]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let services = connection.list(&scope, "v1", "services", None).await?;
        let pods = connection.list(&scope, "v1", "pods", None).await?;
        let uses = services.iter().flat_map(of_service).chain(pods.iter().flat_map(of_pod));
        let uses: Vec<Use> = uses.filter(|one| with.ports.iter().any(|port| u64::from(*port) == one.port)).collect();
        let (own, others): (Vec<Use>, Vec<Use>) =
            uses.into_iter().partition(|one| one.namespace == connection.cluster.namespace);
        let rows = |uses: Vec<Use>| Value::Array(uses.iter().map(Use::row).collect());
        Ok(Facts::from_iter([
            ("taken".to_owned(), rows(own)),
            ("by_others".to_owned(), rows(others)),
            ("looked_at".to_owned(), json!(services.len() + pods.len())),
        ]))
    }
}

/// One use of a port.
struct Use {
    namespace: String,
    owner: String,
    port: u64,
    how: &'static str,
}

impl Use {
    fn row(&self) -> Value {
        json!({"owner": format!("{}/{}", self.namespace, self.owner), "port": self.port, "how": self.how})
    }
}

fn of_service(service: &Value) -> Vec<Use> {
    let found = list(&service["spec"]["ports"]).iter().flat_map(|port| {
        [("port", "port of a Service"), ("nodePort", "node port of a Service")]
            .into_iter()
            .filter_map(|(key, how)| Some((port[key].as_u64()?, how)))
    });
    uses(service, "Service", found)
}

fn of_pod(pod: &Value) -> Vec<Use> {
    let spec = &pod["spec"];
    let containers = ["containers", "initContainers"].into_iter().flat_map(|kind| list(&spec[kind]));
    let on_host = spec["hostNetwork"] == true;
    // On the node's network every port of a container is one of the node.
    let key = if on_host { "containerPort" } else { "hostPort" };
    let found = containers
        .flat_map(|container| list(&container["ports"]))
        .filter_map(|port| Some((port[key].as_u64()?, "port of a pod on its node")));
    if is_ours(pod) { Vec::new() } else { uses(pod, "Pod", found) }
}

fn uses(object: &Value, kind: &str, found: impl Iterator<Item = (u64, &'static str)>) -> Vec<Use> {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let owner = format!("{kind}/{}", name(object));
    found.map(|(port, how)| Use { namespace: namespace.to_owned(), owner: owner.clone(), port, how }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_use_of_a_port_is_found() {
        let service = json!({"metadata": {"name": "gw", "namespace": "app"}, "spec": {"ports": [{"port": 80, "nodePort": 7002}, {"port": 7001}]}});
        let found: Vec<u64> = of_service(&service).iter().map(|one| one.port).collect();
        assert_eq!(found, [80, 7002, 7001]);
        let pod = |host: bool| json!({"metadata": {"name": "p"}, "spec": {"hostNetwork": host, "containers": [{"ports": [{"containerPort": 7001}, {"containerPort": 1, "hostPort": 7002}]}]}});
        assert_eq!(of_pod(&pod(false)).iter().map(|one| one.port).collect::<Vec<_>>(), [7002]);
        assert_eq!(of_pod(&pod(true)).iter().map(|one| one.port).collect::<Vec<_>>(), [7001, 1]);
    }
}
