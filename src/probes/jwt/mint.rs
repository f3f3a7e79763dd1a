use jiff::Timestamp;
use jsonwebtoken::{DecodingKey, Validation, decode, jwk::Jwk};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    issuer::{discovered_url, keys},
    token::{Token, request},
};
use crate::{
    model::{Fact, Facts, Secret, Trouble},
    probes::{Probe, Scope},
};

/// Asks the issuer for a token and verifies it with the published keys.
///
/// A token that every key verifies, or that a verifier accepts without looking at its key, proves nothing: the other keys
/// must not verify it. The token itself is never a fact.
pub(in crate::probes) struct Mint;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Another secret than the client's own, for checks that ask for a refusal.
    secret: Option<String>,
}

/// Claims that say what a token is for. Others may say who somebody is, and are only named.
const SHOWN: [&str; 13] =
    ["iss", "aud", "sub", "exp", "nbf", "iat", "azp", "client_id", "tenant", "roles", "scope", "scp", "typ"];

impl Probe for Mint {
    const NAME: &'static str = "jwt.mint";
    const ABOUT: &'static str = "asks the issuer for a token and verifies it with the published keys";
    const FACTS: &'static [Fact] = &[
        Fact { name: "accepted", about: "whether a token was given" },
        Fact { name: "status", about: "the status code" },
        Fact { name: "error", about: "the issuer's code of a refusal" },
        Fact { name: "is_jws", about: "whether the token is a signed one of three parts" },
        Fact { name: "header", about: "the token's header: {alg, kid, typ}" },
        Fact { name: "claims", about: "the claims that say what it is for" },
        Fact { name: "claim_names", about: "the names of all claims" },
        Fact { name: "audiences", about: "the audiences, as a list" },
        Fact { name: "lifetime_seconds", about: "from `iat` to `exp`" },
        Fact { name: "issued_seconds_ago", about: "our clock minus `iat`" },
        Fact { name: "kid_published", about: "whether its key is among the published ones" },
        Fact { name: "verifies", about: "whether the signature verifies with that key" },
        Fact { name: "verifies_with_others", about: "how many of the other keys verify it as well" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let mut target = (*scope.target()?).clone();
        if let Some(secret) = with.secret {
            target.password = Some(Secret::new(secret));
        }
        let answer = request(&scope, &target).await?;
        let mut facts = Facts::from_iter([
            ("accepted".to_owned(), json!(answer.status.is_success())),
            ("status".to_owned(), json!(answer.status.as_u16())),
        ]);
        if !answer.status.is_success() {
            if let Some(error) = answer.json.as_ref().and_then(|body| body.get("error")) {
                facts.insert("error".to_owned(), error.clone());
            }
            return Ok(facts);
        }
        let body = answer.good("ask for a token")?;
        let token = body["access_token"].as_str().and_then(Token::parse);
        facts.insert("is_jws".to_owned(), json!(token.is_some()));
        if let Some(token) = token {
            describe(&token, &mut facts);
            let url = discovered_url(&scope, &target, "jwks_uri").await?;
            verify(&token, &keys(&scope, &target, &url).await?, &mut facts);
        }
        Ok(facts)
    }
}

fn describe(token: &Token, facts: &mut Facts) {
    let claims = &token.claims;
    let shown: Facts = SHOWN.iter().filter_map(|name| Some(((*name).to_owned(), claims.get(name)?.clone()))).collect();
    let names: Vec<&String> = claims.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    let audiences = match &claims["aud"] {
        Value::Array(list) => list.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let header = json!({"alg": token.header["alg"], "kid": token.header["kid"], "typ": token.header["typ"]});
    facts.insert("header".to_owned(), header);
    facts.insert("claim_names".to_owned(), json!(names));
    facts.insert("claims".to_owned(), Value::Object(shown));
    facts.insert("audiences".to_owned(), Value::Array(audiences));
    if let (Some(issued), Some(expires)) = (claims["iat"].as_f64(), claims["exp"].as_f64()) {
        facts.insert("lifetime_seconds".to_owned(), json!(expires - issued));
        facts.insert("issued_seconds_ago".to_owned(), json!(Timestamp::now().as_second() as f64 - issued));
    }
}

fn verify(token: &Token, published: &[Value], facts: &mut Facts) {
    let kid = &token.header["kid"];
    let (own, others): (Vec<_>, Vec<_>) = published.iter().partition(|key| kid.is_string() && key["kid"] == *kid);
    facts.insert("kid_published".to_owned(), json!(!own.is_empty()));
    facts.insert("verifies".to_owned(), json!(own.iter().any(|key| verifies(token, key))));
    facts.insert("verifies_with_others".to_owned(), json!(others.iter().filter(|key| verifies(token, key)).count()));
}

/// Whether the signature is this key's. Only the signature: what the claims say is for the expectation.
fn verifies(token: &Token, key: &Value) -> bool {
    let Ok(algorithm) = serde_json::from_value(token.header["alg"].clone()) else { return false };
    let Ok(key) = serde_json::from_value::<Jwk>(key.clone()) else { return false };
    let Ok(key) = DecodingKey::from_jwk(&key) else { return false };
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims = std::collections::HashSet::default();
    validation.validate_exp = false;
    validation.validate_aud = false;
    decode::<Value>(token.text(), &key, &validation).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::jwt::{forge::Forger, token::signing_input};

    fn facts_for(header: &Value, published: impl Fn(&Forger) -> Vec<Value>) -> Facts {
        let forger = Forger::generate("ES256").expect("a key");
        let signed = forger
            .sign(&signing_input(header, &json!({"sub": "x", "email": "a@b", "aud": "soma", "iat": 10, "exp": 70})));
        let token = Token::parse(&signed.expect("signed")).expect("a token");
        let mut facts = Facts::new();
        describe(&token, &mut facts);
        verify(&token, &published(&forger), &mut facts);
        facts
    }

    fn with_kid(mut key: Value, kid: &str) -> Value {
        key["kid"] = json!(kid);
        key
    }

    #[test]
    fn a_token_verifies_with_its_own_key_alone() {
        let other = Forger::generate("ES256").expect("a key").public_jwk();
        let facts = facts_for(&json!({"alg": "ES256", "kid": "a"}), |own| {
            vec![with_kid(own.public_jwk(), "a"), with_kid(other.clone(), "b")]
        });
        assert_eq!(
            (&facts["kid_published"], &facts["verifies"], &facts["verifies_with_others"]),
            (&json!(true), &json!(true), &json!(0))
        );
        assert_eq!((&facts["audiences"], &facts["lifetime_seconds"]), (&json!(["soma"]), &json!(60.0)));
        assert_eq!(facts["claims"].get("email"), None);
    }

    #[test]
    fn a_key_that_was_rotated_without_being_published_does_not_verify() {
        let other = Forger::generate("ES256").expect("a key").public_jwk();
        let same_kid = facts_for(&json!({"alg": "ES256", "kid": "a"}), |_| vec![with_kid(other.clone(), "a")]);
        assert_eq!((&same_kid["kid_published"], &same_kid["verifies"]), (&json!(true), &json!(false)));
        let unknown = facts_for(&json!({"alg": "ES256", "kid": "a"}), |_| vec![with_kid(other.clone(), "b")]);
        assert_eq!((&unknown["kid_published"], &unknown["verifies"]), (&json!(false), &json!(false)));
        let unnamed = facts_for(&json!({"alg": "ES256"}), |own| vec![own.public_jwk()]);
        assert_eq!(unnamed["kid_published"], json!(false));
    }
}
