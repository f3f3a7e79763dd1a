use std::time::Duration;

use etcd_client::{Client, DeleteOptions, GetOptions};
use jiff::Timestamp;

use super::connection::{ask, connect};
use crate::{
    model::{RunId, Trouble},
    probes::Scope,
};

/// What stands before every key we write, so that one role with one prefix lets us work.
pub(super) const PREFIX: &str = "soma-conf/";
/// The most keys of ours that are looked at.
const LOOKED_AT: i64 = 1_000;
/// What is older than this was left behind by a run that is over.
const STALE: Duration = Duration::from_secs(3600);

/// A key of this run: `soma-conf/soma-conf-<run>/<purpose>`.
pub(super) fn key(scope: &Scope, purpose: &str) -> String {
    format!("{PREFIX}{}/{purpose}", scope.run.scratch_name())
}

/// Every key of ours on the server.
pub(super) async fn ours(scope: &Scope, client: &mut Client, phase: &str) -> Result<Vec<String>, Trouble> {
    let options = GetOptions::new().with_prefix().with_keys_only().with_limit(LOOKED_AT);
    let answer = ask(scope, phase, client.get(PREFIX, Some(options))).await?;
    Ok(answer.kvs().iter().map(|pair| String::from_utf8_lossy(pair.key()).into_owned()).collect())
}

/// Deletes what runs older than an hour left behind; returns how many keys that were.
pub(super) async fn sweep(scope: &Scope, client: &mut Client) -> Result<i64, Trouble> {
    let now = Timestamp::now();
    let mut swept = 0;
    for key in ours(scope, client, "sweep").await? {
        let name = key.strip_prefix(PREFIX).unwrap_or_default();
        if RunId::age_of(name, now).is_some_and(|age| age > STALE) {
            swept += ask(scope, "sweep", client.delete(key, None)).await?.deleted();
        }
    }
    Ok(swept)
}

/// Deletes every key of one purpose and revokes its lease, on a connection and a clock of its own: the time of the probe
/// may be used up. Also after a refused write: etcd may have applied one that it answered with no space.
pub(super) async fn remove(scope: &Scope, key: &str, lease: Option<i64>) -> Result<(), Trouble> {
    let scope = scope.for_clean_up();
    let mut client = connect(&scope).await?;
    ask(&scope, "remove", client.delete(key, Some(DeleteOptions::new()))).await?;
    if let Some(lease) = lease {
        // A lease that is gone already is what is wanted.
        let _ = ask(&scope, "revoke", client.lease_revoke(lease)).await;
    }
    Ok(())
}
