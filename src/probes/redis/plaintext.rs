use std::collections::BTreeMap;

use redis::Cmd;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::connection::{Login, open};
use crate::{
    model::{Fact, Facts, HostPort, Target, Trouble},
    probes::{Probe, Scope},
};

/// Says PING in plain text, without credentials, on the contract's port and on others of the same host.
///
/// A TLS port cannot answer in plain text; what is found in practice is TLS on one port and the plain one still open
/// beside it. Any reply of the protocol counts as an answer, `NOAUTH` too: whoever gets that far sends passwords readable.
pub(in crate::probes) struct Plaintext;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Ports of the same host to ask besides the contract's own.
    #[serde(default)]
    ports: Vec<u16>,
}

impl Probe for Plaintext {
    const NAME: &'static str = "redis.plaintext";
    const ABOUT: &'static str = "says PING in plain text on the contract's port and on others of the host";
    const FACTS: &'static [Fact] = &[
        Fact { name: "accepted", about: "whether any of the ports answers in plain text" },
        Fact {
            name: "ports",
            about: "per port: `answers`, `closed` (cut without a word of the protocol), `refused`, `unreachable`, or the class of another trouble",
        },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let own = target.address.port;
        let mut ports = BTreeMap::new();
        for port in [own].into_iter().chain(with.ports) {
            let found = ask(&scope, &target, port).await;
            // What the contract's own port does not even accept is the availability check's finding.
            if let Err(trouble) = &found
                && port == own
                && (trouble.phase == "tcp" || trouble.phase == "dns")
            {
                return Err(trouble.clone());
            }
            ports.insert(port.to_string(), found.map_or_else(|trouble| name_of(&trouble), str::to_owned));
        }
        let accepted = ports.values().any(|found| found == "answers");
        Ok(Facts::from_iter([("accepted".to_owned(), json!(accepted)), ("ports".to_owned(), json!(ports))]))
    }
}

async fn ask(scope: &Scope, target: &Target, port: u16) -> Result<&'static str, Trouble> {
    let address = HostPort { host: target.address.host.clone(), port };
    let login = Login { address, auth: Vec::new(), database: None, plaintext: true };
    let mut connection = open(scope, target, &login).await?;
    let mut ping = Cmd::new();
    ping.arg("PING");
    // A refusal is an answer as well.
    let _answer = connection.send(scope, "op", &ping).await?;
    Ok("answers")
}

fn name_of(trouble: &Trouble) -> String {
    let name = match (trouble.phase.as_str(), trouble.class.as_str()) {
        ("tcp", "tcp.refused") => "refused",
        ("tcp", _) => "unreachable",
        // A server that loads its data says so in plain text.
        (_, "proto.not_ready" | "server.persistence" | "server.cluster_down") => "answers",
        // To a plain client a TLS port sends an alert or hangs up.
        (_, "tcp.reset" | "proto.closed" | "proto.mismatch") => "closed",
        (_, other) => other,
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cut_or_an_unreachable_port_is_closed() {
        let cases = [
            ("tcp", "tcp.refused", "refused"),
            ("tcp", "tcp.timeout", "unreachable"),
            ("op", "tcp.reset", "closed"),
            ("op", "proto.mismatch", "closed"),
            ("op", "proto.not_ready", "answers"),
            ("op", "proto.timeout", "proto.timeout"),
        ];
        for (phase, class, expected) in cases {
            assert_eq!(name_of(&Trouble::fault(phase, class, "")), expected, "{phase} {class}");
        }
    }
}
