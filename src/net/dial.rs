use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Clock, Resolver, Stream, Tunnel, client_config, server_name, tls_trouble};
use crate::model::{HostPort, TlsTarget, Trouble};

/// How long one address may take to accept. The kernel itself would try for more than two minutes.
const CONNECT_BOUND: Duration = Duration::from_secs(3);

/// Resolve, connect, TLS: the way of every byte that leaves for a server.
#[derive(Debug)]
pub struct Dialler {
    resolver: Resolver,
    tunnel: Option<Arc<dyn Tunnel>>,
}

impl Dialler {
    /// A dialler with the system's resolver.
    #[must_use]
    pub fn from_system() -> Self {
        Self { resolver: Resolver::from_system(), tunnel: None }
    }

    /// The same dialler, going through a tunnel wherever that leads.
    #[must_use]
    pub fn through(self, tunnel: Option<Arc<dyn Tunnel>>) -> Self {
        Self { tunnel, ..self }
    }

    /// What is not shown by a connection from here: nothing for the way an application takes, else unable.
    ///
    /// # Errors
    /// Unable, of the class `vantage.port_forward`, when the address is reached through a tunnel.
    pub fn as_an_application(&self, address: &HostPort) -> Result<(), Trouble> {
        if self.tunnel.as_ref().is_some_and(|tunnel| tunnel.leads_to(address)) {
            let what = format!(
                "a port-forward enters through the pod's own loopback: whether an application reaches {address} is not shown"
            );
            return Err(Trouble::unable("tcp", "vantage.port_forward", what));
        }
        Ok(())
    }

    /// Whether names and addresses of the cluster mean the same here as to an application.
    ///
    /// # Errors
    /// Unable, of the class `vantage.port_forward`, when we stand outside and reach in through a tunnel.
    pub fn as_a_pod(&self) -> Result<(), Trouble> {
        match &self.tunnel {
            None => Ok(()),
            Some(_) => Err(Trouble::unable(
                "dns",
                "vantage.port_forward",
                "names are not asked from a pod but from outside of the cluster: what an application is answered is not shown",
            )),
        }
    }

    /// The dialler's resolver.
    #[must_use]
    pub fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// Connects, trying each address of the name in turn. Phases: `dns` (for a name) and `tcp`, or those of the tunnel.
    ///
    /// # Errors
    /// The trouble of the last address tried.
    pub async fn tcp(&self, clock: &Clock, address: &HostPort) -> Result<TcpStream, Trouble> {
        if let Some(tunnel) = self.tunnel.as_ref().filter(|tunnel| tunnel.leads_to(address)) {
            return tunnel.open(clock, address).await;
        }
        let addresses = self.resolver.resolve(clock, &address.host).await?;
        let mut last = None;
        for ip in addresses {
            let peer = SocketAddr::new(ip, address.port);
            match clock.phase_within("tcp", CONNECT_BOUND, connect(peer)).await {
                Ok(stream) => {
                    clock.set_peer(peer.to_string());
                    return Ok(stream);
                }
                Err(trouble) => last = Some(about(trouble, peer)),
            }
        }
        Err(last.unwrap_or_else(|| Trouble::fault("dns", "dns.none", format!("`{}` has no address", address.host))))
    }

    /// Connects and, where `tls` is declared, shakes hands with verification on. Phases: `dns`, `tcp`, `tls`.
    ///
    /// # Errors
    /// The trouble of the phase that failed.
    pub async fn stream(
        &self,
        clock: &Clock,
        address: &HostPort,
        tls: Option<&TlsTarget>,
        alpn: &[&[u8]],
    ) -> Result<Stream, Trouble> {
        let tcp = self.tcp(clock, address).await?;
        match tls {
            None => Ok(Stream::Plain(tcp)),
            Some(tls) => self.handshake(clock, tcp, tls, &address.host, alpn).await,
        }
    }

    /// The TLS handshake over a connection that is ready for it. Phase: `tls`.
    ///
    /// # Errors
    /// The trouble of the handshake.
    pub async fn handshake(
        &self,
        clock: &Clock,
        tcp: TcpStream,
        tls: &TlsTarget,
        host: &str,
        alpn: &[&[u8]],
    ) -> Result<Stream, Trouble> {
        let config = client_config(tls, alpn)?;
        let name = server_name(tls, host)?;
        let stream = clock
            .phase("tls", async {
                TlsConnector::from(config).connect(name, tcp).await.map_err(|error| tls_trouble(&error))
            })
            .await?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

async fn connect(peer: SocketAddr) -> Result<TcpStream, Trouble> {
    let stream = TcpStream::connect(peer).await.map_err(|error| tcp_trouble(&error))?;
    // Small requests must not wait for each other's acknowledgements.
    stream.set_nodelay(true).map_err(|error| tcp_trouble(&error))?;
    Ok(stream)
}

fn about(trouble: Trouble, peer: SocketAddr) -> Trouble {
    Trouble { message: format!("{peer}: {}", trouble.message), ..trouble }
}

fn tcp_trouble(error: &io::Error) -> Trouble {
    // EMFILE and ENFILE: our own descriptors are exhausted, which says nothing of the server.
    if matches!(error.raw_os_error(), Some(23 | 24)) {
        return Trouble::unable("tcp", "harness.fd_limit", error);
    }
    let class = match error.kind() {
        io::ErrorKind::ConnectionRefused => "tcp.refused",
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => "tcp.reset",
        io::ErrorKind::TimedOut => "tcp.timeout",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "tcp.unreachable",
        _ => "tcp.failed",
    };
    let message = match class {
        "tcp.refused" => "connection refused".to_owned(),
        _ => error.to_string(),
    };
    Trouble::fault("tcp", class, message)
}
