use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::{component, is_meant, list, name, pods},
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// How full the volumes behind the infrastructure's claims are, as the kubelets of their nodes measure it.
///
/// A kubelet measures what its storage driver lets it: volumes on a path of the node are not measured at all, and local
/// ones report the whole disk. A claim without a measurement is named, so that it is not taken for an empty one.
/// Source: Kubernetes, "Node metrics data", `/stats/summary`.
pub(in crate::probes) struct VolumeUsage;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Components that are declared exceptions.
    #[serde(default)]
    except: Vec<String>,
}

impl Probe for VolumeUsage {
    const NAME: &'static str = "kubernetes.volume_usage";
    const ABOUT: &'static str = "asks the kubelets how full the volumes of the infrastructure are";
    const FACTS: &'static [Fact] = &[
        Fact { name: "volumes", about: "by claim: {used_percent, inodes_used_percent}" },
        Fact { name: "not_measured", about: "claims that pods hold and no kubelet measures" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(_: &With, namespace: &str) -> Vec<Right> {
        vec![listing("v1", "pods", Some(namespace)), proxy()]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespace = &connection.cluster.namespace;
        let (mut nodes, mut held) = (BTreeSet::new(), BTreeSet::new());
        for pod in pods(&connection, &scope).await?.iter().filter(|pod| is_meant(&component(pod), None, &with.except)) {
            let claims = list(&pod["spec"]["volumes"]).iter();
            let claims: Vec<&str> =
                claims.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str()).collect();
            if let (false, Some(node)) = (claims.is_empty(), pod["spec"]["nodeName"].as_str()) {
                nodes.insert(node.to_owned());
            }
            held.extend(claims.into_iter().map(str::to_owned));
        }
        let mut rows = Map::new();
        for node in nodes {
            let path = format!("/api/v1/nodes/{node}/proxy/stats/summary");
            let summary = connection.api.get(&scope.clock, &path, &proxy()).await?.unwrap_or_default();
            rows.extend(measured(&summary, namespace));
        }
        rows.retain(|claim, _| held.contains(claim));
        let missing: Vec<&String> = held.iter().filter(|claim| !rows.contains_key(*claim)).collect();
        Ok(Facts::from_iter([("not_measured".to_owned(), json!(missing)), ("volumes".to_owned(), Value::Object(rows))]))
    }
}

fn proxy() -> Right {
    Right::everywhere("", "nodes/proxy", "get")
}

/// The measurements of the claims of a namespace.
fn measured(summary: &Value, namespace: &str) -> Vec<(String, Value)> {
    let percent = |volume: &Value, used: &str, all: &str| {
        let (used, all) = (volume[used].as_f64()?, volume[all].as_f64().filter(|all| *all > 0.0)?);
        Some((1_000.0 * used / all).round() / 10.0)
    };
    list(&summary["pods"])
        .iter()
        .flat_map(|pod| list(&pod["volume"]))
        .filter(|volume| volume["pvcRef"]["namespace"] == namespace)
        .map(|volume| {
            let row = json!({
                "used_percent": percent(volume, "usedBytes", "capacityBytes"),
                "inodes_used_percent": percent(volume, "inodesUsed", "inodes"),
            });
            (name(&json!({"metadata": volume["pvcRef"]})), row)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_of_our_namespace_is_measured() {
        let volume = |namespace: &str, used: u64, all: u64| json!({"pvcRef": {"name": "data", "namespace": namespace}, "usedBytes": used, "capacityBytes": all});
        let summary = json!({"pods": [{"volume": [volume("a", 9, 10), volume("b", 1, 10)]}, {}]});
        let rows = measured(&summary, "a");
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].0.as_str(), &rows[0].1["used_percent"]), ("data", &json!(90.0)));
        assert!(measured(&json!({"pods": [{"volume": [volume("a", 0, 0)]}]}), "a")[0].1["used_percent"].is_null());
    }
}
