use std::net::SocketAddr;

use crate::{
    model::{Target, Trouble},
    net::client_config,
    probes::Scope,
};

/// An HTTP client that keeps its connections, over our own rules: names resolved by our resolver, the declared CA alone,
/// no proxy, no redirect. Its time-outs are the phases it is used in.
///
/// # Errors
/// The trouble of resolving the name; unable, when the declared TLS material is not usable.
pub(in crate::probes) async fn pooled_client(scope: &Scope, target: &Target) -> Result<reqwest::Client, Trouble> {
    let address = &target.address;
    // Its own connections know no tunnel.
    scope.dialler.as_an_application(address)?;
    let ips = scope.dialler.resolver().resolve(&scope.clock, &address.host).await?;
    let peers: Vec<_> = ips.into_iter().map(|ip| SocketAddr::new(ip, address.port)).collect();
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let builder = match &target.tls {
        // An empty list keeps the library from loading the system's certificates for plain text.
        None => builder.tls_certs_only(Vec::new()).resolve_to_addrs(&address.host, &peers),
        Some(tls) => builder
            .tls_backend_preconfigured((*client_config(tls, &[b"http/1.1"])?).clone())
            .resolve_to_addrs(tls.server_name.as_deref().unwrap_or(&address.host), &peers),
    };
    builder.build().map_err(|error| Trouble::unable("plan", "harness.client", error))
}

/// The URL such a client must be given: the name is the one the certificate must carry.
#[must_use]
pub(in crate::probes) fn base_url(target: &Target) -> String {
    match target.tls.as_ref().and_then(|tls| tls.server_name.as_ref()) {
        Some(name) => format!("https://{name}:{}", target.address.port),
        None => format!("{}://{}", target.http_scheme(), target.address),
    }
}
