use serde::{Deserialize, Serialize};

/// How an attempt to connect ended. The classes are never merged: which of them is a denial is decided by whoever knows
/// what a permitted source saw at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The other side accepted.
    Connected,
    /// The other side, or something in between, refused at once (RST).
    Refused,
    /// No answer in time.
    TimedOut,
    /// There is no route, or an ICMP message says so.
    Unreachable,
    /// We could not try: no socket, no descriptor.
    NotRun,
}

impl Outcome {
    /// The word in facts and reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::NotRun => "not_run",
        }
    }

    /// The class of an error of `connect`.
    pub(super) fn of(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Self::Refused,
            ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::PermissionDenied => {
                Self::Unreachable
            }
            _ => Self::NotRun,
        }
    }
}

/// One attempt, as a probe pod tells it: one line of its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Consecutive from 0; what was read already is known by it when a log is read again.
    pub seq: u64,
    /// The address, `ip:port`.
    pub to: String,
    /// When the attempt began, in milliseconds since 1970 by the node's clock.
    pub at_ms: i64,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, in microseconds.
    pub took_us: u64,
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn every_end_of_an_attempt_keeps_its_class() {
        for (kind, outcome) in [
            (ErrorKind::ConnectionRefused, Outcome::Refused),
            (ErrorKind::TimedOut, Outcome::TimedOut),
            (ErrorKind::HostUnreachable, Outcome::Unreachable),
            (ErrorKind::NetworkUnreachable, Outcome::Unreachable),
            (ErrorKind::AddrNotAvailable, Outcome::NotRun),
            (ErrorKind::Other, Outcome::NotRun),
        ] {
            assert_eq!(Outcome::of(&Error::from(kind)), outcome);
        }
    }
}
