use kafka_protocol::messages::{MetadataResponse, metadata_response::MetadataResponseTopic};
use serde_json::{Value, json};

use super::code::code_name;

/// The most names that stand in one list of a fact; their number is a fact of its own.
const LISTED: usize = 100;

/// What the metadata of every visible topic says about its partitions.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    /// How many there are.
    pub(super) count: usize,
    /// `topic-partition` of those without a leader or with an error.
    pub(super) offline: Vec<String>,
    /// `topic-partition` of those with fewer replicas in sync than there should be.
    pub(super) under_replicated: Vec<String>,
}

impl Partitions {
    /// Reads them off an answer.
    pub(super) fn of(answer: &MetadataResponse) -> Self {
        let mut all = Self::default();
        for topic in &answer.topics {
            let name = name_of(topic);
            if topic.error_code != 0 {
                all.offline.push(format!("{name} ({})", code_name(topic.error_code)));
            }
            for partition in &topic.partitions {
                all.count += 1;
                let place = format!("{name}-{}", partition.partition_index);
                // A leader is a broker's id, so -1 is none. An offline replica alone only leaves the set in sync.
                // REPLICA_NOT_AVAILABLE says nothing that the replicas below do not say.
                if partition.leader_id.0 < 0 || !matches!(partition.error_code, 0 | 9) {
                    all.offline.push(format!("{place} ({})", code_name(partition.error_code)));
                }
                if partition.isr_nodes.len() < partition.replica_nodes.len() {
                    let (isr, replicas) = (partition.isr_nodes.len(), partition.replica_nodes.len());
                    all.under_replicated.push(format!("{place} ({isr} of {replicas} in sync)"));
                }
            }
        }
        all
    }
}

/// The name of a topic of an answer.
pub(super) fn name_of(topic: &MetadataResponseTopic) -> String {
    topic.name.as_ref().map_or_else(|| topic.topic_id.to_string(), |name| name.0.to_string())
}

/// The replication factor of a topic: that of its least replicated partition, 0 without partitions.
pub(super) fn replication_factor(topic: &MetadataResponseTopic) -> usize {
    topic.partitions.iter().map(|partition| partition.replica_nodes.len()).min().unwrap_or(0)
}

/// One topic as a fact.
pub(super) fn topic_fact(topic: &MetadataResponseTopic) -> Value {
    json!({
        "name": name_of(topic),
        "internal": topic.is_internal,
        "error": code_name(topic.error_code),
        "partitions": topic.partitions.len(),
        "replication_factor": replication_factor(topic),
    })
}

/// A list that a report can show; the number of what is left out stands at its end.
pub(super) fn listed(mut names: Vec<String>) -> Value {
    let more = names.len().saturating_sub(LISTED);
    names.truncate(LISTED);
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    json!(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::kafka::cluster::topic_name;
    use kafka_protocol::messages::{BrokerId, metadata_response::MetadataResponsePartition};

    fn partition(leader: i32, error: i16, replicas: &[i32], isr: &[i32]) -> MetadataResponsePartition {
        let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect();
        MetadataResponsePartition::default()
            .with_leader_id(BrokerId(leader))
            .with_error_code(error)
            .with_replica_nodes(ids(replicas))
            .with_isr_nodes(ids(isr))
    }

    #[test]
    fn a_partition_is_offline_without_a_leader_and_under_replicated_with_a_short_isr() {
        let cases = [
            (partition(1, 0, &[1], &[1]), false, false),
            (partition(1, 0, &[1, 2, 3], &[1, 2, 3]), false, false),
            (partition(1, 0, &[1, 2, 3], &[1, 3]), false, true),
            (partition(1, 9, &[1, 2], &[1]), false, true),
            (partition(-1, 5, &[1, 2], &[2]), true, true),
            (partition(1, 56, &[1], &[1]), true, false),
        ];
        for (partition, offline, under) in cases {
            let topic = MetadataResponseTopic::default()
                .with_name(Some(topic_name("t")))
                .with_partitions(vec![partition.clone()]);
            let found = Partitions::of(&MetadataResponse::default().with_topics(vec![topic]));
            assert_eq!(
                (found.count, !found.offline.is_empty(), !found.under_replicated.is_empty()),
                (1, offline, under),
                "{partition:?}"
            );
        }
    }

    #[test]
    fn a_long_list_ends_with_the_number_of_what_is_left_out() {
        let names: Vec<String> = (0..LISTED + 3).map(|index| format!("t-{index}")).collect();
        let shown = listed(names);
        let shown = shown.as_array().expect("a list");
        assert_eq!(shown.len(), LISTED + 1);
        assert_eq!(shown.last(), Some(&json!("and 3 more")));
    }
}
