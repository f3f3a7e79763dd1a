use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::{component, is_meant, is_ours, list, name, pods},
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// What keeps the infrastructure's pods running: Deployments, `StatefulSets`, `DaemonSets`, and operators' own kinds.
///
/// Each is a flat row of what is wanted and what is there, so that a rollout that is half done is seen also while every
/// old pod is Ready. Of an operator's own kind only its pods are known.
/// Source: Kubernetes, "Deployment status", "`StatefulSet` update strategies".
pub(in crate::probes) struct Workloads;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Only those of these components; all, if not given.
    #[serde(default)]
    components: Option<Vec<String>>,
    /// Components that are declared exceptions.
    #[serde(default)]
    except: Vec<String>,
}

/// The kinds that Kubernetes itself brings, with their resources.
const KINDS: [(&str, &str); 3] =
    [("Deployment", "deployments"), ("StatefulSet", "statefulsets"), ("DaemonSet", "daemonsets")];

impl Probe for Workloads {
    const NAME: &'static str = "kubernetes.workloads";
    const ABOUT: &'static str = "lists the infrastructure's workloads as flat rows";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "workloads",
            about: "by kind/name: {component, kind, replicas, observed, not_updated, not_ready, not_available, surplus, one_revision, progressing}",
        },
        Fact { name: "count", about: "how many there are" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(_: &With, namespace: &str) -> Vec<Right> {
        let own = KINDS.iter().map(|(_, resource)| listing("apps/v1", resource, Some(namespace)));
        own.chain([listing("v1", "pods", Some(namespace))]).collect()
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespace = &connection.cluster.namespace;
        let mut rows = Map::new();
        for (kind, resource) in KINDS {
            let workloads = connection.list(&scope, "apps/v1", resource, Some(namespace)).await?;
            for workload in workloads.iter().filter(|workload| !is_ours(workload)) {
                rows.insert(format!("{kind}/{}", name(workload)), row(kind, workload));
            }
        }
        rows.extend(of_operators(&pods(&connection, &scope).await?));
        rows.retain(|_, row| {
            let component = row["component"].as_str().unwrap_or_default();
            is_meant(component, with.components.as_deref(), &with.except)
        });
        Ok(Facts::from_iter([("count".to_owned(), json!(rows.len())), ("workloads".to_owned(), Value::Object(rows))]))
    }
}

fn row(kind: &str, workload: &Value) -> Value {
    let (spec, status) = (&workload["spec"], &workload["status"]);
    let count = |value: &Value| value.as_i64().unwrap_or(0);
    // A DaemonSet has as many as nodes; of the others one, where nothing is said.
    let wanted = match kind {
        "DaemonSet" => count(&status["desiredNumberScheduled"]),
        _ => spec["replicas"].as_i64().unwrap_or(1),
    };
    let (there, updated, ready, available) = match kind {
        "DaemonSet" => ("currentNumberScheduled", "updatedNumberScheduled", "numberReady", "numberAvailable"),
        _ => ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"),
    };
    // An update that waits for somebody's deletion or stops at a partition is wanted as it is.
    let by_hand = spec["updateStrategy"]["type"] == "OnDelete"
        || count(&spec["updateStrategy"]["rollingUpdate"]["partition"]) > 0;
    let one_revision =
        (kind == "StatefulSet" && !by_hand).then(|| status["currentRevision"] == status["updateRevision"]);
    let progressing = list(&status["conditions"]).iter().find(|condition| condition["type"] == "Progressing");
    json!({
        "component": component(workload),
        "kind": kind,
        "replicas": wanted,
        "observed": count(&status["observedGeneration"]) >= count(&workload["metadata"]["generation"]),
        "not_updated": if by_hand { 0 } else { wanted - count(&status[updated]) },
        "not_ready": wanted - count(&status[ready]),
        "not_available": wanted - count(&status[available]),
        "surplus": count(&status[there]) - wanted,
        "one_revision": one_revision,
        "progressing": progressing.map(|condition| condition["reason"].clone()),
    })
}

/// Rows for what owns pods and is none of Kubernetes' own kinds: the sets of Strimzi and its like.
fn of_operators(pods: &[Value]) -> Map<String, Value> {
    let mut owned: BTreeMap<(String, String), Vec<&Value>> = BTreeMap::new();
    for pod in pods {
        for owner in list(&pod["metadata"]["ownerReferences"]).iter().filter(|owner| owner["controller"] == true) {
            let text = |key: &str| owner[key].as_str().unwrap_or_default().to_owned();
            if !matches!(text("kind").as_str(), "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "Node") {
                owned.entry((text("kind"), text("name"))).or_default().push(pod);
            }
        }
    }
    let is_ready = |pod: &&&Value| {
        list(&pod["status"]["conditions"]).iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
    };
    owned
        .into_iter()
        .map(|((kind, name), pods)| {
            let not_ready = pods.len() - pods.iter().filter(is_ready).count();
            let row = json!({
                "component": pods.first().map(|pod| component(pod)), "kind": kind, "replicas": pods.len(),
                "observed": true, "not_updated": 0, "not_ready": not_ready, "not_available": not_ready, "surplus": 0,
                "one_revision": null, "progressing": null,
            });
            (format!("{kind}/{name}"), row)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollout_that_is_half_done_is_seen() {
        let deployment = json!({
            "metadata": {"name": "opa", "generation": 3}, "spec": {"replicas": 2},
            "status": {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 1, "readyReplicas": 2, "availableReplicas": 2,
                "conditions": [{"type": "Progressing", "reason": "ReplicaSetUpdated"}]},
        });
        let row = row("Deployment", &deployment);
        assert_eq!((&row["observed"], &row["not_updated"]), (&json!(false), &json!(1)));
        assert_eq!((&row["not_ready"], &row["surplus"]), (&json!(0), &json!(1)));
        assert_eq!(row["progressing"], json!("ReplicaSetUpdated"));
    }

    #[test]
    fn an_update_that_stops_on_purpose_is_no_half_one() {
        let set = |strategy: Value| {
            json!({"metadata": {"generation": 1}, "spec": {"replicas": 1, "updateStrategy": strategy},
                "status": {"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "availableReplicas": 1,
                    "currentRevision": "a", "updateRevision": "b"}})
        };
        assert_eq!(row("StatefulSet", &set(json!({"type": "RollingUpdate"})))["one_revision"], json!(false));
        assert_eq!(row("StatefulSet", &set(json!({"type": "OnDelete"})))["one_revision"], json!(null));
        assert_eq!(row("StatefulSet", &set(json!({"type": "OnDelete"})))["not_updated"], json!(0));
    }

    #[test]
    fn an_operators_own_kind_is_a_workload() {
        let pod = |ready: &str| {
            json!({"metadata": {"labels": {"app.kubernetes.io/name": "kafka"},
                    "ownerReferences": [{"kind": "StrimziPodSet", "name": "soma-kafka", "controller": true}]},
                "status": {"conditions": [{"type": "Ready", "status": ready}]}})
        };
        let rows = of_operators(&[pod("True"), pod("False")]);
        let row = &rows["StrimziPodSet/soma-kafka"];
        assert_eq!((&row["component"], &row["replicas"], &row["not_ready"]), (&json!("kafka"), &json!(2), &json!(1)));
    }
}
