use serde_json::{Map, Value, json};

use super::{
    Diagnostics, Stanza,
    context::{fill_context, fill_locals},
    node::Step,
    read::{Catalogue, CheckStanza},
};
use crate::model::SourcePlace;

/// One check that a stanza becomes: its value with locals filled in.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) value: Value,
    pub(super) id: String,
    pub(super) vector: Option<SourcePlace>,
}

/// The locals of one row, the parts of its last segment, and its vector.
type ExpandedRow = (Map<String, Value>, Vec<String>, Option<SourcePlace>);

/// Expands `each` and `vectors`. A stanza that expands to nothing is a fault: it would be a check that cannot fail.
pub(super) fn expand(
    stanza: &CheckStanza,
    parsed: &Stanza,
    catalogue: &Catalogue,
    context: &Value,
    diagnostics: &mut Diagnostics,
) -> Vec<Instance> {
    let mut rows: Vec<ExpandedRow> = vec![(Map::new(), Vec::new(), None)];
    for (name, list) in &parsed.each {
        let place = stanza.node.place_of(&[Step::Key("each".into()), Step::Key(name.clone())]);
        let (list, unresolved) = fill_context(list, context);
        let elements = match list {
            Value::Array(elements) if unresolved.is_empty() && !elements.is_empty() => elements,
            _ => {
                let hint = "an `each` needs a list with at least one element";
                diagnostics.add(
                    &stanza.place.file,
                    place,
                    format!("`{name}` is not a list, is empty, or is not declared"),
                    hint,
                );
                return Vec::new();
            }
        };
        rows = rows
            .into_iter()
            .flat_map(|(locals, suffix, vector)| {
                elements.iter().map(move |element| {
                    let (mut locals, mut suffix) = (locals.clone(), suffix.clone());
                    locals.insert(name.clone(), element.clone());
                    suffix.push(element.as_str().map_or_else(|| element.to_string(), str::to_owned));
                    (locals, suffix, vector.clone())
                })
            })
            .collect();
    }
    if let Some(entry) = &parsed.vectors {
        let matching: Vec<_> = catalogue
            .vectors
            .iter()
            .filter(|vector| vector.folder == entry.folder)
            .filter(|vector| entry.matching.iter().all(|(name, value)| vector.value.get(name) == Some(value)))
            .collect();
        if matching.is_empty() {
            let place = stanza.node.place_of(&[Step::Key("vectors".into())]);
            let hint = format!("known are the entries of vectors/{}/*.yaml", entry.folder);
            diagnostics.add(&stanza.place.file, place, "no vector matches", hint);
            return Vec::new();
        }
        rows = rows
            .into_iter()
            .flat_map(|(locals, suffix, _)| {
                matching.iter().map(move |vector| {
                    let (mut locals, mut suffix) = (locals.clone(), suffix.clone());
                    locals.insert("vector".to_owned(), vector.value.clone());
                    suffix.push(vector.id.clone());
                    (locals, suffix, Some(vector.place.clone()))
                })
            })
            .collect();
    }
    rows.into_iter().map(|(locals, suffix, vector)| instance(stanza, &locals, &suffix, vector)).collect()
}

