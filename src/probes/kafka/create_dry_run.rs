use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{connection::Connection, scratch_topic};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Asks whether this principal might create a topic, without creating it (`validate_only`).
///
/// The broker decides on rights, names and replicas as for a real creation (seen on Kafka 4.3), and writes nothing.
pub(in crate::probes) struct CreateDryRun;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The name of the topic.
    topic: String,
}

impl Probe for CreateDryRun {
    const NAME: &'static str = "kafka.create_dry_run";
    const ABOUT: &'static str = "asks whether a topic might be created, without creating it";
    const FACTS: &'static [Fact] = &[
        Fact { name: "accepted", about: "whether the broker would create it" },
        Fact { name: "reason", about: "the name of the error code, `NONE` for none" },
        Fact { name: "message", about: "the broker's words" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let mut connection = Connection::open(&scope).await?;
        let answer = scratch_topic::create(&mut connection, &with.topic, 1, true).await?;
        Ok(Facts::from_iter([
            ("accepted".to_owned(), json!(answer.is_done())),
            ("reason".to_owned(), json!(answer.code)),
            ("message".to_owned(), json!(answer.message)),
        ]))
    }
}
