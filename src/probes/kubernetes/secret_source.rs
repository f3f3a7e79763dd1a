use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing, right_on},
    infrastructure::{list, pods, seconds_since},
};
use crate::{
    cluster::collection,
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// Where a Secret comes from: the object that keeps it in step with Vault, and whether it does.
///
/// Known are `ExternalSecret` (External Secrets Operator), `VaultStaticSecret` and `VaultDynamicSecret` (Vault Secrets
/// Operator), the Secrets Store CSI driver, and Vault's own agent, which needs no Secret at all. An owner that is not
/// ready leaves the Secret as it was, so the owner is asked too.
pub(in crate::probes) struct SecretSource;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The Secret.
    name: String,
}

/// Kinds of owners: their API version, their resource, and the field of their interval.
const OWNERS: [(&str, &str, &str, &str); 3] = [
    ("ExternalSecret", "external-secrets.io/v1", "externalsecrets", "refreshInterval"),
    ("VaultStaticSecret", "secrets.hashicorp.com/v1beta1", "vaultstaticsecrets", "refreshAfter"),
    ("VaultDynamicSecret", "secrets.hashicorp.com/v1beta1", "vaultdynamicsecrets", "refreshAfter"),
];

impl Probe for SecretSource {
    const NAME: &'static str = "kubernetes.secret_source";
    const ABOUT: &'static str = "looks who keeps a Secret in step with Vault";
    const FACTS: &'static [Fact] = &[
        Fact { name: "source", about: "the owner's kind, `csi`, `vault-agent`, or `none`" },
        Fact { name: "ready", about: "whether the owner says that it is in step; true for `csi` and `vault-agent`" },
        Fact { name: "overdue", about: "whether its last step is longer ago than its interval" },
        Fact { name: "exists", about: "whether there is such a Secret" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(with: &With, namespace: &str) -> Vec<Right> {
        let owners = OWNERS.iter().map(|(_, api, resource, _)| right_on(api, resource, Some(namespace), "get"));
        let own = [
            right_on("v1", "secrets", Some(namespace), "get").only(&with.name),
            listing("v1", "pods", Some(namespace)),
        ];
        owners.chain(own).collect()
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespace = &connection.cluster.namespace;
        let path = format!("{}/{}", collection("v1", "secrets", Some(namespace)), with.name);
        let right = right_on("v1", "secrets", Some(namespace), "get").only(&with.name);
        let secret = connection.api.get(&scope.clock, &path, &right).await?;
        let found = |source: &str, ready: bool, overdue: bool| {
            Facts::from_iter([
                ("exists".to_owned(), json!(secret.is_some())),
                ("source".to_owned(), json!(source)),
                ("ready".to_owned(), json!(ready)),
                ("overdue".to_owned(), json!(overdue)),
            ])
        };
        let Some(object) = &secret else {
            let pods = pods(&connection, &scope).await?;
            let has_agent =
                pods.iter().any(|pod| pod["metadata"]["annotations"]["vault.hashicorp.com/agent-inject"] == "true");
            return Ok(found(if has_agent { "vault-agent" } else { "none" }, has_agent, false));
        };
        if object["metadata"]["labels"]["secrets-store.csi.k8s.io/managed"] == "true" {
            return Ok(found("csi", true, false));
        }
        let owners = list(&object["metadata"]["ownerReferences"]).iter();
        for owner in owners {
            let Some((kind, _, resource, field)) = OWNERS.iter().find(|(kind, ..)| owner["kind"] == *kind) else {
                continue;
            };
            let api = owner["apiVersion"].as_str().unwrap_or_default();
            let name = owner["name"].as_str().unwrap_or_default();
            let path = format!("{}/{name}", collection(api, resource, Some(namespace)));
            let right = right_on(api, resource, Some(namespace), "get");
            let Some(owner) = connection.api.get(&scope.clock, &path, &right).await? else { continue };
            return Ok(found(kind, is_ready(&owner), is_overdue(&owner, field)));
        }
        Ok(found("none", false, false))
    }
}

fn is_ready(owner: &Value) -> bool {
    list(&owner["status"]["conditions"])
        .iter()
        .any(|one| matches!(one["type"].as_str(), Some("Ready" | "SecretSynced")) && one["status"] == "True")
}

/// Twice the interval and a minute are allowed: it is when the next step begins, not when it is done.
fn is_overdue(owner: &Value, field: &str) -> bool {
    let interval = owner["spec"][field].as_str().and_then(|text| text.parse::<SignedDuration>().ok());
    let last = seconds_since(&owner["status"]["refreshTime"]);
    interval.zip(last).is_some_and(|(interval, last)| !interval.is_zero() && last > 2 * interval.as_secs() + 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_that_fell_behind_is_overdue() {
        let owner = |interval: &str| json!({"spec": {"refreshInterval": interval}, "status": {"refreshTime": "2020-01-01T00:00:00Z"}});
        assert!(is_overdue(&owner("1h"), "refreshInterval") && is_overdue(&owner("1h0m0s"), "refreshInterval"));
        assert!(!is_overdue(&owner("0s"), "refreshInterval") && !is_overdue(&json!({}), "refreshInterval"));
    }

    #[test]
    fn an_owner_says_whether_it_is_in_step() {
        let owner = |status: &str| json!({"status": {"conditions": [{"type": "Ready", "status": status}]}});
        assert!(is_ready(&owner("True")) && !is_ready(&owner("False")) && !is_ready(&json!({})));
    }
}
