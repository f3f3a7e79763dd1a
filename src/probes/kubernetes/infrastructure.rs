use jiff::Timestamp;
use serde_json::Value;

use super::connection::Connection;
use crate::{model::Trouble, probes::Scope};

/// What every object of the suite itself is labelled with; it is not the infrastructure's.
const OURS: &str = "soma-conformance";

/// The pods of the infrastructure: without our own, and without those of Jobs that are done.
///
/// # Errors
/// Unable, when the API server does not show all of them.
pub(super) async fn pods(connection: &Connection, scope: &Scope) -> Result<Vec<Value>, Trouble> {
    let pods = connection.list(scope, "v1", "pods", Some(&connection.cluster.namespace)).await?;
    Ok(pods.into_iter().filter(|pod| !is_ours(pod) && !is_done(pod)).collect())
}

/// Whether it is an object of the suite itself.
pub(super) fn is_ours(object: &Value) -> bool {
    object["metadata"]["labels"]["app.kubernetes.io/name"] == OURS
}

fn is_done(pod: &Value) -> bool {
    let by_job = list(&pod["metadata"]["ownerReferences"]).iter().any(|owner| owner["kind"] == "Job");
    by_job && pod["status"]["phase"] == "Succeeded"
}

/// Which component an object belongs to: what its labels say, else its name without the release's.
///
/// Source: Kubernetes, "Recommended Labels".
pub(super) fn component(object: &Value) -> String {
    let labels = &object["metadata"]["labels"];
    let by_label = ["app.kubernetes.io/name", "app.kubernetes.io/component", "app", "k8s-app"]
        .iter()
        .find_map(|label| labels[label].as_str());
    let name = || object["metadata"]["name"].as_str().unwrap_or_default();
    by_label.unwrap_or_else(|| name().strip_prefix("soma-infra-").unwrap_or_else(name)).to_owned()
}

/// The name of an object.
pub(super) fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

/// The elements of a list; none where there is no list.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// How long ago a time of the API server was by our clock, in seconds; nothing where there is no time.
pub(super) fn seconds_since(time: &Value) -> Option<i64> {
    let time: Timestamp = time.as_str()?.parse().ok()?;
    Some(Timestamp::now().as_second() - time.as_second())
}

/// Whether a stanza that is about `components` (all, where none is named) but `except` is about this one.
pub(super) fn is_meant(component: &str, components: Option<&[String]>, except: &[String]) -> bool {
    let is_named = |names: &[String]| names.iter().any(|name| name == component);
    components.is_none_or(is_named) && !is_named(except)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_component_is_what_the_labels_say() {
        for (metadata, expected) in [
            (json!({"name": "x", "labels": {"app.kubernetes.io/name": "redis", "app": "other"}}), "redis"),
            (json!({"name": "x", "labels": {"app": "opa"}}), "opa"),
            (json!({"name": "soma-infra-vault"}), "vault"),
            (json!({"name": "grafana", "labels": {}}), "grafana"),
        ] {
            assert_eq!(component(&json!({"metadata": metadata})), expected);
        }
    }

    #[test]
    fn a_job_that_is_done_is_no_running_pod() {
        let pod = |kind: &str, phase: &str| json!({"metadata": {"ownerReferences": [{"kind": kind}]}, "status": {"phase": phase}});
        assert!(is_done(&pod("Job", "Succeeded")));
        assert!(!is_done(&pod("Job", "Failed")) && !is_done(&pod("ReplicaSet", "Succeeded")));
    }

    #[test]
    fn an_exception_takes_out_only_itself() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(is_meant("a", None, &[]) && !is_meant("a", None, &names(&["a"])));
        assert!(is_meant("a", Some(&names(&["a"])), &names(&["b"])) && !is_meant("c", Some(&names(&["a"])), &[]));
    }
}
