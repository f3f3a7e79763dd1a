//! Where partitions end, asked of their leaders.

use std::collections::BTreeMap;

use kafka_protocol::messages::{
    BrokerId, ListOffsetsRequest,
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
};

use super::{
    cluster::{About, Advertised, brokers, metadata, topic_name},
    code::{code_name, is_denied},
    committed::Place,
    connection::Connection,
    partitions::name_of,
};
use crate::{model::Trouble, probes::Scope};

/// A client's own question, not a replica's.
const CLIENT: BrokerId = BrokerId(-1);
/// Asks for the offset of the next record.
const LATEST: i64 = -1;
const STEP: &str = "list_offsets";
const UNKNOWN_TOPIC: i16 = 3;

/// The end of each partition: the offset that the next record will have, as consumers see it. A topic that is gone is left
/// out: whatever a group has committed there, it is behind by nothing.
pub(super) async fn end_offsets(
    scope: &Scope,
    connection: &mut Connection,
    places: impl Iterator<Item = &Place>,
) -> Result<BTreeMap<Place, i64>, Trouble> {
    let mut topics: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for place in places {
        topics.entry(place.topic.clone()).or_default().push(place.partition);
    }
    if topics.is_empty() {
        return Ok(BTreeMap::new());
    }
    let names: Vec<String> = topics.keys().cloned().collect();
    let answer = metadata(connection, "metadata", &About::Topics(&names)).await?;
    let mut by_leader: BTreeMap<i32, BTreeMap<String, Vec<i32>>> = BTreeMap::new();
    for topic in &answer.topics {
        let name = name_of(topic);
        match topic.error_code {
            0 | UNKNOWN_TOPIC => {}
            code => return Err(refused(code, &format!("the topic `{name}`"))),
        }
        for partition in &topic.partitions {
            if topics.get(&name).is_some_and(|wanted| wanted.contains(&partition.partition_index)) {
                let leader = by_leader.entry(partition.leader_id.0).or_default();
                leader.entry(name.clone()).or_default().push(partition.partition_index);
            }
        }
    }
    let target = scope.target()?;
    let brokers = brokers(&answer);
    let mut ends = BTreeMap::new();
    for (leader, topics) in by_leader {
        let leader: &Advertised = brokers.iter().find(|broker| broker.node == leader).ok_or_else(|| {
            Trouble::fault("metadata", "kafka.leader", format!("partitions of {} have no leader", listed(&topics)))
        })?;
        let mut connection = Connection::open_at(scope, &target, &leader.address()?).await?;
        ends.extend(of_leader(&mut connection, &topics).await?);
    }
    Ok(ends)
}

fn refused(code: i16, what: &str) -> Trouble {
    if is_denied(code) {
        return Trouble::unable(STEP, "authz.denied", format!("{}: grant Describe on {what}", code_name(code)));
    }
    Trouble::fault(STEP, "kafka.code", format!("{}: {what}", code_name(code)))
}

fn listed(topics: &BTreeMap<String, Vec<i32>>) -> String {
    topics.keys().map(|topic| format!("`{topic}`")).collect::<Vec<_>>().join(", ")
}

async fn of_leader(
    connection: &mut Connection,
    topics: &BTreeMap<String, Vec<i32>>,
) -> Result<BTreeMap<Place, i64>, Trouble> {
    let partition = |index: &i32| ListOffsetsPartition::default().with_partition_index(*index).with_timestamp(LATEST);
    let asked = topics.iter().map(|(name, partitions)| {
        ListOffsetsTopic::default()
            .with_name(topic_name(name))
            .with_partitions(partitions.iter().map(partition).collect())
    });
    let request = ListOffsetsRequest::default().with_replica_id(CLIENT).with_topics(asked.collect());
    let answer = connection.call(STEP, &request, 6..=7).await?;
    let mut ends = BTreeMap::new();
    for topic in &answer.topics {
        for partition in &topic.partitions {
            let place = Place { topic: topic.name.0.to_string(), partition: partition.partition_index };
            match partition.error_code {
                0 => drop(ends.insert(place, partition.offset)),
                code => return Err(refused(code, &place.to_string())),
            }
        }
    }
    Ok(ends)
}
