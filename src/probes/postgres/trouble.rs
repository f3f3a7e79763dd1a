use std::{error::Error as _, io};

use tokio_postgres::Error;

use super::frames::FrameFault;
use crate::{model::Trouble, net::tls_trouble};

/// What a refused statement or login means, by its SQLSTATE (PostgreSQL manual, appendix A).
///
/// `None` for refusals that a check may ask for; they are facts.
pub(super) fn of_state(phase: &str, sqlstate: &str, message: &str) -> Option<Trouble> {
    let class = match sqlstate {
        // cannot_connect_now, admin_shutdown, crash_shutdown
        "57P03" | "57P01" | "57P02" => "proto.not_ready",
        // query_canceled: by the statement_timeout we set
        "57014" => "proto.timeout",
        // too_many_connections
        "53300" => "limit.connections",
        "53100" => "limit.disk",
        _ if sqlstate.starts_with("53") => "limit.resources",
        _ if sqlstate.starts_with("58") || sqlstate.starts_with("XX") => "server.internal",
        _ => return None,
    };
    Some(Trouble::fault(phase, class, format!("{message} (SQLSTATE {sqlstate})")))
}

/// A statement that was refused. What the role may not do is `authz.denied`.
pub(super) fn of_statement(phase: &str, error: &Error) -> Trouble {
    let Some(refusal) = error.as_db_error() else { return of_driver(phase, error) };
    let (state, message) = (refusal.code().code(), refusal.message());
    if let Some(trouble) = of_state(phase, state, message) {
        return trouble;
    }
    let class = match state {
        "42501" => "authz.denied",
        "25006" => "server.read_only",
        _ => "sql.refused",
    };
    Trouble::fault(phase, class, format!("{message} (SQLSTATE {state})"))
}

/// A question of ours that the server refused: a missing right, or words this version does not know. It says nothing
/// of what was asked for, so the check is an error and not a failure.
pub(super) fn of_question(phase: &str, error: &Error) -> Trouble {
    let trouble = of_statement(phase, error);
    match trouble.class.as_str() {
        "authz.denied" | "sql.refused" => Trouble::unable(phase, &trouble.class, trouble.message),
        _ => trouble,
    }
}

/// An error of the driver that is not the server's word.
pub(super) fn of_driver(phase: &str, error: &Error) -> Trouble {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return of_io(phase, io);
        }
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    let class = if error.is_closed() { "proto.closed" } else { "proto.failed" };
    Trouble::fault(phase, class, text)
}

/// A read or write that failed.
pub(super) fn of_io(phase: &str, error: &io::Error) -> Trouble {
    if let Some(inner) = error.get_ref() {
        if let Some(fault) = inner.downcast_ref::<FrameFault>() {
            let class = match fault {
                FrameFault::Foreign(_) => "proto.mismatch",
                FrameFault::Flood => "proto.too_large",
            };
            return Trouble::fault(phase, class, fault);
        }
        // With TLS 1.3 the server's word on our certificate comes only with the first read.
        if inner.is::<rustls::Error>() {
            return tls_trouble(error);
        }
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
            Trouble::fault(phase, "proto.closed", "the server closed the connection")
        }
        io::ErrorKind::ConnectionReset => Trouble::fault(phase, "tcp.reset", error),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Trouble::fault(phase, "proto.garbage", error),
        _ => Trouble::fault(phase, "proto.failed", error),
    }
}
