use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::name,
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// Which namespaces carry the label that lets them reach the infrastructure, and with which value.
///
/// The label counts on the namespace only, never on its pods, and with the exact value only: `True` lets nobody in.
pub(in crate::probes) struct Consumers;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The label, `key=value`.
    label: String,
    /// The namespaces that are declared to be let in.
    consumers: Vec<String>,
}

/// Namespaces of the platform, which no application lives in.
const SYSTEM: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

impl Probe for Consumers {
    const NAME: &'static str = "kubernetes.consumers";
    const ABOUT: &'static str = "lists the namespaces that are let in, and with which value of the label";
    const FACTS: &'static [Fact] = &[
        Fact { name: "consumers", about: "by declared namespace {exists, let_in, value}" },
        Fact { name: "system", about: "namespaces of the platform that carry the label and are not declared" },
        Fact { name: "labelled", about: "every namespace that carries the label" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(_: &With, _: &str) -> Vec<Right> {
        vec![listing("v1", "namespaces", None)]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespaces = connection.list(&scope, "v1", "namespaces", None).await?;
        Ok(facts(&with, &namespaces))
    }
}

fn facts(with: &With, namespaces: &[Value]) -> Facts {
    let (key, wanted) = with.label.split_once('=').unwrap_or((&with.label, "true"));
    let value = |namespace: &Value| namespace["metadata"]["labels"][key].clone();
    let rows: Map<String, Value> = with
        .consumers
        .iter()
        .map(|consumer| {
            let value = namespaces.iter().find(|namespace| name(namespace) == *consumer).map(value);
            let is_let_in = value.as_ref().is_some_and(|value| value == wanted);
            (consumer.clone(), json!({"exists": value.is_some(), "let_in": is_let_in, "value": value}))
        })
        .collect();
    let labelled: Vec<String> = namespaces.iter().filter(|namespace| !value(namespace).is_null()).map(name).collect();
    let is_declared = |one: &String| with.consumers.contains(one);
    let system: Vec<&String> =
        labelled.iter().filter(|one| SYSTEM.contains(&one.as_str()) && !is_declared(one)).collect();
    Facts::from_iter([
        ("consumers".to_owned(), Value::Object(rows)),
        ("system".to_owned(), json!(system)),
        ("labelled".to_owned(), json!(labelled)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_let_in_by_the_exact_value() {
        let namespace = |name: &str, labels: Value| json!({"metadata": {"name": name, "labels": labels}});
        let with = With { label: "let-in=true".to_owned(), consumers: vec!["app".to_owned(), "gone".to_owned()] };
        let facts = facts(
            &with,
            &[namespace("app", json!({"let-in": "True"})), namespace("default", json!({"let-in": "true"}))],
        );
        assert_eq!(facts["consumers"]["app"], json!({"exists": true, "let_in": false, "value": "True"}));
        assert_eq!(facts["consumers"]["gone"], json!({"exists": false, "let_in": false, "value": null}));
        assert_eq!(facts["system"], json!(["default"]));
    }
}
