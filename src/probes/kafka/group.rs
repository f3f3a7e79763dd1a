use std::{ops::RangeInclusive, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        DeleteGroupsRequest, FindCoordinatorRequest, GroupId, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
        OffsetCommitRequest, OffsetFetchRequest, SyncGroupRequest,
        join_group_request::JoinGroupRequestProtocol,
        leave_group_request::MemberIdentity,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
        sync_group_request::SyncGroupRequestAssignment,
    },
    protocol::StrBytes,
};

use super::{
    cluster::{Advertised, topic_name},
    code::code_name,
    connection::Connection,
};
use crate::model::Trouble;

/// The coordinator is being found, is loading its offsets, or has just moved: worth asking again.
const CONVERGING: [i16; 3] = [14, 15, 16];
const MEMBER_ID_REQUIRED: i16 = 79;
const GROUP_ID_NOT_FOUND: i16 = 69;
const ASK_EVERY: Duration = Duration::from_millis(50);
const JOIN: RangeInclusive<i16> = 6..=9;
/// The assignment strategy we name; there is one member, so any will do.
const STRATEGY: StrBytes = StrBytes::from_static_str("range");
const CONSUMER: StrBytes = StrBytes::from_static_str("consumer");

/// A step of a group's life that the broker refused: the step and the name of the error code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) step: &'static str,
    pub(super) code: String,
}

/// What a step leads to: the step's own outcome, or the broker's refusal of it, which is a fact.
pub(super) type Step<T> = Result<Result<T, Refused>, Trouble>;

/// Our membership of a group.
pub(super) struct Member {
    pub(super) id: StrBytes,
    pub(super) generation: i32,
}

fn refused<T>(step: &'static str, code: i16) -> Result<T, Refused> {
    Err(Refused { step, code: code_name(code) })
}

fn silent<T>(step: &'static str) -> Result<T, Trouble> {
    Err(Trouble::fault(step, "proto.garbage", "the answer does not speak of the group"))
}

fn group_id(group: &str) -> GroupId {
    GroupId(StrBytes::from_string(group.to_owned()))
}

/// Asks for the group's coordinator until there is one or `patience` is used up: the first use of any group makes the
/// broker create `__consumer_offsets`.
pub(super) async fn find_coordinator(connection: &mut Connection, group: &str, patience: Duration) -> Step<Advertised> {
    const STEP: &str = "find_coordinator";
    let request = FindCoordinatorRequest::default()
        .with_key_type(0)
        .with_coordinator_keys(vec![StrBytes::from_string(group.to_owned())]);
    let end = tokio::time::Instant::now() + patience;
    let mut ticks = tokio::time::interval(ASK_EVERY);
    loop {
        ticks.tick().await;
        let answer = connection.ask(STEP, &request, 4..=4).await?;
        let Some(found) = answer.coordinators.first() else { return silent(STEP) };
        if found.error_code == 0 {
            let (node, host, port) = (found.node_id.0, found.host.to_string(), found.port);
            return Ok(Ok(Advertised { node, host, port, rack: None }));
        }
        if !CONVERGING.contains(&found.error_code) || tokio::time::Instant::now() >= end {
            return Ok(refused(STEP, found.error_code));
        }
    }
}

/// Joins as the only member and takes the partition.
pub(super) async fn join(connection: &mut Connection, group: &str, topic: &str, patience: Duration) -> Step<Member> {
    const STEP: &str = "join_group";
    let protocol = JoinGroupRequestProtocol::default().with_name(STRATEGY).with_metadata(subscription(topic));
    let mut request = JoinGroupRequest::default()
        .with_group_id(group_id(group))
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(10_000)
        .with_protocol_type(CONSUMER)
        .with_protocols(vec![protocol]);
    let end = tokio::time::Instant::now() + patience;
    let mut ticks = tokio::time::interval(ASK_EVERY);
    loop {
        ticks.tick().await;
        let answer = connection.ask(STEP, &request, JOIN).await?;
        match answer.error_code {
            0 => return sync(connection, group, topic, &answer).await,
            // A new member is given its id first, and joins with it (KIP-394).
            MEMBER_ID_REQUIRED if request.member_id.is_empty() => request.member_id = answer.member_id,
            code if CONVERGING.contains(&code) && tokio::time::Instant::now() < end => {}
            code => return Ok(refused(STEP, code)),
        }
    }
}

async fn sync(connection: &mut Connection, group: &str, topic: &str, joined: &JoinGroupResponse) -> Step<Member> {
    const STEP: &str = "sync_group";
    let ours = SyncGroupRequestAssignment::default()
        .with_member_id(joined.member_id.clone())
        .with_assignment(assignment(topic));
    let request = SyncGroupRequest::default()
        .with_group_id(group_id(group))
        .with_generation_id(joined.generation_id)
        .with_member_id(joined.member_id.clone())
        .with_protocol_type(Some(CONSUMER))
        .with_protocol_name(Some(STRATEGY))
        .with_assignments(vec![ours]);
    let answer = connection.ask(STEP, &request, 5..=5).await?;
    if answer.error_code != 0 {
        return Ok(refused(STEP, answer.error_code));
    }
    Ok(Ok(Member { id: joined.member_id.clone(), generation: joined.generation_id }))
}

