use std::time::{Duration, Instant};

use futures::future::join_all;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use super::{
    scratch::{clean_up, remove},
    session::{Login, connect},
};
use crate::{
    model::{Fact, Facts, Target, Trouble},
    probes::{Probe, Scope, random_text},
};

/// Commits a marker at the contract's address and waits until every declared replica shows it.
///
/// A read-only Service that points at the primary shows the marker as well, so what each replica says of its own
/// recovery is a fact beside it. There is no event to wait for on a replica (`WAIT FOR LSN` is younger than every
/// supported version), so it is asked every 20 ms, within the check's deadline.
pub(in crate::probes) struct Replicas;

/// Parameters: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// How long the marker may take to show, in milliseconds.
    #[serde(default = "within_ms")]
    within_ms: u64,
}

fn within_ms() -> u64 {
    10_000
}

const PAUSE: Duration = Duration::from_millis(20);

impl Probe for Replicas {
    const NAME: &'static str = "postgres.replicas";
    const ABOUT: &'static str = "commits a marker and waits until every declared replica shows it";
    const FACTS: &'static [Fact] = &[
        Fact { name: "replicas", about: "per declared replica: address, in_recovery, visible, visible_ms, or trouble" },
        Fact { name: "dropped", about: "whether the marker's schema is gone at the end" },
    ];
    const WRITES: bool = true;
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let login = Login::declared(&target, None)?;
        let schema = format!("{}_lag", scope.run.scratch_identifier());
        let outcome = mark_and_wait(&scope, &target, &login, &schema, Duration::from_millis(with.within_ms)).await;
        if outcome.is_err() {
            clean_up(&scope, &target, &login, &schema).await;
        }
        outcome
    }
}

async fn mark_and_wait(
    scope: &Scope,
    target: &Target,
    login: &Login,
    schema: &str,
    within: Duration,
) -> Result<Facts, Trouble> {
    let primary = connect(scope, target, login).await?;
    let marker = random_text()?;
    let sql = format!("create schema {schema}; create table {schema}.marker as select '{marker}'::text as value");
    primary.execute(scope, "write", &sql).await?;
    let waiting = (0..target.replicas.len()).map(|index| observe(scope, target, index, schema, &marker, within));
    let replicas = join_all(waiting).await;
    let dropped = remove(scope, &primary, schema).await?;
    Ok(Facts::from_iter([("replicas".to_owned(), json!(replicas)), ("dropped".to_owned(), json!(dropped))]))
}

/// What one replica shows. Its trouble is a fact, so that one dead replica does not hide the others.
async fn observe(scope: &Scope, target: &Target, index: usize, schema: &str, marker: &str, within: Duration) -> Value {
    let address = target.replicas.get(index).map(ToString::to_string);
    match see(scope, target, index, schema, marker, within).await {
        Ok((in_recovery, shown)) => json!({
            "address": address,
            "in_recovery": in_recovery,
            "visible": shown.is_some(),
            "visible_ms": shown.map(|shown| u64::try_from(shown.as_millis()).unwrap_or(u64::MAX)),
        }),
        Err(trouble) => {
            json!({"address": address, "in_recovery": null, "visible": false, "trouble": trouble.to_string()})
        }
    }
}

async fn see(
    scope: &Scope,
    target: &Target,
    index: usize,
    schema: &str,
    marker: &str,
    within: Duration,
) -> Result<(Value, Option<Duration>), Trouble> {
    let start = Instant::now();
    let replica = connect(scope, target, &Login::declared(target, Some(index))?).await?;
    let in_recovery =
        replica.row(scope, "op", "select pg_is_in_recovery() as in_recovery").await?["in_recovery"].clone();
    // `to_regclass` answers null, and no error, while the table has not arrived.
    let exists = format!("select to_regclass('{schema}.marker') is not null as arrived");
    let value = format!("select value from {schema}.marker");
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while start.elapsed() < within {
        ticks.tick().await;
        if replica.row(scope, "visible", &exists).await?["arrived"] == json!(true)
            && replica.row(scope, "visible", &value).await?["value"] == json!(marker)
        {
            return Ok((in_recovery, Some(start.elapsed())));
        }
    }
    Ok((in_recovery, None))
}
