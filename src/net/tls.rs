use std::sync::{Arc, OnceLock};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};

use crate::model::{TlsTarget, Trouble};

/// Makes aws-lc-rs the process' one provider and seeds its random generator.
///
/// Seeding takes some 30 ms at the first use; done here it does not land in the first check's TLS phase.
pub fn install_provider() {
    // A second call finds it installed already; that is no error.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut seed = [0_u8; 8];
    // A generator that cannot be seeded shows at the first handshake, where it has a check to belong to.
    let _ = aws_lc_rs::rand::fill(&mut seed);
}

/// The certificates to trust: the declared ones alone, or else the system's.
///
/// # Errors
/// [`Trouble`] of kind unable, when the declared PEM holds no certificate or the system has none.
pub fn trust_store(declared_pem: Option<&str>) -> Result<Arc<RootCertStore>, Trouble> {
    let unable = |message: String| Trouble::unable("tls", "harness.trust_store", message);
    let Some(pem) = declared_pem else {
        return system_store().clone().map_err(unable);
    };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| unable(format!("the declared CA is not PEM: {error}")))?;
        store.add(certificate).map_err(|error| unable(format!("the declared CA is not usable: {error}")))?;
    }
    if store.is_empty() {
        return Err(unable("the declared CA holds no certificate".to_owned()));
    }
    Ok(Arc::new(store))
}

/// Loaded once per process: reading the system's roots takes some 20 ms from a cold disk.
fn system_store() -> &'static Result<Arc<RootCertStore>, String> {
    static STORE: OnceLock<Result<Arc<RootCertStore>, String>> = OnceLock::new();
    STORE.get_or_init(|| {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if store.is_empty() {
            Err("the system has no trusted certificates: declare `tls.ca`".to_owned())
        } else {
            Ok(Arc::new(store))
        }
    })
}

/// A client configuration for this target: its CA, our certificate if one is declared, and these protocols.
///
/// # Errors
/// [`Trouble`] of kind unable, when the declared material is not usable.
pub fn client_config(tls: &TlsTarget, alpn: &[&[u8]]) -> Result<Arc<ClientConfig>, Trouble> {
    let unable = |message: String| Trouble::unable("tls", "harness.client_certificate", message);
    let builder = ClientConfig::builder().with_root_certificates(trust_store(tls.ca_pem.as_deref())?);
    let mut config = match (&tls.client_certificate_pem, &tls.client_key_pem) {
        (Some(chain), Some(key)) => {
            let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| unable(format!("the client certificate is not PEM: {error}")))?;
            let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
                .map_err(|error| unable(format!("the client key is not PEM: {error}")))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| unable(format!("the client certificate and key do not fit: {error}")))?
        }
        (None, None) => builder.with_no_client_auth(),
        _ => return Err(unable("a client certificate needs its key, and a key its certificate".to_owned())),
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(config))
}

/// The name the server's certificate must carry.
///
/// # Errors
/// [`Trouble`] of kind unable, when it is neither a DNS name nor an address.
pub fn server_name(tls: &TlsTarget, host: &str) -> Result<ServerName<'static>, Trouble> {
    let name = tls.server_name.as_deref().unwrap_or(host);
    ServerName::try_from(name.to_owned()).map_err(|_| {
        Trouble::unable("tls", "harness.server_name", format!("`{name}` is not a name a certificate can carry"))
    })
}
