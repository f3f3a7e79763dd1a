use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::Contract;
use crate::{
    model::{Fact, Facts, HostPort, Trouble},
    probes::{Probe, Scope, Targets},
};

/// Connects to every address the published contract names, and compares it with the service it is named after.
pub(in crate::probes) struct Endpoints;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The contract's file.
    file: PathBuf,
}

impl Probe for Endpoints {
    const NAME: &'static str = "contract.endpoints";
    const ABOUT: &'static str = "connects to every address the published contract names";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "endpoints",
            about: "{entry, service, address, known, trouble} for each; `trouble` is empty when it connects",
        },
        Fact { name: "unreachable", about: "the entries whose address does not connect" },
        Fact {
            name: "strangers",
            about: "the entries that name another address than the service of the configuration has",
        },
        Fact { name: "services", about: "the services of the configuration that an entry names" },
    ];
    const NEEDS_TARGET: bool = false;
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let contract = Contract::read(&scope, &with.file).await?;
        let mut endpoints = Vec::new();
        let (mut unreachable, mut strangers, mut services) = (Vec::new(), Vec::new(), Vec::new());
        for Endpoint { entry, address } in endpoints_of(&contract) {
            let service = service_of(&entry, &scope.targets);
            let known = service.is_none_or(|service| is_known(service, &address, &scope.targets));
            let trouble = match scope.dialler.tcp(&scope.clock, &address).await {
                Ok(_) => {
                    scope.dialler.as_an_application(&address)?;
                    String::new()
                }
                Err(trouble) => trouble.to_string(),
            };
            if !trouble.is_empty() {
                unreachable.push(entry.clone());
            }
            if !known {
                strangers.push(entry.clone());
            }
            if let Some(service) = service.filter(|service| !services.contains(service)) {
                services.push(service);
            }
            endpoints.push(json!({
                "entry": entry, "service": service, "address": address.to_string(), "known": known, "trouble": trouble,
            }));
        }
        Ok(Facts::from_iter([
            ("unreachable".to_owned(), json!(unreachable)),
            ("strangers".to_owned(), json!(strangers)),
            ("services".to_owned(), json!(services)),
            ("endpoints".to_owned(), Value::Array(endpoints)),
        ]))
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Endpoint {
    entry: String,
    address: HostPort,
}

/// Addresses in `*_URL`, `*_ADDR`, `*_ENDPOINTS`, `*_SERVERS`, `*_ISSUER` (lists too), and in pairs of `*_HOST` and `*_PORT`.
fn endpoints_of(contract: &Contract) -> Vec<Endpoint> {
    let mut found = Vec::new();
    for (name, value) in contract.entries() {
        if let Some(stem) = name.strip_suffix("_HOST") {
            if let Some(port) = contract.get(&format!("{stem}_PORT")) {
                found.extend(
                    address_of(&format!("{value}:{port}")).map(|address| Endpoint { entry: name.to_owned(), address }),
                );
            }
        } else if !name.ends_with("_PORT") && !name.ends_with("_PATH") {
            let addresses = value.split(',').filter_map(|one| address_of(one.trim()));
            found.extend(addresses.map(|address| Endpoint { entry: name.to_owned(), address }));
        }
    }
    found
}

fn address_of(text: &str) -> Option<HostPort> {
    if text.contains("://") {
        let url = Url::parse(text).ok()?;
        return format!("{}:{}", url.host_str()?, url.port_or_known_default()?).parse().ok();
    }
    text.parse().ok()
}

/// The service an entry is named after: `REDIS_ADDR` is of redis, `JWKS_URL` and `JWT_ISSUER` are of jwt.
fn service_of<'a>(entry: &str, targets: &'a Targets) -> Option<&'a str> {
    let first = entry.split('_').next().unwrap_or_default().to_ascii_lowercase();
    let name = if first == "jwks" { "jwt" } else { first.as_str() };
    targets.keys().map(String::as_str).find(|service| *service == name)
}

fn is_known(service: &str, address: &HostPort, targets: &Targets) -> bool {
    targets.get(service).is_some_and(|target| {
        target.address == *address || target.members.contains(address) || target.replicas.contains(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_every_form() {
        for (text, expected) in [
            ("redis:6379", Some("redis:6379")),
            ("https://opa:8181/v1/data", Some("opa:8181")),
            ("http://jwks.example.org/keys", Some("jwks.example.org:80")),
            ("http://[::1]:80/", Some("[::1]:80")),
            ("soma", None),
            ("/v1/data/soma/allow", None),
            ("redis:", None),
        ] {
            assert_eq!(address_of(text).map(|address| address.to_string()).as_deref(), expected, "{text}");
        }
    }
}
