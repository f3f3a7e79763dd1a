use std::path::Path;

use serde_json::Value;

use crate::{
    model::{Target, Trouble},
    probes::{
        Scope,
        contract::Contract,
        http::{ApiAnswer, Place},
    },
};

/// The issuer's discovery document. Source: `OpenID` Connect Discovery 1.0, section 4: it stands below the issuer's own path.
pub(super) async fn discovery(scope: &Scope, target: &Target) -> Result<ApiAnswer, Trouble> {
    let issuer = target
        .issuer
        .as_deref()
        .ok_or_else(|| Trouble::unable("plan", "harness.no_issuer", "no `issuer` is declared for this service"))?;
    let place = Place::of(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')), target)?;
    place.api(scope).get(&place.path).await
}

/// A member of the discovery document that must be a URL.
pub(super) async fn discovered_url(scope: &Scope, target: &Target, name: &str) -> Result<String, Trouble> {
    let document = discovery(scope, target).await?.good("read the discovery document")?;
    let missing = || Trouble::fault("request", "proto.missing", format!("the discovery document has no `{name}`"));
    document[name].as_str().map(str::to_owned).ok_or_else(missing)
}

/// The published keys at a URL.
pub(super) async fn keys(scope: &Scope, target: &Target, url: &str) -> Result<Vec<Value>, Trouble> {
    let place = Place::of(url, target)?;
    let mut body = place.api(scope).get(&place.path).await?.good("fetch the keys")?;
    match body["keys"].take() {
        Value::Array(keys) => Ok(keys),
        _ => Err(Trouble::fault("request", "proto.garbage", "the answer has no list `keys`")),
    }
}

/// An entry of the published contract.
pub(in crate::probes) async fn contract_entry(scope: &Scope, file: &Path, entry: &str) -> Result<String, Trouble> {
    let contract = Contract::read(scope, file).await?;
    let value = contract.get(entry).filter(|value| !value.is_empty());
    let missing = || Trouble::fault("read", "contract.missing", format!("the contract does not publish `{entry}`"));
    value.map(str::to_owned).ok_or_else(missing)
}
