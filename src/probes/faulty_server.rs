//! A server that does what no real one can be brought to, for tests of what a probe makes of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{FinishedCheck, RunView, Scope, Sessions};
use crate::{
    model::{HostPort, RunId, Secret, Target},
    net::{Clock, Dialler},
};

/// What it does with a connection after the first bytes of the client.
#[derive(Debug, Clone, Copy)]
pub(in crate::probes) enum Behaviour {
    /// Nothing, for ever.
    Silence,
    /// It hangs up.
    Close,
    /// It cuts the connection.
    Reset,
    /// It sends these bytes and then nothing.
    Say(&'static [u8]),
    /// It sends these bytes one by one, with a pause after each that would keep any read time-out quiet.
    Drip(&'static [u8]),
    /// It sends the first bytes, then the second ones without end.
    Flood(&'static [u8], &'static [u8]),
}

struct NoView;

impl RunView for NoView {
    fn finished(&self) -> Vec<FinishedCheck> {
        Vec::new()
    }
}

/// A scope for `service` at a server of that behaviour, with half a second to look.
pub(in crate::probes) async fn scope_at(service: &str, behaviour: Behaviour) -> Scope {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(behave(stream, behaviour));
        }
    });
    let target = Target {
        service: service.to_owned(),
        address: HostPort { host: "127.0.0.1".to_owned(), port },
        members: Vec::new(),
        replicas: Vec::new(),
        tls: None,
        user: Some("app".to_owned()),
        password: Some(Secret::new("not the password".to_owned())),
        token: None,
        database: None,
        sasl: None,
        issuer: None,
        cluster: None,
    };
    Scope::new(
        RunId::new(),
        format!("{service}/faulty").parse().expect("an id"),
        None,
        Arc::new(Clock::new(Duration::from_millis(500))),
        Arc::new(Dialler::from_system()),
        Arc::new(Sessions::default()),
        Arc::new(BTreeMap::from([(service.to_owned(), Arc::new(target))])),
        Arc::new(NoView),
    )
}

async fn behave(mut stream: TcpStream, behaviour: Behaviour) {
    let mut first = [0; 1024];
    if stream.read(&mut first).await.is_err() {
        return;
    }
    match behaviour {
        Behaviour::Silence => std::future::pending::<()>().await,
        Behaviour::Close => {}
        Behaviour::Reset => drop(stream.set_zero_linger()),
        Behaviour::Say(bytes) => {
            let _ = stream.write_all(bytes).await;
            std::future::pending::<()>().await;
        }
        Behaviour::Drip(bytes) => {
            let mut pause = tokio::time::interval(Duration::from_millis(100));
            for byte in bytes.iter().cycle() {
                pause.tick().await;
                if stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
            }
        }
        Behaviour::Flood(first, then) => {
            let _ = stream.write_all(first).await;
            let then = then.repeat(4096);
            while stream.write_all(&then).await.is_ok() {}
        }
    }
}
