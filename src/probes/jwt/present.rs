use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    forge::{Forger, Forgery},
    issuer::{discovered_url, keys},
    token::{Token, mint},
};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope, http::Api},
};

/// Presents a token, genuine or forged, to an enforcement point, and tells whether it was let in.
///
/// Each forgery is made of a genuine token of this run, so that it is refused for what was forged and nothing else. The
/// tokens are never facts.
pub(in crate::probes) struct Present;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// What is done to the genuine token.
    forgery: Forgery,
    /// The enforcement point.
    verifier: Verifier,
    /// Whether to wait until the token has ended, and how many seconds the enforcement point may be lenient.
    after_expiry: Option<u64>,
}

/// An enforcement point.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct Verifier {
    /// The service of the configuration that decides.
    service: String,
    /// Path and query.
    path: String,
    /// The JSON it is asked with. The texts `@token@`, `@scopes@` and `@claims.NAME@` become the presented token, the
    /// genuine token's scopes as a list, and its claims. Without it, the token is sent as a bearer token of a GET.
    json: Option<Value>,
}

impl Probe for Present {
    const NAME: &'static str = "jwt.present";
    const ABOUT: &'static str = "presents a genuine or forged token to an enforcement point";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "accepted",
            about: "whether it was let in: the decision `true` where it was asked with JSON, else a status of 2xx",
        },
        Fact { name: "status", about: "the status code" },
        Fact { name: "decision", about: "the `result` of the answer, where there is one" },
        Fact { name: "algorithm", about: "the algorithm of the genuine token" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let genuine = mint(&scope, &target).await?;
        let url = discovered_url(&scope, &target, "jwks_uri").await?;
        let published = keys(&scope, &target, &url).await?;
        let forger = scope.clock.phase("forge", forger(&scope, &genuine)).await?;
        let presented = with.forgery.apply(&genuine, &published, &forger)?;
        if let Some(leeway) = with.after_expiry {
            expiry(&scope, &genuine, leeway).await?;
        }
        ask(&scope, &with.verifier, &genuine, &presented).await
    }
}

/// A key of ours, one for the whole run: generating it takes too long for every check, and for a thread of the runtime.
async fn forger(scope: &Scope, genuine: &Token) -> Result<Arc<Forger>, Trouble> {
    let algorithm = genuine.header["alg"].as_str().unwrap_or_default().to_owned();
    let key = format!("jwt/forger/{algorithm}");
    let generated = async {
        tokio::task::spawn_blocking(move || Forger::generate(&algorithm))
            .await
            .map_err(|_| Trouble::unable("forge", "harness.no_key", "no key was generated"))?
    };
    scope.sessions.shared(&key, generated).await
}

/// Waits until the token has ended by more than the leeway. An issuer whose tokens live longer than the check may take
/// cannot be asked this way: that says nothing of the enforcement point.
async fn expiry(scope: &Scope, genuine: &Token, leeway: u64) -> Result<(), Trouble> {
    let endless = || Trouble::unable("expiry", "harness.no_expiry", "the genuine token has no end to wait for");
    let end = genuine.claims["exp"].as_i64().ok_or_else(endless)?;
    let left = end.saturating_sub(Timestamp::now().as_second()).saturating_add_unsigned(leeway).max(0).unsigned_abs();
    let wait = Duration::from_secs(left.saturating_add(2));
    if wait >= scope.clock.left() {
        let message = format!("the token ends in {left} s, which is longer than this check may take");
        return Err(Trouble::unable("expiry", "harness.no_time", message));
    }
    let passed = async {
        tokio::time::sleep(wait).await;
        Ok(())
    };
    scope.clock.phase("expiry", passed).await
}

async fn ask(scope: &Scope, verifier: &Verifier, genuine: &Token, presented: &str) -> Result<Facts, Trouble> {
    let unknown = || {
        Trouble::unable("plan", "harness.no_target", format!("the configuration has no service `{}`", verifier.service))
    };
    let point = scope.targets.get(&verifier.service).ok_or_else(unknown)?;
    let answer = if let Some(template) = &verifier.json {
        let body = filled(template, genuine, presented);
        Api::of_service(scope, point)?.post(&verifier.path, &body).await?
    } else {
        let api = Api::anonymous(scope, point.address.clone(), point.tls.clone());
        api.with_secret("authorization", &format!("Bearer {presented}"))?.get(&verifier.path).await?
    };
    let decision = answer.json.as_ref().and_then(|body| body.get("result")).cloned();
    // A decision point lets nobody in with an answer that holds no decision; any other point does so with its status.
    let is_let_in = verifier.json.is_none() || decision.as_ref().is_some_and(|decision| *decision == true);
    let accepted = answer.status.is_success() && is_let_in;
    let mut facts = Facts::from_iter([
        ("accepted".to_owned(), json!(accepted)),
        ("status".to_owned(), json!(answer.status.as_u16())),
        ("algorithm".to_owned(), genuine.header["alg"].clone()),
    ]);
    if let Some(decision) = decision {
        facts.insert("decision".to_owned(), decision);
    }
    Ok(facts)
}

fn filled(template: &Value, genuine: &Token, presented: &str) -> Value {
    match template {
        Value::String(text) => match text.as_str() {
            "@token@" => json!(presented),
            "@scopes@" => {
                json!(genuine.claims["scope"].as_str().unwrap_or_default().split_ascii_whitespace().collect::<Vec<_>>())
            }
            other => match other.strip_prefix("@claims.").and_then(|rest| rest.strip_suffix('@')) {
                Some(name) => genuine.claims[name].clone(),
                None => template.clone(),
            },
        },
        Value::Array(list) => list.iter().map(|element| filled(element, genuine, presented)).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(name, member)| (name.clone(), filled(member, genuine, presented))).collect())
        }
        other => other.clone(),
    }
}
