use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{
    model::{Fact, Facts, HostPort, Trouble},
    probes::{Probe, Scope},
};

/// Connects to an address and hangs up.
///
/// It proves that something accepts, and no more: the kernel accepts for a stopped process too, so every service has a
/// protocol check behind this one.
pub(in crate::probes) struct Tcp;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Another address than the service's own, as `host:port`.
    #[schemars(with = "Option<String>")]
    address: Option<HostPort>,
}

impl Probe for Tcp {
    const NAME: &'static str = "net.tcp";
    const ABOUT: &'static str = "connects to the service's address and hangs up";
    const FACTS: &'static [Fact] = &[Fact { name: "connected", about: "whether the connection was accepted" }];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let address = match with.address {
            Some(address) => address,
            None => scope.target()?.address.clone(),
        };
        scope.dialler.tcp(&scope.clock, &address).await?;
        scope.dialler.as_an_application(&address)?;
        Ok(Facts::from_iter([("connected".to_owned(), json!(true))]))
    }
}
