use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    client::client_config,
    cluster::{About, brokers, metadata},
    connection::Connection,
    records::{Outcome, Records},
    scratch_topic,
};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// What librdkafka may need to close its clients after its own time is used up.
const CLOSING: Duration = Duration::from_millis(500);

/// Produces records with `acks=all` to a topic of its own and reads them back on a fresh consumer, through librdkafka.
///
/// `acks=all` is what a durable application uses; with fewer a broker without enough replicas looks well. The records
/// are read from offset 0, each is compared with what was sent, and none or fewer of them is a fact.
pub(in crate::probes) struct RoundTrip;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// How many records, 1 to 1000.
    #[serde(default = "ten")]
    records: usize,
}

fn ten() -> usize {
    10
}

impl Probe for RoundTrip {
    const NAME: &'static str = "kafka.round_trip";
    const ABOUT: &'static str = "produces records with acks=all and reads them back on a fresh consumer";
    const FACTS: &'static [Fact] = &[
        Fact { name: "created", about: "the name of the error code of the topic's creation, `NONE` for none" },
        Fact { name: "produce_error", about: "the name of the first error of producing, `NONE` for none" },
        Fact { name: "consume_error", about: "the name of the first error of consuming, `NONE` for none" },
        Fact { name: "sent", about: "how many records were sent" },
        Fact { name: "acknowledged", about: "how many the broker acknowledged" },
        Fact { name: "returned", about: "how many came back" },
        Fact {
            name: "identical",
            about: "how many of these held the key, payload and header that were sent, in order",
        },
        Fact { name: "contiguous", about: "whether their offsets count up by one and are the acknowledged ones" },
        Fact { name: "deleted", about: "the name of the error code of the topic's deletion, `NONE` for none" },
    ];
    const WRITES: bool = true;
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let name = format!("{}-records", scope.run.scratch_name());
        let looked = look(&scope, &name, with.records.clamp(1, 1_000)).await;
        let removed = scratch_topic::remove(&scope, &name).await;
        let mut facts = looked?;
        facts.insert("deleted".to_owned(), json!(removed?.code));
        Ok(facts)
    }
}

async fn look(scope: &Scope, name: &str, count: usize) -> Result<Facts, Trouble> {
    let target = scope.target()?;
    // librdkafka's own connections know no tunnel.
    scope.dialler.as_an_application(&target.address)?;
    let mut connection = Connection::open(scope).await?;
    let replicas = scratch_topic::replicas(&mut connection).await?;
    let created = scratch_topic::create(&mut connection, name, replicas, false).await?;
    let mut facts = Facts::from_iter([("created".to_owned(), json!(created.code))]);
    if !created.is_done() {
        return Ok(facts);
    }
    scratch_topic::wait_for_leader(scope, &mut connection, name).await?;
    let answer = metadata(&mut connection, "metadata", &About::Brokers).await?;
    let addresses: Vec<String> = brokers(&answer).iter().map(ToString::to_string).collect();
    let records = Records { topic: name.to_owned(), nonce: scope.check.to_string() + scope.run.as_str(), count };
    let outcome = scope.clock.phase("records", async {
        let budget = scope.clock.left().saturating_sub(CLOSING);
        let config = client_config(&target, &addresses, budget);
        // librdkafka blocks, also in closing; its own bounds end before the clock does.
        tokio::task::spawn_blocking(move || records.round_trip(&config, budget))
            .await
            .map_err(|error| Trouble::unable("records", "harness.client", error))
    });
    facts.extend(facts_of(count, &outcome.await?));
    Ok(facts)
}

fn facts_of(sent: usize, outcome: &Outcome) -> Facts {
    let error = |error: &Option<String>| json!(error.as_deref().unwrap_or("NONE"));
    Facts::from_iter([
        ("produce_error".to_owned(), error(&outcome.produce_error)),
        ("consume_error".to_owned(), error(&outcome.consume_error)),
        ("sent".to_owned(), json!(sent)),
        ("acknowledged".to_owned(), json!(outcome.acknowledged.len())),
        ("returned".to_owned(), json!(outcome.returned.len())),
        ("identical".to_owned(), json!(outcome.identical)),
        ("contiguous".to_owned(), json!(outcome.is_contiguous())),
    ])
}
