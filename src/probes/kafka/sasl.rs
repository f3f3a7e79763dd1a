use bytes::Bytes;
use kafka_protocol::{
    messages::{SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse},
    protocol::StrBytes,
};

use super::{
    bounded::old_list_fits,
    code::code_name,
    connection::{Connection, decode},
    scram::{Hash, Scram},
};
use crate::{
    model::{Target, Trouble, clip, printable},
    probes::random_text,
};

/// The phase of every step of a login.
const PHASE: &str = "auth";

/// What became of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// The broker let us in, and where SCRAM is used it proved that it knows the password too.
    Accepted,
    /// The broker refused.
    Refused(Refusal),
}

/// A login that the broker refused, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The name of the protocol's error code.
    pub(super) reason: String,
    /// The broker's message.
    pub(super) message: String,
    /// The mechanisms it offers, where it said so.
    pub(super) mechanisms: Vec<String>,
}

/// Logs in as the target declares; a target without a mechanism needs no login.
///
/// A refusal is a fault of the class `auth.denied`.
pub(super) async fn log_in(connection: &mut Connection, target: &Target) -> Result<(), Trouble> {
    let Some(mechanism) = target.sasl.as_deref() else { return Ok(()) };
    let (user, password) = declared(target)?;
    match present(connection, mechanism, user, password).await? {
        Login::Accepted => Ok(()),
        Login::Refused(refusal) => Err(Trouble::fault(PHASE, "auth.denied", refusal.sentence())),
    }
}

/// The declared user and password.
pub(super) fn declared(target: &Target) -> Result<(&str, &str), Trouble> {
    match (&target.user, &target.password) {
        (Some(user), Some(password)) => Ok((user, password.expose())),
        _ => Err(Trouble::unable(PHASE, "harness.credentials", "`sasl` is declared without a user and a password")),
    }
}

/// Presents these credentials with this mechanism (`SaslHandshake` v1, `SaslAuthenticate` v2).
pub(super) async fn present(
    connection: &mut Connection,
    mechanism: &str,
    user: &str,
    password: &str,
) -> Result<Login, Trouble> {
    let scram = Hash::of_mechanism(mechanism);
    if scram.is_none() && mechanism != "PLAIN" {
        return Err(Trouble::unable(
            PHASE,
            "harness.sasl_mechanism",
            format!("`{mechanism}` is not spoken here; known are PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"),
        ));
    }
    if let Some(refusal) = handshake(connection, mechanism).await? {
        return Ok(Login::Refused(refusal));
    }
    if let Some(hash) = scram {
        return scram_login(connection, hash, user, password).await;
    }
    let answer = authenticate(connection, format!("\0{user}\0{password}")).await?;
    Ok(outcome(&answer).map_or(Login::Accepted, Login::Refused))
}

async fn scram_login(connection: &mut Connection, hash: Hash, user: &str, password: &str) -> Result<Login, Trouble> {
    let scram = Scram::new(hash, user, password, random_text()?);
    let first = authenticate(connection, scram.first()).await?;
    if let Some(refusal) = outcome(&first) {
        return Ok(Login::Refused(refusal));
    }
    let garbage = |what: String| Trouble::fault(PHASE, "proto.garbage", what);
    let first = String::from_utf8_lossy(&first.auth_bytes).into_owned();
    let last = scram.answer(&first).map_err(garbage)?;
    let answer = authenticate(connection, last.message.clone()).await?;
    if let Some(refusal) = outcome(&answer) {
        return Ok(Login::Refused(refusal));
    }
    if !last.is_proven_by(&String::from_utf8_lossy(&answer.auth_bytes)) {
        return Err(garbage("the broker let us in without proving that it knows the password".to_owned()));
    }
    Ok(Login::Accepted)
}

async fn handshake(connection: &mut Connection, mechanism: &str) -> Result<Option<Refusal>, Trouble> {
    let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_string(mechanism.to_owned()));
    let body = connection.call_raw(PHASE, &request, 1).await?;
    // Version 1 has an old list: four bytes of count behind the error code.
    if !old_list_fits(&body, 2) {
        return Err(Trouble::fault(PHASE, "proto.garbage", "the list of mechanisms is longer than the answer"));
    }
    let answer: SaslHandshakeResponse = decode(PHASE, body, 1)?;
    if answer.error_code == 0 {
        return Ok(None);
    }
    let mechanisms: Vec<String> = answer.mechanisms.iter().map(ToString::to_string).collect();
    let offered = if mechanisms.is_empty() { "none".to_owned() } else { mechanisms.join(", ") };
    let message = format!("the broker does not take {mechanism} on this listener; it offers {offered}");
    Ok(Some(Refusal { reason: code_name(answer.error_code), message, mechanisms }))
}

async fn authenticate(connection: &mut Connection, message: String) -> Result<SaslAuthenticateResponse, Trouble> {
    let request = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from(message));
    connection.call(PHASE, &request, 2..=2).await
}

fn outcome(answer: &SaslAuthenticateResponse) -> Option<Refusal> {
    (answer.error_code != 0).then(|| Refusal {
        reason: code_name(answer.error_code),
        message: clip(&printable(answer.error_message.as_deref().unwrap_or_default()), 300),
        mechanisms: Vec::new(),
    })
}

impl Refusal {
    /// The refusal in one sentence.
    pub(super) fn sentence(&self) -> String {
        if self.message.is_empty() { self.reason.clone() } else { format!("{}: {}", self.reason, self.message) }
    }
}
