use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::{component, name, pods},
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// Over how many nodes and zones the pods of a component are spread.
///
/// Two voters of a quorum on one node fail together, whatever the spread constraint wished for.
/// Source: Kubernetes, "Pod Topology Spread Constraints"; label `topology.kubernetes.io/zone`.
pub(in crate::probes) struct Spread;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The components to look at.
    components: Vec<String>,
}

impl Probe for Spread {
    const NAME: &'static str = "kubernetes.spread";
    const ABOUT: &'static str = "counts the nodes and zones that a component's pods are on";
    const FACTS: &'static [Fact] =
        &[Fact { name: "components", about: "by component: {pods, nodes, most_on_one_node, zones}" }];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(_: &With, namespace: &str) -> Vec<Right> {
        vec![listing("v1", "pods", Some(namespace)), listing("v1", "nodes", None)]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let pods = pods(&connection, &scope).await?;
        let nodes = connection.list(&scope, "v1", "nodes", None).await?;
        let zones: BTreeMap<String, String> = nodes
            .iter()
            .filter_map(|node| {
                let zone = node["metadata"]["labels"]["topology.kubernetes.io/zone"].as_str()?;
                Some((name(node), zone.to_owned()))
            })
            .collect();
        let rows: Map<String, Value> =
            with.components.iter().map(|one| (one.clone(), row(one, &pods, &zones))).collect();
        Ok(Facts::from_iter([("components".to_owned(), Value::Object(rows))]))
    }
}

fn row(wanted: &str, pods: &[Value], zones: &BTreeMap<String, String>) -> Value {
    let mut on_node: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| component(pod) == wanted) {
        *on_node.entry(pod["spec"]["nodeName"].as_str().unwrap_or_default()).or_default() += 1;
    }
    let zones: BTreeSet<&String> = on_node.keys().filter_map(|node| zones.get(*node)).collect();
    json!({
        "pods": on_node.values().sum::<usize>(), "nodes": on_node.len(),
        "most_on_one_node": on_node.values().max().copied().unwrap_or(0), "zones": zones.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_on_one_node_are_seen() {
        let pod = |node: &str| json!({"metadata": {"labels": {"app": "etcd"}}, "spec": {"nodeName": node}});
        let zones = [("a", "z1"), ("b", "z2")].map(|(node, zone)| (node.to_owned(), zone.to_owned())).into();
        let row = row("etcd", &[pod("a"), pod("a"), pod("b")], &zones);
        assert_eq!(row, json!({"pods": 3, "nodes": 2, "most_on_one_node": 2, "zones": 2}));
    }
}
