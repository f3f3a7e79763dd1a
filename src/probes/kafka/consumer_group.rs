use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    cluster::Advertised,
    connection::Connection,
    group::{self, Refused},
    leftovers::groups,
    scratch_topic,
};
use crate::{
    model::{Fact, Facts, RunId, Target, Trouble},
    probes::{Probe, Scope},
};

/// The offset that is committed: any that nobody would find by chance.
const OFFSET: i64 = 42;
/// What is older than this was left behind by a run that is over.
const STALE: Duration = Duration::from_secs(3600);

/// Lives the whole life of a consumer group: coordinator, join, sync, commit, fetch, leave, delete.
///
/// Producing and consuming by partition never touches `__consumer_offsets`: on a single broker whose
/// `offsets.topic.replication.factor` is left at its default of 3, all of that works and no group ever does.
pub(in crate::probes) struct ConsumerGroup;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Milliseconds the coordinator may take to come up: the first group makes the broker create its offsets topic.
    #[serde(default = "default_patience_ms")]
    patience_ms: u64,
}

fn default_patience_ms() -> u64 {
    8_000
}

impl Probe for ConsumerGroup {
    const NAME: &'static str = "kafka.consumer_group";
    const ABOUT: &'static str = "joins a group, commits an offset, reads it back, deletes the group";
    const FACTS: &'static [Fact] = &[
        Fact { name: "error", about: "the name of the first error code, `NONE` for none" },
        Fact { name: "failed_step", about: "the request that was refused with it, `NONE` for none" },
        Fact { name: "coordinator", about: "the node id of the group's coordinator; absent without one" },
        Fact { name: "committed", about: "the offset that was committed; absent when it was not" },
        Fact { name: "fetched", about: "the offset that was read back; absent when it was not" },
        Fact { name: "swept", about: "how many groups of runs older than an hour were removed" },
    ];
    const WRITES: bool = true;
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let name = format!("{}-group", scope.run.scratch_name());
        let looked = look(&scope, &name, Duration::from_millis(with.patience_ms)).await;
        let cleaned = clean_up(&scope, &name, &looked).await;
        let (facts, _) = looked?;
        cleaned?;
        Ok(facts)
    }
}

type Looked = Result<(Facts, Option<Advertised>), Trouble>;

async fn look(scope: &Scope, name: &str, patience: Duration) -> Looked {
    let target = scope.target()?;
    let mut connection = Connection::open(scope).await?;
    let mut facts = Facts::new();
    let created = scratch_topic::create(&mut connection, name, 1, false).await?;
    if !created.is_done() {
        note(&mut facts, &Refused { step: "create_topic", code: created.code });
        return Ok((facts, None));
    }
    scratch_topic::wait_for_leader(scope, &mut connection, name).await?;
    let finding = group::find_coordinator(&mut connection, name, patience);
    let coordinator = match scope.clock.phase("find_coordinator", finding).await? {
        Ok(coordinator) => coordinator,
        Err(refused) => {
            note(&mut facts, &refused);
            return Ok((facts, None));
        }
    };
    facts.insert("coordinator".to_owned(), json!(coordinator.node));
    let mut connection = Connection::open_at(scope, &target, &coordinator.address()?).await?;
    facts.insert("swept".to_owned(), json!(scope.clock.phase("sweep", sweep(&mut connection)).await?));
    let life = live(&mut connection, name, patience, &mut facts);
    let lived = scope.clock.phase("group", life).await?;
    note(&mut facts, &lived.err().unwrap_or(Refused { step: "NONE", code: "NONE".to_owned() }));
    Ok((facts, Some(coordinator)))
}

fn note(facts: &mut Facts, refused: &Refused) {
    facts.insert("error".to_owned(), json!(refused.code));
    facts.insert("failed_step".to_owned(), json!(refused.step));
}

/// The life of the group on its coordinator. It is left and deleted also when a step in between was refused.
async fn live(connection: &mut Connection, name: &str, patience: Duration, facts: &mut Facts) -> group::Step<()> {
    let member = match group::join(connection, name, name, patience).await? {
        Ok(member) => member,
        Err(refused) => return Ok(Err(refused)),
    };
    let mut first = None;
    match group::commit(connection, name, &member, name, OFFSET).await? {
        Ok(()) => drop(facts.insert("committed".to_owned(), json!(OFFSET))),
        Err(refused) => first = Some(refused),
    }
    match group::fetch(connection, name, name).await? {
        Ok(offset) => drop(facts.insert("fetched".to_owned(), json!(offset))),
        Err(refused) => first = first.or(Some(refused)),
    }
    first = first.or(group::leave(connection, name, &member).await?.err());
    first = first.or(group::delete(connection, name).await?.err());
    Ok(first.map_or(Ok(()), Err))
}

/// Deletes groups of ours that runs older than an hour left behind on this coordinator.
async fn sweep(connection: &mut Connection) -> Result<usize, Trouble> {
    let now = Timestamp::now();
    let mut swept = 0;
    for name in groups(connection).await? {
        let is_stale = RunId::age_of(&name, now).is_some_and(|age| age > STALE);
        if is_stale && group::delete(connection, &name).await?.is_ok() {
            swept += 1;
        }
    }
    Ok(swept)
}

/// Removes the topic, and the group where its life did not end by itself.
async fn clean_up(scope: &Scope, name: &str, looked: &Looked) -> Result<(), Trouble> {
    let group = async {
        let is_over = matches!(looked, Ok((facts, _)) if facts.get("error") == Some(&json!("NONE")));
        if let (false, Ok((_, Some(coordinator)))) = (is_over, looked) {
            let scope = scope.for_clean_up();
            let target: std::sync::Arc<Target> = scope.target()?;
            let mut connection = Connection::open_at(&scope, &target, &coordinator.address()?).await?;
            scope.clock.phase("delete_group", group::delete(&mut connection, name)).await?.ok();
        }
        Ok(())
    };
    let (group, topic) = tokio::join!(group, scratch_topic::remove(scope, name));
    group.and(topic.map(drop))
}
