use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::{KeySize, PublicEncryptingKey, PublicKeyComponents},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256 as RSA_PKCS1_SHA256_SIGNING,
        RsaKeyPair,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::token::{Token, assemble, signing_input};
use crate::model::Trouble;

/// What is done to a genuine token. Source: RFC 8725, "JSON Web Token Best Current Practices", sections 2 and 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Forgery {
    /// Nothing: the positive control.
    Genuine,
    /// `alg: none` and no signature.
    None,
    /// `alg: None`, which a comparison of lower-case names lets through.
    NoneCapitalised,
    /// `alg: NONE`.
    NoneUpperCase,
    /// `alg: nOnE`.
    NoneMixedCase,
    /// `alg: HS256` with the PEM text of the public key as its secret.
    Hs256WithPem,
    /// `alg: HS256` with the DER bytes of the public key as its secret.
    Hs256WithDer,
    /// `alg: HS256` with the modulus, or the point, of the public key as its secret.
    Hs256WithBytes,
    /// The same claims and `kid`, signed by a key of ours.
    ForeignKey,
    /// Signed by a key of ours, under a `kid` that nobody published.
    UnknownKid,
    /// Signed by a key of ours that stands in the header (`jwk`).
    EmbeddedKey,
    /// Signed by a key of ours, with a `kid` that is a path out of the key directory.
    KidPath,
    /// One more claim, the signature kept. No rule looks at it, so only the signature can be why it is refused.
    TamperedClaims,
    /// One bit in the middle of the signature is flipped.
    FlippedSignature,
    /// The signature is cut off.
    StrippedSignature,
}

impl Forgery {
    /// Makes the token that is presented; `forger` is the key of ours.
    pub(super) fn apply(self, genuine: &Token, published: &[Value], forger: &Forger) -> Result<String, Trouble> {
        let (header, claims) = (&genuine.header, &genuine.claims);
        let with_alg = |alg: &str| signing_input(&replaced(header, "alg", json!(alg)), claims);
        let hmac = |secret: Vec<u8>| {
            let input = with_alg("HS256");
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), input.as_bytes());
            assemble(&input, tag.as_ref())
        };
        let ours = replaced(header, "alg", json!(forger.algorithm()));
        let resigned = |header: &Value| forger.sign(&signing_input(header, claims));
        Ok(match self {
            Self::Genuine => genuine.text().to_owned(),
            Self::None => assemble(&with_alg("none"), &[]),
            Self::NoneCapitalised => assemble(&with_alg("None"), &[]),
            Self::NoneUpperCase => assemble(&with_alg("NONE"), &[]),
            Self::NoneMixedCase => assemble(&with_alg("nOnE"), &[]),
            Self::Hs256WithPem => hmac(pem(&der(public_key(header, published)?)?).into_bytes()),
            Self::Hs256WithDer => hmac(der(public_key(header, published)?)?),
            Self::Hs256WithBytes => hmac(bytes(public_key(header, published)?)?),
            Self::ForeignKey => resigned(&ours)?,
            Self::UnknownKid => resigned(&replaced(&ours, "kid", json!("nobody-published-this-key")))?,
            Self::KidPath => resigned(&replaced(&ours, "kid", json!("../../../../dev/null")))?,
            Self::EmbeddedKey => resigned(&replaced(&ours, "jwk", forger.public_jwk()))?,
            Self::TamperedClaims => {
                let claims = replaced(claims, "tampered", json!(true));
                assemble(&signing_input(header, &claims), &genuine.signature)
            }
            Self::FlippedSignature => {
                // The last character of base64url has bits that nobody reads: the middle is safe from them.
                let mut signature = genuine.signature.clone();
                let middle = signature.len() / 2;
                if let Some(byte) = signature.get_mut(middle) {
                    *byte ^= 1;
                }
                let (input, _) = genuine.text().rsplit_once('.').unwrap_or_default();
                assemble(input, &signature)
            }
            Self::StrippedSignature => {
                let (input, _) = genuine.text().rsplit_once('.').unwrap_or_default();
                assemble(input, &[])
            }
        })
    }
}

fn replaced(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    object[name] = value;
    object
}

fn public_key<'a>(header: &Value, published: &'a [Value]) -> Result<&'a Value, Trouble> {
    let missing = || Trouble::unable("forge", "harness.no_key", "the token's key is not among the published ones");
    published.iter().find(|key| key["kid"] == header["kid"]).ok_or_else(missing)
}

/// The modulus of an RSA key; the point of an elliptic one.
fn bytes(key: &Value) -> Result<Vec<u8>, Trouble> {
    let member = |name: &str| key[name].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let bytes = match key["kty"].as_str() {
        Some("RSA") => member("n"),
        Some("EC") => member("x").zip(member("y")).map(|(x, y)| [&[4][..], &x, &y].concat()),
        _ => member("x"),
    };
    bytes.ok_or_else(|| Trouble::unable("forge", "harness.no_key", "the published key cannot be taken apart"))
}

/// The key as a `SubjectPublicKeyInfo` (RFC 5280), as far as the platform can write it: RSA; else its raw bytes.
fn der(key: &Value) -> Result<Vec<u8>, Trouble> {
    if key["kty"] != "RSA" {
        return bytes(key);
    }
    let exponent = key["e"].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).unwrap_or_default();
    let unusable = |_| Trouble::unable("forge", "harness.no_key", "the published key cannot be written as DER");
    let parsed: PublicEncryptingKey =
        PublicKeyComponents { n: bytes(key)?, e: exponent }.try_into().map_err(unusable)?;
    let der: PublicKeyX509Der<'_> = parsed.as_der().map_err(unusable)?;
    Ok(der.as_ref().to_vec())
}

