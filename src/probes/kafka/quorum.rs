use std::time::Duration;

use kafka_protocol::{
    messages::{
        DescribeQuorumRequest, TopicName,
        describe_quorum_request::{PartitionData as Asked, TopicData as AskedTopic},
        describe_quorum_response::{PartitionData, ReplicaState},
    },
    protocol::StrBytes,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    code::{code_name, is_denied},
    connection::Connection,
};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Asks for the state of the `KRaft` quorum, twice, some time apart.
///
/// Brokers serve stale metadata without a leader, so metadata proves nothing of the quorum. A live leader writes an
/// empty record every 500 ms (`metadata.max.idle.interval.ms`), so between the two questions the high watermark moves.
/// Needs the right `Describe` on the cluster. Source: KIP-595, KIP-642, KIP-835.
pub(in crate::probes) struct Quorum;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Milliseconds between the two questions.
    #[serde(default = "default_apart_ms")]
    apart_ms: u64,
}

fn default_apart_ms() -> u64 {
    1_100
}

impl Probe for Quorum {
    const NAME: &'static str = "kafka.quorum";
    const ABOUT: &'static str = "asks for the leader and the voters of the KRaft quorum, twice";
    const FACTS: &'static [Fact] = &[
        Fact { name: "error", about: "the name of the error code; `NONE` when there is none" },
        Fact { name: "leader", about: "the node id of the quorum's leader, -1 for none" },
        Fact { name: "epoch", about: "the leader's epoch" },
        Fact { name: "epoch_stable", about: "whether leader and epoch were the same both times" },
        Fact { name: "high_watermark", about: "the last committed offset of the metadata log" },
        Fact { name: "high_watermark_advanced", about: "by how much it moved between the two questions" },
        Fact { name: "voters", about: "by voter: `{node, lag, caught_up_ms_ago}`; the leader's own values are 0" },
        Fact { name: "voters_odd", about: "whether the number of voters is odd" },
        Fact { name: "observers", about: "by observer: as voters" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let mut connection = Connection::open(&scope).await?;
        let first = describe(&mut connection).await?;
        scope
            .clock
            .phase("apart", async {
                tokio::time::sleep(Duration::from_millis(with.apart_ms)).await;
                Ok(())
            })
            .await?;
        let second = describe(&mut connection).await?;
        Ok(facts_of(&first, &second))
    }
}

/// The state of `__cluster_metadata-0`.
pub(super) async fn describe(connection: &mut Connection) -> Result<PartitionData, Trouble> {
    let topic = AskedTopic::default()
        .with_topic_name(TopicName(StrBytes::from_static_str("__cluster_metadata")))
        .with_partitions(vec![Asked::default()]);
    let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
    let answer = connection.call("describe_quorum", &request, 1..=2).await?;
    let fault = |class, code: i16| Trouble::fault("describe_quorum", class, code_name(code));
    if is_denied(answer.error_code) {
        return Err(Trouble::unable(
            "describe_quorum",
            "authz.denied",
            format!("{}: grant Describe on the cluster", code_name(answer.error_code)),
        ));
    }
    if answer.error_code != 0 {
        return Err(fault("kafka.code", answer.error_code));
    }
    answer.topics.into_iter().flat_map(|topic| topic.partitions).next().ok_or_else(|| {
        Trouble::fault("describe_quorum", "proto.garbage", "the answer does not speak of the metadata log")
    })
}

fn facts_of(first: &PartitionData, second: &PartitionData) -> Facts {
    let stable = (first.leader_id, first.leader_epoch) == (second.leader_id, second.leader_epoch);
    let replicas = |list: &[ReplicaState]| list.iter().map(|one| replica(one, second)).collect::<Value>();
    Facts::from_iter([
        ("error".to_owned(), json!(code_name(second.error_code))),
        ("leader".to_owned(), json!(second.leader_id.0)),
        ("epoch".to_owned(), json!(second.leader_epoch)),
        ("epoch_stable".to_owned(), json!(stable)),
        ("high_watermark".to_owned(), json!(second.high_watermark)),
        ("high_watermark_advanced".to_owned(), json!(second.high_watermark.saturating_sub(first.high_watermark))),
        ("voters".to_owned(), replicas(&second.current_voters)),
        ("voters_odd".to_owned(), json!(second.current_voters.len() % 2 == 1)),
        ("observers".to_owned(), replicas(&second.observers)),
    ])
}

/// How far a replica of the metadata log is behind its leader.
///
/// The times are the leader's own clock on both sides, so no clock of ours enters: the leader counts itself as caught up
/// now, and -1 stands for never.
fn replica(one: &ReplicaState, log: &PartitionData) -> Value {
    let state = |id: i32| log.current_voters.iter().chain(&log.observers).find(|replica| replica.replica_id.0 == id);
    let leader = state(log.leader_id.0);
    let is_leader = one.replica_id == log.leader_id;
    let lag = leader.map(|leader| leader.log_end_offset.saturating_sub(one.log_end_offset).max(0));
    let caught_up_ms_ago = match leader {
        _ if is_leader => Some(0),
        Some(leader) if leader.last_caught_up_timestamp > 0 && one.last_caught_up_timestamp > 0 => {
            Some(leader.last_caught_up_timestamp.saturating_sub(one.last_caught_up_timestamp).max(0))
        }
        _ => None,
    };
    json!({"node": one.replica_id.0, "lag": lag, "caught_up_ms_ago": caught_up_ms_ago})
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::messages::BrokerId;

    fn state(id: i32, end: i64, caught_up: i64) -> ReplicaState {
        ReplicaState::default()
            .with_replica_id(BrokerId(id))
            .with_log_end_offset(end)
            .with_last_caught_up_timestamp(caught_up)
    }

    fn log(leader: i32, epoch: i32, high_watermark: i64) -> PartitionData {
        PartitionData::default()
            .with_leader_id(BrokerId(leader))
            .with_leader_epoch(epoch)
            .with_high_watermark(high_watermark)
            .with_current_voters(vec![state(1, 100, 50_000), state(2, 90, 49_000), state(3, 0, -1)])
    }

    #[test]
    fn the_lag_is_counted_from_the_leader_and_its_clock() {
        let facts = facts_of(&log(1, 4, 99), &log(1, 4, 101));
        assert_eq!(facts["voters"][0], json!({"node": 1, "lag": 0, "caught_up_ms_ago": 0}));
        assert_eq!(facts["voters"][1], json!({"node": 2, "lag": 10, "caught_up_ms_ago": 1000}));
        assert_eq!(facts["voters"][2], json!({"node": 3, "lag": 100, "caught_up_ms_ago": null}));
        assert_eq!((&facts["high_watermark_advanced"], &facts["voters_odd"]), (&json!(2), &json!(true)));
    }

    #[test]
    fn a_leader_or_an_epoch_that_changed_is_not_stable() {
        for (first, second, stable) in [((1, 4), (1, 4), true), ((1, 4), (1, 5), false), ((1, 4), (2, 4), false)] {
            let facts = facts_of(&log(first.0, first.1, 1), &log(second.0, second.1, 1));
            assert_eq!(facts["epoch_stable"], json!(stable), "{first:?} {second:?}");
        }
    }
}
