use jiff::Timestamp;
use serde_json::Value;

use crate::{
    model::Trouble,
    probes::{Scope, http::Api},
};

/// The `data` of an answer of Prometheus' API, which must be a success.
///
/// An HTTP 200 of a login page in front of it is not: the body must say `status: success`.
/// Source: Prometheus, "HTTP API", format overview.
pub(super) async fn data(scope: &Scope, path: &str) -> Result<Value, Trouble> {
    let mut body = Api::of(scope)?.get(path).await?.good(path)?;
    if body["status"] != "success" {
        let message = format!("{path}: the answer does not say `status: success`");
        return Err(Trouble::fault("request", "proto.garbage", message));
    }
    Ok(body["data"].take())
}

/// How long ago that was by our clock, in seconds; `None` for a time that is missing or Go's zero time (never).
pub(super) fn age_seconds(time: &Value) -> Option<f64> {
    let time = time.as_str()?.parse::<Timestamp>().ok().filter(|time| time.as_second() > 0)?;
    Some((Timestamp::now().as_millisecond() - time.as_millisecond()) as f64 / 1_000.0)
}

/// A duration as Prometheus prints it (`15s`, `1m30s`, `1d`), in seconds.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_length =
            rest[digits..].find(|character: char| character.is_ascii_digit()).unwrap_or(rest.len() - digits);
        total += number
            * match &rest[digits..digits + unit_length] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                "y" => 31_536_000.0,
                _ => return None,
            };
        rest = &rest[digits + unit_length..];
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_are_read_as_prometheus_prints_them() {
        for (text, expected) in [
            ("15s", Some(15.0)),
            ("1m30s", Some(90.0)),
            ("500ms", Some(0.5)),
            ("1d12h", Some(129_600.0)),
            ("2w", Some(1_209_600.0)),
            ("", None),
            ("s", None),
            ("15", None),
            ("15x", None),
            ("1é", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn a_scrape_that_never_was_has_no_age() {
        assert_eq!(age_seconds(&json!("0001-01-01T00:00:00Z")), None);
        assert_eq!(age_seconds(&json!(null)), None);
        let now = Timestamp::now().to_string();
        assert!(age_seconds(&json!(now)).is_some_and(|age| age.abs() < 5.0));
    }
}
