use std::{collections::BTreeSet, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    contract_entry,
    issuer::{discovered_url, keys},
    key::{describe, is_for_signatures, kids_unique},
};
use crate::{
    model::{Fact, Facts, Target, Trouble},
    probes::{Probe, Scope},
};

/// The keys an issuer publishes: what they are, never what they hold.
///
/// They are fetched from the URL that applications are given, each time over a new connection, so that replicas with
/// keys of their own are found out. Source: RFC 7517 and RFC 7518.
pub(in crate::probes) struct Jwks;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// How often they are fetched; once if not given.
    times: Option<u8>,
    /// The published contract to take the URL from, instead of the discovery document.
    contract: Option<Published>,
}

/// Where a URL is published.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct Published {
    /// The contract's file.
    file: PathBuf,
    /// The name of the entry.
    entry: String,
}

impl Probe for Jwks {
    const NAME: &'static str = "jwt.jwks";
    const ABOUT: &'static str = "fetches the issuer's published keys and describes them, without their material";
    const FACTS: &'static [Fact] = &[
        Fact { name: "url", about: "where they were fetched from" },
        Fact { name: "discovered_url", about: "the `jwks_uri` of the discovery document" },
        Fact { name: "same_url", about: "whether both are the same, byte by byte" },
        Fact { name: "count", about: "how many keys there are" },
        Fact {
            name: "keys",
            about: "the keys: {kid, kty, alg, use, curve, bits, security_bits, exponent, private_members, problems}",
        },
        Fact { name: "signing_keys", about: "those of them that are for signatures" },
        Fact { name: "kids_unique", about: "whether each has a `kid` of its own" },
        Fact { name: "fetches", about: "how often they were fetched" },
        Fact { name: "distinct_sets", about: "how many different sets of `kid` came back" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let discovered = discovered_url(&scope, &target, "jwks_uri").await?;
        let url = match &with.contract {
            Some(published) => contract_entry(&scope, &published.file, &published.entry).await?,
            None => discovered.clone(),
        };
        let times = with.times.unwrap_or(1).max(1);
        let (found, sets) = fetch(&scope, &target, &url, times).await?;
        let all: Vec<_> = found.iter().map(describe).collect();
        let signing: Vec<_> = found.iter().filter(|key| is_for_signatures(key)).map(describe).collect();
        Ok(Facts::from_iter([
            ("same_url".to_owned(), json!(url == discovered)),
            ("url".to_owned(), json!(url)),
            ("discovered_url".to_owned(), json!(discovered)),
            ("count".to_owned(), json!(found.len())),
            ("keys".to_owned(), json!(all)),
            ("signing_keys".to_owned(), json!(signing)),
            ("kids_unique".to_owned(), json!(kids_unique(&found))),
            ("fetches".to_owned(), json!(times)),
            ("distinct_sets".to_owned(), json!(sets)),
        ]))
    }
}

async fn fetch(scope: &Scope, target: &Target, url: &str, times: u8) -> Result<(Vec<Value>, usize), Trouble> {
    let mut last = Vec::new();
    let mut sets: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for _ in 0..times {
        last = keys(scope, target, url).await?;
        sets.insert(last.iter().map(|key| key["kid"].to_string()).collect());
    }
    Ok((last, sets.len()))
}
