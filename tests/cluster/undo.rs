//! What was broken is mended at the end of a fact, also of one that did not hold.

use serde_json::Value;

use crate::cluster::{Cluster, INFRASTRUCTURE};

/// Mends when it is dropped.
pub(crate) struct Undo<F: FnMut()>(F);

impl<F: FnMut()> Drop for Undo<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Has something done at the end.
#[must_use]
pub(crate) fn at_the_end<F: FnMut()>(mend: F) -> Undo<F> {
    Undo(mend)
}

/// Has objects of the release as they are now put back at the end.
#[must_use]
pub(crate) fn keep<'a>(cluster: &'a Cluster, objects: &[&str]) -> Undo<impl FnMut() + use<'a>> {
    let objects: Vec<Value> = objects.iter().map(|object| bare(cluster.get(object))).collect();
    at_the_end(move || {
        for object in &objects {
            let text = object.to_string();
            // Made again where it is gone, and replaced where it is otherwise.
            let replaced = cluster.enter(&["kubectl", "-n", INFRASTRUCTURE, "replace", "-f", "-"], Some(&text));
            if !replaced.status.success() {
                cluster.enter(&["kubectl", "-n", INFRASTRUCTURE, "create", "-f", "-"], Some(&text));
            }
        }
    })
}

/// Without what the API server wrote into it.
fn bare(mut object: Value) -> Value {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|name, _| matches!(name.as_str(), "name" | "namespace" | "labels" | "annotations"));
    }
    object
}
