use url::Url;
use vaultrs::{
    client::{VaultClient, VaultClientSettingsBuilder},
    error::ClientError,
};

use crate::{
    model::{Secret, Target, Trouble, clip},
    probes::{
        Scope,
        http::{base_url, pooled_client},
    },
};

/// A client of the Vault API over an HTTP client of our own: the declared CA alone, no proxy, no redirect, names resolved
/// by our resolver.
///
/// Every default of the library's settings would be read from `VAULT_*` of the environment; here all of them are given.
/// The library reads answers without a limit of size, so only the check's clock bounds them.
pub(super) async fn client(scope: &Scope, token: &str) -> Result<VaultClient, Trouble> {
    let target = scope.target()?;
    // The dial that names its phases; the library's own connection comes after it and cannot tell them apart.
    drop(scope.dialler.stream(&scope.clock, &target.address, target.tls.as_ref(), &[b"http/1.1"]).await?);
    // The library panics on an address that is no URL, so it is parsed here first.
    let address = Url::parse(&base_url(&target)).map_err(|error| unable(&error))?;
    let http = pooled_client(scope, &target).await?;
    // The library builds a client of its own first, for `https` with all certificates of the system, which takes a
    // quarter of a second; it is replaced below in any case.
    let settings = VaultClientSettingsBuilder::default()
        .address("http://localhost")
        .token(token)
        .ca_certs(Vec::new())
        .identity(None)
        .verify(true)
        .timeout(None)
        .namespace(None)
        .build()
        .map_err(|error| unable(&error))?;
    let mut client = VaultClient::new(settings).map_err(|error| unable(&error))?;
    client.http.http = http;
    client.http.base = address.to_string();
    client.settings.address = address;
    Ok(client)
}

/// The token of the configuration.
pub(super) fn own_token(target: &Target) -> Result<&Secret, Trouble> {
    let missing = || Trouble::unable("plan", "harness.credentials", "no token is declared for this service");
    target.token.as_ref().ok_or_else(missing)
}

fn unable(error: &dyn std::fmt::Display) -> Trouble {
    Trouble::unable("plan", "harness.client", error)
}

/// A refusal: what the server answered instead of doing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) errors: Vec<String>,
}

/// The server's refusal in an error of the library, if it is one with Vault's own body.
pub(super) fn refusal(error: &ClientError) -> Option<Refusal> {
    match error {
        ClientError::APIError { code, errors } => {
            let errors = errors.iter().map(|error| clip(error.trim(), 200)).collect();
            Some(Refusal { status: *code, errors })
        }
        _ => None,
    }
}

/// The trouble of a step. Never the library's `Debug`: it prints stack traces and the whole request.
pub(super) fn trouble(step: &str, error: &ClientError) -> Trouble {
    if let Some(Refusal { status, errors }) = refusal(error) {
        let class = match status {
            401 | 403 => "authz.denied",
            // Sealed, or a standby without an active node.
            503 => "proto.not_ready",
            _ => "proto.status",
        };
        return Trouble::fault(step, class, format!("{step}: status {status}: {}", errors.join("; ")));
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    // An answer without Vault's body, a connection cut in the middle: the text tells them apart, the type does not.
    Trouble::fault(step, "proto.failed", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_the_servers_word_and_its_class() {
        let denied = ClientError::APIError { code: 403, errors: vec!["permission denied\n".to_owned()] };
        assert_eq!(refusal(&denied), Some(Refusal { status: 403, errors: vec!["permission denied".to_owned()] }));
        assert_eq!(trouble("read", &denied).class, "authz.denied");
        let sealed = ClientError::APIError { code: 503, errors: vec!["Vault is sealed".to_owned()] };
        assert_eq!(trouble("read", &sealed).class, "proto.not_ready");
        assert_eq!(refusal(&ClientError::ResponseEmptyError), None);
    }
}
