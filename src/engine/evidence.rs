use serde_json::Value;

use crate::model::{Facts, clip};

/// The most characters of one text that are kept as evidence.
const TEXT: usize = 2_048;
/// The most elements of one list or map that are kept as evidence.
const ELEMENTS: usize = 64;
/// The deepest nesting that is kept.
const DEPTH: usize = 12;

/// Facts cut down to what a report can carry. Judged is always the whole; only the evidence is cut.
pub(super) fn trimmed(facts: Facts) -> Facts {
    facts.into_iter().map(|(name, value)| (name, trim(value, DEPTH))).collect()
}

fn trim(value: Value, depth: usize) -> Value {
    match value {
        Value::String(text) => Value::String(clip(&text, TEXT)),
        Value::Array(_) | Value::Object(_) if depth == 0 => Value::from("…"),
        Value::Array(list) => {
            let rest = list.len().saturating_sub(ELEMENTS);
            let mut kept: Vec<Value> =
                list.into_iter().take(ELEMENTS).map(|element| trim(element, depth - 1)).collect();
            if rest > 0 {
                kept.push(Value::from(format!("… and {rest} more")));
            }
            Value::Array(kept)
        }
        Value::Object(map) => Value::Object(
            map.into_iter().take(ELEMENTS).map(|(name, member)| (clip(&name, TEXT), trim(member, depth - 1))).collect(),
        ),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_flood_of_facts_is_cut_to_a_bounded_size() {
        let mut deep = json!("end");
        for _ in 0..200 {
            deep = json!([deep]);
        }
        let facts = json!({"text": "x".repeat(1_000_000), "list": vec![json!("y".repeat(5_000)); 5_000], "deep": deep});
        let kept = trimmed(facts.as_object().cloned().expect("map"));
        assert!(Value::Object(kept.clone()).to_string().len() < 300_000);
        assert_eq!(kept["list"][ELEMENTS], json!("… and 4936 more"));
    }
}
