use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing, right_on},
    infrastructure::{is_ours, list, name, pods},
    literal_text::credentials,
    secret_data::decoded,
};
use crate::{
    cluster::collection,
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// Credentials that stand as plain text in the pods' environment and arguments, or in `ConfigMaps`.
///
/// Looked for are the real values of the named Secrets, as they are and in base64, and what names, settings and URLs
/// give away by their place. A credential itself is never a fact: of it only a fingerprint is told.
pub(in crate::probes) struct Literals;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The Secrets whose values are looked for.
    secrets: Vec<String>,
}

/// Keys of Secrets that hold names, and no credentials.
const NAMES: [&str; 8] = ["username", "user", "database", "admin-user", "host", "port", "dbname", "ca.crt"];

/// A text that people can read, and where it stands.
struct Text {
    place: String,
    name: String,
    content: String,
}

impl Probe for Literals {
    const NAME: &'static str = "kubernetes.literals";
    const ABOUT: &'static str = "looks for credentials that stand as plain text in pods and ConfigMaps";
    const FACTS: &'static [Fact] = &[
        Fact { name: "found", about: "{place, key, rule, fingerprint} of each" },
        Fact { name: "texts", about: "how many texts were looked through" },
        Fact { name: "secret_values", about: "how many values of Secrets were looked for" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(with: &With, namespace: &str) -> Vec<Right> {
        let secrets = with.secrets.iter().map(|secret| right_on("v1", "secrets", Some(namespace), "get").only(secret));
        let lists = ["pods", "configmaps"].map(|resource| listing("v1", resource, Some(namespace)));
        secrets.chain(lists).collect()
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespace = &connection.cluster.namespace;
        let mut secrets = Vec::new();
        for secret in &with.secrets {
            let path = format!("{}/{secret}", collection("v1", "secrets", Some(namespace)));
            let right = right_on("v1", "secrets", Some(namespace), "get").only(secret);
            let object = connection.api.get(&scope.clock, &path, &right).await?;
            let values = object.iter().flat_map(decoded).filter(|(key, _)| !NAMES.contains(&key.as_str()));
            secrets.extend(
                values.filter_map(|(_, value)| String::from_utf8(value).ok()).map(|value| value.trim().to_owned()),
            );
        }
        secrets.retain(|value| !value.is_empty());
        let mut texts: Vec<Text> = pods(&connection, &scope).await?.iter().flat_map(of_pod).collect();
        let maps = connection.list(&scope, "v1", "configmaps", Some(namespace)).await?;
        texts.extend(maps.iter().filter(|map| !is_ours(map)).flat_map(of_map));
        let found: Vec<Value> = texts
            .iter()
            .flat_map(|one| {
                credentials(&one.name, &one.content, &secrets).into_iter().map(move |finding| {
                    json!({"place": one.place, "key": one.name, "rule": finding.rule, "fingerprint": finding.fingerprint})
                })
            })
            .collect();
        Ok(Facts::from_iter([
            ("found".to_owned(), Value::Array(found)),
            ("texts".to_owned(), json!(texts.len())),
            ("secret_values".to_owned(), json!(secrets.len())),
        ]))
    }
}

fn of_pod(pod: &Value) -> Vec<Text> {
    let containers =
        ["containers", "initContainers", "ephemeralContainers"].into_iter().flat_map(|kind| list(&pod["spec"][kind]));
    containers
        .flat_map(|container| {
            let place = format!("pod/{}/{}", name(pod), container["name"].as_str().unwrap_or_default());
            let text = |name: &str, text: &Value| {
                let content = text.as_str()?.to_owned();
                Some(Text { place: place.clone(), name: name.to_owned(), content })
            };
            let environment = list(&container["env"]).iter();
            let environment =
                environment.filter_map(|one| text(one["name"].as_str().unwrap_or_default(), &one["value"]));
            let words = ["command", "args"].into_iter().flat_map(|key| list(&container[key]));
            environment.chain(words.filter_map(|word| text("argument", word))).collect::<Vec<_>>()
        })
        .collect()
}

fn of_map(map: &Value) -> Vec<Text> {
    let place = format!("configmap/{}", name(map));
    let entries = map["data"].as_object().into_iter().flatten();
    entries
        .filter_map(|(key, value)| {
            Some(Text { place: place.clone(), name: key.clone(), content: value.as_str()?.to_owned() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_can_read_is_looked_through() {
        let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{
            "name": "c", "env": [{"name": "A", "value": "a"}, {"name": "B", "valueFrom": {"secretKeyRef": {}}}], "args": ["--x"],
        }]}});
        let seen: Vec<(String, String)> = of_pod(&pod).into_iter().map(|one| (one.place, one.content)).collect();
        assert_eq!(seen, [("pod/p/c".to_owned(), "a".to_owned()), ("pod/p/c".to_owned(), "--x".to_owned())]);
        assert_eq!(of_map(&json!({"metadata": {"name": "m"}, "data": {"k": "v"}}))[0].place, "configmap/m");
    }
}
