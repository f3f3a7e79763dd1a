use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use super::{
    connection::{Identity, Leader, ask, connect_as},
    scratch_key,
};
use crate::{
    model::{Fact, Facts, Target, TlsTarget, Trouble},
    net::tls_trouble,
    probes::{Probe, Scope, random_text},
};

/// How long a server that refuses our certificate takes at most to say so: it is the next thing it sends.
const WORD_ON_CERTIFICATE: Duration = Duration::from_millis(500);

/// Logs in over a connection of its own and reads a key of ours: as declared, wrongly or not at all.
///
/// With mutual TLS a client certificate stands for the user its common name says, also without a password, so a question
/// about anonymous access has to leave it out.
pub(in crate::probes) struct Login;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Who to log in as.
    #[serde(default, rename = "as")]
    identity: Who,
    /// Whether to leave out the declared client certificate.
    #[serde(default)]
    without_client_certificate: bool,
}

/// Who to log in as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Who {
    /// The declared user and password.
    #[default]
    Declared,
    /// The declared user with a password nobody has.
    RandomPassword,
    /// Nobody: no user at all.
    Anonymous,
}

impl Probe for Login {
    const NAME: &'static str = "etcd.login";
    const ABOUT: &'static str = "logs in over a connection of its own, as declared, wrongly or not at all";
    const FACTS: &'static [Fact] = &[
        Fact { name: "accepted", about: "whether the read was answered" },
        Fact {
            name: "reason",
            about: "the class of the refusal: `auth.denied`, `tls.client_certificate` …; `NONE` when accepted",
        },
        Fact { name: "message", about: "the server's words" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let facts = |accepted: bool, reason: &str, message: &str| {
            Facts::from_iter([
                ("accepted".to_owned(), json!(accepted)),
                ("reason".to_owned(), json!(reason)),
                ("message".to_owned(), json!(message)),
            ])
        };
        match attempt(&scope, &with).await {
            Ok(()) => Ok(facts(true, "NONE", "")),
            Err(trouble) if is_refusal(&trouble) => Ok(facts(false, &trouble.class, &trouble.message)),
            Err(trouble) => Err(trouble),
        }
    }
}

async fn attempt(scope: &Scope, with: &With) -> Result<(), Trouble> {
    let target = scope.target()?;
    let mut tls = target.tls.clone();
    if let Some(tls) = tls.as_mut().filter(|_| with.without_client_certificate) {
        tls.client_certificate_pem = None;
        tls.client_key_pem = None;
        handshake_stands(scope, &target, tls).await?;
    }
    let identity = match with.identity {
        Who::Declared => Identity::Declared,
        Who::RandomPassword => Identity::WithPassword(random_text()?),
        Who::Anonymous => Identity::Anonymous,
    };
    let mut client = connect_as(scope, &target, &target.address, tls.as_ref(), &identity, Leader::Required).await?;
    ask(scope, "range", client.get(scratch_key::key(scope, "login"), None)).await.map(drop)
}

/// Whether the server lets a handshake stand, which it says only after its end (TLS 1.3).
///
/// Asked before any byte of ours: a request that is already on its way is answered with a reset, and the server's word
/// is lost. A server that is content waits for our first byte in silence.
async fn handshake_stands(scope: &Scope, target: &Target, tls: &TlsTarget) -> Result<(), Trouble> {
    let mut stream = scope.dialler.stream(&scope.clock, &target.address, Some(tls), &[b"h2"]).await?;
    let word = async {
        let mut byte = [0_u8];
        match tokio::time::timeout(WORD_ON_CERTIFICATE, stream.read(&mut byte)).await {
            Err(_) | Ok(Ok(1..)) => Ok(()),
            Ok(Ok(0)) => Err(Trouble::fault(
                "certificate",
                "proto.closed",
                "the server closed the connection after the handshake",
            )),
            Ok(Err(error)) => Err(tls_trouble(&error)),
        }
    };
    scope.clock.phase("certificate", word).await
}

/// Whether the server refused us; silence and a cut connection are not a refusal of a login.
fn is_refusal(trouble: &Trouble) -> bool {
    matches!(trouble.class.as_str(), "auth.denied" | "authz.denied" | "tls.client_certificate")
}
