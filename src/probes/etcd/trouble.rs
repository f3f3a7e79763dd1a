use std::error::Error as StdError;

use etcd_client::Error;
use tonic::{Code, Status};

use crate::{model::Trouble, net::tls_trouble};

/// Names what an etcd call came back with.
///
/// A missing right is *unable*: the server is well, and we may not look.
pub(super) fn trouble(phase: &str, error: &Error) -> Trouble {
    match error {
        Error::GRpcStatus(status) => status_trouble(phase, status),
        Error::TransportError(error) => transport_trouble(phase, error),
        other => Trouble::fault(phase, "proto.failed", other),
    }
}

/// Names why no HTTP/2 connection came about.
pub(super) fn transport_trouble(phase: &str, error: &tonic::transport::Error) -> Trouble {
    if let Some(trouble) = tls_below(error) {
        return trouble;
    }
    let words = chain(error);
    Trouble::fault(phase, class_of_transport(&words), words)
}

fn status_trouble(phase: &str, status: &Status) -> Trouble {
    if let Some(trouble) = tls_below(status) {
        return trouble;
    }
    let words = match status.source() {
        Some(source) => format!("{}: {}", status.message(), chain(source)),
        None => status.message().to_owned(),
    };
    let class = class_of(status.code(), &words);
    if class == "authz.denied" {
        return Trouble::unable(phase, class, words);
    }
    Trouble::fault(phase, class, words)
}

/// The class of a refused call. Messages are those of etcd's `rpctypes`, which are part of its interface.
fn class_of(code: Code, message: &str) -> &'static str {
    let says = |words: &str| message.contains(words);
    match code {
        _ if says("etcdserver: no leader") || says("etcdserver: leader changed") => "proto.not_ready",
        _ if says("etcdserver: request timed out") || says("etcdserver: server stopped") => "proto.not_ready",
        _ if says("mvcc: database space exceeded") => "etcd.no_space",
        _ if says("authentication failed") || says("user name is empty") || says("invalid auth token") => "auth.denied",
        Code::Unauthenticated => "auth.denied",
        Code::PermissionDenied => "authz.denied",
        Code::DeadlineExceeded => "proto.timeout",
        Code::Unavailable | Code::Cancelled | Code::Internal | Code::Unknown => class_of_transport(message),
        _ => "etcd.refused",
    }
}

fn class_of_transport(words: &str) -> &'static str {
    if words.contains("frame with invalid size") || words.contains("http2 error") || words.contains("protocol error") {
        "proto.mismatch"
    } else if words.contains("onnection reset") {
        "tcp.reset"
    } else {
        "proto.closed"
    }
}

/// With TLS 1.3 the server's word on our certificate comes only with the first read, deep in the transport's error.
fn tls_below(error: &(dyn StdError + 'static)) -> Option<Trouble> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && let Some(tls) = io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            return Some(tls_trouble(&std::io::Error::other(tls.clone())));
        }
        current = error.source();
    }
    None
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut words = error.to_string();
    let mut current = error.source();
    while let Some(error) = current {
        let more = error.to_string();
        if !words.ends_with(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
        current = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TroubleKind;

    #[test]
    fn a_status_has_the_class_of_its_cause() {
        let cases = [
            (Status::unavailable("etcdserver: no leader"), "proto.not_ready"),
            (Status::unavailable("etcdserver: request timed out"), "proto.not_ready"),
            (Status::unavailable("tcp connect error"), "proto.closed"),
            (Status::resource_exhausted("etcdserver: mvcc: database space exceeded"), "etcd.no_space"),
            (Status::invalid_argument("etcdserver: authentication failed, invalid user ID or password"), "auth.denied"),
            (Status::invalid_argument("etcdserver: user name is empty"), "auth.denied"),
            (Status::unauthenticated("etcdserver: invalid auth token"), "auth.denied"),
            (Status::permission_denied("etcdserver: permission denied"), "authz.denied"),
            (Status::deadline_exceeded("context deadline exceeded"), "proto.timeout"),
            (Status::internal("h2 protocol error: http2 error"), "proto.mismatch"),
            (Status::failed_precondition("etcdserver: lease not found"), "etcd.refused"),
        ];
        for (status, class) in cases {
            let found = trouble("op", &Error::GRpcStatus(status.clone()));
            assert_eq!(found.class, class, "{status:?}");
            let kind = if class == "authz.denied" { TroubleKind::Unable } else { TroubleKind::Fault };
            assert_eq!(found.kind, kind, "{status:?}");
        }
    }
}
