use serde_json::Value;

use super::{Diagnostics, Node, SourceFile};
use crate::model::{CheckId, SourcePlace};

/// A known question with its known answer.
#[derive(Debug, Clone)]
pub(super) struct Vector {
    /// The folder under `vectors/`.
    pub(super) folder: String,
    /// The third segment of the id of the check it becomes.
    pub(super) id: String,
    /// The whole entry.
    pub(super) value: Value,
    /// Where it is written.
    pub(super) place: SourcePlace,
}

/// Reads the entries of one file under `vectors/<folder>/`.
pub(super) fn read(file: &SourceFile, folder: &str, diagnostics: &mut Diagnostics) -> Vec<Vector> {
    diagnostics.know(file);
    let Some(node) = super::read::parse(file, diagnostics) else { return Vec::new() };
    let mut vectors: Vec<Vector> = Vec::new();
    if node.elements().is_empty() {
        diagnostics.add(&file.name, node.place, "a vector file is a list of vectors", "begin each with `- id: …`");
    }
    for entry in node.elements() {
        match vector(file, folder, entry) {
            Ok(vector) if vectors.iter().any(|other| other.id == vector.id) => {
                diagnostics.add_at(
                    &vector.place,
                    format!("a second vector is called `{}`", vector.id),
                    "ids are unique in a folder",
                );
            }
            Ok(vector) => vectors.push(vector),
            Err((place, title)) => {
                diagnostics.add(&file.name, place, title, "a vector has an `id` in lower-case letters, digits and `-`");
            }
        }
    }
    vectors
}

fn vector(file: &SourceFile, folder: &str, entry: &Node) -> Result<Vector, ((u64, u64), String)> {
    let Some(id) = entry.get("id") else {
        return Err((entry.place, "a vector without `id`".to_owned()));
    };
    let text = id.to_value().as_str().unwrap_or_default().to_owned();
    if format!("a/b/{text}").parse::<CheckId>().is_err() {
        return Err((id.place, format!("`{text}` cannot be the last part of a check id")));
    }
    let place = SourcePlace { file: file.name.clone(), line: id.place.0, column: id.place.1 };
    Ok(Vector { folder: folder.to_owned(), id: text, value: entry.to_value(), place })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Vec<Vector>, Vec<(u64, String)>) {
        let file = SourceFile { name: "vectors/opa/x.yaml".to_owned(), text: text.to_owned() };
        let mut diagnostics = Diagnostics::default();
        let vectors = read(&file, "opa", &mut diagnostics);
        (vectors, diagnostics.sorted().into_iter().map(|one| (one.place.0, one.title)).collect())
    }

    #[test]
    fn a_vector_is_its_entry_with_its_place() {
        let (vectors, told) = of("- {id: own, allow: true}\n- id: other\n  input: {a: 1}\n");
        assert_eq!(told, []);
        let seen: Vec<_> = vectors.iter().map(|one| (one.folder.as_str(), one.id.as_str(), one.place.line)).collect();
        assert_eq!(seen, [("opa", "own", 1), ("opa", "other", 2)]);
        assert_eq!(vectors[1].value, serde_json::json!({"id": "other", "input": {"a": 1}}));
    }

    #[test]
    fn faulty_vectors_are_told_and_left_out() {
        for (text, line, title, good) in [
            ("- {id: a}\n- {id: b}\n- {id: a}\n", 3, "a second vector is called `a`", 2),
            ("- {id: a}\n- {allow: true}\n", 2, "a vector without `id`", 1),
            ("- {id: A b}\n", 1, "`A b` cannot be the last part of a check id", 0),
            ("- {id: 5}\n", 1, "`` cannot be the last part of a check id", 0),
            ("{id: a}\n", 1, "a vector file is a list of vectors", 0),
            ("[]\n", 1, "a vector file is a list of vectors", 0),
        ] {
            let (vectors, told) = of(text);
            assert_eq!((told, vectors.len()), (vec![(line, title.to_owned())], good), "{text}");
        }
    }
}
