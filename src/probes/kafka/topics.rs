use std::collections::BTreeMap;

use kafka_protocol::messages::{MetadataResponse, metadata_response::MetadataResponseTopic};
use serde_json::json;

use super::{
    cluster::{About, metadata},
    configs::{Settings, TOPIC, describe},
    connection::Connection,
    partitions::{listed, name_of, replication_factor},
};
use crate::{
    model::{Fact, Facts, RunId, Trouble},
    probes::{NoParameters, Probe, Scope},
};

const SETTINGS: [&str; 3] = ["min.insync.replicas", "retention.ms", "cleanup.policy"];

/// Asks for every visible topic together with its effective settings: replicas, least in-sync replicas, retention.
///
/// A topic's own settings win over the broker's, so a broker that looks right says little. Scratch topics of this
/// program are left out. Needs the right `DescribeConfigs` on the topics.
pub(in crate::probes) struct Topics;

impl Probe for Topics {
    const NAME: &'static str = "kafka.topics";
    const ABOUT: &'static str = "asks for every visible topic with its replicas and effective settings";
    const FACTS: &'static [Fact] = &[
        Fact { name: "count", about: "how many topics are visible" },
        Fact { name: "internal", about: "the internal topics: `{name, replication_factor, min_insync_replicas}`" },
        Fact { name: "under_min_isr", about: "partitions with fewer replicas in sync than min.insync.replicas" },
        Fact {
            name: "least_replication_factor",
            about: "the smallest replication factor of a topic; null without topics",
        },
        Fact {
            name: "least_min_insync_replicas",
            about: "the smallest min.insync.replicas of a topic; null without topics",
        },
        Fact {
            name: "longest_retention_ms",
            about: "the longest retention of a topic that deletes; 0 without one, unlimited ones left out",
        },
        Fact { name: "unlimited", about: "topics that delete, but by size only: what is in them may stay for ever" },
    ];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let mut connection = Connection::open(&scope).await?;
        let mut answer = metadata(&mut connection, "metadata", &About::EveryTopic).await?;
        let now = jiff::Timestamp::now();
        answer.topics.retain(|topic| RunId::age_of(&name_of(topic), now).is_none());
        let names: Vec<String> = answer.topics.iter().map(name_of).collect();
        let settings: BTreeMap<String, Settings> = if names.is_empty() {
            BTreeMap::new()
        } else {
            describe(&mut connection, TOPIC, &names, &SETTINGS.map(str::to_owned)).await?.into_iter().collect()
        };
        Ok(facts_of(&answer, &settings))
    }
}

fn facts_of(answer: &MetadataResponse, settings: &BTreeMap<String, Settings>) -> Facts {
    let number = |topic: &MetadataResponseTopic, name: &str| -> Option<i64> {
        settings.get(&name_of(topic))?.get(name)?.as_deref()?.parse().ok()
    };
    let min_isr = |topic: &MetadataResponseTopic| number(topic, "min.insync.replicas");
    let mut under = Vec::new();
    for topic in &answer.topics {
        for partition in &topic.partitions {
            let in_sync = i64::try_from(partition.isr_nodes.len()).unwrap_or(i64::MAX);
            if let Some(least) = min_isr(topic).filter(|least| in_sync < *least) {
                under.push(format!(
                    "{}-{} ({in_sync} in sync, {least} needed)",
                    name_of(topic),
                    partition.partition_index
                ));
            }
        }
    }
    let internal = answer.topics.iter().filter(|topic| topic.is_internal).map(|topic| {
        json!({
            "name": name_of(topic),
            "replication_factor": replication_factor(topic),
            "min_insync_replicas": min_isr(topic),
        })
    });
    let deletes = |topic: &&MetadataResponseTopic| {
        let policy = settings.get(&name_of(topic)).and_then(|settings| settings.get("cleanup.policy")?.as_deref());
        policy.is_some_and(|policy| policy.split(',').any(|one| one.trim() == "delete"))
    };
    // A bound in bytes is not one in time: it keeps a quiet topic for ever.
    let is_unlimited = |topic: &&MetadataResponseTopic| number(topic, "retention.ms") == Some(-1);
    let deleting: Vec<_> = answer.topics.iter().filter(deletes).collect();
    let unlimited = deleting.iter().copied().filter(is_unlimited).map(name_of).collect();
    let longest = deleting.iter().filter_map(|topic| number(topic, "retention.ms")).max().unwrap_or(0).max(0);
    Facts::from_iter([
        ("count".to_owned(), json!(answer.topics.len())),
        ("internal".to_owned(), internal.collect()),
        ("under_min_isr".to_owned(), listed(under)),
        ("least_replication_factor".to_owned(), json!(answer.topics.iter().map(replication_factor).min())),
        ("least_min_insync_replicas".to_owned(), json!(answer.topics.iter().filter_map(min_isr).min())),
        ("longest_retention_ms".to_owned(), json!(longest)),
        ("unlimited".to_owned(), listed(unlimited)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::kafka::cluster::topic_name;
    use kafka_protocol::messages::{BrokerId, metadata_response::MetadataResponsePartition};

    fn topic(name: &str, replicas: i32, in_sync: i32) -> MetadataResponseTopic {
        let ids = |count: i32| (1..=count).map(BrokerId).collect();
        let partition =
            MetadataResponsePartition::default().with_replica_nodes(ids(replicas)).with_isr_nodes(ids(in_sync));
        MetadataResponseTopic::default().with_name(Some(topic_name(name))).with_partitions(vec![partition])
    }

    fn settings(min_isr: &str, retention_ms: &str, policy: &str) -> Settings {
        [
            ("min.insync.replicas", min_isr),
            ("retention.ms", retention_ms),
            ("retention.bytes", "-1"),
            ("cleanup.policy", policy),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Some(value.to_owned())))
        .collect()
    }

    #[test]
    fn each_weakness_of_a_topic_is_a_fact() {
        let answer = MetadataResponse::default().with_topics(vec![
            topic("good", 3, 3),
            topic("short", 3, 1),
            topic("forever", 3, 3),
            topic("compacted", 1, 1).with_is_internal(true),
        ]);
        let settings = BTreeMap::from([
            ("good".to_owned(), settings("2", "1000", "delete")),
            ("short".to_owned(), settings("2", "5000", "compact,delete")),
            ("forever".to_owned(), settings("2", "-1", "delete")),
            ("compacted".to_owned(), settings("1", "-1", "compact")),
        ]);
        let facts = facts_of(&answer, &settings);
        assert_eq!(facts["under_min_isr"], json!(["short-0 (1 in sync, 2 needed)"]));
        assert_eq!(facts["unlimited"], json!(["forever"]));
        assert_eq!(facts["longest_retention_ms"], json!(5000));
        assert_eq!((&facts["least_replication_factor"], &facts["least_min_insync_replicas"]), (&json!(1), &json!(1)));
        assert_eq!(facts["internal"][0]["name"], json!("compacted"));
    }

    #[test]
    fn without_topics_there_is_no_least_of_anything() {
        let facts = facts_of(&MetadataResponse::default(), &BTreeMap::new());
        assert_eq!((&facts["count"], &facts["least_replication_factor"]), (&json!(0), &json!(null)));
    }
}
