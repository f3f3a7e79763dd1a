use std::{
    future::{Ready, ready},
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use x509_parser::oid_registry::{
    OID_PKCS1_MD5WITHRSAENC, OID_PKCS1_SHA1WITHRSA, OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA,
    OID_PKCS1_SHA512WITHRSA, OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ECDSA_WITH_SHA512,
};

use super::frames::{Authentication, Frames};
use crate::net::Stream;

/// A dialled connection as the driver gets it: watched for foreign bytes, with the TLS handshake behind it.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    frames: Arc<Mutex<Frames>>,
}

/// What the wire has seen, readable while the driver owns the wire.
#[derive(Debug, Clone)]
pub(super) struct Witness(Arc<Mutex<Frames>>);

impl Witness {
    /// What the server said about authentication so far.
    pub(super) fn authentication(&self) -> Authentication {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).authentication()
    }
}

impl Wire {
    /// Watches `stream`.
    pub(super) fn new(stream: Stream) -> (Self, Witness) {
        let frames = Arc::new(Mutex::new(Frames::default()));
        let witness = Witness(Arc::clone(&frames));
        (Self { stream, frames }, witness)
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut wire.stream).poll_read(context, buffer);
        if matches!(read, Poll::Ready(Ok(()))) {
            let mut frames = wire.frames.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(fault) = frames.feed(&buffer.filled()[before..]) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
            }
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl TlsStream for Wire {
    /// RFC 5929, section 4.1: the digest of the certificate, by the hash of its own signature.
    fn channel_binding(&self) -> ChannelBinding {
        self.stream
            .peer_certificates()
            .first()
            .and_then(|leaf| end_point_digest(leaf))
            .map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

/// `None` for signatures the RFC gives no hash for (Ed25519, PSS): the server cannot bind to those either.
fn end_point_digest(leaf: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = x509_parser::parse_x509_certificate(leaf).ok()?;
    let signature = &certificate.signature_algorithm.algorithm;
    let is = |known: &[x509_parser::der_parser::Oid<'_>]| known.contains(signature);
    let hash = if is(&[OID_PKCS1_SHA384WITHRSA, OID_SIG_ECDSA_WITH_SHA384]) {
        &SHA384
    } else if is(&[OID_PKCS1_SHA512WITHRSA, OID_SIG_ECDSA_WITH_SHA512]) {
        &SHA512
    } else if is(&[OID_PKCS1_SHA256WITHRSA, OID_SIG_ECDSA_WITH_SHA256, OID_PKCS1_SHA1WITHRSA, OID_PKCS1_MD5WITHRSAENC])
    {
        &SHA256
    } else {
        return None;
    };
    Some(digest(hash, leaf).as_ref().to_vec())
}

/// Tells the driver that the TLS handshake is behind us, so that its errors and its time are the dialler's.
#[derive(Debug)]
pub(super) struct HandshakeDone;

impl TlsConnect<Wire> for HandshakeDone {
    type Stream = Wire;
    type Error = io::Error;
    type Future = Ready<io::Result<Wire>>;

    fn connect(self, wire: Wire) -> Self::Future {
        ready(Ok(wire))
    }
}
