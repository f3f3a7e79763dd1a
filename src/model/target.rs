use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Cluster, Secret};

/// A host name or address with a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPort {
    /// A DNS name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// The port, never 0.
    pub port: u16,
}

/// A text that is not `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address: expected `host:port`, such as `127.0.0.1:5432` or `[::1]:5432`{hint}", hint = of_url(.0))]
pub struct InvalidHostPort(String);

fn of_url(text: &str) -> &'static str {
    if text.contains("://") { "; an address has no scheme, and `tls` says whether TLS is spoken" } else { "" }
}

impl FromStr for HostPort {
    type Err = InvalidHostPort;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidHostPort(super::clip(text, 200));
        let (host, port) = text.rsplit_once(':').ok_or_else(invalid)?;
        let port = port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(invalid)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let good = match bracketed {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.len() <= 253 && host.bytes().all(plain),
        };
        good.then(|| Self { host: bracketed.unwrap_or(host).to_owned(), port }).ok_or_else(invalid)
    }
}

impl TryFrom<String> for HostPort {
    type Error = InvalidHostPort;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HostPort> for String {
    fn from(address: HostPort) -> Self {
        address.to_string()
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6()) {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

/// Where a service is and how to be let in: one entry of the configuration, with its credentials resolved.
///
/// Serialised only on the pipe from the supervisor to the worker; it never enters the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    /// The service.
    pub service: String,
    /// The contract's address.
    pub address: HostPort,
    /// Addresses of the single members (etcd, Kafka), where they are declared.
    pub members: Vec<HostPort>,
    /// Addresses of read-only replicas, where they are declared.
    pub replicas: Vec<HostPort>,
    /// TLS, or `None` for plain text.
    pub tls: Option<TlsTarget>,
    /// The user to log in as.
    pub user: Option<String>,
    /// That user's password.
    pub password: Option<Secret>,
    /// A bearer token.
    pub token: Option<Secret>,
    /// The database to open.
    pub database: Option<String>,
    /// The SASL mechanism, where there is one.
    pub sasl: Option<String>,
    /// The exact issuer of tokens.
    pub issuer: Option<String>,
    /// The cluster behind the address, for the Kubernetes API itself.
    #[serde(default)]
    pub cluster: Option<Box<Cluster>>,
}

/// How to trust a server and be trusted by it. Verification is always on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TlsTarget {
    /// PEM certificates to trust instead of the system's.
    pub ca_pem: Option<String>,
    /// The name the certificate must carry, when it is not the host of the address.
    pub server_name: Option<String>,
    /// PEM certificate chain of ours.
    pub client_certificate_pem: Option<String>,
    /// PEM private key of ours.
    pub client_key_pem: Option<Secret>,
}

impl Target {
    /// `http` or `https`, as declared.
    #[must_use]
    pub fn http_scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Every secret of this target.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let key = self.tls.as_ref().and_then(|tls| tls.client_key_pem.as_ref());
        let of_cluster = self.cluster.iter().flat_map(|cluster| cluster.access.secrets());
        [self.password.as_ref(), self.token.as_ref(), key].into_iter().flatten().chain(of_cluster)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for good in ["127.0.0.1:1", "[::1]:5432", "postgres.soma-infra.svc.cluster.local:5432"] {
            assert_eq!(good.parse::<HostPort>().map(|address| address.to_string()).as_deref(), Ok(good));
        }
        for bad in
            ["", ":1", "host", "host:0", "host:70000", "::1:5432", "a b:1", "user@host:1", "http://host:1", "[host]:1"]
        {
            assert!(bad.parse::<HostPort>().is_err(), "{bad}");
        }
    }
}
