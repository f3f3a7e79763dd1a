use std::{error::Error as _, io, sync::Arc};

use redis::{ErrorKind, RedisError};

use crate::{
    model::{Trouble, printable},
    net::{TooMuch, tls_trouble},
};

/// An error reply of the server: its code (`NOAUTH`, `READONLY`, `ERR` …) and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The first word of the reply.
    pub(super) code: String,
    /// The rest of it.
    pub(super) message: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.code, self.message)
    }
}

/// Parts the server's own refusals from everything that is not its word.
///
/// # Errors
/// Cut connections, foreign bytes, and the replies of a server that is not ready for anybody.
pub(super) fn refusal_or_trouble(phase: &str, error: &RedisError) -> Result<Refusal, Trouble> {
    let Some(code) = error.code() else { return Err(of_driver(phase, error)) };
    let refusal = Refusal { code: printable(code), message: printable(error.detail().unwrap_or_default()) };
    match class_of(&refusal.code) {
        Some(class) => Err(Trouble::fault(phase, class, &refusal)),
        None => Ok(refusal),
    }
}

/// What every client is answered while the server is not ready for any.
fn class_of(code: &str) -> Option<&'static str> {
    match code {
        "LOADING" | "MASTERDOWN" | "BUSY" | "TRYAGAIN" => Some("proto.not_ready"),
        "CLUSTERDOWN" => Some("server.cluster_down"),
        // Even PING is refused while the last write to the disk failed and writes are to be stopped then.
        "MISCONF" => Some("server.persistence"),
        _ => None,
    }
}

/// A refusal that makes the rest of a probe pointless.
pub(super) fn of_refusal(phase: &str, refusal: &Refusal) -> Trouble {
    let class = match refusal.code.as_str() {
        "NOAUTH" | "WRONGPASS" | "DENIED" => "auth.denied",
        "NOPERM" => "authz.denied",
        "READONLY" => "server.read_only",
        "OOM" => "limit.memory",
        _ => "op.refused",
    };
    Trouble::fault(phase, class, refusal)
}

/// What a server said before it hung up on a client it had not heard yet: no free slot, or protected mode.
pub(super) fn of_last_words(phase: &str, words: &[u8]) -> Option<Trouble> {
    let said = String::from_utf8_lossy(words.strip_prefix(b"-")?);
    let said = printable(said.lines().next()?);
    let class = match said.split(' ').next()? {
        "DENIED" => "auth.denied",
        _ if said.contains("max number of clients") => "limit.connections",
        _ => "proto.closed",
    };
    Some(Trouble::fault(phase, class, said))
}

/// An error of the driver that is not the server's word.
fn of_driver(phase: &str, error: &RedisError) -> Trouble {
    if let Some(io) = io_error(error) {
        if io.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<TooMuch>) {
            return Trouble::fault(phase, "proto.too_large", io);
        }
        // With TLS 1.3 the server's word on our certificate comes only with the first read.
        if io.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>) {
            return tls_trouble(io);
        }
        return match io.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
                Trouble::fault(phase, "proto.closed", "the server closed the connection")
            }
            io::ErrorKind::ConnectionReset => Trouble::fault(phase, "tcp.reset", io),
            _ => Trouble::fault(phase, "proto.failed", io),
        };
    }
    let class = match error.kind() {
        ErrorKind::Parse => "proto.mismatch",
        ErrorKind::Io => "proto.closed",
        _ => "proto.failed",
    };
    Trouble::fault(phase, class, error)
}

fn io_error(error: &RedisError) -> Option<&io::Error> {
    let source = error.source()?;
    // The driver shares its causes, so what `source` shows is the `Arc` around the error.
    let shared = source.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>().map(|shared| &**shared);
    match shared {
        Some(inner) => inner.downcast_ref::<io::Error>(),
        None => source.downcast_ref::<io::Error>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_connection_is_told_from_a_foreign_protocol() {
        let io = |kind: io::ErrorKind| RedisError::from(io::Error::from(kind));
        let cases = [
            (io(io::ErrorKind::ConnectionReset), "tcp.reset"),
            (io(io::ErrorKind::UnexpectedEof), "proto.closed"),
            (RedisError::from(io::Error::new(io::ErrorKind::InvalidData, TooMuch)), "proto.too_large"),
            (RedisError::from((ErrorKind::Parse, "x")), "proto.mismatch"),
        ];
        for (error, class) in cases {
            let trouble = refusal_or_trouble("op", &error).expect_err("no word of the server");
            assert_eq!(trouble.class, class, "{error}");
        }
    }

    #[test]
    fn the_last_words_of_a_server_are_its_reason() {
        let class = |words: &[u8]| of_last_words("op", words).map(|trouble| trouble.class);
        assert_eq!(class(b"-ERR max number of clients reached\r\n").as_deref(), Some("limit.connections"));
        assert_eq!(class(b"-DENIED Redis is running in protected mode\r\n").as_deref(), Some("auth.denied"));
        assert_eq!(class(b"\x15\x03\x01"), None);
        assert_eq!(class(b""), None);
    }

    #[test]
    fn a_server_that_is_not_ready_is_no_refusal() {
        for (code, class) in
            [("LOADING", Some("proto.not_ready")), ("MISCONF", Some("server.persistence")), ("NOAUTH", None)]
        {
            assert_eq!(class_of(code), class);
        }
    }
}
