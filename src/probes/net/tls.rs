use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{
    model::{Fact, Facts, HostPort, Trouble},
    net::{Stream, certificate_facts},
    probes::{Probe, Scope},
};

/// Connects, shakes hands with verification on, and hangs up.
///
/// Where the configuration declares no TLS nothing is sent and `declared` is false, so that a check of an environment
/// that must have TLS fails. With TLS 1.3 a server's refusal of our own certificate comes only with the first read: the
/// protocol check behind this one tells.
pub(in crate::probes) struct Tls;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Another address than the service's own, as `host:port`.
    #[schemars(with = "Option<String>")]
    address: Option<HostPort>,
}

/// The facts of a handshake, shared with the protocols that ask for TLS in words of their own.
pub(in crate::probes) const FACTS: &[Fact] = &[
    Fact { name: "declared", about: "whether the configuration declares TLS" },
    Fact { name: "version", about: "the TLS version, such as TLSv1_3" },
    Fact { name: "certificate", about: "the server's: subject, issuer, names, not_before, not_after, days_left" },
];

impl Probe for Tls {
    const NAME: &'static str = "net.tls";
    const ABOUT: &'static str = "shakes hands with the service, verification on, and hangs up";
    const FACTS: &'static [Fact] = FACTS;
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        if target.tls.is_none() {
            return Ok(facts_of(None));
        }
        let address = with.address.as_ref().unwrap_or(&target.address);
        let stream = scope.dialler.stream(&scope.clock, address, target.tls.as_ref(), &[]).await?;
        Ok(facts_of(Some(&stream)))
    }
}

/// The facts of a finished handshake, or of none.
pub(in crate::probes) fn facts_of(stream: Option<&Stream>) -> Facts {
    let mut facts = Facts::from_iter([("declared".to_owned(), json!(stream.is_some()))]);
    if let Some(stream) = stream {
        facts.insert("version".to_owned(), json!(stream.tls_version()));
        if let Some(leaf) = stream.peer_certificates().first() {
            facts.insert("certificate".to_owned(), certificate_facts(leaf));
        }
    }
    facts
}
