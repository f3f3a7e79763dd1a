use futures::future::try_join_all;
use kafka_protocol::messages::DescribeLogDirsRequest;
use serde_json::{Value, json};

use super::{
    cluster::{About, Advertised, brokers, metadata},
    code::{code_name, is_denied},
    connection::Connection,
};
use crate::{
    model::{Fact, Facts, Target, Trouble, clip, printable},
    probes::{NoParameters, Probe, Scope},
};

/// Asks every broker for its log directories.
///
/// With several of them one may be offline while the broker is up. Needs the right `Describe` on the cluster. Sizes come
/// with version 4 (KIP-827, Kafka 3.3).
pub(in crate::probes) struct LogDirs;

impl Probe for LogDirs {
    const NAME: &'static str = "kafka.log_dirs";
    const ABOUT: &'static str = "asks every broker for its log directories and their room";
    const FACTS: &'static [Fact] = &[Fact {
        name: "directories",
        about: "by broker and directory: `{node, directory, error, total_bytes, usable_bytes, usable_percent}`; sizes are null before Kafka 3.3",
    }];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let mut connection = Connection::open(&scope).await?;
        let answer = metadata(&mut connection, "metadata", &About::Brokers).await?;
        let brokers = brokers(&answer);
        let asked = brokers.iter().map(|broker| directories(&scope, &target, broker));
        let directories: Vec<Value> = try_join_all(asked).await?.into_iter().flatten().collect();
        Ok(Facts::from_iter([("directories".to_owned(), Value::Array(directories))]))
    }
}

async fn directories(scope: &Scope, target: &Target, broker: &Advertised) -> Result<Vec<Value>, Trouble> {
    let mut connection = Connection::open_at(scope, target, &broker.address()?).await?;
    // No topic is asked about: the directories themselves are listed all the same, without their partitions.
    let request = DescribeLogDirsRequest::default().with_topics(Some(Vec::new()));
    let answer = connection.call("describe_log_dirs", &request, 2..=4).await?;
    if is_denied(answer.error_code) || (answer.error_code == 0 && answer.results.is_empty()) {
        return Err(Trouble::unable(
            "describe_log_dirs",
            "authz.denied",
            "this principal may not see the log directories: grant Describe on the cluster",
        ));
    }
    if answer.error_code != 0 {
        return Err(Trouble::fault("describe_log_dirs", "kafka.code", code_name(answer.error_code)));
    }
    let fact = |one: &kafka_protocol::messages::describe_log_dirs_response::DescribeLogDirsResult| {
        let size = |bytes: i64| (bytes >= 0).then_some(bytes);
        json!({
            "node": broker.node,
            "directory": clip(&printable(&one.log_dir), 300),
            "error": code_name(one.error_code),
            "total_bytes": size(one.total_bytes),
            "usable_bytes": size(one.usable_bytes),
            "usable_percent": usable_percent(one.total_bytes, one.usable_bytes),
        })
    };
    Ok(answer.results.iter().map(fact).collect())
}

fn usable_percent(total: i64, usable: i64) -> Option<i64> {
    (total > 0 && usable >= 0).then(|| i64::try_from(i128::from(usable) * 100 / i128::from(total)).unwrap_or(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_a_percentage_where_sizes_are_told() {
        for (total, usable, expected) in
            [(200, 50, Some(25)), (200, 0, Some(0)), (-1, -1, None), (0, 0, None), (i64::MAX, i64::MAX, Some(100))]
        {
            assert_eq!(usable_percent(total, usable), expected, "{total} {usable}");
        }
    }
}
