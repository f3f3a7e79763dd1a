use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    connect,
    connection::{KUBERNETES, core, place, right_on},
};
use crate::{
    cluster::collection,
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// One object, as the API server has it. That it is not there is a fact.
///
/// Not for Secrets: `kubernetes.secret` looks at those without taking their values along.
pub(in crate::probes) struct Get;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The API version: `v1`, `apps/v1`.
    #[serde(default = "core")]
    api: String,
    /// The resource in its plural: `namespaces`.
    resource: String,
    /// The object.
    name: String,
    /// The namespace, if not the infrastructure's own; `"*"` for kinds without namespaces.
    #[serde(default)]
    namespace: Option<String>,
}

impl Probe for Get {
    const NAME: &'static str = "kubernetes.get";
    const ABOUT: &'static str = "gets one object";
    const FACTS: &'static [Fact] = &[
        Fact { name: "exists", about: "whether it is there" },
        Fact { name: "object", about: "the object" },
        Fact { name: "deleting", about: "whether it is being deleted" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(with: &With, namespace: &str) -> Vec<Right> {
        vec![right_on(&with.api, &with.resource, place(with.namespace.as_deref(), namespace), "get").only(&with.name)]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        if with.resource == "secrets" {
            return Err(Trouble::unable(
                "plan",
                "harness.parameters",
                "Secrets are looked at with `kubernetes.secret`",
            ));
        }
        let connection = connect(&scope).await?;
        let namespace = place(with.namespace.as_deref(), &connection.cluster.namespace);
        let path = format!("{}/{}", collection(&with.api, &with.resource, namespace), with.name);
        let right = right_on(&with.api, &with.resource, namespace, "get").only(&with.name);
        let object = connection.api.get(&scope.clock, &path, &right).await?;
        let mut facts = Facts::from_iter([("exists".to_owned(), json!(object.is_some()))]);
        if let Some(object) = object {
            facts.insert("deleting".to_owned(), json!(!object["metadata"]["deletionTimestamp"].is_null()));
            facts.insert("object".to_owned(), object);
        }
        Ok(facts)
    }
}
