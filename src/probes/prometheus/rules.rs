use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{age_seconds, data};
use crate::{
    model::{Fact, Facts, Trouble, clip, printable},
    probes::{Probe, Scope},
};

/// The rules that Prometheus has really loaded and how their last evaluation went.
///
/// A rule file in a `ConfigMap` that no `rule_files` names is not here. Source: Prometheus, "HTTP API", rules.
pub(in crate::probes) struct Rules;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Only rules whose name is found by this expression; all of them if not given.
    name: Option<String>,
}

impl Probe for Rules {
    const NAME: &'static str = "prometheus.rules";
    const ABOUT: &'static str = "lists the rules that are loaded, with health and state";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "rules",
            about: "the rules: {group, name, type, health, last_error, state, severity, age_seconds, query, labels}",
        },
        Fact { name: "alerts", about: "the names of the alerting rules" },
        Fact { name: "firing", about: "the names of the alerting rules that are firing" },
        Fact { name: "unhealthy", about: "the names of the rules whose health is not `ok`" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let wanted = with.name.as_deref().map(regex::Regex::new).transpose();
        let wanted = wanted.map_err(|error| Trouble::unable("plan", "harness.parameters", error))?;
        let data = data(&scope, "/api/v1/rules").await?;
        facts_of(&data, |name| wanted.as_ref().is_none_or(|wanted| wanted.is_match(name)))
    }
}

fn facts_of(data: &Value, is_wanted: impl Fn(&str) -> bool) -> Result<Facts, Trouble> {
    let groups = data["groups"]
        .as_array()
        .ok_or_else(|| Trouble::fault("request", "proto.garbage", "the list of rules has no `groups`"))?;
    let mut rules = Vec::new();
    for group in groups {
        for rule in group["rules"].as_array().into_iter().flatten() {
            if is_wanted(rule["name"].as_str().unwrap_or_default()) {
                rules.push(rule_of(group, rule));
            }
        }
    }
    let names = |is_one: &dyn Fn(&Value) -> bool| -> Value {
        rules.iter().filter(|rule| is_one(rule)).map(|rule| rule["name"].clone()).collect()
    };
    let alerts = names(&|rule| rule["type"] == "alerting");
    let firing = names(&|rule| rule["state"] == "firing");
    let unhealthy = names(&|rule| rule["health"] != "ok");
    Ok(Facts::from_iter([
        ("rules".to_owned(), Value::Array(rules)),
        ("alerts".to_owned(), alerts),
        ("firing".to_owned(), firing),
        ("unhealthy".to_owned(), unhealthy),
    ]))
}

fn rule_of(group: &Value, rule: &Value) -> Value {
    json!({
        "group": group["name"],
        "name": rule["name"],
        "type": rule["type"],
        "health": rule["health"],
        "last_error": clip(&printable(rule["lastError"].as_str().unwrap_or_default()), 300),
        "state": rule["state"],
        "severity": rule["labels"]["severity"],
        "age_seconds": age_seconds(&rule["lastEvaluation"]),
        "query": clip(&printable(rule["query"].as_str().unwrap_or_default()), 500),
        "labels": rule["labels"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_every_group_are_listed_with_their_state() {
        let data = json!({"groups": [
            {"name": "a", "rules": [{"name": "Down", "type": "alerting", "health": "ok", "state": "firing", "labels": {"severity": "page"}}]},
            {"name": "b", "rules": [{"name": "ratio", "type": "recording", "health": "err", "lastError": "no such metric"}]},
        ]});
        let facts = Value::Object(facts_of(&data, |_| true).expect("facts"));
        assert_eq!((&facts["alerts"], &facts["firing"]), (&json!(["Down"]), &json!(["Down"])));
        assert_eq!(facts["unhealthy"], json!(["ratio"]));
        assert_eq!(facts["rules"][0]["severity"], json!("page"));
        let one = Value::Object(facts_of(&data, |name| name == "ratio").expect("facts"));
        assert_eq!(one["alerts"], json!([]));
    }
}
