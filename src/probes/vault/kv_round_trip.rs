use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use vaultrs::{api::kv2::requests::SetSecretRequestOptions, client::VaultClient, error::ClientError, kv2};

use super::{
    client::{client, own_token, refusal, trouble},
    leftovers::secrets,
};
use crate::{
    model::{Fact, Facts, RunId, Trouble},
    probes::{Probe, Scope, http::Api},
};

/// Writes a secret of our own twice, reads both versions, and removes it with all its versions.
///
/// Both writes say which version they replace, so a lost write cannot pass; a third one, with a version that is no longer
/// the newest, must be refused. A plain DELETE would only hide the newest version, so the metadata is deleted.
///
/// A standby may answer reads by itself, and then it does not yet know what the active member has just written (`OpenBao`
/// from 2.5 on, Vault's performance standbys); it also compares versions with its own, before it leads a write on. So
/// what was written is looked for until it is seen, for two seconds at most.
/// Sources: Vault, "KV secrets engine - version 2 (API)"; `OpenBao`, "Eventual consistency".
pub(in crate::probes) struct KvRoundTrip;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Where the key-value engine is mounted.
    mount: String,
}

/// What another run has left behind is removed when it is older than this.
const STALE: Duration = Duration::from_secs(3_600);
/// How long a standby may be behind the active member, which is a few tenths of a second with integrated storage.
const BEHIND: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Probe for KvRoundTrip {
    const NAME: &'static str = "vault.kv_roundtrip";
    const ABOUT: &'static str = "writes, reads, overwrites and removes a secret of its own";
    const FACTS: &'static [Fact] = &[
        Fact { name: "mount_type", about: "the engine at the mount" },
        Fact { name: "kv_version", about: "its version; the other facts are absent when it is not `2`" },
        Fact { name: "versions", about: "the versions of the two writes" },
        Fact { name: "values_equal", about: "whether each version read back what was written" },
        Fact {
            name: "stale_write_refused",
            about: "whether a write on top of a version that is not the newest was refused",
        },
        Fact { name: "metadata_deleted", about: "whether the secret could be removed with all its versions" },
        Fact { name: "gone", about: "whether a read at the end found nothing" },
        Fact { name: "swept", about: "how many secrets of earlier runs were removed" },
    ];
    const WRITES: bool = true;
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let token = own_token(&target)?.expose();
        let mut facts = engine(&scope, &with.mount, token).await?;
        if facts.get("kv_version") != Some(&json!("2")) {
            return Ok(facts);
        }
        let secret =
            OwnSecret { client: client(&scope, token).await?, mount: &with.mount, name: scope.run.scratch_name() };
        let swept = scope.clock.phase("sweep", sweep(&secret)).await?;
        facts.insert("swept".to_owned(), json!(swept));
        let written = write_and_read(&scope, &secret).await;
        // Whatever happened before, also when the time is used up.
        let cleaning = scope.for_clean_up();
        let removed = cleaning.clock.phase("clean_up", secret.remove()).await;
        facts.extend(written?);
        let (deleted, gone) = removed?;
        facts.insert("metadata_deleted".to_owned(), json!(deleted));
        facts.insert("gone".to_owned(), json!(gone));
        Ok(facts)
    }
}

/// What is mounted there. On version 1 the paths of version 2 would write secrets with odd names.
async fn engine(scope: &Scope, mount: &str, token: &str) -> Result<Facts, Trouble> {
    let target = scope.target()?;
    let api = Api::anonymous(scope, target.address.clone(), target.tls.clone()).with_secret("x-vault-token", token)?;
    // Open to every token that may do something below the mount, unlike `sys/mounts`.
    let body = api.get(&format!("/v1/sys/internal/ui/mounts/{mount}")).await?.good("look up the mount")?;
    Ok(Facts::from_iter([
        ("mount_type".to_owned(), body["data"]["type"].clone()),
        (
            "kv_version".to_owned(),
            match &body["data"]["options"]["version"] {
                Value::Null => json!("1"),
                version => version.clone(),
            },
        ),
    ]))
}

async fn write_and_read(scope: &Scope, secret: &OwnSecret<'_>) -> Result<Facts, Trouble> {
    let (one, two) = (uuid::Uuid::new_v4().to_string(), uuid::Uuid::new_v4().to_string());
    let first = scope.clock.phase("write", secret.write(&one, 0)).await?;
    let read_one = scope.clock.phase("read", secret.reads(None, &one)).await?;
    let second = scope.clock.phase("overwrite", secret.overwrite(&two, 1)).await?;
    let read_two = scope.clock.phase("read", secret.reads(None, &two)).await?;
    let stale_write_refused = scope.clock.phase("stale_write", secret.refuses_stale_write()).await?;
    let reread_one = scope.clock.phase("read_version", secret.reads(Some(1), &one)).await?;
    Ok(Facts::from_iter([
        ("versions".to_owned(), json!([first, second])),
        ("values_equal".to_owned(), json!(read_one && read_two && reread_one)),
        ("stale_write_refused".to_owned(), json!(stale_write_refused)),
    ]))
}

