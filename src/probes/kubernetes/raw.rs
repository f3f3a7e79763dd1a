use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::connect;
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// One GET of a path of the API server itself: `/readyz?verbose`, `/version`.
///
/// A verbose health answer is taken apart line by line, also when its status is 500: the lines say which part is not
/// ready. An answer of 500 without such lines is a failing API server, which tells nothing.
/// Source: Kubernetes, "Kubernetes API health endpoints".
pub(in crate::probes) struct Raw;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The path, with its query.
    path: String,
}

impl Probe for Raw {
    const NAME: &'static str = "kubernetes.raw";
    const ABOUT: &'static str = "gets one path of the API server: its own health, its version";
    const FACTS: &'static [Fact] = &[
        Fact { name: "status", about: "the HTTP status" },
        Fact { name: "body", about: "the body as JSON; a text where it is none" },
        Fact { name: "parts", about: "of a verbose health answer: {name, ok} for each line" },
        Fact { name: "not_ok", about: "of a verbose health answer: the names of the parts that are not ok" },
        Fact { name: "version", about: "of /version: {major, minor} as numbers, without a vendor's suffix" },
        Fact {
            name: "clock_offset_s",
            about: "the API server's clock less ours, in seconds, ±1 for the header's grain",
        },
    ];
    const TARGET: Option<&'static str> = Some(super::connection::KUBERNETES);
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let answer = connection.api.ask(&scope.clock, Method::GET, &with.path, None).await?;
        let parts = answer.body.as_str().map(parts_of).unwrap_or_default();
        if !answer.is_success() && parts.is_empty() {
            let message = answer.body["message"].as_str().unwrap_or("no message");
            let class = match answer.status {
                401 => "kube.unauthorized",
                403 => "kube.forbidden",
                429 => "kube.throttled",
                _ => "kube.server_error",
            };
            return Err(Trouble::unable(
                "api",
                class,
                format!("`{}` answered {}: {message}", with.path, answer.status),
            ));
        }
        if parts.is_empty() && !answer.body.is_object() {
            let text = format!("what answers at `{}` is not a Kubernetes API server", with.path);
            return Err(Trouble::unable("api", "kube.garbage", text));
        }
        let mut facts = Facts::from_iter([("status".to_owned(), json!(answer.status))]);
        let not_ok: Vec<&str> = parts.iter().filter(|(_, ok)| !ok).map(|(name, _)| name.as_str()).collect();
        facts.insert("not_ok".to_owned(), json!(not_ok));
        let parts: Vec<Value> = parts.iter().map(|(name, ok)| json!({"name": name, "ok": ok})).collect();
        facts.insert("parts".to_owned(), Value::Array(parts));
        if let Some(version) = version_of(&answer.body) {
            facts.insert("version".to_owned(), version);
        }
        let date = answer.date.as_deref().and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        if let Some(date) = date {
            let offset = date.timestamp().as_millisecond() - jiff::Timestamp::now().as_millisecond();
            facts.insert("clock_offset_s".to_owned(), json!(offset as f64 / 1_000.0));
        }
        facts.insert("body".to_owned(), answer.body);
        Ok(facts)
    }
}

/// `[+]etcd ok` and `[-]etcd failed: reason withheld`.
fn parts_of(text: &str) -> Vec<(String, bool)> {
    let part = |line: &str| {
        let ok = line.starts_with("[+]");
        let rest = line.strip_prefix("[+]").or_else(|| line.strip_prefix("[-]"))?;
        Some((rest.split_whitespace().next()?.to_owned(), ok))
    };
    text.lines().filter_map(part).collect()
}

/// Managed clusters write `27+`; a number compares where a text does not.
pub(super) fn version_of(body: &Value) -> Option<Value> {
    let number = |name: &str| {
        let text = body[name].as_str()?;
        text.trim_end_matches(|character: char| !character.is_ascii_digit()).parse::<u32>().ok()
    };
    let by_git = || {
        let mut parts = body["gitVersion"].as_str()?.trim_start_matches('v').split(['.', '-', '+']);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    let (major, minor) = by_git().or_else(|| Some((number("major")?, number("minor")?)))?;
    Some(json!({"major": major, "minor": minor}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_not_ready_is_named() {
        let parts = parts_of("[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n");
        assert_eq!(parts, [("ping".to_owned(), true), ("etcd".to_owned(), false)]);
        assert!(parts_of("ok").is_empty());
    }

    #[test]
    fn a_vendors_suffix_does_not_hide_the_version() {
        for (body, expected) in [
            (json!({"gitVersion": "v1.34.4", "major": "1", "minor": "34"}), json!({"major": 1, "minor": 34})),
            (json!({"gitVersion": "v1.27.3-eks-a5565ad", "minor": "27+"}), json!({"major": 1, "minor": 27})),
            (json!({"major": "1", "minor": "19+"}), json!({"major": 1, "minor": 19})),
        ] {
            assert_eq!(version_of(&body), Some(expected));
        }
        assert_eq!(version_of(&json!({"etcdserver": "3.6"})), None);
    }
}
