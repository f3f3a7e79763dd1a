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