struct OwnSecret<'a> {
    client: VaultClient,
    mount: &'a str,
    name: String,
}

impl OwnSecret<'_> {
    async fn set(&self, value: &str, replaces: u32) -> Result<u64, ClientError> {
        let options = SetSecretRequestOptions { cas: replaces };
        let data = json!({"nonce": value});
        kv2::set_with_options(&self.client, self.mount, &self.name, &data, options).await.map(|written| written.version)
    }

    async fn write(&self, value: &str, replaces: u32) -> Result<u64, Trouble> {
        self.set(value, replaces).await.map_err(|error| trouble("write", &error))
    }

    /// The same, again while it is refused: the member that is asked may not have seen the version that is replaced.
    async fn overwrite(&self, value: &str, replaces: u32) -> Result<u64, Trouble> {
        let mut last = self.set(value, replaces).await;
        let mut looks = Looks::begin();
        while last.as_ref().err().and_then(refusal).is_some_and(|refusal| refusal.status == 400) && looks.more().await {
            last = self.set(value, replaces).await;
        }
        last.map_err(|error| trouble("write", &error))
    }

    async fn refuses_stale_write(&self) -> Result<bool, Trouble> {
        match self.set("never", 1).await {
            Ok(_) => Ok(false),
            Err(error) if refusal(&error).is_some_and(|refusal| refusal.status == 400) => Ok(true),
            Err(error) => Err(trouble("stale_write", &error)),
        }
    }

    /// Whether this is what is read.
    async fn reads(&self, version: Option<u64>, value: &str) -> Result<bool, Trouble> {
        let mut looks = Looks::begin();
        loop {
            let found = self.read(version).await.map_err(|error| trouble("read", &error))?;
            let is_it = found.is_some_and(|found| found["nonce"] == value);
            if is_it || !looks.more().await {
                return Ok(is_it);
            }
        }
    }

    /// What is read; nothing where there is none.
    async fn read(&self, version: Option<u64>) -> Result<Option<Value>, ClientError> {
        let read = match version {
            None => kv2::read(&self.client, self.mount, &self.name).await,
            Some(version) => kv2::read_version(&self.client, self.mount, &self.name, version).await,
        };
        match read {
            Ok(value) => Ok(Some(value)),
            Err(error) if refusal(&error).is_some_and(|refusal| refusal.status == 404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes all versions; whether that was permitted, and whether nothing can be read any more.
    async fn remove(&self) -> Result<(bool, bool), Trouble> {
        match kv2::delete_metadata(&self.client, self.mount, &self.name).await {
            Ok(()) => {}
            Err(error) if refusal(&error).is_some_and(|refusal| refusal.status == 403) => {
                // A narrow policy may grant only this: the newest value is hidden then, all versions stay.
                let hidden = kv2::delete_latest(&self.client, self.mount, &self.name).await;
                return hidden.map(|()| (false, false)).map_err(|error| trouble("clean_up", &error));
            }
            Err(error) => return Err(trouble("clean_up", &error)),
        }
        let mut looks = Looks::begin();
        loop {
            let is_gone = self.read(None).await.map_err(|error| trouble("clean_up", &error))?.is_none();
            if is_gone || !looks.more().await {
                return Ok((true, is_gone));
            }
        }
    }
}

/// Looks that are repeated until what was written may be expected everywhere.
struct Looks {
    ticks: tokio::time::Interval,
    end: tokio::time::Instant,
}

impl Looks {
    fn begin() -> Self {
        let now = tokio::time::Instant::now();
        Self { ticks: tokio::time::interval_at(now + LOOK_EVERY, LOOK_EVERY), end: now + BEHIND }
    }

    /// Waits for the next one; whether there is one.
    async fn more(&mut self) -> bool {
        let at = self.ticks.tick().await;
        at < self.end
    }
}

async fn sweep(secret: &OwnSecret<'_>) -> Result<usize, Trouble> {
    let now = Timestamp::now();
    let mut swept = 0;
    let names = secrets(&secret.client, secret.mount).await?;
    for name in names.iter().filter(|name| RunId::age_of(name, now).is_some_and(|age| age > STALE)) {
        kv2::delete_metadata(&secret.client, secret.mount, name).await.map_err(|error| trouble("sweep", &error))?;
        swept += 1;
    }
    Ok(swept)
}
