use http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::{list, name},
    raw::version_of,
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope, no_parameters::NoParameters},
};

/// Where the kubelets renew their leases.
const LEASES: &str = "kube-node-lease";

/// The nodes of the cluster, each as one flat row.
///
/// `Ready` stays `True` for most of a minute after a kubelet died; the age of its lease tells sooner. Ages are taken by
/// the API server's clock, so that ours does not matter; a lease from the future tells of a node's clock.
/// Sources: Kubernetes, "Node Status", "Leases", "Version Skew Policy".
pub(in crate::probes) struct Nodes;

impl Probe for Nodes {
    const NAME: &'static str = "kubernetes.nodes";
    const ABOUT: &'static str = "lists the nodes as flat rows";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "nodes",
            about: "by name: {ready, pressures, lease_age_s, schedulable, kubelet, kubelet_minor, minors_behind, gpus, gpus_there}",
        },
        Fact { name: "count", about: "how many there are" },
        Fact { name: "cordoned", about: "the names of those that take no new pods" },
        Fact { name: "usable_gpus", about: "allocatable GPUs on nodes that are ready and take new pods" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = NoParameters;

    fn rights(_: &NoParameters, _: &str) -> Vec<Right> {
        vec![listing("v1", "nodes", None), listing("coordination.k8s.io/v1", "leases", Some(LEASES))]
    }

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let nodes = connection.list(&scope, "v1", "nodes", None).await?;
        let leases = connection.list(&scope, "coordination.k8s.io/v1", "leases", Some(LEASES)).await?;
        let answer = connection.api.ask(&scope.clock, Method::GET, "/version", None).await?;
        let by_server = answer.date.as_deref().and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        let now = by_server.map_or_else(Timestamp::now, |date| date.timestamp());
        let minor = version_of(&answer.body).and_then(|version| version["minor"].as_i64());
        let row_of = |node: &Value| {
            let lease = leases.iter().find(|lease| name(lease) == name(node));
            (name(node), row(node, lease, now, minor))
        };
        let rows: Map<String, Value> = nodes.iter().map(row_of).collect();
        Ok(facts_of(rows))
    }
}

fn facts_of(rows: Map<String, Value>) -> Facts {
    let cordoned: Vec<&String> =
        rows.iter().filter(|(_, row)| row["schedulable"] == false).map(|(name, _)| name).collect();
    let usable = |row: &&Value| row["ready"] == true && row["schedulable"] == true;
    let gpus: i64 = rows.values().filter(usable).filter_map(|row| row["gpus"].as_i64()).sum();
    Facts::from_iter([
        ("count".to_owned(), json!(rows.len())),
        ("cordoned".to_owned(), json!(cordoned)),
        ("usable_gpus".to_owned(), json!(gpus)),
        ("nodes".to_owned(), Value::Object(rows)),
    ])
}

fn row(node: &Value, lease: Option<&Value>, now: Timestamp, minor: Option<i64>) -> Value {
    let status = &node["status"];
    let conditions = list(&status["conditions"]);
    let is_ready = conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
    // Every other condition of the node is one of trouble: it must be False. What is not known is not False.
    let pressures: Vec<&Value> = conditions
        .iter()
        .filter(|one| PRESSURES.iter().any(|kind| one["type"] == *kind) && one["status"] != "False")
        .map(|one| &one["type"])
        .collect();
    let renewed = lease.and_then(|lease| lease["spec"]["renewTime"].as_str()?.parse::<Timestamp>().ok());
    let kubelet = &status["nodeInfo"]["kubeletVersion"];
    let kubelet_minor = version_of(&json!({"gitVersion": kubelet})).and_then(|version| version["minor"].as_i64());
    let gpus =
        |which: &str| status[which]["nvidia.com/gpu"].as_str().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    json!({
        "ready": is_ready,
        "pressures": pressures,
        "lease_age_s": renewed.map(|renewed| now.as_second() - renewed.as_second()),
        "schedulable": node["spec"]["unschedulable"] != true,
        "kubelet": kubelet,
        "kubelet_minor": kubelet_minor,
        "minors_behind": minor.zip(kubelet_minor).map(|(server, own)| server - own),
        "gpus": gpus("allocatable"),
        "gpus_there": gpus("capacity"),
    })
}

/// The conditions that every node must not have.
const PRESSURES: [&str; 4] = ["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_whose_lease_is_old_is_seen_before_it_is_not_ready() {
        let condition = |kind: &str, status: &str| json!({"type": kind, "status": status});
        let node = json!({
            "metadata": {"name": "n"}, "spec": {"unschedulable": true},
            "status": {
                "conditions": [condition("Ready", "True"), condition("DiskPressure", "Unknown"), condition("PIDPressure", "False")],
                "nodeInfo": {"kubeletVersion": "v1.31.2-eks-1"},
                "allocatable": {"nvidia.com/gpu": "0"}, "capacity": {"nvidia.com/gpu": "2"},
            },
        });
        let now: Timestamp = "2026-01-01T00:02:00Z".parse().expect("a time");
        let lease = json!({"spec": {"renewTime": "2026-01-01T00:00:30.123456Z"}});
        let row = row(&node, Some(&lease), now, Some(34));
        assert_eq!(
            (&row["ready"], &row["lease_age_s"], &row["pressures"]),
            (&json!(true), &json!(90), &json!(["DiskPressure"]))
        );
        assert_eq!((&row["kubelet_minor"], &row["minors_behind"]), (&json!(31), &json!(3)));
        assert_eq!((&row["schedulable"], &row["gpus"], &row["gpus_there"]), (&json!(false), &json!(0), &json!(2)));
        assert!(super::row(&node, None, now, None)["lease_age_s"].is_null());
    }

    #[test]
    fn only_a_usable_gpu_counts() {
        let row = |ready: bool, schedulable: bool| json!({"ready": ready, "schedulable": schedulable, "gpus": 4});
        let rows = [("a", row(true, true)), ("b", row(false, true)), ("c", row(true, false))];
        let facts = facts_of(rows.into_iter().map(|(name, row)| (name.to_owned(), row)).collect());
        assert_eq!((&facts["usable_gpus"], &facts["cordoned"]), (&json!(4), &json!(["c"])));
    }
}
