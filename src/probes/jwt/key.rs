use std::collections::BTreeSet;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// Members that hold a secret. Source: RFC 7518, section 6 (`k` for symmetric keys, the others for RSA and elliptic curves).
const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "r"];

/// What a published key is, without any of its material.
pub(super) fn describe(key: &Value) -> Value {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let mut problems = Vec::new();
    let size = match text("kty") {
        Some("RSA") => rsa(key, &mut problems),
        Some("EC") => elliptic(key, &mut problems),
        Some("OKP") => edwards(key, &mut problems),
        Some("oct") => {
            problems.push("it is a symmetric key".to_owned());
            Size::default()
        }
        other => {
            problems.push(format!("its type `{}` is not known", crate::model::clip(other.unwrap_or_default(), 40)));
            Size::default()
        }
    };
    if text("kid").is_none_or(str::is_empty) {
        problems.push("it has no `kid`".to_owned());
    }
    let private: Vec<_> = PRIVATE_MEMBERS.iter().filter(|name| key.get(**name).is_some()).collect();
    json!({
        "kid": key["kid"],
        "kty": key["kty"],
        "alg": key["alg"],
        "use": key["use"],
        "curve": key["crv"],
        "bits": size.bits,
        "security_bits": size.security_bits,
        "exponent": size.exponent,
        "private_members": private,
        "problems": problems,
    })
}

/// Whether the key is one for signatures: `use` says so, or says nothing.
pub(super) fn is_for_signatures(key: &Value) -> bool {
    match key["use"].as_str() {
        Some(usage) => usage == "sig",
        None => key["key_ops"].as_array().is_none_or(|uses| uses.iter().any(|usage| usage == "verify")),
    }
}

/// Whether no two keys have the same `kid`, and none lacks it.
pub(super) fn kids_unique(keys: &[Value]) -> bool {
    let kids: BTreeSet<&str> = keys.iter().filter_map(|key| key["kid"].as_str()).collect();
    kids.len() == keys.len()
}

#[derive(Default)]
struct Size {
    bits: Option<usize>,
    security_bits: Option<u16>,
    exponent: Option<u64>,
}

fn rsa(key: &Value, problems: &mut Vec<String>) -> Size {
    let bits = member(key, "n", problems).map(|modulus| bit_length(&modulus));
    let exponent = member(key, "e", problems)
        .filter(|exponent| exponent.len() <= 8)
        .map(|exponent| exponent.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)));
    if exponent != Some(65_537) {
        problems.push("its public exponent is not 65537".to_owned());
    }
    // NIST SP 800-57 part 1, table 2: comparable strengths.
    let security_bits = bits.map(|bits| match bits {
        ..1_024 => 0,
        1_024..2_048 => 80,
        2_048..3_072 => 112,
        3_072..7_680 => 128,
        7_680..15_360 => 192,
        _ => 256,
    });
    Size { bits, security_bits, exponent }
}

fn elliptic(key: &Value, problems: &mut Vec<String>) -> Size {
    let (bits, algorithm) = match key["crv"].as_str() {
        Some("P-256") => (256, &ECDSA_P256_SHA256_FIXED),
        Some("P-384") => (384, &ECDSA_P384_SHA384_FIXED),
        _ => {
            problems.push("its curve is neither P-256 nor P-384".to_owned());
            return Size::default();
        }
    };
    if let (Some(x), Some(y)) = (member(key, "x", problems), member(key, "y", problems)) {
        // 4 begins an uncompressed point (SEC 1, section 2.3.3); the parser refuses one that is not on the curve.
        let point = [&[4_u8][..], &x, &y].concat();
        if ParsedPublicKey::new(algorithm, point).is_err() {
            problems.push("its point is not on the curve".to_owned());
        }
    }
    Size { bits: Some(bits), security_bits: u16::try_from(bits / 2).ok(), exponent: None }
}

