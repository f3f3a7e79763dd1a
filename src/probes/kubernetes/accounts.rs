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

/// Which pods hold a token of the Kubernetes API, and what the accounts they run as may do with it.
///
/// Looked at is the pod as it was admitted: a token stands there as a mounted volume, whatever account and template say.
/// Bindings to everybody, which Kubernetes itself brings, are left out.
/// Source: Kubernetes, "Configure Service Accounts for Pods"; "Using RBAC Authorization".
pub(in crate::probes) struct Accounts;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Components that are declared to need the API.
    #[serde(default)]
    except: Vec<String>,
}

/// Where every client looks for its token.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

impl Probe for Accounts {
    const NAME: &'static str = "kubernetes.accounts";
    const ABOUT: &'static str = "lists who holds a token of the Kubernetes API, and the roles bound to it";
    const FACTS: &'static [Fact] = &[
        Fact { name: "pods", about: "by name: {component, account, token_mounted}" },
        Fact { name: "bindings", about: "of the accounts of these pods and of `default`: {binding, role, account}" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(_: &With, namespace: &str) -> Vec<Right> {
        let group = "rbac.authorization.k8s.io/v1";
        vec![
            listing("v1", "pods", Some(namespace)),
            listing(group, "rolebindings", Some(namespace)),
            listing(group, "clusterrolebindings", None),
        ]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespace = &connection.cluster.namespace;
        let pods = pods(&connection, &scope).await?;
        let pods: Vec<&Value> = pods.iter().filter(|pod| is_meant(&component(pod), None, &with.except)).collect();
        let accounts: BTreeSet<&str> = pods.iter().map(|pod| account(pod)).chain(["default"]).collect();
        let group = "rbac.authorization.k8s.io/v1";
        let mut bindings = connection.list(&scope, group, "rolebindings", Some(namespace)).await?;
        bindings.extend(connection.list(&scope, group, "clusterrolebindings", None).await?);
        let bound: Vec<Value> = bindings.iter().flat_map(|binding| bound(binding, namespace, &accounts)).collect();
        let rows: Map<String, Value> = pods
            .iter()
            .map(|pod| {
                let row =
                    json!({"component": component(pod), "account": account(pod), "token_mounted": has_token(pod)});
                (name(pod), row)
            })
            .collect();
        Ok(Facts::from_iter([("pods".to_owned(), Value::Object(rows)), ("bindings".to_owned(), Value::Array(bound))]))
    }
}

fn account(pod: &Value) -> &str {
    pod["spec"]["serviceAccountName"].as_str().unwrap_or("default")
}

fn has_token(pod: &Value) -> bool {
    ["containers", "initContainers", "ephemeralContainers"]
        .into_iter()
        .flat_map(|kind| list(&pod["spec"][kind]))
        .flat_map(|container| list(&container["volumeMounts"]))
        .any(|mount| mount["mountPath"] == TOKEN)
}

/// The accounts of the namespace, out of `accounts`, that a binding gives its role to.
fn bound(binding: &Value, namespace: &str, accounts: &BTreeSet<&str>) -> Vec<Value> {
    // Kubernetes' own: discovery, for everybody who is known.
    if binding["metadata"]["labels"]["kubernetes.io/bootstrapping"] == "rbac-defaults" {
        return Vec::new();
    }
    let everyone = format!("system:serviceaccounts:{namespace}");
    list(&binding["subjects"])
        .iter()
        .filter_map(|subject| {
            let name = subject["name"].as_str().unwrap_or_default();
            let is_ours = match subject["kind"].as_str() {
                Some("ServiceAccount") => accounts.contains(name) && subject["namespace"] == namespace,
                Some("Group") => name == everyone,
                _ => false,
            };
            is_ours.then(|| {
                let role = binding["roleRef"]["name"].as_str().unwrap_or_default();
                json!({"binding": binding["metadata"]["name"], "role": role, "account": name})
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_where_clients_look_for_it() {
        let pod = |path: &str| json!({"spec": {"containers": [{}, {"volumeMounts": [{"mountPath": path}]}]}});
        assert!(has_token(&pod(TOKEN)) && !has_token(&pod("/data")));
    }

    #[test]
    fn a_binding_to_one_of_the_accounts_is_named() {
        let accounts = BTreeSet::from(["default"]);
        let of = |subject: Value| {
            let binding = json!({"metadata": {"name": "b"}, "roleRef": {"name": "edit"}, "subjects": [subject]});
            bound(&binding, "infra", &accounts).len()
        };
        assert_eq!(of(json!({"kind": "ServiceAccount", "name": "default", "namespace": "infra"})), 1);
        assert_eq!(of(json!({"kind": "ServiceAccount", "name": "default", "namespace": "other"})), 0);
        assert_eq!(of(json!({"kind": "ServiceAccount", "name": "other", "namespace": "infra"})), 0);
        assert_eq!(of(json!({"kind": "Group", "name": "system:serviceaccounts:infra"})), 1);
        assert_eq!(of(json!({"kind": "User", "name": "default"})), 0);
    }
}
