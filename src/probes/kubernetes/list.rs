use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    connect,
    connection::{KUBERNETES, core, listing, place},
};
use crate::{
    cluster::collection,
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// Every object of a kind, page by page, as the API server has it.
///
/// A list that was cut off is no list: half of it would satisfy every "all of them are …".
pub(in crate::probes) struct List;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The API version: `v1`, `apps/v1`.
    #[serde(default = "core")]
    api: String,
    /// The resource in its plural: `pods`.
    resource: String,
    /// The namespace, if not the infrastructure's own; `"*"` for the whole cluster and for kinds without namespaces.
    #[serde(default)]
    namespace: Option<String>,
    /// A label selector.
    #[serde(default)]
    labels: Option<String>,
}

impl Probe for List {
    const NAME: &'static str = "kubernetes.list";
    const ABOUT: &'static str = "lists the objects of a kind";
    const FACTS: &'static [Fact] = &[
        Fact { name: "items", about: "the objects" },
        Fact { name: "names", about: "their names" },
        Fact { name: "count", about: "how many there are" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(with: &With, namespace: &str) -> Vec<Right> {
        vec![listing(&with.api, &with.resource, place(with.namespace.as_deref(), namespace))]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespace = place(with.namespace.as_deref(), &connection.cluster.namespace);
        let mut path = collection(&with.api, &with.resource, namespace);
        if let Some(labels) = &with.labels {
            let selector: String = url::form_urlencoded::byte_serialize(labels.as_bytes()).collect();
            path = format!("{path}?labelSelector={selector}");
        }
        let right = listing(&with.api, &with.resource, namespace);
        let items = connection.api.list(&scope.clock, &path, &right).await?;
        let names: Vec<Value> = items.iter().map(|item| item["metadata"]["name"].clone()).collect();
        Ok(Facts::from_iter([
            ("count".to_owned(), json!(items.len())),
            ("names".to_owned(), Value::Array(names)),
            ("items".to_owned(), Value::Array(items)),
        ]))
    }
}
