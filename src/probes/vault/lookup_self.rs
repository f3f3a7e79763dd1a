use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::client::{client, own_token, refusal, trouble};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Asks the server what a token is worth.
///
/// A refusal is a fact. The token itself and its accessor are never facts.
pub(in crate::probes) struct LookupSelf;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Another token than the configured one, for checks that ask for a refusal; empty for none at all.
    token: Option<String>,
}

impl Probe for LookupSelf {
    const NAME: &'static str = "vault.lookup_self";
    const ABOUT: &'static str = "asks the server what a token is worth";
    const FACTS: &'static [Fact] = &[
        Fact { name: "accepted", about: "whether the server knows the token" },
        Fact { name: "status", about: "the status code of a refusal" },
        Fact { name: "errors", about: "the server's words of a refusal" },
        Fact { name: "policies", about: "the token's policies" },
        Fact { name: "is_root", about: "whether one of them is `root`" },
        Fact { name: "expires", about: "whether the token ends by itself" },
        Fact { name: "ttl_seconds", about: "what is left of its life; 0 when it does not expire" },
        Fact { name: "renewable", about: "whether it can be renewed" },
        Fact { name: "display_name", about: "whom the token was given to" },
        Fact { name: "path", about: "the login that gave it out" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let token = match &with.token {
            Some(token) => token.as_str(),
            None => own_token(&target)?.expose(),
        };
        let client = client(&scope, token).await?;
        scope.clock.phase("lookup", look(&client)).await
    }
}

async fn look(client: &vaultrs::client::VaultClient) -> Result<Facts, Trouble> {
    match vaultrs::token::lookup_self(client).await {
        Ok(found) => Ok(Facts::from_iter([
            ("accepted".to_owned(), json!(true)),
            ("is_root".to_owned(), json!(found.policies.iter().any(|policy| policy == "root"))),
            ("policies".to_owned(), json!(found.policies)),
            ("expires".to_owned(), json!(found.expire_time.is_some())),
            ("ttl_seconds".to_owned(), json!(found.ttl)),
            ("renewable".to_owned(), json!(found.renewable.unwrap_or(false))),
            ("display_name".to_owned(), json!(found.display_name)),
            ("path".to_owned(), json!(found.path)),
        ])),
        Err(error) => match refusal(&error) {
            // 400 is what old servers answer to a missing token; a server that is sealed or broken refuses nobody.
            Some(refusal) if matches!(refusal.status, 400 | 401 | 403) => Ok(Facts::from_iter([
                ("accepted".to_owned(), json!(false)),
                ("status".to_owned(), json!(refusal.status)),
                ("errors".to_owned(), json!(refusal.errors)),
            ])),
            _ => Err(trouble("lookup", &error)),
        },
    }
}
