use url::Url;

use super::Api;
use crate::{
    model::{HostPort, Target, TlsTarget, Trouble},
    probes::Scope,
};

/// Where a published URL leads: the address to dial, and how to trust it.
///
/// A URL that servers hand out (a JWKS, a token endpoint, a decision path) is dialled as it stands, as applications do.
#[derive(Debug, Clone)]
pub(in crate::probes) struct Place {
    /// The address.
    pub(in crate::probes) address: HostPort,
    /// Path and query.
    pub(in crate::probes) path: String,
    tls: Option<TlsTarget>,
}

impl Place {
    /// The place of a URL. TLS follows its scheme; the CA is the target's, and at the target's own address its
    /// certificate's name too.
    ///
    /// # Errors
    /// A fault, when it is no URL of HTTP: it came from a server.
    pub(in crate::probes) fn of(url: &str, target: &Target) -> Result<Self, Trouble> {
        let wrong = || Trouble::fault("request", "proto.bad_url", format!("`{url}` is not a URL that can be fetched"));
        let parsed = Url::parse(url).map_err(|_| wrong())?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(Trouble::fault("request", "proto.bad_url", "a published URL holds credentials"));
        }
        let host = parsed.host_str().ok_or_else(wrong)?;
        let port = parsed.port_or_known_default().ok_or_else(wrong)?;
        let address: HostPort = format!("{host}:{port}").parse().map_err(|_| wrong())?;
        let tls = match parsed.scheme() {
            "http" => None,
            "https" => Some(trust(target, &address)),
            _ => return Err(wrong()),
        };
        let query = parsed.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(Self { address, path: format!("{}{query}", parsed.path()), tls })
    }

    /// The API there, asked without credentials.
    pub(in crate::probes) fn api<'a>(&self, scope: &'a Scope) -> Api<'a> {
        Api::anonymous(scope, self.address.clone(), self.tls.clone())
    }
}

fn trust(target: &Target, address: &HostPort) -> TlsTarget {
    match &target.tls {
        Some(tls) if *address == target.address => tls.clone(),
        // Elsewhere the CA is the same, but the name is the URL's own and our certificate is not asked for.
        tls => TlsTarget {
            ca_pem: tls.as_ref().and_then(|tls| tls.ca_pem.clone()),
            server_name: None,
            client_certificate_pem: None,
            client_key_pem: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        let tls = TlsTarget {
            ca_pem: Some("PEM".to_owned()),
            server_name: Some("localhost".to_owned()),
            client_certificate_pem: None,
            client_key_pem: None,
        };
        Target {
            service: "jwt".to_owned(),
            address: "127.0.0.1:8085".parse().expect("an address"),
            members: Vec::new(),
            replicas: Vec::new(),
            tls: Some(tls),
            user: None,
            password: None,
            token: None,
            database: None,
            sasl: None,
            issuer: None,
            cluster: None,
        }
    }

    #[test]
    fn a_url_is_dialled_as_it_stands() {
        let place = Place::of("http://jwks.example.org/keys?x=1", &target()).expect("a place");
        assert_eq!((place.address.to_string().as_str(), place.path.as_str()), ("jwks.example.org:80", "/keys?x=1"));
        assert!(place.tls.is_none());
        let own = Place::of("https://127.0.0.1:8085/keys", &target()).expect("a place");
        assert_eq!(own.tls.and_then(|tls| tls.server_name).as_deref(), Some("localhost"));
        let other = Place::of("https://[::1]:8086/keys", &target()).expect("a place");
        assert_eq!(other.address.to_string(), "[::1]:8086");
        assert!(other.tls.is_some_and(|tls| tls.server_name.is_none() && tls.ca_pem.is_some()));
    }

    #[test]
    fn what_cannot_be_fetched_is_no_place() {
        for bad in
            ["", "jwks", "/v1/data", "ftp://host/x", "file:///etc/passwd", "http://user:secret@host/", "http://:80/"]
        {
            assert!(Place::of(bad, &target()).is_err(), "{bad}");
        }
    }
}
