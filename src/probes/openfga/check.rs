use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::api::{OpenFga, allowed, garbage};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Asks whether a user has a relation to an object, by the newest model and past every cache.
///
/// A question that the model does not know (a wrong type or relation) is not denied but refused, with a code.
pub(in crate::probes) struct Check;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The name of the store.
    store: String,
    /// Who, as `type:id`.
    user: String,
    /// The relation.
    relation: String,
    /// To what, as `type:id`.
    object: String,
}

impl Probe for Check {
    const NAME: &'static str = "openfga.check";
    const ABOUT: &'static str = "asks whether a user has a relation to an object";
    const FACTS: &'static [Fact] = &[
        Fact { name: "accepted", about: "whether the question was answered" },
        Fact { name: "allowed", about: "the decision; absent when the question was refused" },
        Fact { name: "status", about: "the status code" },
        Fact { name: "code", about: "the code of a refusal" },
        Fact { name: "store_id", about: "the store that was asked" },
        Fact { name: "model_id", about: "the model it was decided by" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let server = OpenFga::of(&scope)?;
        let missing = |what: String| Trouble::fault("request", "proto.missing", what);
        let store = server.stores().await?.into_iter().find(|store| store.name == with.store);
        let store = store.ok_or_else(|| missing(format!("there is no store `{}`", with.store)))?;
        let model = server.latest_model(&store.id).await?;
        let model = model.and_then(|model| model["id"].as_str().map(str::to_owned));
        let model = model.ok_or_else(|| missing(format!("the store `{}` has no authorization model", with.store)))?;
        let tuple = json!({"user": with.user, "relation": with.relation, "object": with.object});
        let answer = server.check(&store.id, &model, &tuple).await?;
        // A server that cannot decide refuses nobody: its datastore is away, or it is broken.
        if answer.status.is_server_error() {
            return Err(answer.refusal("check"));
        }
        let mut facts = Facts::from_iter([
            ("accepted".to_owned(), json!(answer.status.is_success())),
            ("status".to_owned(), json!(answer.status.as_u16())),
            ("store_id".to_owned(), json!(store.id)),
            ("model_id".to_owned(), json!(model)),
        ]);
        if answer.status.is_success() {
            let body = answer.good("check")?;
            let allowed = allowed(&body).ok_or_else(|| garbage("the answer to a check is not a decision"))?;
            facts.insert("allowed".to_owned(), json!(allowed));
        } else if let Some(code) = answer.json.as_ref().and_then(|body| body.get("code")) {
            facts.insert("code".to_owned(), code.clone());
        }
        Ok(facts)
    }
}
