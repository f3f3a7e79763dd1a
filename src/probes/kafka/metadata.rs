use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kafka_protocol::messages::MetadataResponse;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    cluster::{About, brokers, metadata},
    code::code_name,
    connection::Connection,
    partitions::{Partitions, listed, topic_fact},
};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// The most topics that stand in the facts.
const TOPICS: usize = 100;

/// Asks the cluster who its brokers are and, where wanted, how its topics stand.
///
/// It never creates a topic. The controller id of the answer is left out: under `KRaft` it is a random live broker, not
/// the leader of the quorum (ask `kafka.quorum`). Brokers that are fenced are missing from the answer, and so are topics
/// that this principal may not describe.
pub(in crate::probes) struct Metadata;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Whether to ask for every visible topic as well.
    #[serde(default)]
    all_topics: bool,
    /// Ask for these topics.
    #[serde(default)]
    topics: Vec<String>,
    /// How many connections to ask over, 1 to 50: behind one name several clusters may answer in turn.
    #[serde(default = "one")]
    connections: usize,
    /// Whether to ask every declared member as well.
    #[serde(default)]
    every_member: bool,
}

fn one() -> usize {
    1
}

impl Probe for Metadata {
    const NAME: &'static str = "kafka.metadata";
    const ABOUT: &'static str = "asks the cluster for its brokers and topics, creating none";
    const FACTS: &'static [Fact] = &[
        Fact { name: "error", about: "the name of the answer's error code; `NONE` when it is one" },
        Fact { name: "brokers", about: "the live brokers: `{node, address, rack}`" },
        Fact { name: "cluster_id", about: "the id of the cluster, or null" },
        Fact { name: "cluster_id_bytes", about: "how many bytes the id holds as URL-safe base64; null if it is not" },
        Fact { name: "cluster_ids", about: "the different cluster ids that were answered with over all connections" },
        Fact { name: "unusable", about: "advertised addresses no other machine can use, each with the reason" },
        Fact {
            name: "topics",
            about: "the visible topics, at most 100: `{name, internal, error, partitions, replication_factor}`",
        },
        Fact { name: "partitions", about: "how many partitions the visible topics have" },
        Fact { name: "offline", about: "partitions without a leader, or with an error" },
        Fact { name: "under_replicated", about: "partitions with fewer replicas in sync than assigned" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let about = || match (with.all_topics, with.topics.as_slice()) {
            (true, _) => About::EveryTopic,
            (false, []) => About::Brokers,
            (false, names) => About::Topics(names),
        };
        let mut connection = Connection::open(&scope).await?;
        let answer = metadata(&mut connection, "metadata", &about()).await?;
        let mut cluster_ids = vec![json!(answer.cluster_id.as_deref())];
        let again = std::iter::repeat_n(&target.address, with.connections.clamp(1, 50) - 1);
        let members = target.members.iter().filter(|member| with.every_member && **member != target.address);
        for address in again.chain(members) {
            let mut connection = Connection::open_at(&scope, &target, address).await?;
            let id = json!(metadata(&mut connection, "metadata", &About::Brokers).await?.cluster_id.as_deref());
            if !cluster_ids.contains(&id) {
                cluster_ids.push(id);
            }
        }
        let mut facts = facts_of(&answer, &target.address.host);
        facts.insert("cluster_ids".to_owned(), Value::Array(cluster_ids));
        Ok(facts)
    }
}

fn facts_of(answer: &MetadataResponse, declared: &str) -> Facts {
    let brokers = brokers(answer);
    let unusable: Vec<_> = brokers
        .iter()
        .filter_map(|broker| Some(format!("node {}: {broker} is {}", broker.node, broker.objection(declared)?)))
        .collect();
    let shown: Vec<_> = brokers
        .iter()
        .map(|broker| json!({"node": broker.node, "address": broker.to_string(), "rack": broker.rack}))
        .collect();
    let partitions = Partitions::of(answer);
    let topics: Vec<_> = answer.topics.iter().take(TOPICS).map(topic_fact).collect();
    let cluster_id = answer.cluster_id.as_deref();
    Facts::from_iter([
        ("error".to_owned(), json!(code_name(answer.error_code))),
        ("brokers".to_owned(), Value::Array(shown)),
        ("cluster_id".to_owned(), json!(cluster_id)),
        ("cluster_id_bytes".to_owned(), json!(cluster_id.and_then(bytes_in))),
        ("unusable".to_owned(), json!(unusable)),
        ("topics".to_owned(), Value::Array(topics)),
        ("partitions".to_owned(), json!(partitions.count)),
        ("offline".to_owned(), listed(partitions.offline)),
        ("under_replicated".to_owned(), listed(partitions.under_replicated)),
    ])
}

/// How many bytes a cluster id holds. `kafka-storage random-uuid` makes 16 in 22 characters, without padding.
fn bytes_in(id: &str) -> Option<usize> {
    URL_SAFE_NO_PAD.decode(id).ok().map(|bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_canonical_cluster_id_holds_sixteen_bytes() {
        let cases = [
            ("MkU3OEVBNTcwNTJENDM2Qg", Some(16)),
            // What `uuidgen | base64` makes: the text of a UUID, encoded.
            ("ZjA2YjQ2ZmMtMTExMS00MTExLTgxMTEtMTExMTExMTExMTExCg==", None),
            ("ZjA2YjQ2ZmMtMTExMS00MTExLTgxMTEtMTExMTExMTExMTEx", Some(36)),
            ("my-cluster", None),
        ];
        for (id, bytes) in cases {
            assert_eq!(bytes_in(id), bytes, "{id}");
        }
    }
}
