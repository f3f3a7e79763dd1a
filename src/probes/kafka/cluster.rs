use std::{fmt, net::IpAddr, ops::RangeInclusive};

use kafka_protocol::{
    messages::{MetadataRequest, MetadataResponse, TopicName, metadata_request::MetadataRequestTopic},
    protocol::StrBytes,
};

use super::connection::Connection;
use crate::model::{HostPort, Trouble, clip, printable};

/// The versions of Metadata we speak: from 9 on its lists are compact; 13 brings nothing that is looked at.
pub(super) const METADATA: RangeInclusive<i16> = 9..=12;

/// Which topics a question for metadata is about.
pub(super) enum About<'a> {
    /// None: brokers only, the cheapest question.
    Brokers,
    /// Every topic this principal may see.
    EveryTopic,
    /// These.
    Topics(&'a [String]),
}

/// A broker as the cluster advertises it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Advertised {
    /// The broker's node id.
    pub(super) node: i32,
    /// The host clients are sent to, as the broker wrote it.
    pub(super) host: String,
    /// The port clients are sent to.
    pub(super) port: i32,
    /// The broker's rack, if it has one.
    pub(super) rack: Option<String>,
}

/// Asks for metadata. It never creates a topic: a question for a named topic would, by the broker's default.
pub(super) async fn metadata(
    connection: &mut Connection,
    phase: &str,
    about: &About<'_>,
) -> Result<MetadataResponse, Trouble> {
    connection.call(phase, &question(about), METADATA).await
}

/// The question for metadata, to be asked in the versions of [`METADATA`].
pub(super) fn question(about: &About<'_>) -> MetadataRequest {
    let topic = |name: &String| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
    let topics = match about {
        About::Brokers => Some(Vec::new()),
        About::EveryTopic => None,
        About::Topics(names) => Some(names.iter().map(topic).collect()),
    };
    MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(false)
}

/// The brokers of an answer. Fenced brokers are missing from it, so it may be empty.
pub(super) fn brokers(answer: &MetadataResponse) -> Vec<Advertised> {
    let broker = |one: &kafka_protocol::messages::metadata_response::MetadataResponseBroker| Advertised {
        node: one.node_id.0,
        host: clip(&printable(&one.host), 253),
        port: one.port,
        rack: one.rack.as_ref().map(|rack| clip(&printable(rack), 100)),
    };
    let mut brokers: Vec<_> = answer.brokers.iter().map(broker).collect();
    brokers.sort_by_key(|broker| broker.node);
    brokers
}

/// A topic's name as the protocol wants it.
pub(super) fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

impl Advertised {
    /// The address to dial, if what the broker advertises is one.
    pub(super) fn address(&self) -> Result<HostPort, Trouble> {
        self.to_string().parse().map_err(|error| {
            Trouble::fault("op", "kafka.advertised", format!("node {} advertises no address: {error}", self.node))
        })
    }

    /// Why nobody but the broker itself could use this address, given the host that was declared for the service; `None`
    /// when nothing speaks against it.
    ///
    /// Only what can be said without another place to stand: an unspecified address is no address anywhere; a loopback
    /// address leads every client to itself, unless the service was declared on this machine's loopback; a name without
    /// a domain resolves only next to the broker, while the declared name has one. Whether a good name resolves and
    /// leads to the broker is found out by dialling it.
    pub(super) fn objection(&self, declared: &str) -> Option<&'static str> {
        if is_unspecified(&self.host) {
            return Some("an unspecified address");
        }
        if is_loopback(&self.host) {
            return (!is_loopback(declared)).then_some("a loopback address: clients are sent to themselves");
        }
        let has_domain = |host: &str| host.contains('.') || host.contains(':');
        let declared_has_domain = has_domain(declared) && declared.parse::<IpAddr>().is_err();
        (!has_domain(&self.host) && declared_has_domain).then_some("a name without a domain")
    }
}

impl fmt::Display for Advertised {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "localhost.localdomain"
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_unspecified(host: &str) -> bool {
    host.is_empty() || host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advertised(host: &str) -> Advertised {
        Advertised { node: 1, host: host.to_owned(), port: 9092, rack: None }
    }

    #[test]
    fn an_address_only_the_broker_can_use_is_objected_to() {
        let contract = "kafka.soma-infra.svc.cluster.local";
        let cases = [
            (contract, contract, false),
            ("kafka-0.kafka.soma-infra.svc", contract, false),
            ("10.1.2.3", contract, false),
            ("localhost", contract, true),
            ("LOCALHOST.", contract, true),
            ("127.0.0.1", contract, true),
            ("::1", contract, true),
            ("0.0.0.0", contract, true),
            ("", contract, true),
            ("soma-infra-kafka-7f9c", contract, true),
            ("localhost", "10.1.2.3", true),
            ("localhost", "127.0.0.1", false),
            ("127.0.0.1", "localhost", false),
            ("0.0.0.0", "127.0.0.1", true),
            // On a container network the declared name has no domain either.
            ("kafka", "kafka", false),
            ("kafka", "127.0.0.1", false),
        ];
        for (host, declared, objected) in cases {
            assert_eq!(advertised(host).objection(declared).is_some(), objected, "{host} for {declared}");
        }
    }

    #[test]
    fn an_address_that_is_none_cannot_be_dialled() {
        assert!(advertised("kafka.example.org").address().is_ok());
        assert_eq!(advertised("::1").address().expect("an address").to_string(), "[::1]:9092");
        for bad in ["", "a b", "http://kafka"] {
            assert!(advertised(bad).address().is_err(), "{bad}");
        }
        assert!(Advertised { port: -1, ..advertised("kafka") }.address().is_err());
    }
}
