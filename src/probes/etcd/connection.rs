use std::{
    future::Future,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use etcd_client::{Channel, Client, ConnectOptions, Error};
use hyper_util::rt::TokioIo;
use tonic::transport::Endpoint;

use super::trouble::{transport_trouble, trouble};
use crate::{
    model::{HostPort, Secret, Target, TlsTarget, Trouble},
    probes::Scope,
};

/// Who to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// The declared user, or nobody when none is declared.
    Declared,
    /// The declared user with another password.
    WithPassword(String),
    /// Nobody; a client certificate may still stand for a user.
    Anonymous,
}

/// Whether a member without a leader refuses at once instead of waiting for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leader {
    /// It refuses: `etcdserver: no leader` within milliseconds.
    Required,
    /// It answers what it can.
    Ignored,
}

/// The members to ask: the declared ones, or else the service's address.
pub(super) fn members(target: &Target) -> Vec<HostPort> {
    if target.members.is_empty() { vec![target.address.clone()] } else { target.members.clone() }
}

/// A client of the service's own address, as declared, shared by the checks of a run: each login costs the server some 70 ms
/// of CPU and an agreement of its quorum. Where being reached or let in is the subject, a probe makes one of its own.
pub(super) async fn connect(scope: &Scope) -> Result<Client, Trouble> {
    let (own, target) = (scope.clone(), scope.target()?);
    let key = session_of(&target);
    // Boxed: it is handed on several times, and in an unoptimised build each time would take its own part of the stack.
    let making = Box::pin(async move { connect_to(&own, &target, &target.address, Leader::Required).await });
    scope.sessions.shared(&key, making).await.map(|client| Client::clone(&client))
}

fn session_of(target: &Target) -> String {
    format!("etcd {} {}", target.address, target.user.as_deref().unwrap_or_default())
}

/// A client of one member, as declared. A client of several would ask them in turn and say nothing of any.
pub(super) async fn connect_to(
    scope: &Scope,
    target: &Target,
    member: &HostPort,
    leader: Leader,
) -> Result<Client, Trouble> {
    connect_as(scope, target, member, target.tls.as_ref(), &Identity::Declared, leader).await
}

/// A client of one member over a connection of its own. Phases: `dns`, `tcp`, `tls`, `http2`, and `auth` with a user.
pub(super) async fn connect_as(
    scope: &Scope,
    target: &Target,
    member: &HostPort,
    tls: Option<&TlsTarget>,
    identity: &Identity,
    leader: Leader,
) -> Result<Client, Trouble> {
    let stream = scope.dialler.stream(&scope.clock, member, tls, &[b"h2"]).await?;
    let dialled = Arc::new(Mutex::new(Some(stream)));
    let connector = tower::service_fn(move |_| {
        // There is one stream: a transport that lost it must say so, not dial where no clock looks.
        let stream = dialled.lock().unwrap_or_else(PoisonError::into_inner).take();
        std::future::ready(
            stream
                .map(TokioIo::new)
                .ok_or_else(|| io::Error::new(io::ErrorKind::NotConnected, "the connection to the member was lost")),
        )
    });
    let channel = scope
        .clock
        .phase("http2", async {
            // The name only fills the `:authority` header, which etcd does not look at.
            let endpoint = Endpoint::from_static("http://etcd.local");
            endpoint.connect_with_connector(connector).await.map_err(|error| transport_trouble("http2", &error))
        })
        .await?;
    let options = ConnectOptions::new().with_require_leader(leader == Leader::Required);
    let options = match credentials(target, identity) {
        Some((user, password)) => options.with_user(user, password),
        None => options,
    };
    // Does nothing on the wire without a user; with one it authenticates, which takes the server some 70 ms.
    ask(scope, "auth", Client::from_channel(Channel::Tonic(channel), Some(options))).await
}

fn credentials<'a>(target: &'a Target, identity: &'a Identity) -> Option<(&'a str, &'a str)> {
    let user = target.user.as_deref()?;
    let password = target.password.as_ref().map(Secret::expose)?;
    match identity {
        Identity::Declared => Some((user, password)),
        Identity::WithPassword(other) => Some((user, other)),
        Identity::Anonymous => None,
    }
}

/// One call inside a phase of the clock.
pub(super) async fn ask<T>(
    scope: &Scope,
    phase: &str,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Trouble> {
    let answer = scope.clock.phase(phase, async { call.await.map_err(|error| trouble(phase, &error)) }).await;
    // A connection that was lost or went silent is nobody's any more; the next check makes another.
    if answer.as_ref().is_err_and(|trouble| !trouble.class.starts_with("auth")) {
        scope.sessions.forget(&session_of(&*scope.target()?));
    }
    answer
}
