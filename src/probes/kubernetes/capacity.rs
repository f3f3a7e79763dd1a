use serde_json::{Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::{list, name},
    quantity::bytes,
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope, no_parameters::NoParameters},
};

/// What all nodes together can give to pods, and which pods of the infrastructure found no place.
///
/// Allocatable, not capacity: a part of every node is its own. Nodes of Kind are containers that each report the whole
/// machine; they are counted once.
/// Source: Kubernetes, "Reserve Compute Resources for System Daemons".
pub(in crate::probes) struct Capacity;

impl Probe for Capacity {
    const NAME: &'static str = "kubernetes.capacity";
    const ABOUT: &'static str = "sums up what the nodes can give to pods";
    const FACTS: &'static [Fact] = &[
        Fact { name: "cpu", about: "allocatable processors" },
        Fact { name: "memory_gib", about: "allocatable memory" },
        Fact { name: "storage_gib", about: "allocatable ephemeral storage" },
        Fact { name: "one_machine", about: "whether the nodes are containers on one machine, which was counted once" },
        Fact { name: "unschedulable", about: "pods of the infrastructure that no node takes" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = NoParameters;

    fn rights(_: &NoParameters, namespace: &str) -> Vec<Right> {
        vec![listing("v1", "nodes", None), listing("v1", "pods", Some(namespace))]
    }

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let nodes = connection.list(&scope, "v1", "nodes", None).await?;
        let pods = connection.list(&scope, "v1", "pods", Some(&connection.cluster.namespace)).await?;
        Ok(facts_of(&nodes, &pods))
    }
}

fn facts_of(nodes: &[Value], pods: &[Value]) -> Facts {
    let is_kind = |node: &Value| node["spec"]["providerID"].as_str().is_some_and(|id| id.starts_with("kind://"));
    let one_machine = nodes.len() > 1 && nodes.iter().all(is_kind);
    let total = |what: &str| {
        let each = nodes.iter().filter_map(|node| bytes(node["status"]["allocatable"][what].as_str()?));
        if one_machine { each.fold(0.0, f64::max) } else { each.sum() }
    };
    let gib = |what: &str| (total(what) / f64::from(1 << 30) * 10.0).round() / 10.0;
    let unschedulable: Vec<String> = pods.iter().filter(|pod| is_unschedulable(pod)).map(name).collect();
    Facts::from_iter([
        ("cpu".to_owned(), json!(total("cpu"))),
        ("memory_gib".to_owned(), json!(gib("memory"))),
        ("storage_gib".to_owned(), json!(gib("ephemeral-storage"))),
        ("one_machine".to_owned(), json!(one_machine)),
        ("unschedulable".to_owned(), json!(unschedulable)),
    ])
}

fn is_unschedulable(pod: &Value) -> bool {
    let conditions = list(&pod["status"]["conditions"]);
    conditions
        .iter()
        .any(|one| one["type"] == "PodScheduled" && one["status"] == "False" && one["reason"] == "Unschedulable")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_machine_under_several_kind_nodes_counts_once() {
        let node = |provider: &str| json!({"spec": {"providerID": provider}, "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "10737418240"}}});
        for (provider, cpu, memory, once) in
            [("kind://docker/soma/a", 4.0, 8.0, true), ("aws:///x/i-1", 8.0, 16.0, false)]
        {
            let facts = facts_of(&[node(provider), node(provider)], &[]);
            assert_eq!(
                (&facts["cpu"], &facts["memory_gib"], &facts["one_machine"]),
                (&json!(cpu), &json!(memory), &json!(once))
            );
        }
        let pod = json!({"metadata": {"name": "kafka-0"}, "status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}});
        assert_eq!(facts_of(&[], &[pod])["unschedulable"], json!(["kafka-0"]));
    }
}
