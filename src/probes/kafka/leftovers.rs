use futures::future::try_join_all;
use kafka_protocol::messages::ListGroupsRequest;
use serde_json::json;

use super::{
    cluster::{About, brokers, metadata},
    connection::Connection,
    partitions::name_of,
};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// Lists the topics and consumer groups of this run that are still on the cluster.
pub(in crate::probes) struct Leftovers;

impl Probe for Leftovers {
    const NAME: &'static str = "kafka.leftovers";
    const ABOUT: &'static str = "lists topics and consumer groups of this run that are still there";
    const FACTS: &'static [Fact] =
        &[Fact { name: "leftovers", about: "their names, with `topic` or `group` before them" }];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let mut connection = Connection::open(&scope).await?;
        let answer = metadata(&mut connection, "metadata", &About::EveryTopic).await?;
        let ours = |name: &String| name.contains(scope.run.as_str());
        let mut leftovers: Vec<String> =
            answer.topics.iter().map(name_of).filter(ours).map(|name| format!("topic {name}")).collect();
        // Every broker knows only the groups it coordinates.
        let groups = brokers(&answer).into_iter().map(|broker| {
            let (scope, target) = (&scope, &target);
            async move {
                let mut connection = Connection::open_at(scope, target, &broker.address()?).await?;
                scope.clock.phase("list_groups", groups(&mut connection)).await
            }
        });
        let groups = try_join_all(groups).await?;
        leftovers.extend(groups.into_iter().flatten().filter(ours).map(|name| format!("group {name}")));
        Ok(Facts::from_iter([("leftovers".to_owned(), json!(leftovers))]))
    }
}

/// The groups a broker coordinates, as far as this principal may see them.
pub(super) async fn groups(connection: &mut Connection) -> Result<Vec<String>, Trouble> {
    let answer = connection.ask("list_groups", &ListGroupsRequest::default(), 3..=5).await?;
    Ok(answer.groups.iter().map(|group| group.group_id.0.to_string()).collect())
}
