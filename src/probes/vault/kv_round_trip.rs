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
/// Source: Vault, "KV secrets engine - version 2 (API)".
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
    let read_one = scope.clock.phase("read", secret.read(None)).await?;
    let second = scope.clock.phase("overwrite", secret.write(&two, 1)).await?;
    let stale_write_refused = scope.clock.phase("stale_write", secret.refuses_stale_write()).await?;
    let read_two = scope.clock.phase("read", secret.read(None)).await?;
    let reread_one = scope.clock.phase("read_version", secret.read(Some(1))).await?;
    Ok(Facts::from_iter([
        ("versions".to_owned(), json!([first, second])),
        ("values_equal".to_owned(), json!(read_one == one && read_two == two && reread_one == one)),
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

    async fn refuses_stale_write(&self) -> Result<bool, Trouble> {
        match self.set("never", 1).await {
            Ok(_) => Ok(false),
            Err(error) if refusal(&error).is_some_and(|refusal| refusal.status == 400) => Ok(true),
            Err(error) => Err(trouble("stale_write", &error)),
        }
    }

    async fn read(&self, version: Option<u64>) -> Result<String, Trouble> {
        let read: Result<Value, ClientError> = match version {
            None => kv2::read(&self.client, self.mount, &self.name).await,
            Some(version) => kv2::read_version(&self.client, self.mount, &self.name, version).await,
        };
        let value = read.map_err(|error| trouble("read", &error))?;
        Ok(value["nonce"].as_str().unwrap_or_default().to_owned())
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
        match kv2::read::<Value>(&self.client, self.mount, &self.name).await {
            Ok(_) => Ok((true, false)),
            Err(error) if refusal(&error).is_some_and(|refusal| refusal.status == 404) => Ok((true, true)),
            Err(error) => Err(trouble("clean_up", &error)),
        }
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
