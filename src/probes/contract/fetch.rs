use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Contract;
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{
        Probe, Scope,
        http::{Api, Place},
    },
};

/// Asks the URL of an entry of the published contract, as it is published.
///
/// Credentials of the service go only to the service's own address: a contract with a wrong host must not collect them.
pub(in crate::probes) struct Fetch;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The contract's file.
    file: PathBuf,
    /// The name of the entry.
    entry: String,
    /// A JSON body; then it is a POST.
    json: Option<Value>,
}

impl Probe for Fetch {
    const NAME: &'static str = "contract.fetch";
    const ABOUT: &'static str = "asks the URL of an entry of the published contract";
    const FACTS: &'static [Fact] = &[
        Fact { name: "published", about: "whether the entry is there and not empty" },
        Fact { name: "url", about: "its value; absent when it is not published" },
        Fact { name: "path", about: "the path of the URL" },
        Fact { name: "own_address", about: "whether the URL leads to the service's own address" },
        Fact { name: "status", about: "the status code" },
        Fact { name: "json", about: "the answer, if it is JSON" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let contract = Contract::read(&scope, &with.file).await?;
        let Some(url) = contract.get(&with.entry).filter(|url| !url.is_empty()) else {
            return Ok(Facts::from_iter([("published".to_owned(), json!(false))]));
        };
        let target = scope.target()?;
        let place = Place::of(url, &target)?;
        let own_address = place.address == target.address;
        let api = if own_address { Api::of(&scope)? } else { place.api(&scope) };
        let answer = match &with.json {
            Some(body) => api.post(&place.path, body).await?,
            None => api.get(&place.path).await?,
        };
        let mut facts = Facts::from_iter([
            ("published".to_owned(), json!(true)),
            ("url".to_owned(), json!(url)),
            ("path".to_owned(), json!(place.path)),
            ("own_address".to_owned(), json!(own_address)),
            ("status".to_owned(), json!(answer.status.as_u16())),
        ]);
        if let Some(body) = answer.json {
            facts.insert("json".to_owned(), body);
        }
        Ok(facts)
    }
}
