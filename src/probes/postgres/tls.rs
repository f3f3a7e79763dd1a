use super::greeting::open;
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{NoParameters, Probe, Scope, net},
};

/// Asks for TLS in the protocol's own words (`SSLRequest`), shakes hands with verification on, and hangs up.
///
/// `sslmode=require` and `prefer`, the habits of most clients, verify nothing; here the chain and the name are verified
/// always. Where the configuration declares no TLS nothing is sent and `declared` is false.
pub(in crate::probes) struct Tls;

impl Probe for Tls {
    const NAME: &'static str = "postgres.tls";
    const ABOUT: &'static str = "asks for TLS and shakes hands, verification on";
    const FACTS: &'static [Fact] = net::TLS_FACTS;
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        if target.tls.is_none() {
            return Ok(net::tls_facts(None));
        }
        let stream = open(&scope, &target.address, target.tls.as_ref()).await?;
        Ok(net::tls_facts(Some(&stream)))
    }
}
