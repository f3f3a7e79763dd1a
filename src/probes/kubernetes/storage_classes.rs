use serde_json::{Map, Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::name,
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope, no_parameters::NoParameters},
};

/// The annotations that make a class the default; the second is of old clusters and still obeyed.
/// Source: Kubernetes, "Change the default `StorageClass`".
const DEFAULT: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

/// The `StorageClasses`, and which of them is the default.
///
/// With two defaults the younger one wins without a word; with none, a claim that names no class waits for ever.
pub(in crate::probes) struct StorageClasses;

impl Probe for StorageClasses {
    const NAME: &'static str = "kubernetes.storage_classes";
    const ABOUT: &'static str = "lists the StorageClasses and which is the default";
    const FACTS: &'static [Fact] = &[
        Fact { name: "classes", about: "by name: {default, provisioner, binding, reclaim, created}" },
        Fact { name: "default", about: "the names of those that say they are the default" },
        Fact { name: "count", about: "how many there are" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = NoParameters;

    fn rights(_: &NoParameters, _: &str) -> Vec<Right> {
        vec![listing("storage.k8s.io/v1", "storageclasses", None)]
    }

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let classes = connection.list(&scope, "storage.k8s.io/v1", "storageclasses", None).await?;
        Ok(facts_of(&classes))
    }
}

fn facts_of(classes: &[Value]) -> Facts {
    let is_default = |class: &Value| DEFAULT.iter().any(|key| class["metadata"]["annotations"][key] == "true");
    let default: Vec<String> = classes.iter().filter(|class| is_default(class)).map(name).collect();
    let row = |class: &Value| {
        let row = json!({
            "default": is_default(class),
            "provisioner": class["provisioner"],
            "binding": class["volumeBindingMode"].as_str().unwrap_or("Immediate"),
            "reclaim": class["reclaimPolicy"],
            "created": class["metadata"]["creationTimestamp"],
        });
        (name(class), row)
    };
    let rows: Map<String, Value> = classes.iter().map(row).collect();
    Facts::from_iter([
        ("classes".to_owned(), Value::Object(rows)),
        ("default".to_owned(), json!(default)),
        ("count".to_owned(), json!(classes.len())),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_that_says_false_makes_no_default() {
        let class =
            |name: &str, key: &str, value: &str| json!({"metadata": {"name": name, "annotations": {key: value}}});
        let facts = facts_of(&[
            class("a", DEFAULT[0], "false"),
            class("b", DEFAULT[0], "true"),
            class("c", DEFAULT[1], "true"),
        ]);
        assert_eq!(facts["default"], json!(["b", "c"]));
    }
}
