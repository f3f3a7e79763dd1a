use std::{error::Error as _, io};

use rustls::{AlertDescription, CertificateError, Error};

use crate::model::Trouble;

/// Names a failed handshake, with the certificate's own facts where rustls tells them.
#[must_use]
pub fn tls_trouble(error: &io::Error) -> Trouble {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let Some(inner) = inner else {
        let (class, what) = match error.kind() {
            io::ErrorKind::UnexpectedEof => ("tls.not_offered", "the connection was closed during the handshake"),
            io::ErrorKind::ConnectionReset => ("tcp.reset", "the connection was reset during the handshake"),
            _ => ("tls.failed", "the handshake failed"),
        };
        return Trouble::fault("tls", class, format!("{what}: {error}"));
    };
    Trouble::fault("tls", class_of(inner), chain(inner))
}

fn class_of(error: &Error) -> &'static str {
    match error {
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => "tls.expired",
        Error::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            "tls.not_yet_valid"
        }
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "tls.name",
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => "tls.unknown_ca",
        Error::InvalidCertificate(_) => "tls.certificate",
        Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA,
        ) => "tls.client_certificate",
        Error::InvalidMessage(_) => "tls.not_offered",
        _ => "tls.failed",
    }
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