/// Commits an offset of partition 0.
pub(super) async fn commit(
    connection: &mut Connection,
    group: &str,
    member: &Member,
    topic: &str,
    offset: i64,
) -> Step<()> {
    const STEP: &str = "offset_commit";
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(group_id(group))
        .with_generation_id_or_member_epoch(member.generation)
        .with_member_id(member.id.clone())
        .with_topics(vec![topic]);
    let answer = connection.ask(STEP, &request, 8..=8).await?;
    match answer.topics.first().and_then(|topic| topic.partitions.first()) {
        None => silent(STEP),
        Some(partition) if partition.error_code != 0 => Ok(refused(STEP, partition.error_code)),
        Some(_) => Ok(Ok(())),
    }
}

/// The committed offset of partition 0; -1 when there is none.
pub(super) async fn fetch(connection: &mut Connection, group: &str, topic: &str) -> Step<i64> {
    const STEP: &str = "offset_fetch";
    let topic = OffsetFetchRequestTopics::default().with_name(topic_name(topic)).with_partition_indexes(vec![0]);
    let group = OffsetFetchRequestGroup::default().with_group_id(group_id(group)).with_topics(Some(vec![topic]));
    let request = OffsetFetchRequest::default().with_groups(vec![group]).with_require_stable(true);
    let answer = connection.ask(STEP, &request, 8..=8).await?;
    let Some(group) = answer.groups.first() else { return silent(STEP) };
    if group.error_code != 0 {
        return Ok(refused(STEP, group.error_code));
    }
    match group.topics.first().and_then(|topic| topic.partitions.first()) {
        None => silent(STEP),
        Some(partition) if partition.error_code != 0 => Ok(refused(STEP, partition.error_code)),
        Some(partition) => Ok(Ok(partition.committed_offset)),
    }
}

/// Leaves the group, so that it is empty and may be deleted.
pub(super) async fn leave(connection: &mut Connection, group: &str, member: &Member) -> Step<()> {
    const STEP: &str = "leave_group";
    let identity = MemberIdentity::default().with_member_id(member.id.clone());
    let request = LeaveGroupRequest::default().with_group_id(group_id(group)).with_members(vec![identity]);
    let answer = connection.ask(STEP, &request, 4..=5).await?;
    if answer.error_code != 0 { Ok(refused(STEP, answer.error_code)) } else { Ok(Ok(())) }
}

/// Deletes a group without members; one that is not there is deleted.
pub(super) async fn delete(connection: &mut Connection, group: &str) -> Step<()> {
    const STEP: &str = "delete_group";
    let request = DeleteGroupsRequest::default().with_groups_names(vec![group_id(group)]);
    let answer = connection.ask(STEP, &request, 2..=2).await?;
    match answer.results.first().map(|result| result.error_code) {
        None => silent(STEP),
        Some(0 | GROUP_ID_NOT_FOUND) => Ok(Ok(())),
        Some(code) => Ok(refused(STEP, code)),
    }
}

/// The subscription of a consumer (version 0 of the embedded consumer protocol): one topic, no user data.
fn subscription(topic: &str) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    put_topic(&mut bytes, topic);
    bytes.put_i32(-1);
    bytes.freeze()
}

/// The assignment of partition 0 (version 0 of the embedded consumer protocol).
fn assignment(topic: &str) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    put_topic(&mut bytes, topic);
    bytes.put_slice(&[0, 0, 0, 1, 0, 0, 0, 0]);
    bytes.put_i32(-1);
    bytes.freeze()
}

/// A list of one topic. Names of topics are at most 249 characters.
fn put_topic(bytes: &mut BytesMut, topic: &str) {
    bytes.put_i32(1);
    bytes.put_u16(u16::try_from(topic.len()).unwrap_or(0));
    bytes.put_slice(topic.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::{
        messages::{ConsumerProtocolAssignment, ConsumerProtocolSubscription},
        protocol::Decodable as _,
    };

    #[test]
    fn what_a_member_says_of_itself_is_read_by_everybody_else_as_meant() {
        let mut bytes = subscription("soma-conf-topic").slice(2..);
        let decoded = ConsumerProtocolSubscription::decode(&mut bytes, 0).expect("a subscription");
        assert_eq!(decoded.topics, [StrBytes::from_static_str("soma-conf-topic")]);
        let mut bytes = assignment("soma-conf-topic").slice(2..);
        let decoded = ConsumerProtocolAssignment::decode(&mut bytes, 0).expect("an assignment");
        assert_eq!(decoded.assigned_partitions[0].partitions, [0]);
    }
}
