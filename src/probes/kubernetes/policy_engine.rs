use serde_json::{Map, Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::{list, name},
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope, no_parameters::NoParameters},
};

/// Agents of network plugins by the names of their `DaemonSets`, and whether they enforce `NetworkPolicies`.
/// Source: the manifests of the products.
const AGENTS: [(&str, bool); 12] = [
    ("kindnet", true),
    ("calico-node", true),
    ("canal", true),
    ("cilium", true),
    ("antrea-agent", true),
    ("kube-router", true),
    ("aws-node", true),
    ("azure-npm", true),
    ("weave-net", true),
    ("ovnkube-node", true),
    ("kube-network-policies", true),
    ("kube-flannel-ds", false),
];

/// The agent that enforces `NetworkPolicies`, where it can be seen, and on how many nodes it is ready.
///
/// Several agents let everything pass while they are away. A managed cluster may hide its agent; then only a connection
/// that was really refused tells.
/// Source: kubernetes-sigs/kube-network-policies, `FailOpen`.
pub(in crate::probes) struct PolicyEngine;

impl Probe for PolicyEngine {
    const NAME: &'static str = "kubernetes.policy_engine";
    const ABOUT: &'static str = "looks for the agent that enforces NetworkPolicies";
    const FACTS: &'static [Fact] = &[
        Fact { name: "agents", about: "by namespace/name: {enforces, wanted, ready, image}" },
        Fact { name: "not_ready", about: "the names of those that are not ready on every node they are meant for" },
        Fact { name: "visible", about: "whether any agent that enforces is to be seen" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = NoParameters;

    fn rights(_: &NoParameters, _: &str) -> Vec<Right> {
        vec![listing("apps/v1", "daemonsets", None)]
    }

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let sets = connection.list(&scope, "apps/v1", "daemonsets", None).await?;
        Ok(facts_of(&sets))
    }
}

fn facts_of(sets: &[Value]) -> Facts {
    let known = |set: &Value| AGENTS.into_iter().find(|(agent, _)| name(set) == *agent);
    let rows: Map<String, Value> = sets
        .iter()
        .filter_map(|set| {
            let (_, enforces) = known(set)?;
            let status = &set["status"];
            let count = |key: &str| status[key].as_i64().unwrap_or(0);
            let images: Vec<&Value> =
                list(&set["spec"]["template"]["spec"]["containers"]).iter().map(|one| &one["image"]).collect();
            let row = json!({
                "enforces": enforces, "wanted": count("desiredNumberScheduled"), "ready": count("numberReady"),
                "images": images,
            });
            Some((format!("{}/{}", set["metadata"]["namespace"].as_str().unwrap_or_default(), name(set)), row))
        })
        .collect();
    let enforcing = || rows.iter().filter(|(_, row)| row["enforces"] == true);
    // An agent that is meant for no node at all enforces nowhere.
    let is_ready = |row: &Value| row["ready"] == row["wanted"] && row["wanted"] != 0;
    let not_ready: Vec<&String> = enforcing().filter(|(_, row)| !is_ready(row)).map(|(name, _)| name).collect();
    Facts::from_iter([
        ("not_ready".to_owned(), json!(not_ready)),
        ("visible".to_owned(), json!(enforcing().next().is_some())),
        ("agents".to_owned(), Value::Object(rows.clone())),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_must_be_ready_wherever_it_is_meant() {
        let set = |name: &str, wanted: u32, ready: u32| json!({"metadata": {"name": name, "namespace": "kube-system"}, "status": {"desiredNumberScheduled": wanted, "numberReady": ready}});
        for (sets, visible, not_ready) in [
            (vec![set("kindnet", 2, 2)], true, json!([])),
            (vec![set("kindnet", 2, 1)], true, json!(["kube-system/kindnet"])),
            (vec![set("kindnet", 0, 0)], true, json!(["kube-system/kindnet"])),
            (vec![set("kube-flannel-ds", 2, 1)], false, json!([])),
            (vec![set("fluentd", 2, 1)], false, json!([])),
        ] {
            let facts = facts_of(&sets);
            assert_eq!((&facts["visible"], &facts["not_ready"]), (&json!(visible), &not_ready));
        }
    }
}
