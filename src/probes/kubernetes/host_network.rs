use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::{is_ours, name},
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// Pods on the network of their node: `NetworkPolicies` do not apply to them, and they reach everything there.
///
/// Source: Kubernetes, "Network Policies" ("`NetworkPolicy` and `hostNetwork` pods").
pub(in crate::probes) struct HostNetwork;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Namespaces whose pods are declared to need it.
    #[serde(default)]
    declared: Vec<String>,
}

impl Probe for HostNetwork {
    const NAME: &'static str = "kubernetes.host_network";
    const ABOUT: &'static str = "lists the pods on their node's network, to which policies do not apply";
    const FACTS: &'static [Fact] = &[
        Fact { name: "undeclared", about: "namespace/name of each in a namespace that is not declared" },
        Fact { name: "declared", about: "how many are in declared namespaces" },
        Fact { name: "pods", about: "how many pods were looked at" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(_: &With, _: &str) -> Vec<Right> {
        vec![listing("v1", "pods", None)]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let pods = connection.list(&scope, "v1", "pods", None).await?;
        let namespace = |pod: &Value| pod["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        let on_host: Vec<&Value> =
            pods.iter().filter(|pod| pod["spec"]["hostNetwork"] == true && !is_ours(pod)).collect();
        let is_declared = |pod: &&&Value| with.declared.contains(&namespace(pod));
        let undeclared: Vec<String> = on_host
            .iter()
            .filter(|pod| !is_declared(pod))
            .map(|pod| format!("{}/{}", namespace(pod), name(pod)))
            .collect();
        Ok(Facts::from_iter([
            ("declared".to_owned(), json!(on_host.len() - undeclared.len())),
            ("undeclared".to_owned(), json!(undeclared)),
            ("pods".to_owned(), json!(pods.len())),
        ]))
    }
}
