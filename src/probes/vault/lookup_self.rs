use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::own_token;
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{
        Probe, Scope,
        http::{Api, ApiAnswer},
    },
};

/// Asks the server what a token is worth.
///
/// A refusal is a fact. The token itself and its accessor are never facts. Asked without the client library: that one
/// cannot read the answer for a batch token, or the one of a proxy, which has no accessor.
/// Source: Vault, "Token auth method (API)", lookup a token (self).
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
        Fact { name: "status", about: "the status code" },
        Fact { name: "errors", about: "the server's words of a refusal" },
        Fact { name: "policies", about: "the token's policies" },
        Fact { name: "is_root", about: "whether one of them is `root`" },
        Fact { name: "expires", about: "whether the token ends by itself" },
        Fact { name: "ttl_seconds", about: "what is left of its life; 0 when it does not expire" },
        Fact { name: "renewable", about: "whether it can be renewed" },
        Fact { name: "type", about: "service or batch" },
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
        let mut api = Api::anonymous(&scope, target.address.clone(), target.tls.clone());
        if !token.is_empty() {
            api = api.with_secret("x-vault-token", token)?;
        }
        facts_of(api.get("/v1/auth/token/lookup-self").await?)
    }
}

fn facts_of(answer: ApiAnswer) -> Result<Facts, Trouble> {
    let mut facts = Facts::from_iter([
        ("accepted".to_owned(), json!(answer.status.is_success())),
        ("status".to_owned(), json!(answer.status.as_u16())),
    ]);
    // 400 is what old servers answer to a missing token; a server that is sealed or broken refuses nobody.
    if matches!(answer.status.as_u16(), 400 | 401 | 403) {
        let errors = answer.json.as_ref().map(|body| body["errors"].clone()).unwrap_or_default();
        facts.insert("errors".to_owned(), errors);
        return Ok(facts);
    }
    let body = answer.good("look up the token")?;
    let found = &body["data"];
    let policies = found["policies"].as_array().ok_or_else(|| {
        Trouble::fault("request", "proto.garbage", "the answer to a lookup of the token has no `policies`")
    })?;
    facts.insert("is_root".to_owned(), json!(policies.iter().any(|policy| policy == "root")));
    facts.insert("expires".to_owned(), json!(found["expire_time"].is_string()));
    for (fact, member) in [
        ("policies", "policies"),
        ("ttl_seconds", "ttl"),
        ("renewable", "renewable"),
        ("type", "type"),
        ("display_name", "display_name"),
        ("path", "path"),
    ] {
        if let Some(value) = found.get(member).filter(|value| **value != Value::Null) {
            facts.insert(fact.to_owned(), value.clone());
        }
    }
    Ok(facts)
}
