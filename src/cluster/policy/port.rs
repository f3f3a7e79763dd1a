use serde_json::Value;

use super::peer::Place;

/// A port that a container declares by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPort {
    /// Its name; empty where it has none.
    pub name: String,
    /// Its number.
    pub number: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}

/// Which ports of a protocol a rule is about. Source: Kubernetes API, `NetworkPolicyPort`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRule {
    protocol: String,
    range: PortRange,
}

/// The ports of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortRange {
    /// All of the protocol.
    All,
    /// From the first to the last, both included.
    Numbers(u16, u16),
    /// What the pod at the other end calls so.
    Name(String),
    /// What cannot be read, which opens nothing.
    Unknown,
}

impl PortRule {
    /// Reads one. What is not said is TCP, and every port.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let number = |value: &Value| value.as_u64().and_then(|port| u16::try_from(port).ok());
        let range = match &value["port"] {
            Value::Null => PortRange::All,
            Value::String(name) => PortRange::Name(name.clone()),
            first => match (number(first), &value["endPort"]) {
                (Some(first), Value::Null) => PortRange::Numbers(first, first),
                (Some(first), last) => number(last).map_or(PortRange::Unknown, |last| PortRange::Numbers(first, last)),
                _ => PortRange::Unknown,
            },
        };
        Self { protocol: value["protocol"].as_str().unwrap_or("TCP").to_owned(), range }
    }

    /// Whether a connection to this port of that place is meant.
    #[must_use]
    pub fn takes(&self, to: &Place, port: u16, protocol: &str) -> bool {
        self.protocol == protocol
            && match &self.range {
                PortRange::All => true,
                PortRange::Numbers(first, last) => (*first..=*last).contains(&port),
                PortRange::Name(name) => {
                    to.ports.iter().any(|own| own.name == *name && own.protocol == protocol && own.number == port)
                }
                PortRange::Unknown => false,
            }
    }

    /// Which ports.
    #[must_use]
    pub fn range(&self) -> &PortRange {
        &self.range
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ports_are_meant_by_number_range_and_name() {
        let named = |name: &str, number, protocol: &str| NamedPort {
            name: name.to_owned(),
            number,
            protocol: protocol.to_owned(),
        };
        let to = Place { ports: vec![named("redis", 6379, "TCP"), named("dns", 53, "UDP")], ..Place::default() };
        for (rule, port, protocol, expected) in [
            (json!({}), 1, "TCP", true),
            (json!({}), 1, "UDP", false),
            (json!({"protocol": "UDP"}), 53, "UDP", true),
            (json!({"port": 6379}), 6379, "TCP", true),
            (json!({"port": 6379}), 6380, "TCP", false),
            (json!({"port": 6379, "protocol": "UDP"}), 6379, "TCP", false),
            (json!({"port": 30_000, "endPort": 32_000}), 32_000, "TCP", true),
            (json!({"port": 30_000, "endPort": 32_000}), 32_001, "TCP", false),
            (json!({"port": 30_000, "endPort": 29_000}), 30_000, "TCP", false),
            (json!({"port": "redis"}), 6379, "TCP", true),
            (json!({"port": "redis"}), 6380, "TCP", false),
            (json!({"port": "dns"}), 53, "TCP", false),
            (json!({"port": "nosuch"}), 6379, "TCP", false),
            (json!({"port": 70_000}), 4_464, "TCP", false),
        ] {
            assert_eq!(PortRule::of(&rule).takes(&to, port, protocol), expected, "{rule} {port} {protocol}");
        }
    }
}
