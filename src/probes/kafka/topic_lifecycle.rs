use serde_json::json;

use super::{connection::Connection, scratch_topic};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// Creates a topic, waits for its leader, deletes it and waits until it is gone.
///
/// Creation is asynchronous: its code is `NONE` before the topic has a leader, and a topic without one takes no record.
pub(in crate::probes) struct TopicLifecycle;

impl Probe for TopicLifecycle {
    const NAME: &'static str = "kafka.topic_lifecycle";
    const ABOUT: &'static str = "creates a topic, waits for its leader, deletes it";
    const FACTS: &'static [Fact] = &[
        Fact { name: "replicas", about: "how many replicas were asked for" },
        Fact { name: "created", about: "the name of the error code of the creation, `NONE` for none" },
        Fact { name: "message", about: "the broker's words on what it refused" },
        Fact { name: "leader", about: "whether the partition got a leader; absent when nothing was created" },
        Fact { name: "deleted", about: "the name of the error code of the deletion; absent when nothing was created" },
        Fact { name: "gone", about: "whether the topic is unknown after that" },
        Fact { name: "swept", about: "how many topics of runs older than an hour were removed" },
    ];
    const WRITES: bool = true;
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let name = format!("{}-lifecycle", scope.run.scratch_name());
        let mut connection = Connection::open(&scope).await?;
        let looked = look(&scope, &mut connection, &name).await;
        // Nothing is left to remove only when the creation was refused or the topic was seen to be gone.
        let is_clean = looked
            .as_ref()
            .is_ok_and(|facts| facts.get("created") != Some(&json!("NONE")) || facts.contains_key("gone"));
        if !is_clean {
            // What comes of it shows in kafka.leftovers; the trouble of the probe says more.
            let _ = scratch_topic::remove(&scope, &name).await;
        }
        looked
    }
}

async fn look(scope: &Scope, connection: &mut Connection, name: &str) -> Result<Facts, Trouble> {
    let mut facts = Facts::new();
    facts.insert("swept".to_owned(), json!(scratch_topic::sweep(connection).await?));
    let replicas = scratch_topic::replicas(connection).await?;
    facts.insert("replicas".to_owned(), json!(replicas));
    let created = scratch_topic::create(connection, name, replicas, false).await?;
    facts.insert("created".to_owned(), json!(created.code));
    facts.insert("message".to_owned(), json!(created.message));
    if !created.is_done() {
        return Ok(facts);
    }
    scratch_topic::wait_for_leader(scope, connection, name).await?;
    facts.insert("leader".to_owned(), json!(true));
    let deleted = scratch_topic::delete(connection, name).await?;
    facts.insert("deleted".to_owned(), json!(deleted.code));
    facts.insert("message".to_owned(), json!(deleted.message));
    if deleted.is_done() {
        scratch_topic::wait_until_gone(scope, connection, name).await?;
        facts.insert("gone".to_owned(), json!(true));
    }
    Ok(facts)
}
