use std::time::Instant;

use etcd_client::{EventType, PutOptions, WatchOptions, WatchStream};
use serde_json::json;

use super::{
    connection::{ask, connect},
    scratch_key,
    trouble::trouble,
};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// The lease behind the key, in seconds.
const LEASE_S: i64 = 60;

/// Watches a key, writes it and deletes it, and waits for both events.
///
/// Applications learn of changes through watches; a proxy that does not stream, or cuts idle streams, lets every other
/// call work.
pub(in crate::probes) struct Watch;

impl Probe for Watch {
    const NAME: &'static str = "etcd.watch";
    const ABOUT: &'static str = "watches a key, writes and deletes it, and waits for both events";
    const FACTS: &'static [Fact] = &[
        Fact { name: "events", about: "the events in the order they came: `PUT`, `DELETE`" },
        Fact { name: "took_ms", about: "from the write to the second event, in milliseconds" },
    ];
    const WRITES: bool = true;
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let key = scratch_key::key(&scope, "watch");
        let mut lease = None;
        let looked = look(&scope, &key, &mut lease).await;
        let removed = scratch_key::remove(&scope, &key, lease).await;
        let facts = looked?;
        removed?;
        Ok(facts)
    }
}

async fn look(scope: &Scope, key: &str, lease: &mut Option<i64>) -> Result<Facts, Trouble> {
    let mut client = connect(scope).await?;
    let granted = ask(scope, "lease_grant", client.lease_grant(LEASE_S, None)).await?;
    *lease = Some(granted.id());
    let next = granted.header().map_or(0, etcd_client::ResponseHeader::revision) + 1;
    let options = WatchOptions::new().with_start_revision(next);
    let mut watch = ask(scope, "watch", client.watch(key, Some(options))).await?;
    let start = Instant::now();
    ask(scope, "put", client.put(key, "watched", Some(PutOptions::new().with_lease(granted.id())))).await?;
    ask(scope, "delete", client.delete(key, None)).await?;
    let events = scope.clock.phase("events", two_events(&mut watch)).await?;
    let took = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Facts::from_iter([("events".to_owned(), json!(events)), ("took_ms".to_owned(), json!(took))]))
}

async fn two_events(watch: &mut WatchStream) -> Result<Vec<&'static str>, Trouble> {
    let mut events = Vec::new();
    while events.len() < 2 {
        let answer = watch.message().await.map_err(|error| trouble("events", &error))?;
        let Some(answer) = answer.filter(|answer| !answer.canceled()) else {
            return Err(Trouble::fault("events", "proto.closed", "the server ended the watch"));
        };
        events.extend(answer.events().iter().map(|event| match event.event_type() {
            EventType::Put => "PUT",
            EventType::Delete => "DELETE",
        }));
    }
    Ok(events)
}
