use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hyper::Method;
use serde_json::Value;

use super::issuer::discovery;
use crate::{
    model::{Target, Trouble},
    probes::{
        Scope,
        http::{ApiAnswer, Place},
    },
};

/// A signed token in its three parts. It has no `Debug`: a token is a credential until it expires.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) header: Value,
    pub(super) claims: Value,
    pub(super) signature: Vec<u8>,
    text: String,
}

impl Token {
    /// Takes a token apart; `None` when it is not a JWS in compact form (RFC 7515, section 7.1).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let json = |part: &str| {
            serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok().filter(Value::is_object)
        };
        Some(Self {
            header: json(header)?,
            claims: json(claims)?,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
            text: text.to_owned(),
        })
    }

    /// The token as it travels.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// The first two parts of a token, which are what is signed.
pub(super) fn signing_input(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// A whole token.
pub(super) fn assemble(signing_input: &str, signature: &[u8]) -> String {
    format!("{signing_input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Asks for a token with the client's own credentials, in the way the discovery document offers.
///
/// Source: RFC 6749, sections 4.4 and 2.3.1; a document that says nothing of the ways means `client_secret_basic`.
pub(super) async fn request(scope: &Scope, target: &Target) -> Result<ApiAnswer, Trouble> {
    let missing = || {
        Trouble::unable("plan", "harness.credentials", "no client (`user` and `password`) is declared for this service")
    };
    let (Some(client), Some(secret)) = (&target.user, &target.password) else { return Err(missing()) };
    let document = discovery(scope, target).await?.good("read the discovery document")?;
    let endpoint = document["token_endpoint"]
        .as_str()
        .ok_or_else(|| Trouble::fault("request", "proto.missing", "the discovery document has no `token_endpoint`"))?;
    let place = Place::of(endpoint, target)?;
    let ways = document["token_endpoint_auth_methods_supported"].as_array();
    let in_the_form = ways.is_some_and(|ways| ways.iter().any(|way| way == "client_secret_post"));
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let (client, secret) = (encoded(client), encoded(secret.expose()));
    let mut form = "grant_type=client_credentials".to_owned();
    let mut api = place.api(scope);
    if in_the_form {
        form = format!("{form}&client_id={client}&client_secret={secret}");
    } else {
        let pair = STANDARD.encode(format!("{client}:{secret}"));
        api = api.with_secret("authorization", &format!("Basic {pair}"))?;
    }
    api.send(Method::POST, &place.path, Some("application/x-www-form-urlencoded"), form).await
}

/// Asks for a token that must be given.
pub(super) async fn mint(scope: &Scope, target: &Target) -> Result<Token, Trouble> {
    let body = request(scope, target).await?.good("ask for a token")?;
    let garbage = |what: &str| Trouble::fault("request", "proto.garbage", what);
    let text = body["access_token"].as_str().ok_or_else(|| garbage("the answer has no `access_token`"))?;
    Token::parse(text).ok_or_else(|| garbage("the token is not a signed one of three parts"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_taken_apart_and_put_together_again() {
        let (header, claims) = (json!({"alg": "RS256"}), json!({"sub": "é"}));
        let text = assemble(&signing_input(&header, &claims), &[1, 2, 255]);
        let token = Token::parse(&text).expect("a token");
        assert_eq!((token.header, token.claims, token.signature), (header, claims, vec![1, 2, 255]));
    }

    #[test]
    fn what_is_not_three_parts_of_json_is_no_token() {
        let good = signing_input(&json!({}), &json!({}));
        for bad in
            ["", "a.b", "a.b.c", "opaque-token", &format!("{good}.x.y"), &format!("{good}.=="), "W10.W10.", "é.é.é"]
        {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
        assert!(Token::parse(&format!("{good}.")).is_some());
    }
}
