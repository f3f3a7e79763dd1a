//! What `EndpointSlices` say: which pods are behind a Service, and which of them take connections.

use serde_json::Value;

/// The `EndpointSlices` of a Service; a Service may have several.
#[must_use]
pub fn of_service<'a>(slices: &'a [Value], service: &str) -> Vec<&'a Value> {
    slices.iter().filter(|slice| slice["metadata"]["labels"]["kubernetes.io/service-name"] == service).collect()
}

/// Whether an endpoint takes new connections. What is not said of its conditions is good; where a Service publishes
/// pods that are not ready, `ready` is always true and only `serving` tells.
/// Source: Kubernetes API, `EndpointConditions`.
#[must_use]
pub fn is_usable(endpoint: &Value, publishes_unready: bool) -> bool {
    let conditions = &endpoint["conditions"];
    let ready = conditions["ready"].as_bool().unwrap_or(true);
    let serving = conditions["serving"].as_bool().unwrap_or(ready);
    let terminating = conditions["terminating"].as_bool().unwrap_or(false);
    serving && !terminating && (ready || publishes_unready)
}

/// The ports of a slice with this name.
#[must_use]
pub fn port_named(slice: &Value, name: &str) -> Option<u64> {
    let is_it = |port: &&Value| port["name"].as_str().unwrap_or_default() == name;
    slice["ports"].as_array()?.iter().find(is_it)?["port"].as_u64()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_said_of_an_endpoint_is_good() {
        for (conditions, usable, published) in [
            (json!({}), true, true),
            (json!(null), true, true),
            (json!({"ready": true}), true, true),
            (json!({"ready": false}), false, false),
            (json!({"ready": true, "serving": false}), false, false),
            (json!({"ready": false, "serving": true}), false, true),
            (json!({"ready": false, "serving": true, "terminating": true}), false, false),
            (json!({"ready": true, "serving": null, "terminating": null}), true, true),
        ] {
            let endpoint = json!({"conditions": conditions});
            assert_eq!((is_usable(&endpoint, false), is_usable(&endpoint, true)), (usable, published), "{conditions}");
        }
    }
}
