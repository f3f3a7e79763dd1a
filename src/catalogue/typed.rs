use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Diagnostics, Node, diagnostics::suggestion, node::Step};

/// The most wrong types of one value that are looked for.
const MOST_ROUNDS: usize = 20;

/// Reads a value as `T`; every unknown key and every wrong type is shown at its own place in `node`.
///
/// `value` is what `node` became after placeholders were filled in; its structure is still the node's.
pub(super) fn typed<T: DeserializeOwned>(
    node: &Node,
    value: &Value,
    file: &str,
    known_keys: &[&str],
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    let mut value = value.clone();
    let mut removed: Vec<String> = Vec::new();
    for round in 0..MOST_ROUNDS {
        let mut unknown: Vec<Vec<Step>> = Vec::new();
        let mut track = serde_path_to_error::Track::new();
        let deserializer = serde_path_to_error::Deserializer::new(value.clone(), &mut track);
        let result: Result<T, serde_json::Error> =
            serde_ignored::deserialize(deserializer, |path| unknown.push(steps_of_ignored(&path)));
        for steps in &unknown {
            tell_unknown(node, steps, file, known_keys, diagnostics);
        }
        let error = match result {
            // What is wrong is told; the rest of the stanza is looked at all the same.
            Ok(parsed) => return (round == 0).then_some(parsed),
            Err(error) => error,
        };
        let steps = steps_of_path(&track.path());
        let sentence = sentence(&error);
        // A member that was taken out for its wrong type is not missing as well.
        if !removed.iter().any(|name| sentence.contains(&format!("missing field `{name}`"))) {
            diagnostics.add(file, node.place_of(&steps), sentence, String::new());
        }
        // The parser stops at the first wrong type: without it, the next one shows.
        match remove(&mut value, &steps) {
            Some(name) => removed.push(name),
            None => return None,
        }
    }
    None
}

fn tell_unknown(node: &Node, steps: &[Step], file: &str, known_keys: &[&str], diagnostics: &mut Diagnostics) {
    let Some(Step::Key(name)) = steps.last() else { return };
    let hint = match suggestion(name, known_keys.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`soma-conformance schema checks` and `schema config` print every known key".to_owned(),
    };
    diagnostics.add(file, node.place_of(steps), format!("unknown key `{name}`"), hint);
}

/// Takes the value at a path out of its map or list; returns the name of the member nearest to it.
fn remove(value: &mut Value, steps: &[Step]) -> Option<String> {
    let (last, way) = steps.split_last()?;
    let holder = way.iter().try_fold(value, |value, step| match step {
        Step::Key(name) => value.get_mut(name.as_str()),
        Step::Index(index) => value.get_mut(*index),
    })?;
    match (holder, last) {
        (Value::Object(map), Step::Key(name)) => map.shift_remove(name).map(|_| name.clone()),
        (Value::Array(elements), Step::Index(index)) if *index < elements.len() => {
            elements.remove(*index);
            Some(String::new())
        }
        _ => None,
    }
}

fn sentence(error: &serde_json::Error) -> String {
    // The position in the intermediate value says nothing to a reader of the file.
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    // What stands where a reference to a secret is expected may be the secret.
    match text.split_once("expected a reference to the secret") {
        Some((_, rest)) => {
            format!("expected a reference to the secret{rest}; the secret itself never stands in this file")
        }
        None => text.to_owned(),
    }
}

fn steps_of_path(path: &serde_path_to_error::Path) -> Vec<Step> {
    path.iter()
        .filter_map(|segment| match segment {
            serde_path_to_error::Segment::Seq { index } => Some(Step::Index(*index)),
            serde_path_to_error::Segment::Map { key } => Some(Step::Key(key.clone())),
            _ => None,
        })
        .collect()
}

fn steps_of_ignored(path: &serde_ignored::Path<'_>) -> Vec<Step> {
    use serde_ignored::Path;
    match path {
        Path::Root => Vec::new(),
        Path::Seq { parent, index } => with(parent, Step::Index(*index)),
        Path::Map { parent, key } => with(parent, Step::Key(key.clone())),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            steps_of_ignored(parent)
        }
    }
}

fn with(parent: &serde_ignored::Path<'_>, step: Step) -> Vec<Step> {
    let mut steps = steps_of_ignored(parent);
    steps.push(step);
    steps
}
