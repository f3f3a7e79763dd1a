use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Wish, program::WISH, wish::own_labels};
use crate::model::RunId;

/// A scratch namespace that enforces `PodSecurity` `restricted`, also upon us.
pub(super) fn namespace(name: &str, run: &RunId, label: Option<(String, String)>) -> Value {
    let mut labels = own_labels(run);
    labels.insert("pod-security.kubernetes.io/enforce".to_owned(), "restricted".to_owned());
    labels.extend(label);
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

/// A probe pod: no token, no shell, no rights, and an end of its own.
pub(super) fn pod(name: &str, run: &RunId, image: &str, wish: &Wish, extra: Option<(String, String)>) -> Value {
    let mut labels: BTreeMap<String, String> = own_labels(run);
    labels.extend(extra);
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "activeDeadlineSeconds": wish.ends_after_s,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{
                "name": "vantage",
                "image": image,
                "args": ["vantage"],
                "env": [{"name": WISH, "value": serde_json::to_string(wish).unwrap_or_default()}],
                "resources": {
                    "requests": {"cpu": "10m", "memory": "24Mi"}, "limits": {"cpu": "200m", "memory": "96Mi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
                },
            }],
        },
    })
}

/// A claim of the default class.
pub(super) fn claim(name: &str, run: &RunId) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "labels": own_labels(run)},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}},
    })
}

/// A probe pod with a claim mounted at `folder`.
pub(super) fn pod_with_claim(name: &str, run: &RunId, image: &str, wish: &Wish, folder: &str) -> Value {
    let mut pod = pod(name, run, image, wish, None);
    let spec = &mut pod["spec"];
    spec["securityContext"]["fsGroup"] = json!(65532);
    spec["volumes"] = json!([{"name": "claim", "persistentVolumeClaim": {"claimName": name}}]);
    spec["containers"][0]["volumeMounts"] = json!([{"name": "claim", "mountPath": folder}]);
    pod
}

/// Nothing may come in.
pub(super) fn deny_policy(name: &str, run: &RunId) -> Value {
    policy(name, run, &json!([]))
}

/// Only a namespace of this name may come in.
pub(super) fn allow_policy(name: &str, run: &RunId, namespace: &str) -> Value {
    let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}});
    policy(name, run, &json!([{"from": [{"namespaceSelector": selector}]}]))
}

fn policy(name: &str, run: &RunId, ingress: &Value) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": name, "labels": own_labels(run)},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": ingress},
    })
}
