use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::untrusted::{clip, printable};

/// Why a probe came back without the facts it was sent for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trouble {
    /// Whose trouble it is.
    pub kind: TroubleKind,
    /// The step during which it came: `dns`, `tcp`, `tls`, `auth`, `op` …
    pub phase: String,
    /// A stable class for machines: `tcp.refused`, `tls.unknown_ca`, `auth.denied`, `proto.timeout` …
    pub class: String,
    /// What happened, in the words of the step that failed; clipped and made printable.
    pub message: String,
}

/// Whose trouble it is that a probe has no facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// The server was asked and did not answer as a healthy one does: the check fails.
    Fault,
    /// We could not ask: missing right, exhausted descriptors, own defect: the check is an error.
    Unable,
}

impl Trouble {
    /// The server was asked and did not answer as a healthy one does.
    pub fn fault(phase: &str, class: &str, message: impl fmt::Display) -> Self {
        Self::new(TroubleKind::Fault, phase, class, &message.to_string())
    }

    /// We could not ask.
    pub fn unable(phase: &str, class: &str, message: impl fmt::Display) -> Self {
        Self::new(TroubleKind::Unable, phase, class, &message.to_string())
    }

    fn new(kind: TroubleKind, phase: &str, class: &str, message: &str) -> Self {
        let message = clip(&printable(message), 600);
        Self { kind, phase: phase.to_owned(), class: class.to_owned(), message }
    }

    /// Whether waiting may help: the class is one of a server that is still starting, electing or being replaced.
    ///
    /// A refusal of rights, a bad certificate or garbage is never transient.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind == TroubleKind::Fault
            && (matches!(
                self.class.as_str(),
                "tcp.refused" | "tcp.timeout" | "tcp.reset" | "proto.timeout" | "proto.closed" | "proto.not_ready"
            ) || matches!(self.class.as_str(), "dns.timeout" | "dns.servfail" | "dns.nxdomain"))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({} in phase {})", self.message, self.class, self.phase)
    }
}

impl std::error::Error for Trouble {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_may_still_come_is_waited_for() {
        for (class, expected) in [
            ("tcp.refused", true),
            ("tcp.timeout", true),
            ("tcp.reset", true),
            ("dns.timeout", true),
            ("dns.servfail", true),
            ("dns.nxdomain", true),
            ("proto.timeout", true),
            ("proto.closed", true),
            ("proto.not_ready", true),
            ("proto.garbage", false),
            ("tls.expired", false),
            ("auth.denied", false),
            ("dns.refused", false),
        ] {
            assert_eq!(Trouble::fault("tcp", class, "").is_transient(), expected, "{class}");
            assert!(
                !Trouble::unable("tcp", class, "").is_transient(),
                "{class}: our own trouble does not pass by itself"
            );
        }
    }

    #[test]
    fn a_trouble_tells_what_where_and_its_class() {
        let trouble = Trouble::fault("tcp", "tcp.refused", "connection \u{1b}[31mrefused");
        assert!(trouble.to_string().ends_with("(tcp.refused in phase tcp)"), "{trouble}");
        assert!(trouble.message.contains("refused") && !trouble.message.contains('\u{1b}'), "{trouble}");
        assert!(Trouble::fault("op", "x", "y".repeat(5_000)).message.chars().count() <= 601);
    }
}
