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
