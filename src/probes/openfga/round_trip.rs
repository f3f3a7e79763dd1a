use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::api::{OpenFga, Store, allowed, garbage};
use crate::{
    model::{Fact, Facts, RunId, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// A store of our own: model, tuple, decision, tuple removed, decision, store removed.
///
/// Decisions on tuples that somebody wrote long ago say nothing of whether new ones arrive; a datastore that has become
/// read-only answers every check.
pub(in crate::probes) struct RoundTrip;

/// What another run has left behind is removed when it is older than this.
const STALE: Duration = Duration::from_secs(3_600);

impl Probe for RoundTrip {
    const NAME: &'static str = "openfga.roundtrip";
    const ABOUT: &'static str = "creates a store, decides before and after a tuple is removed, deletes the store";
    const FACTS: &'static [Fact] = &[
        Fact { name: "allowed_with_tuple", about: "the decision while the tuple is there" },
        Fact { name: "allowed_without_tuple", about: "the decision after it was removed" },
        Fact { name: "deleted", about: "whether the store is gone at the end" },
        Fact { name: "swept", about: "how many stores of earlier runs were removed" },
    ];
    const WRITES: bool = true;
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let server = OpenFga::of(&scope)?;
        let swept = sweep(&server).await?;
        let name = scope.run.scratch_name();
        let decided = decide(&server, &name).await;
        // Also after a time-out in the middle: by name, since the id may never have reached us.
        let cleaning = scope.for_clean_up();
        let deleted = remove(&OpenFga::of(&cleaning)?, &name).await;
        let (with_tuple, without_tuple) = decided?;
        Ok(Facts::from_iter([
            ("allowed_with_tuple".to_owned(), json!(with_tuple)),
            ("allowed_without_tuple".to_owned(), json!(without_tuple)),
            ("deleted".to_owned(), json!(deleted?)),
            ("swept".to_owned(), json!(swept)),
        ]))
    }
}

async fn decide(server: &OpenFga<'_>, name: &str) -> Result<(bool, bool), Trouble> {
    let store = server.create_store(name).await?;
    let model = server.write_model(&store, &authorization_model()).await?;
    let tuple = json!({"user": "user:conformance", "relation": "viewer", "object": format!("document:{name}")});
    server.change(&store, &model, "writes", &tuple).await?;
    let with_tuple = decision(server, &store, &model, &tuple).await?;
    server.change(&store, &model, "deletes", &tuple).await?;
    let without_tuple = decision(server, &store, &model, &tuple).await?;
    Ok((with_tuple, without_tuple))
}

async fn decision(server: &OpenFga<'_>, store: &str, model: &str, tuple: &Value) -> Result<bool, Trouble> {
    let body = server.check(store, model, tuple).await?.good("check")?;
    allowed(&body).ok_or_else(|| garbage("the answer to a check is not a decision"))
}

/// Removes every store of this name; true when none is left.
async fn remove(server: &OpenFga<'_>, name: &str) -> Result<bool, Trouble> {
    for store in server.stores().await?.iter().filter(|store| store.name == name) {
        server.delete_store(&store.id).await?;
    }
    Ok(!server.stores().await?.iter().any(|store| store.name == name))
}

async fn sweep(server: &OpenFga<'_>) -> Result<usize, Trouble> {
    let now = Timestamp::now();
    let mut swept = 0;
    for store in server.stores().await?.iter().filter(|store| is_stale(store, now)) {
        server.delete_store(&store.id).await?;
        swept += 1;
    }
    Ok(swept)
}

fn is_stale(store: &Store, now: Timestamp) -> bool {
    RunId::age_of(&store.name, now).is_some_and(|age| age > STALE)
}

fn authorization_model() -> Value {
    json!({
        "schema_version": "1.1",
        "type_definitions": [
            {"type": "user"},
            {
                "type": "document",
                "relations": {"viewer": {"this": {}}},
                "metadata": {"relations": {"viewer": {"directly_related_user_types": [{"type": "user"}]}}},
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_stores_of_ours_are_swept() {
        let now = Timestamp::now();
        let later = now + Duration::from_secs(7_200);
        let store = |name: String| Store { id: "x".to_owned(), name };
        let ours = store(RunId::new().scratch_name());
        assert!(is_stale(&ours, later));
        assert!(!is_stale(&ours, now));
        assert!(!is_stale(&store("soma".to_owned()), later));
    }
}
