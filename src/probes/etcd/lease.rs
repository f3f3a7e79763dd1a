use std::time::{Duration, Instant};

use etcd_client::{Client, EventType, PutOptions, WatchOptions, WatchStream};
use serde_json::{Value, json};

use super::{
    connection::{ask, connect},
    scratch_key,
};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// The lease that is revoked, and the one that is left to expire, in seconds. The server may grant more.
const REVOKED_S: i64 = 30;
const EXPIRING_S: i64 = 2;

/// Grants two leases: one is kept alive and revoked, the other is left to expire; their keys must go with them.
///
/// Locks and leader elections of applications stand on leases: one that never expires is a lock that a dead holder keeps
/// for ever. The leader's clock decides, so a new leader starts the time again.
pub(in crate::probes) struct Lease;

impl Probe for Lease {
    const NAME: &'static str = "etcd.lease";
    const ABOUT: &'static str = "keeps a lease alive and revokes it, and lets another one expire";
    const FACTS: &'static [Fact] = &[
        Fact { name: "remaining_s", about: "what the server said is left of the first lease, in seconds" },
        Fact { name: "kept_alive_s", about: "to what it was renewed, in seconds" },
        Fact { name: "revoked_key_left", about: "how many keys are left after it was revoked" },
        Fact { name: "granted_s", about: "what the server granted for the second lease, in seconds" },
        Fact {
            name: "expired_after_ms",
            about: "when the deletion of its key was seen, in milliseconds from the grant",
        },
        Fact { name: "late_ms", about: "how much later than granted that was; negative when it came too early" },
    ];
    const WRITES: bool = true;
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let (kept, expiring) = (scratch_key::key(&scope, "lease-kept"), scratch_key::key(&scope, "lease-expiring"));
        let (mut kept_lease, mut expiring_lease) = (None, None);
        let looked = tokio::try_join!(
            keep_and_revoke(&scope, &kept, &mut kept_lease),
            let_expire(&scope, &expiring, &mut expiring_lease)
        );
        let removed = tokio::try_join!(
            scratch_key::remove(&scope, &kept, kept_lease),
            scratch_key::remove(&scope, &expiring, expiring_lease)
        );
        let (mut facts, more) = looked?;
        removed?;
        facts.extend(more);
        Ok(facts)
    }
}

async fn put_with_lease(
    scope: &Scope,
    client: &mut Client,
    key: &str,
    seconds: i64,
    lease: &mut Option<i64>,
) -> Result<i64, Trouble> {
    let granted = ask(scope, "lease_grant", client.lease_grant(seconds, None)).await?;
    *lease = Some(granted.id());
    ask(scope, "put", client.put(key, "leased", Some(PutOptions::new().with_lease(granted.id())))).await?;
    Ok(granted.ttl())
}

async fn keep_and_revoke(scope: &Scope, key: &str, lease: &mut Option<i64>) -> Result<Facts, Trouble> {
    let mut client = connect(scope).await?;
    put_with_lease(scope, &mut client, key, REVOKED_S, lease).await?;
    let id = lease.unwrap_or_default();
    let remaining = ask(scope, "time_to_live", client.lease_time_to_live(id, None)).await?.ttl();
    let (mut keeper, mut answers) = ask(scope, "keep_alive", client.lease_keep_alive(id)).await?;
    ask(scope, "keep_alive", keeper.keep_alive()).await?;
    let renewed = ask(scope, "keep_alive", answers.message()).await?;
    ask(scope, "revoke", client.lease_revoke(id)).await?;
    let left = ask(scope, "range", client.get(key, None)).await?.count();
    Ok(Facts::from_iter([
        ("remaining_s".to_owned(), json!(remaining)),
        ("kept_alive_s".to_owned(), renewed.map_or(Value::Null, |renewed| json!(renewed.ttl()))),
        ("revoked_key_left".to_owned(), json!(left)),
    ]))
}

async fn let_expire(scope: &Scope, key: &str, lease: &mut Option<i64>) -> Result<Facts, Trouble> {
    let mut client = connect(scope).await?;
    let start = Instant::now();
    let granted = put_with_lease(scope, &mut client, key, EXPIRING_S, lease).await?;
    let mut watch = ask(scope, "watch", client.watch(key, Some(WatchOptions::new()))).await?;
    // The watch begins after the put, and may begin after the expiry of a put that took long: the key tells.
    let is_there = ask(scope, "range", client.get(key, None)).await?.count() > 0;
    if is_there {
        scope.clock.phase("expiry", deletion(&mut watch)).await?;
    }
    let took = i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX);
    let promised = i64::try_from(Duration::from_secs(granted.unsigned_abs()).as_millis()).unwrap_or(i64::MAX);
    Ok(Facts::from_iter([
        ("granted_s".to_owned(), json!(granted)),
        ("expired_after_ms".to_owned(), json!(took)),
        ("late_ms".to_owned(), json!(took - promised)),
    ]))
}

async fn deletion(watch: &mut WatchStream) -> Result<(), Trouble> {
    loop {
        let answer = watch.message().await.map_err(|error| super::trouble::trouble("expiry", &error))?;
        let Some(answer) = answer.filter(|answer| !answer.canceled()) else {
            return Err(Trouble::fault("expiry", "proto.closed", "the server ended the watch"));
        };
        if answer.events().iter().any(|event| event.event_type() == EventType::Delete) {
            return Ok(());
        }
    }
}
