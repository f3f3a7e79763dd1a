use std::{net::IpAddr, time::Duration};

use hickory_resolver::{
    ResolverBuilder, TokioResolver,
    config::LookupIpStrategy,
    lookup_ip::LookupIp,
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::op::ResponseCode,
};
use tokio::runtime::Handle;

use super::Clock;
use crate::model::Trouble;

/// How long one name may take to resolve.
const BOUND: Duration = Duration::from_secs(3);
/// How long one packet may be on its way.
const ONE_TRY: Duration = Duration::from_millis(700);
/// How often a name is asked for within that: packets get lost. hickory 0.26 sends a question once, whatever its option
/// `attempts` says.
const ATTEMPTS: usize = 4;

/// The names of the place we stand in, asked with our own bounds: `getaddrinfo` has none, and its threads run on
/// after a time-out.
pub struct Resolver {
    system: Result<TokioResolver, String>,
    /// Where its conversations with name servers live: they outlast the runtime of a single probe.
    home: Option<Handle>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Resolver").finish_non_exhaustive()
    }
}

impl Resolver {
    /// Reads the system's configuration (servers, search list, hosts file). A configuration that cannot be read shows
    /// at the first name that needs it: addresses and `localhost` resolve without.
    #[must_use]
    pub fn from_system() -> Self {
        Self::of(TokioResolver::builder_tokio())
    }

    fn of(builder: Result<ResolverBuilder<TokioRuntimeProvider>, NetError>) -> Self {
        let system = builder.and_then(|mut builder| {
            let options = builder.options_mut();
            options.timeout = ONE_TRY;
            // Where both questions fail, the error is that of the first.
            options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            // A checker must see what is true now, not what was true at the last check.
            options.cache_size = 0;
            builder.build()
        });
        Self { system: system.map_err(|error| error.to_string()), home: Handle::try_current().ok() }
    }

    /// The addresses of a host, IPv4 first, in the order the server gave them.
    ///
    /// # Errors
    /// A fault of the class `dns.nxdomain`, `dns.none`, `dns.servfail`, `dns.timeout` or `dns.failed`.
    pub async fn resolve(&self, clock: &Clock, host: &str) -> Result<Vec<IpAddr>, Trouble> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![address]);
        }
        if host == "localhost" {
            return Ok(vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])]);
        }
        let system = self.system.clone().map_err(|error| {
            let message = format!("the resolver's configuration cannot be read: {error}");
            Trouble::unable("dns", "harness.resolv_conf", message)
        })?;
        let asking = ask(system, host.to_owned());
        let asked = async {
            match &self.home {
                Some(home) => home
                    .spawn(asking)
                    .await
                    .unwrap_or_else(|_| Err(Trouble::unable("dns", "harness.panic", "the resolver panicked"))),
                None => asking.await,
            }
        };
        clock.phase_within("dns", BOUND, asked).await
    }
}

async fn ask(system: TokioResolver, host: String) -> Result<Vec<IpAddr>, Trouble> {
    // The last candidate's error of a search replaces the first one's, so a name with dots is asked as it stands
    // first, and its own answer is the one that is classified.
    let absolute = format!("{}.", host.trim_end_matches('.'));
    let answer = look_up(&system, if host.contains('.') { &absolute } else { &host }).await;
    let found = match answer {
        Err(error) if error.is_nx_domain() && !host.ends_with('.') => look_up(&system, &host).await.map_err(|_| error),
        other => other,
    };
    match found {
        Ok(found) => {
            let mut addresses: Vec<IpAddr> = found.iter().collect();
            addresses.sort_by_key(IpAddr::is_ipv6);
            if addresses.is_empty() { Err(none(&host)) } else { Ok(addresses) }
        }
        Err(error) => Err(classify(&host, &error)),
    }
}

/// Asks until there is an answer. That there are no records is asked again too: one of the two questions, for IPv4 and
/// IPv6, may have been lost while the other has no answer.
async fn look_up(system: &TokioResolver, name: &str) -> Result<LookupIp, NetError> {
    let mut asked = 1;
    loop {
        match system.lookup_ip(name).await {
            Err(error) if asked < ATTEMPTS && !error.is_nx_domain() && is_worth_asking_again(&error) => asked += 1,
            other => return other,
        }
    }
}