fn edwards(key: &Value, problems: &mut Vec<String>) -> Size {
    if key["crv"] != "Ed25519" {
        problems.push("its curve is not Ed25519".to_owned());
        return Size::default();
    }
    if member(key, "x", problems).is_some_and(|x| ParsedPublicKey::new(&ED25519, x).is_err()) {
        problems.push("its point is not on the curve".to_owned());
    }
    Size { bits: Some(256), security_bits: Some(128), exponent: None }
}

fn member(key: &Value, name: &str, problems: &mut Vec<String>) -> Option<Vec<u8>> {
    let Some(text) = key[name].as_str() else {
        problems.push(format!("it has no `{name}`"));
        return None;
    };
    let decoded = URL_SAFE_NO_PAD.decode(text).ok();
    if decoded.is_none() {
        problems.push(format!("its `{name}` is not base64url without padding"));
    }
    decoded
}

fn bit_length(number: &[u8]) -> usize {
    let significant = number.iter().position(|byte| *byte != 0).map_or(&[][..], |start| &number[start..]);
    significant.first().map_or(0, |first| significant.len() * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rsa_key(bytes: usize) -> Value {
        let modulus = URL_SAFE_NO_PAD.encode(vec![0x80_u8; bytes]);
        json!({"kid": "a", "kty": "RSA", "alg": "RS256", "use": "sig", "n": modulus, "e": "AQAB"})
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    #[test]
    fn the_strength_of_a_key_is_named_by_its_size() {
        for (bytes, bits, security) in [(64, 512, 0), (128, 1_024, 80), (256, 2_048, 112), (384, 3_072, 128)] {
            let described = describe(&rsa_key(bytes));
            assert_eq!((&described["bits"], &described["security_bits"]), (&json!(bits), &json!(security)));
            assert_eq!(described["problems"], json!([]));
        }
    }

    #[test]
    fn no_material_of_a_key_is_ever_described() {
        let key = with(with(rsa_key(256), "d", json!("PRIVATE-PART")), "k", json!("SECRET"));
        let described = describe(&key);
        assert_eq!(described["private_members"], json!(["d", "k"]));
        let text = described.to_string();
        assert!(
            !text.contains("PRIVATE-PART")
                && !text.contains("SECRET")
                && !text.contains(key["n"].as_str().expect("text"))
        );
    }

    #[test]
    fn every_defect_of_a_key_is_named() {
        let point = |crv: &str, x: &str| json!({"kid": "a", "kty": "EC", "crv": crv, "x": x, "y": x});
        let zeros = URL_SAFE_NO_PAD.encode([0_u8; 32]);
        for (key, problem) in [
            (with(rsa_key(256), "kid", Value::Null), "no `kid`"),
            (with(rsa_key(256), "e", json!("Aw")), "not 65537"),
            (with(rsa_key(256), "n", json!("a+b=")), "base64url"),
            (with(rsa_key(256), "n", json!(7)), "no `n`"),
            (point("P-256", &zeros), "not on the curve"),
            (point("P-521", &zeros), "neither P-256"),
            (json!({"kid": "a", "kty": "oct", "k": "x"}), "symmetric"),
            (json!({"kid": "a", "kty": "OKP", "crv": "X25519"}), "not Ed25519"),
            (json!({}), "not known"),
            (json!("text"), "not known"),
        ] {
            let described = describe(&key);
            assert!(described["problems"].to_string().contains(problem), "{key}: {described}");
        }
    }

    #[test]
    fn two_keys_of_one_kid_are_not_unique_and_encryption_keys_are_not_for_signatures() {
        let key = rsa_key(256);
        assert!(kids_unique(&[key.clone(), with(key.clone(), "kid", json!("b"))]));
        assert!(!kids_unique(&[key.clone(), key.clone()]));
        assert!(!kids_unique(&[with(key.clone(), "kid", Value::Null)]));
        assert!(is_for_signatures(&key) && !is_for_signatures(&with(key, "use", json!("enc"))));
    }
}
