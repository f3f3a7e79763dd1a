//! The difference between two runs, and a history, for machines.

use serde_json::{Value, json};

use crate::model::{Difference, Timeline};

use super::json::safe_json;

/// The version of both shapes. Members may be added under the same version, never renamed or removed.
const VERSION: u32 = 1;

/// The difference as JSON: both runs, `warnings`, `context`, `changes`, `slower`, and what was called slower.
///
/// # Panics
/// Never: every member can be written as JSON.
#[must_use]
pub fn difference_json(difference: &Difference) -> String {
    versioned(serde_json::to_value(difference).expect("a difference holds only what JSON can hold"))
}

/// The history as JSON: `runs`, `flapping`, `always_red`, and what was `ignored`.
///
/// # Panics
/// Never: every member can be written as JSON.
#[must_use]
pub fn timeline_json(timeline: &Timeline, ignored: &[String]) -> String {
    let mut value = serde_json::to_value(timeline).expect("a history holds only what JSON can hold");
    value["ignored"] = json!(ignored);
    versioned(value)
}

fn versioned(value: Value) -> String {
    let mut whole = json!({"schema_version": VERSION});
    if let (Value::Object(whole), Value::Object(members)) = (&mut whole, value) {
        whole.extend(members);
    }
    safe_json(whole)
}
