use std::time::Duration;

use jiff::Timestamp;
use kafka_protocol::{
    messages::{
        CreateTopicsRequest, DeleteTopicsRequest,
        create_topics_request::{CreatableTopic, CreatableTopicConfig},
        delete_topics_request::DeleteTopicState,
        metadata_response::MetadataResponseTopic,
    },
    protocol::StrBytes,
};

use super::{
    cluster::{About, METADATA, metadata, question, topic_name},
    code::code_name,
    connection::Connection,
    partitions::name_of,
};
use crate::{
    model::{RunId, Trouble, clip, printable},
    probes::Scope,
};

/// How long the broker itself may take to create or delete.
const BROKER_TIMEOUT_MS: i32 = 5_000;
/// The pause between two looks at something that converges.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// What is older than this was left behind by a run that is over.
const STALE: Duration = Duration::from_secs(3600);
const NO_ERROR: i16 = 0;
const UNKNOWN_TOPIC: i16 = 3;
const TOPIC_EXISTS: i16 = 36;

/// A refusal of the broker to create or delete, in its own words.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// The name of the error code, `NONE` for none.
    pub(super) code: String,
    /// The broker's message.
    pub(super) message: String,
}

impl Answer {
    fn new(code: i16, message: Option<&StrBytes>) -> Self {
        let message = message.map(|text| clip(&printable(text), 300)).unwrap_or_default();
        Self { code: code_name(code), message }
    }

    /// Whether the broker did as it was told.
    pub(super) fn is_done(&self) -> bool {
        self.code == "NONE"
    }
}

/// Creates a topic of one partition whose records expire after a minute; or, with `dry`, only asks whether it might.
///
/// With several brokers three replicas are asked for, as an application would: the broker's default may be one.
pub(super) async fn create(
    connection: &mut Connection,
    name: &str,
    replicas: i16,
    dry: bool,
) -> Result<Answer, Trouble> {
    let short = CreatableTopicConfig::default()
        .with_name(StrBytes::from_static_str("retention.ms"))
        .with_value(Some(StrBytes::from_static_str("60000")));
    let topic = CreatableTopic::default()
        .with_name(topic_name(name))
        .with_num_partitions(1)
        .with_replication_factor(replicas)
        .with_configs(vec![short]);
    let request = CreateTopicsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(BROKER_TIMEOUT_MS)
        .with_validate_only(dry);
    let answer = connection.call("create_topic", &request, 5..=7).await?;
    let result = answer.topics.first().ok_or_else(|| empty("create_topic"))?;
    let code = if result.error_code == TOPIC_EXISTS && !dry { NO_ERROR } else { result.error_code };
    Ok(Answer::new(code, result.error_message.as_ref()))
}

/// How many replicas a scratch topic can have: three, or as many as there are brokers.
pub(super) async fn replicas(connection: &mut Connection) -> Result<i16, Trouble> {
    let brokers = metadata(connection, "metadata", &About::Brokers).await?.brokers.len();
    Ok(i16::try_from(brokers.clamp(1, 3)).unwrap_or(1))
}

/// Waits until the only partition has a leader: the code of creation is `NONE` before there is one.
pub(super) async fn wait_for_leader(scope: &Scope, connection: &mut Connection, name: &str) -> Result<(), Trouble> {
    let has_leader = |topic: &MetadataResponseTopic| topic.partitions.first().is_some_and(|one| one.leader_id.0 >= 0);
    wait_until(scope, connection, "leader", name, has_leader).await
}

/// Waits until the topic is unknown to the broker.
pub(super) async fn wait_until_gone(scope: &Scope, connection: &mut Connection, name: &str) -> Result<(), Trouble> {
    wait_until(scope, connection, "gone", name, |topic| topic.error_code == UNKNOWN_TOPIC).await
}

/// Looks at a topic until what is waited for is true, or the clock runs out: the broker sends no word of it.
async fn wait_until(
    scope: &Scope,
    connection: &mut Connection,
    phase: &str,
    name: &str,
    is_so: impl Fn(&MetadataResponseTopic) -> bool,
) -> Result<(), Trouble> {
    let wanted = [name.to_owned()];
    let question = question(&About::Topics(&wanted));
    let looking = async {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            ticks.tick().await;
            let answer = connection.ask(phase, &question, METADATA).await?;
            if answer.topics.first().is_some_and(&is_so) {
                return Ok(());
            }
        }
    };
    scope.clock.phase(phase, looking).await
}

/// Deletes a topic; one that is not there is deleted.
pub(super) async fn delete(connection: &mut Connection, name: &str) -> Result<Answer, Trouble> {
    // Version 6 names topics in `topics`, the versions before it in `topic_names`.
    let named = DeleteTopicState::default().with_name(Some(topic_name(name)));
    let request = DeleteTopicsRequest::default().with_topics(vec![named]).with_timeout_ms(BROKER_TIMEOUT_MS);
    let answer = connection.call("delete_topic", &request, 6..=6).await?;
    let result = answer.responses.first().ok_or_else(|| empty("delete_topic"))?;
    let code = if result.error_code == UNKNOWN_TOPIC { NO_ERROR } else { result.error_code };
    Ok(Answer::new(code, result.error_message.as_ref()))
}

/// Removes a topic of ours on a connection and a clock of its own: the time of the probe may be used up.
pub(super) async fn remove(scope: &Scope, name: &str) -> Result<Answer, Trouble> {
    let scope = scope.for_clean_up();
    let mut connection = Connection::open(&scope).await?;
    delete(&mut connection, name).await
}

/// Deletes what runs older than an hour left behind; returns how many topics that were.
pub(super) async fn sweep(connection: &mut Connection) -> Result<usize, Trouble> {
    let answer = metadata(connection, "sweep", &About::EveryTopic).await?;
    let now = Timestamp::now();
    let stale = |name: &String| RunId::age_of(name, now).is_some_and(|age| age > STALE);
    let mut swept = 0;
    for name in answer.topics.iter().map(name_of).filter(stale) {
        if delete(connection, &name).await?.is_done() {
            swept += 1;
        }
    }
    Ok(swept)
}

fn empty(phase: &str) -> Trouble {
    Trouble::fault(phase, "proto.garbage", "the answer does not speak of the topic")
}
