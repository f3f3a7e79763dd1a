use redis::Cmd;
use serde_json::{Value, json};

use super::{
    connection::{Connection, Login, connect},
    home,
    reply::json_of,
    trouble::of_refusal,
};
use crate::{
    model::{Fact, Facts, Target, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// Writes a key and asks whether it has reached the fsynced append-only file.
///
/// `WAITAOF 1 0` is the only proof a client can get, and it answers normally on its own time-out too: its number is the
/// fact. It is younger than Redis 7.2; on older servers the server's own account of its file is taken instead
/// (the write grew it, no fsync is outstanding), and `proof` says which it was.
pub(in crate::probes) struct Durability;

/// How long the server may wait for its own disk, in milliseconds: `everysec` syncs once a second.
const WAIT_MS: &str = "3000";

impl Probe for Durability {
    const NAME: &'static str = "redis.durability";
    const ABOUT: &'static str = "writes a key and asks whether it has reached the fsynced append-only file";
    const FACTS: &'static [Fact] = &[
        Fact { name: "durable", about: "whether the write is in the fsynced file" },
        Fact { name: "proof", about: "`waitaof`, or `info` on servers older than 7.2" },
        Fact { name: "synced_locally", about: "with `waitaof`: how many local files are synced, 0 or 1" },
        Fact { name: "file_grew_bytes", about: "with `info`: by how much the file grew" },
        Fact { name: "appendfsync", about: "with `info`: the setting" },
        Fact { name: "persistence", about: "with `info`: the server's fields on its file afterwards" },
        Fact { name: "refusal", about: "why WAITAOF was refused, if it was" },
    ];
    const WRITES: bool = true;
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let key = format!("{}-aof", scope.run.scratch_name());
        let login = home::of_key(&scope, &target, &Login::declared(&target, None)?, &key).await?;
        let outcome = write_and_wait(&scope, &target, &login, &key).await;
        let clean = scope.for_clean_up();
        // The key's own time to live removes it where this does not.
        if let Ok(mut connection) = connect(&clean, &target, &login).await {
            let _ = connection.ask(&clean, "clean-up", &["DEL", &key]).await;
        }
        outcome
    }
}

async fn write_and_wait(scope: &Scope, target: &Target, login: &Login, key: &str) -> Result<Facts, Trouble> {
    let mut connection = connect(scope, target, login).await?;
    let before = persistence(scope, &mut connection).await?;
    connection.ask(scope, "write", &["SET", key, "1", "EX", "30"]).await?;
    let mut wait = Cmd::new();
    wait.arg(&["WAITAOF", "1", "0", WAIT_MS]);
    match connection.send(scope, "sync", &wait).await? {
        Ok(reply) => {
            let synced = json_of(&reply).get(0).cloned().unwrap_or_default();
            Ok(Facts::from_iter([
                ("durable".to_owned(), json!(synced.as_i64() >= Some(1))),
                ("proof".to_owned(), json!("waitaof")),
                ("synced_locally".to_owned(), synced),
            ]))
        }
        Err(refusal) if refusal.message.starts_with("unknown command") => {
            account(scope, &mut connection, &before).await
        }
        // "WAITAOF cannot be used when numlocal is set but appendonly is disabled": the finding itself.
        Err(refusal) if refusal.code == "ERR" => Ok(Facts::from_iter([
            ("durable".to_owned(), json!(false)),
            ("proof".to_owned(), json!("waitaof")),
            ("refusal".to_owned(), json!(refusal.message)),
        ])),
        Err(refusal) => Err(of_refusal("sync", &refusal)),
    }
}

/// The server's own account. With `appendfsync no` syncing is left to the kernel and no fsync is ever outstanding, so
/// without the setting the account says nothing.
async fn account(scope: &Scope, connection: &mut Connection, before: &Value) -> Result<Facts, Trouble> {
    let mut get = Cmd::new();
    get.arg(&["CONFIG", "GET", "appendfsync"]);
    let setting = match connection.send(scope, "sync", &get).await? {
        Ok(reply) => json_of(&reply).get(1).cloned().unwrap_or_default(),
        Err(refusal) => {
            let message = format!("without WAITAOF the setting appendfsync must be read, and it may not be: {refusal}");
            return Err(Trouble::unable("sync", "authz.denied", message));
        }
    };
    let after = persistence(scope, connection).await?;
    let size = |account: &Value| account["aof_current_size"].as_i64().unwrap_or(0);
    let grew = size(&after) - size(before);
    let durable = after["aof_enabled"] == 1
        && after["aof_last_write_status"] == "ok"
        && after["aof_pending_bio_fsync"] == 0
        && (setting == "everysec" || setting == "always")
        && grew > 0;
    Ok(Facts::from_iter([
        ("durable".to_owned(), json!(durable)),
        ("proof".to_owned(), json!("info")),
        ("file_grew_bytes".to_owned(), json!(grew)),
        ("appendfsync".to_owned(), setting),
        ("persistence".to_owned(), after),
    ]))
}

async fn persistence(scope: &Scope, connection: &mut Connection) -> Result<Value, Trouble> {
    connection.info(scope, "op", Some("persistence")).await.map(Value::Object)
}
