use kafka_protocol::messages::{ApiKey, DescribeClusterRequest};
use serde_json::json;

use super::{
    cluster::{About, metadata},
    code::code_name,
    connection::Connection,
    quorum,
};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// `DescribeCluster` tells of fenced brokers from version 2 on (KIP-1073, Kafka 4.0).
const WITH_FENCED: i16 = 2;
const ENDPOINTS_OF_BROKERS: i8 = 1;

/// Asks which brokers are registered and which of them are fenced.
///
/// A broker whose heartbeats stopped is fenced: it leads nothing and is missing from the metadata that clients read,
/// while its process and its pod may look well. A cluster before Kafka 4.0 does not tell; there the observers of the
/// metadata log stand for the registered brokers, and those that are missing from the metadata count as fenced.
pub(in crate::probes) struct RegisteredBrokers;

impl Probe for RegisteredBrokers {
    const NAME: &'static str = "kafka.registered_brokers";
    const ABOUT: &'static str = "asks which brokers are registered, and which of them are fenced";
    const FACTS: &'static [Fact] = &[
        Fact { name: "error", about: "the name of the answer's error code; `NONE` when it is one" },
        Fact { name: "live", about: "node ids of the brokers that are not fenced" },
        Fact { name: "fenced", about: "node ids of the brokers that are registered and fenced" },
        Fact { name: "told_by", about: "`cluster` from Kafka 4.0 on, `quorum` before" },
    ];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let mut connection = Connection::open(&scope).await?;
        let newest = connection.supports(ApiKey::DescribeCluster as i16).map(|range| *range.end());
        if newest.is_some_and(|newest| newest >= WITH_FENCED) {
            by_cluster(&mut connection).await
        } else {
            by_quorum(&mut connection).await
        }
    }
}

async fn by_cluster(connection: &mut Connection) -> Result<Facts, Trouble> {
    let request =
        DescribeClusterRequest::default().with_endpoint_type(ENDPOINTS_OF_BROKERS).with_include_fenced_brokers(true);
    let answer = connection.call("describe_cluster", &request, WITH_FENCED..=WITH_FENCED).await?;
    let nodes = |fenced| answer.brokers.iter().filter(move |one| one.is_fenced == fenced).map(|one| one.broker_id.0);
    Ok(facts(&code_name(answer.error_code), nodes(false).collect(), nodes(true).collect(), "cluster"))
}

async fn by_quorum(connection: &mut Connection) -> Result<Facts, Trouble> {
    let live: Vec<i32> =
        metadata(connection, "metadata", &About::Brokers).await?.brokers.iter().map(|one| one.node_id.0).collect();
    let log = quorum::describe(connection).await?;
    let registered = log.observers.iter().map(|one| one.replica_id.0);
    let fenced = registered.filter(|node| !live.contains(node)).collect();
    Ok(facts(&code_name(log.error_code), live, fenced, "quorum"))
}

fn facts(error: &str, mut live: Vec<i32>, mut fenced: Vec<i32>, told_by: &str) -> Facts {
    live.sort_unstable();
    fenced.sort_unstable();
    Facts::from_iter([
        ("error".to_owned(), json!(error)),
        ("live".to_owned(), json!(live)),
        ("fenced".to_owned(), json!(fenced)),
        ("told_by".to_owned(), json!(told_by)),
    ])
}
