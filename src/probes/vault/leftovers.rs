use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use vaultrs::client::VaultClient;

use super::client::{client, own_token, refusal, trouble};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Lists the secrets this run has left behind.
pub(in crate::probes) struct Leftovers;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Where the key-value engine is mounted.
    mount: String,
}

impl Probe for Leftovers {
    const NAME: &'static str = "vault.leftovers";
    const ABOUT: &'static str = "lists the secrets this run has left behind";
    const FACTS: &'static [Fact] = &[Fact { name: "leftovers", about: "names of secrets of this run" }];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let client = client(&scope, own_token(&target)?.expose()).await?;
        let ours = scope.run.scratch_name();
        let mut left = scope.clock.phase("list", secrets(&client, &with.mount)).await?;
        left.retain(|name| name.starts_with(&ours));
        Ok(Facts::from_iter([("leftovers".to_owned(), json!(left))]))
    }
}

/// The names right below the mount; an engine without any secret answers 404.
pub(super) async fn secrets(client: &VaultClient, mount: &str) -> Result<Vec<String>, Trouble> {
    match vaultrs::kv2::list(client, mount, "").await {
        Ok(names) => Ok(names),
        Err(error) if refusal(&error).is_some_and(|refusal| refusal.status == 404) => Ok(Vec::new()),
        Err(error) => Err(trouble("list", &error)),
    }
}
