use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    cluster::{About, metadata},
    connection::Connection,
    sasl::{Login, Refusal, declared, present},
};
use crate::{
    model::{Fact, Facts, Target, Trouble},
    probes::{Probe, Scope, random_text},
};

/// Logs in over a connection of its own and asks for metadata: as declared, with a wrong password, or not at all.
///
/// A broker tells an unknown user from a wrong password to nobody, and delays the refusal by some 300 ms. Without a
/// login it answers `ApiVersions` and closes the connection at the next request.
pub(in crate::probes) struct LoginProbe;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Who to log in as.
    #[serde(default, rename = "as")]
    identity: Identity,
    /// Whether to speak plain text although TLS is declared.
    #[serde(default)]
    plaintext: bool,
    /// Whether to leave out the declared client certificate.
    #[serde(default)]
    without_client_certificate: bool,
}

/// Who to log in as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Identity {
    /// The declared user and password.
    #[default]
    Declared,
    /// The declared user with a password nobody has.
    RandomPassword,
    /// Nobody: no login at all.
    Anonymous,
}

impl Probe for LoginProbe {
    const NAME: &'static str = "kafka.login";
    const ABOUT: &'static str = "logs in over a connection of its own, as declared, wrongly or not at all";
    const FACTS: &'static [Fact] = &[
        Fact { name: "accepted", about: "whether the broker answered a request for metadata" },
        Fact {
            name: "reason",
            about: "why not: the protocol's error code, or the class of how the connection ended; `NONE` when accepted",
        },
        Fact { name: "message", about: "the broker's words" },
        Fact { name: "mechanisms", about: "the SASL mechanisms it offers, where it said so" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        match attempt(&scope, &target, &with).await {
            Ok(Login::Accepted) => Ok(facts(true, "NONE", "", &[])),
            Ok(Login::Refused(Refusal { reason, message, mechanisms })) => {
                Ok(facts(false, &reason, &message, &mechanisms))
            }
            Err(trouble) if with.wants_refusal() && is_refusal(&trouble) => {
                Ok(facts(false, &trouble.class, &trouble.message, &[]))
            }
            Err(trouble) => Err(trouble),
        }
    }
}

impl With {
    /// Whether a cut connection is the refusal that was asked for.
    fn wants_refusal(&self) -> bool {
        self.identity != Identity::Declared || self.plaintext || self.without_client_certificate
    }
}

/// Whether the listener answered by ending the connection; silence is not an answer.
fn is_refusal(trouble: &Trouble) -> bool {
    matches!(
        trouble.class.as_str(),
        "proto.closed" | "tcp.reset" | "tls.required" | "tls.client_certificate" | "tls.not_offered"
    )
}

async fn attempt(scope: &Scope, target: &Target, with: &With) -> Result<Login, Trouble> {
    let mut tls = target.tls.clone().filter(|_| !with.plaintext);
    if let Some(tls) = tls.as_mut().filter(|_| with.without_client_certificate) {
        tls.client_certificate_pem = None;
        tls.client_key_pem = None;
    }
    let mut connection = Connection::greet(scope, &target.address, tls.as_ref()).await?;
    if let (Some(mechanism), false) = (target.sasl.as_deref(), with.identity == Identity::Anonymous) {
        let (user, password) = declared(target)?;
        let login = match with.identity {
            Identity::RandomPassword => present(&mut connection, mechanism, user, &random_text()?).await?,
            _ => present(&mut connection, mechanism, user, password).await?,
        };
        if login != Login::Accepted {
            return Ok(login);
        }
    }
    metadata(&mut connection, "metadata", &About::Brokers).await?;
    Ok(Login::Accepted)
}

fn facts(accepted: bool, reason: &str, message: &str, mechanisms: &[String]) -> Facts {
    Facts::from_iter([
        ("accepted".to_owned(), json!(accepted)),
        ("reason".to_owned(), json!(reason)),
        ("message".to_owned(), json!(message)),
        ("mechanisms".to_owned(), json!(mechanisms)),
    ])
}
