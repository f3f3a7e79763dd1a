use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{HeaderMap, Method, Request, StatusCode, client::conn::http1, header};
use hyper_util::rt::TokioIo;

use super::{Clock, Dialler};
use crate::model::{HostPort, TlsTarget, Trouble};

/// The most of a body that is ever read.
const BODY_CAP: usize = 1024 * 1024;

/// One request over a connection of its own: no redirect, no proxy, no cookie, no compression.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// Path and query, beginning with `/`.
    pub path: String,
    /// Headers besides `Host`.
    pub headers: HeaderMap,
    /// The body; may be empty.
    pub body: Bytes,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most 1 MiB.
    pub body: Bytes,
}

impl HttpRequest {
    /// A GET without headers.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self { method: Method::GET, path: path.to_owned(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Sends it to `address`. Phases: `dns`, `tcp`, `tls`, `request` (up to the headers of the answer), `body`.
    ///
    /// # Errors
    /// The trouble of the phase that failed; an answer of any status is no error.
    pub async fn send(
        &self,
        dialler: &Dialler,
        clock: &Clock,
        address: &HostPort,
        tls: Option<&TlsTarget>,
    ) -> Result<HttpAnswer, Trouble> {
        let stream = dialler.stream(clock, address, tls, &[b"http/1.1"]).await?;
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(header::HOST, host_header(address, tls))
            .header(header::USER_AGENT, concat!("soma-conformance/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close")
            .body(Full::new(self.body.clone()))
            .map_err(|error| Trouble::unable("request", "harness.request", error))?;
        request.headers_mut().extend(self.headers.clone());
        let response = clock
            .phase("request", async {
                let (mut sender, connection) =
                    http1::handshake(TokioIo::new(stream)).await.map_err(|error| http_trouble(&error))?;
                tokio::spawn(connection);
                sender.send_request(request).await.map_err(|error| http_trouble(&error))
            })
            .await?;
        let (head, body) = response.into_parts();
        let body = clock
            .phase("body", async {
                Limited::new(body, BODY_CAP).collect().await.map_err(|error| body_trouble(error.as_ref()))
            })
            .await?
            .to_bytes();
        Ok(HttpAnswer { status: head.status, headers: head.headers, body })
    }
}

fn host_header(address: &HostPort, tls: Option<&TlsTarget>) -> String {
    match tls.and_then(|tls| tls.server_name.as_ref()) {
        Some(name) => format!("{name}:{}", address.port),
        None => address.to_string(),
    }
}

fn http_trouble(error: &hyper::Error) -> Trouble {
    let class = if error.is_parse() {
        "proto.mismatch"
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        "proto.closed"
    } else {
        "proto.failed"
    };
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    let mut class = class;
    while let Some(inner) = source {
        message = format!("{message}: {inner}");
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            if let Some(tls) = io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                // With TLS 1.3 the server's word on our certificate comes only with the first read.
                return super::tls_trouble(&std::io::Error::other(tls.clone()));
            }
            if io.kind() == std::io::ErrorKind::ConnectionReset {
                class = "tcp.reset";
            }
        }
        source = inner.source();
    }
    Trouble::fault("request", class, message)
}

fn body_trouble(error: &(dyn std::error::Error + 'static)) -> Trouble {
    if error.downcast_ref::<http_body_util::LengthLimitError>().is_some() {
        return Trouble::fault("body", "proto.too_large", format!("the body is larger than {BODY_CAP} bytes"));
    }
    Trouble::fault("body", "proto.closed", format!("the body was cut off: {error}"))
}
