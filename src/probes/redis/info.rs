use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::connection::{Login, connect};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Reads `INFO`, whose fields (in the server's own names) are facts, and the shares that are judged by.
pub(in crate::probes) struct Info;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// One section (`persistence`, `replication`, `memory` …); the default ones if not given.
    section: Option<String>,
    /// The declared replica of this number, from 0, instead of the contract's address.
    replica: Option<usize>,
}

impl Probe for Info {
    const NAME: &'static str = "redis.info";
    const ABOUT: &'static str = "reads INFO";
    const FACTS: &'static [Fact] = &[
        Fact { name: "info", about: "the fields by the server's own names; numbers as numbers" },
        Fact { name: "clients_used_percent", about: "connected clients in percent of `maxclients`" },
        Fact {
            name: "memory_used_percent",
            about: "used memory in percent of `maxmemory`; absent when that is unlimited",
        },
        Fact { name: "replicas_missing", about: "on a master: how many of the declared replicas are not connected" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let login = Login::declared(&target, with.replica)?;
        let mut connection = connect(&scope, &target, &login).await?;
        let info = connection.info(&scope, "op", with.section.as_deref()).await?;
        Ok(facts_of(info, target.replicas.len()))
    }
}

fn facts_of(info: Map<String, Value>, declared: usize) -> Facts {
    let mut facts = Facts::new();
    let percent = |part: &str, whole: &str| match (info.get(part)?.as_f64()?, info.get(whole)?.as_f64()?) {
        (_, whole) if whole <= 0.0 => None,
        (part, whole) => Some(json!(part / whole * 100.0)),
    };
    for (name, part, whole) in [
        ("clients_used_percent", "connected_clients", "maxclients"),
        ("memory_used_percent", "used_memory", "maxmemory"),
    ] {
        if let Some(share) = percent(part, whole) {
            facts.insert(name.to_owned(), share);
        }
    }
    if let Some(connected) = info.get("connected_slaves").and_then(Value::as_u64) {
        facts.insert("replicas_missing".to_owned(), json!((declared as u64).saturating_sub(connected)));
    }
    facts.insert("info".to_owned(), Value::Object(info));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_something_unlimited_is_no_fact() {
        let facts = facts_of(
            super::super::reply::info(
                "used_memory:50\nmaxmemory:0\nconnected_clients:5\nmaxclients:20\nconnected_slaves:1",
            ),
            3,
        );
        assert_eq!(facts.get("memory_used_percent"), None);
        assert_eq!(facts["clients_used_percent"], json!(25.0));
        assert_eq!(facts["replicas_missing"], json!(2));
    }
}
