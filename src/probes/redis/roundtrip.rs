use futures::future::try_join_all;
use redis::Value as Reply;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    connection::{Connection, Login, connect},
    home,
    reply::json_of,
};
use crate::{
    model::{Fact, Facts, Target, Trouble},
    probes::{Probe, Scope, random_text},
};

/// Sets a key with a time to live, reads it on several fresh connections, and deletes it.
///
/// Several, because two servers behind one Service answer in turn, and a single read proves one of them. The key has
/// the run's name and lives 30 seconds at most, so nothing has to be swept. In a cluster all of it is done where the key
/// belongs.
pub(in crate::probes) struct Roundtrip;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// On how many fresh connections to read.
    #[serde(default = "readers")]
    readers: usize,
}

fn readers() -> usize {
    10
}

/// The time to live of what we write, in seconds.
const LIFE: &str = "30";

impl Probe for Roundtrip {
    const NAME: &'static str = "redis.roundtrip";
    const ABOUT: &'static str = "sets a key that expires, reads it on fresh connections, deletes it";
    const FACTS: &'static [Fact] = &[
        Fact { name: "set", about: "the reply to SET … EX 30 NX: OK, or null when the key was there already" },
        Fact { name: "read_back", about: "whether every fresh connection read exactly what was written" },
        Fact { name: "readers", about: "on how many fresh connections it was read" },
        Fact {
            name: "servers",
            about: "how many different servers (`run_id`) answered; absent where INFO is not permitted",
        },
        Fact { name: "ttl_ms", about: "milliseconds left to live, after the reads" },
        Fact { name: "deleted", about: "the reply to DEL" },
        Fact { name: "after", about: "the reply to GET after that: null" },
    ];
    const WRITES: bool = true;
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let key = format!("{}-rw", scope.run.scratch_name());
        let login = home::of_key(&scope, &target, &Login::declared(&target, None)?, &key).await?;
        let outcome = write_and_read(&scope, &target, &login, &key, with.readers.clamp(1, 100)).await;
        if outcome.is_err() {
            let clean = scope.for_clean_up();
            // The key's own time to live removes it where this does not.
            if let Ok(mut connection) = connect(&clean, &target, &login).await {
                let _ = connection.ask(&clean, "clean-up", &["DEL", &key]).await;
            }
        }
        outcome
    }
}

async fn write_and_read(
    scope: &Scope,
    target: &Target,
    login: &Login,
    key: &str,
    readers: usize,
) -> Result<Facts, Trouble> {
    let value = random_text()?;
    let mut writer = connect(scope, target, login).await?;
    let set = writer.ask(scope, "write", &["SET", key, &value, "EX", LIFE, "NX"]).await?;
    let reads = try_join_all((0..readers).map(|_| read(scope, target, login, key))).await?;
    let ttl = writer.ask(scope, "ttl", &["PTTL", key]).await?;
    let deleted = writer.ask(scope, "delete", &["DEL", key]).await?;
    let after = writer.ask(scope, "read", &["GET", key]).await?;

    let expected = Reply::BulkString(value.into_bytes());
    let mut servers: Vec<_> = reads.iter().filter_map(|(_, server)| server.clone()).collect();
    servers.sort();
    servers.dedup();
    let mut facts = Facts::from_iter([
        ("set".to_owned(), json_of(&set)),
        ("read_back".to_owned(), json!(reads.iter().all(|(read, _)| *read == expected))),
        ("readers".to_owned(), json!(reads.len())),
        ("ttl_ms".to_owned(), json_of(&ttl)),
        ("deleted".to_owned(), json_of(&deleted)),
        ("after".to_owned(), json_of(&after)),
    ]);
    if !servers.is_empty() {
        facts.insert("servers".to_owned(), json!(servers.len()));
    }
    Ok(facts)
}

/// What a fresh connection reads, and which server it reads it from.
async fn read(scope: &Scope, target: &Target, login: &Login, key: &str) -> Result<(Reply, Option<String>), Trouble> {
    let mut reader = connect(scope, target, login).await?;
    let value = reader.ask(scope, "read", &["GET", key]).await?;
    Ok((value, server_of(scope, &mut reader).await))
}

async fn server_of(scope: &Scope, reader: &mut Connection) -> Option<String> {
    reader.info(scope, "read", Some("server")).await.ok()?.get("run_id").map(ToString::to_string)
}