fn is_worth_asking_again(error: &NetError) -> bool {
    matches!(error, NetError::Timeout) || error.is_no_records_found()
}

fn none(host: &str) -> Trouble {
    Trouble::fault("dns", "dns.none", format!("the name `{host}` has no address"))
}

fn classify(host: &str, error: &NetError) -> Trouble {
    let fault = |class, what: &str| Trouble::fault("dns", class, format!("the name `{host}` {what}"));
    match error {
        _ if error.is_nx_domain() => fault("dns.nxdomain", "does not exist"),
        _ if error.is_no_records_found() => none(host),
        NetError::Timeout => fault("dns.timeout", "was not resolved: the name server does not answer"),
        NetError::Dns(DnsError::ResponseCode(ResponseCode::ServFail | ResponseCode::Refused)) => {
            fault("dns.servfail", "was not resolved: the name server answers that it cannot")
        }
        other => fault("dns.failed", &format!("was not resolved: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    use hickory_resolver::{
        config::{NameServerConfig, ResolverConfig},
        proto::{
            op::{Message, MessageType},
            rr::{RData, Record, RecordType, rdata::A},
        },
    };
    use tokio::net::UdpSocket;

    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

    /// What becomes of a question: its kind, and how often that kind was asked before.
    type Fate = fn(RecordType, usize) -> Option<ResponseCode>;

    /// A name server that loses what its fate does not answer: no real one can be brought to lose a certain packet. It knows
    /// one IPv4 address of every name that exists, and no IPv6 address.
    async fn lossy(fate: Fate) -> SocketAddr {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
        let address = socket.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut packet, mut seen) = ([0; 512], Vec::new());
            loop {
                let (length, from) = socket.recv_from(&mut packet).await.expect("a packet");
                let mut message = Message::from_vec(&packet[..length]).expect("a question");
                let question = message.queries[0].clone();
                let before = seen.iter().filter(|kind| **kind == question.query_type()).count();
                seen.push(question.query_type());
                let Some(code) = fate(question.query_type(), before) else { continue };
                message.metadata.message_type = MessageType::Response;
                message.metadata.response_code = code;
                message.additionals.clear();
                if code == ResponseCode::NoError && question.query_type() == RecordType::A {
                    message.add_answer(Record::from_rdata(question.name().clone(), 5, RData::A(A(ADDRESS))));
                }
                socket.send_to(&message.to_vec().expect("an answer"), from).await.expect("sent");
            }
        });
        address
    }

    async fn resolved(fate: Fate) -> Result<Vec<IpAddr>, String> {
        let server = lossy(fate).await;
        let mut of_server = NameServerConfig::udp(server.ip());
        for connection in &mut of_server.connections {
            connection.port = server.port();
        }
        let config = ResolverConfig::from_name_servers(vec![of_server]);
        let resolver = Resolver::of(Ok(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())));
        let clock = Clock::new(Duration::from_secs(20));
        resolver.resolve(&clock, "db.example").await.map_err(|trouble| trouble.class)
    }

    #[tokio::test]
    async fn a_packet_that_was_lost_is_sent_again() {
        let found = Ok(vec![IpAddr::V4(ADDRESS)]);
        assert_eq!(resolved(|_, _| Some(ResponseCode::NoError)).await, found);
        assert_eq!(resolved(|_, before| (before > 0).then_some(ResponseCode::NoError)).await, found);
        // The address is lost, and that there is none for IPv6 is not.
        let lost_address = |kind, before| (kind != RecordType::A || before > 0).then_some(ResponseCode::NoError);
        assert_eq!(resolved(lost_address).await, found);
    }

    #[tokio::test]
    async fn an_answer_that_says_no_is_believed() {
        let refused = |class: &str| Err(class.to_owned());
        assert_eq!(resolved(|_, _| Some(ResponseCode::NXDomain)).await, refused("dns.nxdomain"));
        assert_eq!(resolved(|_, _| Some(ResponseCode::ServFail)).await, refused("dns.servfail"));
        assert_eq!(resolved(|_, _| None).await, refused("dns.timeout"));
        let only_ipv6 = |kind, _| (kind == RecordType::AAAA).then_some(ResponseCode::NoError);
        assert_eq!(resolved(only_ipv6).await, refused("dns.timeout"));
    }
}
