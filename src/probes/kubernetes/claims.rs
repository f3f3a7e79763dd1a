use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::{component, is_meant, list, name, pods},
    quantity::bytes,
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// The volume claims that the infrastructure's pods hold, each with its volume, as one flat row.
///
/// A claim that no pod holds tells nothing: with a class that waits for its first consumer it is pending for ever. A
/// stateful component that holds none at all keeps its data in an `emptyDir`, so claims are also counted by component.
/// Source: Kubernetes, "Persistent Volumes".
pub(in crate::probes) struct Claims;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Only the claims of these components; all, if not given.
    #[serde(default)]
    components: Option<Vec<String>>,
    /// Components that are declared exceptions.
    #[serde(default)]
    except: Vec<String>,
    /// Components whose claims are counted in `held`.
    #[serde(default)]
    stateful: Vec<String>,
}

impl Probe for Claims {
    const NAME: &'static str = "kubernetes.claims";
    const ABOUT: &'static str = "lists the volume claims that the infrastructure's pods hold";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "claims",
            about: "by name: {components, phase, volume_phase, class, requested_bytes, capacity_bytes, reclaim_policy}",
        },
        Fact { name: "count", about: "how many there are" },
        Fact { name: "held", about: "by component of `stateful`: how many claims its pods hold" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(_: &With, namespace: &str) -> Vec<Right> {
        vec![
            listing("v1", "pods", Some(namespace)),
            listing("v1", "persistentvolumeclaims", Some(namespace)),
            listing("v1", "persistentvolumes", None),
        ]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespace = &connection.cluster.namespace;
        let holders = holders(&pods(&connection, &scope).await?);
        let claims = connection.list(&scope, "v1", "persistentvolumeclaims", Some(namespace)).await?;
        let volumes = connection.list(&scope, "v1", "persistentvolumes", None).await?;
        let rows: Map<String, Value> = holders
            .iter()
            .filter(|(_, components)| {
                components.iter().any(|one| is_meant(one, with.components.as_deref(), &with.except))
            })
            .map(|(claim, components)| {
                let object = claims.iter().find(|object| name(object) == *claim);
                let volume = object.and_then(|object| {
                    volumes.iter().find(|volume| volume["metadata"]["name"] == object["spec"]["volumeName"])
                });
                (claim.clone(), row(components, object, volume))
            })
            .collect();
        let held: Map<String, Value> = with
            .stateful
            .iter()
            .map(|one| (one.clone(), json!(holders.values().filter(|components| components.contains(one)).count())))
            .collect();
        Ok(Facts::from_iter([
            ("count".to_owned(), json!(rows.len())),
            ("claims".to_owned(), Value::Object(rows)),
            ("held".to_owned(), Value::Object(held)),
        ]))
    }
}

/// Which components hold which claim.
fn holders(pods: &[Value]) -> BTreeMap<String, BTreeSet<String>> {
    let mut holders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for pod in pods {
        for volume in list(&pod["spec"]["volumes"]) {
            let claim = volume["persistentVolumeClaim"]["claimName"].as_str().map(str::to_owned).or_else(|| {
                // An ephemeral claim is named after its pod and volume.
                volume.get("ephemeral")?;
                Some(format!("{}-{}", name(pod), volume["name"].as_str()?))
            });
            if let Some(claim) = claim {
                holders.entry(claim).or_default().insert(component(pod));
            }
        }
    }
    holders
}

fn row(components: &BTreeSet<String>, claim: Option<&Value>, volume: Option<&Value>) -> Value {
    let nothing = Value::Null;
    let claim = claim.unwrap_or(&nothing);
    let of = |value: &Value| value["storage"].as_str().and_then(bytes);
    json!({
        "components": components,
        "phase": claim["status"]["phase"].as_str().unwrap_or("Missing"),
        "volume_phase": volume.map_or("Missing", |volume| volume["status"]["phase"].as_str().unwrap_or("Unknown")),
        "class": claim["spec"]["storageClassName"],
        "requested_bytes": of(&claim["spec"]["resources"]["requests"]),
        "capacity_bytes": of(&claim["status"]["capacity"]),
        "reclaim_policy": volume.map(|volume| volume["spec"]["persistentVolumeReclaimPolicy"].clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(component: &str, volumes: &Value) -> Value {
        json!({"metadata": {"name": format!("{component}-0"), "labels": {"app": component}}, "spec": {"volumes": volumes}})
    }

    #[test]
    fn who_holds_a_claim_is_seen_and_who_holds_none_too() {
        let holders = holders(&[
            pod("postgres", &json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data-0"}}])),
            pod("etcd", &json!([{"name": "data", "emptyDir": {}}])),
            pod("kafka", &json!([{"name": "data", "ephemeral": {}}])),
        ]);
        assert_eq!(holders.keys().collect::<Vec<_>>(), ["data-0", "kafka-0-data"]);
        assert!(holders["data-0"].contains("postgres"));
    }

    #[test]
    fn a_claim_that_is_not_there_is_missing() {
        let bound = json!({"status": {"phase": "Bound", "capacity": {"storage": "5Gi"}}});
        let volume = json!({"status": {"phase": "Bound"}, "spec": {"persistentVolumeReclaimPolicy": "Retain"}});
        let good = row(&BTreeSet::new(), Some(&bound), Some(&volume));
        assert_eq!((&good["phase"], &good["capacity_bytes"]), (&json!("Bound"), &json!(5_368_709_120.0)));
        assert_eq!(good["reclaim_policy"], json!("Retain"));
        let missing = row(&BTreeSet::new(), None, None);
        assert_eq!((&missing["phase"], &missing["volume_phase"]), (&json!("Missing"), &json!("Missing")));
    }
}
