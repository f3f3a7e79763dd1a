use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Contract, file::names_a_secret};
use crate::{
    model::{Fact, Facts, Trouble, clip},
    probes::{Probe, Scope},
};

/// The entries of the published contract.
pub(in crate::probes) struct Published;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The contract's file.
    file: PathBuf,
}

impl Probe for Published {
    const NAME: &'static str = "contract.published";
    const ABOUT: &'static str = "reads the entries of the published contract";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "entries",
            about: "the entries by name; an entry whose name says that it is a secret is left out",
        },
        Fact { name: "count", about: "how many entries there are" },
        Fact { name: "empty", about: "the names of entries that are empty or still a placeholder" },
        Fact { name: "secrets", about: "the names of entries that hold a secret, which belongs into no contract" },
        Fact { name: "repeated", about: "the names that stand there more than once" },
    ];
    const NEEDS_TARGET: bool = false;
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        Ok(facts_of(&Contract::read(&scope, &with.file).await?))
    }
}

fn facts_of(contract: &Contract) -> Facts {
    let mut entries = serde_json::Map::new();
    let (mut empty, mut secrets, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    for (name, value) in contract.entries() {
        if is_placeholder(value) {
            empty.push(name);
        }
        if (names_a_secret(name) && !value.is_empty()) || holds_credentials(value) {
            secrets.push(name);
        } else if entries.insert(name.to_owned(), json!(clip(value, 500))).is_some() {
            repeated.push(name);
        }
    }
    Facts::from_iter([
        ("count".to_owned(), json!(contract.entries().count())),
        ("empty".to_owned(), json!(empty)),
        ("secrets".to_owned(), json!(secrets)),
        ("repeated".to_owned(), json!(repeated)),
        ("entries".to_owned(), Value::Object(entries)),
    ])
}

/// Empty, or what stands in a template until somebody fills it in.
fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    value.is_empty()
        || ["changeme", "change-me", "todo", "tbd", "example.com", "xxx"]
            .iter()
            .any(|word| lower == *word || lower.contains("changeme"))
        || (value.starts_with('<') && value.ends_with('>'))
        || value.contains("${")
}

/// `scheme://user:password@host` in a value.
fn holds_credentials(value: &str) -> bool {
    url::Url::parse(value).is_ok_and(|url| url.password().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_credentials_are_found() {
        for value in ["", "<jwks url>", "changeme", "CHANGEME", "http://${HOST}:1", "tbd"] {
            assert!(is_placeholder(value), "{value}");
        }
        assert!(!is_placeholder("http://opa:8181/v1/data/soma/allow"));
        assert!(holds_credentials("postgres://user:secret@host:5432/soma"));
        assert!(!holds_credentials("postgres://host:5432/soma") && !holds_credentials("127.0.0.1:6379"));
    }
}
