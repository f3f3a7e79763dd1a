use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    model::{Fact, Facts, Trouble},
    net::{NameAnswer, NameKind, NameQuery, Transport, name_servers},
    probes::{Probe, Scope},
};

/// Asks a name server for an absolute name, over UDP and over TCP.
///
/// It is asked without a search list, which would replace the answer for the name by that for another one. That a name
/// does not exist is a fact; silence is a fault. TCP is what large answers need, and is often forgotten in policies.
/// Sources: RFC 1035; RFC 7766.
pub(in crate::probes) struct Resolve;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The name; it is taken as absolute, with or without its last dot.
    name: String,
    /// `A` or `AAAA`; A, if not given.
    #[serde(default)]
    kind: Kind,
    /// The name server's address; the first of the system's, if not given.
    server: Option<IpAddr>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
enum Kind {
    #[default]
    A,
    #[serde(rename = "AAAA")]
    Aaaa,
}

impl Probe for Resolve {
    const NAME: &'static str = "net.resolve";
    const ABOUT: &'static str = "asks a name server for a name, over UDP and TCP";
    const FACTS: &'static [Fact] = &[
        Fact { name: "rcode", about: "what the server answered over UDP: NOERROR, NXDOMAIN, SERVFAIL, REFUSED …" },
        Fact { name: "answers", about: "the addresses" },
        Fact { name: "ttl_s", about: "how long they may be kept" },
        Fact { name: "tcp_rcode", about: "what it answered over TCP" },
        Fact { name: "same", about: "whether both answers name the same addresses" },
        Fact { name: "server", about: "the name server" },
    ];
    const NEEDS_TARGET: bool = false;
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        scope.dialler.as_a_pod()?;
        let server = match with.server {
            Some(address) => SocketAddr::new(address, 53),
            None => first_server()?,
        };
        scope.clock.set_peer(server.to_string());
        let kind = match with.kind {
            Kind::A => NameKind::A,
            Kind::Aaaa => NameKind::Aaaa,
        };
        let query = NameQuery { name: with.name, kind, server };
        let udp = query.ask(&scope.clock, Transport::Udp).await?;
        let tcp = query.ask(&scope.clock, Transport::Tcp).await?;
        Ok(facts_of(&udp, &tcp, server))
    }
}

/// The first name server of the place we stand in.
///
/// # Errors
/// Unable, when the system names none.
pub(in crate::probes) fn first_server() -> Result<SocketAddr, Trouble> {
    let none = || Trouble::unable("dns", "harness.resolv_conf", "the system names no name server");
    name_servers()?.first().copied().ok_or_else(none)
}

fn facts_of(udp: &NameAnswer, tcp: &NameAnswer, server: SocketAddr) -> Facts {
    let answers: Vec<Value> = udp.addresses.iter().map(|address| json!(address)).collect();
    Facts::from_iter([
        ("rcode".to_owned(), json!(udp.code)),
        ("answers".to_owned(), Value::Array(answers)),
        ("ttl_s".to_owned(), json!(udp.ttl_s)),
        ("tcp_rcode".to_owned(), json!(tcp.code)),
        ("same".to_owned(), json!(udp.code == tcp.code && (udp.truncated || udp.addresses == tcp.addresses))),
        ("server".to_owned(), json!(server)),
    ])
}
