//! What a consumer group has committed, asked of its coordinator without joining it.

use std::{collections::BTreeMap, fmt};

use kafka_protocol::{
    messages::{GroupId, ListGroupsRequest, OffsetFetchRequest, offset_fetch_request::OffsetFetchRequestGroup},
    protocol::StrBytes,
};

use super::{
    code::{code_name, is_denied},
    connection::Connection,
};
use crate::model::{Trouble, clip, printable};

/// The state of a group that its coordinator does not know.
const ABSENT: &str = "Absent";

/// One partition of one topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) topic: String,
    pub(super) partition: i32,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", clip(&printable(&self.topic), 249), self.partition)
    }
}

/// The committed offset of every partition that has one.
pub(super) async fn offsets(connection: &mut Connection, group: &str) -> Result<BTreeMap<Place, i64>, Trouble> {
    const STEP: &str = "offset_fetch";
    let id = GroupId(StrBytes::from_string(group.to_owned()));
    // No topics are named: all that the group has committed.
    let asked = OffsetFetchRequestGroup::default().with_group_id(id).with_topics(None);
    let request = OffsetFetchRequest::default().with_groups(vec![asked]).with_require_stable(false);
    let answer = connection.call(STEP, &request, 8..=8).await?;
    let Some(found) = answer.groups.first() else {
        return Err(Trouble::fault(STEP, "proto.garbage", "the answer does not speak of the group"));
    };
    if found.error_code != 0 {
        return Err(denied_or_fault(STEP, group, found.error_code));
    }
    let mut offsets = BTreeMap::new();
    for topic in &found.topics {
        for partition in &topic.partitions {
            if partition.error_code != 0 {
                return Err(denied_or_fault(STEP, group, partition.error_code));
            }
            // -1 is none.
            if partition.committed_offset >= 0 {
                let place = Place { topic: topic.name.0.to_string(), partition: partition.partition_index };
                offsets.insert(place, partition.committed_offset);
            }
        }
    }
    Ok(offsets)
}

/// The group's state in the cluster's words: `Stable`, `Empty`, `PreparingRebalance`…
///
/// A list, because it tells the state of groups of every protocol; describing one has a request for each (KIP-848).
pub(super) async fn state(connection: &mut Connection, group: &str) -> Result<String, Trouble> {
    let answer = connection.call("list_groups", &ListGroupsRequest::default(), 4..=5).await?;
    if answer.error_code != 0 {
        return Err(denied_or_fault("list_groups", group, answer.error_code));
    }
    let found = answer.groups.iter().find(|one| one.group_id.0.as_str() == group);
    Ok(found.map_or_else(|| ABSENT.to_owned(), |one| clip(&printable(&one.group_state), 40)))
}

fn denied_or_fault(step: &str, group: &str, code: i16) -> Trouble {
    if is_denied(code) {
        let message = format!("{}: grant Describe on the group `{group}` and its topics", code_name(code));
        return Trouble::unable(step, "authz.denied", message);
    }
    refusal(step, group, &code_name(code))
}

/// A step that the cluster refused for this group.
pub(super) fn refusal(step: &str, group: &str, code: &str) -> Trouble {
    Trouble::fault(step, "kafka.code", format!("{code}, asked for the group `{group}`"))
}