fn instance(
    stanza: &CheckStanza,
    locals: &Map<String, Value>,
    suffix: &[String],
    vector: Option<SourcePlace>,
) -> Instance {
    let mut value = fill_locals(&stanza.raw, locals);
    let filled = value.get("id").and_then(Value::as_str).unwrap_or(&stanza.id).to_owned();
    // Where the id names the element itself it is unique already; else the element becomes its last segment.
    let id = if suffix.is_empty() || filled != stanza.id { filled } else { format!("{filled}/{}", suffix.join("-")) };
    if let Value::Object(map) = &mut value {
        map.insert("id".to_owned(), json!(id));
        map.shift_remove("each");
        map.shift_remove("vectors");
    }
    Instance { value, id, vector }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{sample, stanza};

    /// The ids and parameters of what one stanza becomes, or the faults.
    fn expanded(id: &str, more: &Value) -> Result<Vec<(String, Value)>, Vec<String>> {
        let vectors = [
            json!({"id": "own", "decision": "allow", "input": {"tenant": "a"}}),
            json!({"id": "foreign", "decision": "deny", "input": {"tenant": "b"}}),
            json!({"id": "nobody", "decision": "deny", "input": null}),
        ];
        let mut diagnostics = Diagnostics::default();
        let catalogue = sample::catalogue(&[sample::stanza(id, more)], &vectors, &mut diagnostics);
        let own = &catalogue.stanzas[0];
        let parsed = crate::catalogue::typed::typed::<Stanza>(
            &own.node,
            &own.raw,
            &own.place.file,
            stanza::KEYS,
            &mut diagnostics,
        );
        let context = json!({"values": {"names": ["x", "y"], "none": []}});
        let found = expand(own, &parsed.expect("a stanza"), &catalogue, &context, &mut diagnostics);
        if diagnostics.is_empty() {
            for one in &found {
                assert_eq!(one.value["id"], json!(one.id));
                assert!(one.value.get("each").is_none() && one.value.get("vectors").is_none());
            }
            Ok(found.into_iter().map(|one| (one.id, one.value["with"].clone())).collect())
        } else {
            assert!(found.is_empty(), "a faulty stanza becomes nothing");
            Err(diagnostics.sorted().into_iter().map(|one| one.title).collect())
        }
    }

    #[test]
    fn a_stanza_becomes_one_check_for_each_element_and_vector() {
        let ids = |id: &str, more: Value| {
            expanded(id, &more).expect("no fault").into_iter().map(|(id, _)| id).collect::<Vec<_>>()
        };
        assert_eq!(ids("opa/x", json!({})), ["opa/x"]);
        assert_eq!(ids("{n}/tcp", json!({"each": {"n": ["a", "b"]}})), ["a/tcp", "b/tcp"]);
        assert_eq!(ids("opa/x", json!({"each": {"n": ["a", 2]}})), ["opa/x/a", "opa/x/2"]);
        assert_eq!(ids("opa/x", json!({"each": {"n": "${values.names}"}})), ["opa/x/x", "opa/x/y"]);
        let both = json!({"each": {"m": ["1", "2"], "n": ["a", "b"]}});
        assert_eq!(ids("opa/x", both), ["opa/x/1-a", "opa/x/1-b", "opa/x/2-a", "opa/x/2-b"]);
        assert_eq!(ids("opa/v", json!({"vectors": {"folder": "opa"}})), ["opa/v/own", "opa/v/foreign", "opa/v/nobody"]);
        let denied = json!({"vectors": {"folder": "opa", "where": {"decision": "deny"}}});
        assert_eq!(ids("opa/v", denied), ["opa/v/foreign", "opa/v/nobody"]);
        let denied_each = json!({"each": {"n": ["a"]}, "vectors": {"folder": "opa", "where": {"decision": "allow"}}});
        assert_eq!(ids("opa/v", denied_each), ["opa/v/a-own"]);
    }

    #[test]
    fn each_check_has_its_own_parameters() {
        let more = json!({
            "each": {"n": ["a"]}, "vectors": {"folder": "opa", "where": {"id": "own"}},
            "with": {"n": "{n}", "input": "{vector.input}", "text": "{n} of {vector.input.tenant}"},
        });
        let found = expanded("opa/v", &more).expect("no fault");
        let expected = json!({"n": "a", "input": {"tenant": "a"}, "text": "a of a"});
        assert_eq!(found, [("opa/v/a-own".to_owned(), expected)]);
    }

    #[test]
    fn a_stanza_that_would_become_nothing_is_a_fault() {
        for list in [json!([]), json!("a"), json!("${values.none}"), json!("${values.nope}"), json!(["${values.nope}"])]
        {
            let told = expanded("opa/x", &json!({"each": {"n": list}})).expect_err("a fault");
            assert_eq!(told, ["`n` is not a list, is empty, or is not declared"], "{list}");
        }
        for entry in [
            json!({"folder": "nope"}),
            json!({"folder": "opa", "where": {"decision": "maybe"}}),
            json!({"folder": "opa", "where": {"decision": "deny", "id": "own"}}),
        ] {
            let told = expanded("opa/x", &json!({"vectors": entry})).expect_err("a fault");
            assert_eq!(told, ["no vector matches"], "{entry}");
        }
    }
}