fn pem(der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

/// A key of our own, which no issuer has published.
pub(super) enum Forger {
    Rsa(Box<RsaKeyPair>),
    Elliptic(Box<EcdsaKeyPair>),
}

impl Forger {
    /// A key for the algorithm of the genuine token; where we have none of that kind, an RSA one.
    pub(super) fn generate(algorithm: &str) -> Result<Self, Trouble> {
        let failed = || Trouble::unable("forge", "harness.no_key", "no key could be generated");
        if algorithm == "ES256" {
            return EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .map(|key| Self::Elliptic(Box::new(key)))
                .map_err(|_| failed());
        }
        RsaKeyPair::generate(KeySize::Rsa2048).map(|key| Self::Rsa(Box::new(key))).map_err(|_| failed())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Elliptic(_) => "ES256",
        }
    }

    pub(super) fn sign(&self, input: &str) -> Result<String, Trouble> {
        let failed = |_| Trouble::unable("forge", "harness.no_key", "our own key did not sign");
        let random = SystemRandom::new();
        let signature = match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256_SIGNING, &random, input.as_bytes(), &mut signature).map_err(failed)?;
                signature
            }
            Self::Elliptic(key) => key.sign(&random, input.as_bytes()).map_err(failed)?.as_ref().to_vec(),
        };
        Ok(assemble(input, &signature))
    }

    pub(super) fn public_jwk(&self) -> Value {
        match self {
            Self::Rsa(key) => {
                let (modulus, exponent) = (key.public_key().modulus(), key.public_key().exponent());
                json!({
                    "kty": "RSA", "alg": "RS256", "use": "sig",
                    "n": URL_SAFE_NO_PAD.encode(modulus.big_endian_without_leading_zero()),
                    "e": URL_SAFE_NO_PAD.encode(exponent.big_endian_without_leading_zero()),
                })
            }
            Self::Elliptic(key) => {
                let point = key.public_key().as_ref();
                let half = |range| point.get(range).map(|bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes));
                json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "x": half(1..33), "y": half(33..65)})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode, jwk::Jwk};

    use super::*;

    const ALL: [Forgery; 14] = [
        Forgery::None,
        Forgery::NoneCapitalised,
        Forgery::NoneUpperCase,
        Forgery::NoneMixedCase,
        Forgery::Hs256WithPem,
        Forgery::Hs256WithDer,
        Forgery::Hs256WithBytes,
        Forgery::ForeignKey,
        Forgery::UnknownKid,
        Forgery::EmbeddedKey,
        Forgery::KidPath,
        Forgery::TamperedClaims,
        Forgery::FlippedSignature,
        Forgery::StrippedSignature,
    ];

    fn is_accepted(token: &str, key: &Value) -> bool {
        let jwk: Jwk = serde_json::from_value(key.clone()).expect("a key");
        let algorithm = serde_json::from_value(key["alg"].clone()).expect("an algorithm");
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        decode::<Value>(token, &DecodingKey::from_jwk(&jwk).expect("a key"), &validation).is_ok()
    }

    #[test]
    fn a_strict_verifier_accepts_the_genuine_token_and_no_forgery() {
        let ours = Forger::generate("RS256").expect("a key");
        for algorithm in ["RS256", "ES256"] {
            let issuer = Forger::generate(algorithm).expect("a key");
            let published = replaced(&issuer.public_jwk(), "kid", json!("a"));
            let input = signing_input(&json!({"alg": algorithm, "kid": "a"}), &json!({"sub": "x", "tenant": "acme"}));
            let genuine = Token::parse(&issuer.sign(&input).expect("signed")).expect("a token");
            let keys = [published.clone()];
            let apply = |forgery: Forgery| forgery.apply(&genuine, &keys, &ours).expect("a forgery");
            assert!(is_accepted(&apply(Forgery::Genuine), &published));
            for forgery in ALL {
                let forged = apply(forgery);
                assert_ne!(forged, genuine.text(), "{forgery:?}");
                assert!(!is_accepted(&forged, &published), "{forgery:?} of {algorithm}");
            }
        }
    }

    #[test]
    fn a_forgery_deceives_exactly_the_verifier_it_is_made_for() {
        let (issuer, ours) = (Forger::generate("ES256").expect("a key"), Forger::generate("ES256").expect("a key"));
        let keys = [replaced(&issuer.public_jwk(), "kid", json!("a"))];
        let input = signing_input(&json!({"alg": "ES256", "kid": "a"}), &json!({"sub": "x"}));
        let genuine = Token::parse(&issuer.sign(&input).expect("signed")).expect("a token");
        // One that takes any key, as a verifier that follows the header would.
        for forgery in [Forgery::ForeignKey, Forgery::UnknownKid, Forgery::EmbeddedKey, Forgery::KidPath] {
            let forged = forgery.apply(&genuine, &keys, &ours).expect("a forgery");
            assert!(is_accepted(&forged, &ours.public_jwk()), "{forgery:?}");
        }
        // One that takes the public key as a shared secret.
        let forged = Forgery::Hs256WithBytes.apply(&genuine, &keys, &ours).expect("a forgery");
        let secret = DecodingKey::from_secret(&bytes(&keys[0]).expect("bytes"));
        let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        assert!(decode::<Value>(&forged, &secret, &validation).is_ok());
    }
}
