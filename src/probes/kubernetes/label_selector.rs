use serde_json::Value;

use super::infrastructure::list;

/// Whether a label selector takes an object with these labels. An empty one takes everything, none takes nothing.
///
/// Source: Kubernetes API, `LabelSelector`.
pub(super) fn selects(selector: &Value, labels: &Value) -> bool {
    let Value::Object(_) = selector else { return false };
    let equal = selector["matchLabels"].as_object().into_iter().flatten().all(|(key, value)| labels[key] == *value);
    let expressions = list(&selector["matchExpressions"]).iter().all(|expression| {
        let value = &labels[expression["key"].as_str().unwrap_or_default()];
        let named = list(&expression["values"]).contains(value);
        match expression["operator"].as_str() {
            Some("In") => named,
            Some("NotIn") => !named,
            Some("Exists") => !value.is_null(),
            Some("DoesNotExist") => value.is_null(),
            _ => false,
        }
    });
    equal && expressions
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::selects;

    #[test]
    fn a_selector_takes_what_it_names() {
        let labels = json!({"app": "opa", "tier": "policy"});
        for (selector, expected) in [
            (json!({}), true),
            (json!(null), false),
            (json!({"matchLabels": {"app": "opa"}}), true),
            (json!({"matchLabels": {"app": "opaa"}}), false),
            (json!({"matchLabels": {"app": "opa", "more": "x"}}), false),
            (json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["opa"]}]}), true),
            (json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["opa"]}]}), false),
            (json!({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}), true),
            (json!({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}), false),
            (json!({"matchExpressions": [{"key": "tier", "operator": "Gt", "values": ["1"]}]}), false),
        ] {
            assert_eq!(selects(&selector, &labels), expected, "{selector}");
        }
    }
}
