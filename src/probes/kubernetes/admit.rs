use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    connect,
    connection::{KUBERNETES, right_on},
};
use crate::{
    cluster::collection,
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// Whether admission would let a pod in: a server-side dry run, which leaves nothing.
///
/// The pod keeps to `PodSecurity` `restricted` but for the one control it is asked to violate. Only a *pod* tells: the
/// policy is not applied to Deployments, whose dry run always passes.
/// Source: Kubernetes, "Pod Security Admission".
pub(in crate::probes) struct Admit;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The control to violate; none for a pod that keeps to all of them.
    #[serde(default)]
    violation: Option<Violation>,
    /// The namespace, if not the infrastructure's own.
    #[serde(default)]
    namespace: Option<String>,
}

/// A control of `PodSecurity` `restricted`, violated.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Violation {
    Privileged,
    HostNetwork,
    HostPath,
    RunAsRoot,
    NoSeccomp,
    AddedCapability,
    PrivilegeEscalation,
}

impl Probe for Admit {
    const NAME: &'static str = "kubernetes.admit";
    const ABOUT: &'static str = "asks admission, in a dry run, whether a pod would be let in";
    const FACTS: &'static [Fact] = &[
        Fact { name: "accepted", about: "whether the pod would be created" },
        Fact { name: "status", about: "the HTTP status" },
        Fact { name: "reason", about: "the reason of a refusal, a word: `Forbidden`" },
        Fact { name: "message", about: "the message of a refusal" },
        Fact { name: "warnings", about: "what admission warns of" },
        Fact { name: "left", about: "whether the dry run left a pod behind" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(with: &With, namespace: &str) -> Vec<Right> {
        let namespace = with.namespace.as_deref().unwrap_or(namespace);
        ["create", "get"].map(|verb| right_on("v1", "pods", Some(namespace), verb)).to_vec()
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespace = connection.namespace(with.namespace.as_deref()).to_owned();
        let name = format!("{}-dry-run", scope.run.scratch_name());
        let pods = collection("v1", "pods", Some(&namespace));
        let body = ("application/json", pod(&name, with.violation));
        let answer = connection.api.ask(&scope.clock, Method::POST, &format!("{pods}?dryRun=All"), Some(body)).await?;
        if !answer.is_success() && !matches!(answer.status, 403 | 422) {
            let message = answer.body["message"].as_str().unwrap_or("no message");
            return Err(Trouble::unable("api", "kube.server_error", format!("{}: {message}", answer.status)));
        }
        let message = answer.body["message"].as_str().unwrap_or_default();
        // Lack of our own right to create pods says nothing of admission.
        if answer.status == 403 && message.contains("cannot create resource") {
            return Err(Trouble::unable("api", "kube.forbidden", message));
        }
        let right = right_on("v1", "pods", Some(&namespace), "get");
        let left = connection.api.get(&scope.clock, &format!("{pods}/{name}"), &right).await?.is_some();
        let mut facts = Facts::from_iter([
            ("accepted".to_owned(), json!(answer.is_success())),
            ("status".to_owned(), json!(answer.status)),
            ("warnings".to_owned(), json!(answer.warnings)),
            ("left".to_owned(), json!(left)),
        ]);
        if !answer.is_success() {
            facts.insert("reason".to_owned(), answer.body["reason"].clone());
            facts.insert("message".to_owned(), json!(message));
        }
        Ok(facts)
    }
}

/// A pod that keeps to every control of `restricted`, but for one.
fn pod(name: &str, violation: Option<Violation>) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "soma-conformance"}},
        "spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": false, "enableServiceLinks": false,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "never-started", "image": "registry.k8s.io/pause:3.10",
                "resources": {
                    "requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "1m", "memory": "1Mi"}
                },
                "securityContext": {
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}
                },
            }],
        },
    });
    let spec = &mut pod["spec"];
    match violation {
        None => {}
        Some(Violation::Privileged) => {
            let context = &mut spec["containers"][0]["securityContext"];
            context["privileged"] = json!(true);
            // The two together are invalid for any policy, which would be another refusal.
            context["allowPrivilegeEscalation"] = json!(true);
        }
        Some(Violation::HostNetwork) => spec["hostNetwork"] = json!(true),
        Some(Violation::HostPath) => spec["volumes"] = json!([{"name": "host", "hostPath": {"path": "/etc"}}]),
        Some(Violation::RunAsRoot) => {
            spec["securityContext"] = json!({"runAsUser": 0, "seccompProfile": {"type": "RuntimeDefault"}});
        }
        Some(Violation::NoSeccomp) => spec["securityContext"] = json!({"runAsNonRoot": true, "runAsUser": 65532}),
        Some(Violation::AddedCapability) => {
            spec["containers"][0]["securityContext"]["capabilities"]["add"] = json!(["NET_ADMIN"]);
        }
        Some(Violation::PrivilegeEscalation) => {
            spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        }
    }
    pod
}
