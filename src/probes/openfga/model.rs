use aws_lc_rs::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::OpenFga;
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// The store of a name and its newest authorization model.
///
/// Names are not unique in `OpenFGA`, so the stores of that name are counted: with two, applications may use either.
pub(in crate::probes) struct Model;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The name of the store.
    store: String,
}

impl Probe for Model {
    const NAME: &'static str = "openfga.model";
    const ABOUT: &'static str = "finds a store by its name and reads its newest authorization model";
    const FACTS: &'static [Fact] = &[
        Fact { name: "stores", about: "how many stores have that name" },
        Fact { name: "store_id", about: "the id of the first of them; absent without" },
        Fact { name: "model_id", about: "the id of its newest model; absent without" },
        Fact { name: "schema_version", about: "the model's schema version; absent without" },
        Fact { name: "types", about: "the types the model defines; absent without" },
        Fact { name: "digest", about: "SHA-256 of the model without its id, 16 hexadecimal digits; absent without" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let server = OpenFga::of(&scope)?;
        let mut found = server.stores().await?;
        found.retain(|store| store.name == with.store);
        let mut facts = Facts::from_iter([("stores".to_owned(), json!(found.len()))]);
        let Some(store) = found.first() else { return Ok(facts) };
        facts.insert("store_id".to_owned(), json!(store.id));
        if let Some(model) = server.latest_model(&store.id).await? {
            facts.insert("model_id".to_owned(), model["id"].clone());
            facts.insert("schema_version".to_owned(), model["schema_version"].clone());
            facts.insert("types".to_owned(), types_of(&model));
            facts.insert("digest".to_owned(), json!(digest_of(&model)));
        }
        Ok(facts)
    }
}

fn types_of(model: &Value) -> Value {
    model["type_definitions"].as_array().into_iter().flatten().map(|one| one["type"].clone()).collect()
}

/// The same model always has the same digest: its id is left out, and members are sorted by name.
fn digest_of(model: &Value) -> String {
    let mut model = model.clone();
    if let Value::Object(map) = &mut model {
        map.shift_remove("id");
    }
    model.sort_all_objects();
    digest(&SHA256, model.to_string().as_bytes()).as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_of_the_content_and_not_of_the_id_or_the_order() {
        let one = json!({"id": "A", "schema_version": "1.1", "type_definitions": [{"type": "user", "relations": {}}]});
        let same = json!({"type_definitions": [{"relations": {}, "type": "user"}], "schema_version": "1.1", "id": "B"});
        let other =
            json!({"id": "A", "schema_version": "1.1", "type_definitions": [{"type": "group", "relations": {}}]});
        assert_eq!(digest_of(&one), digest_of(&same));
        assert_ne!(digest_of(&one), digest_of(&other));
    }
}
