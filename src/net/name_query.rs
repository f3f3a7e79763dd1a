use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use hickory_resolver::proto::{
    op::{Message, MessageType, Query, ResponseCode},
    rr::{Name, RecordType},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
};

use super::Clock;
use crate::model::Trouble;

/// How long one packet may be on its way before it is sent once more; packets get lost without anybody's fault.
const ONE_TRY: Duration = Duration::from_millis(800);
/// How often a packet is sent.
const TRIES: u32 = 2;
/// The largest answer in a packet that we take.
const LARGEST_PACKET: usize = 4_096;

/// One question to one name server, asked without a cache, a search list or a second server in between.
#[derive(Debug, Clone)]
pub struct NameQuery {
    /// The name, taken as absolute.
    pub name: String,
    /// The kind of record.
    pub kind: NameKind,
    /// The server.
    pub server: SocketAddr,
}

/// The kind of record that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameKind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

/// Over what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One packet each way.
    Udp,
    /// A connection, as large answers need.
    Tcp,
}

/// What the server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameAnswer {
    /// The code in the words of the standard: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED` …
    pub code: String,
    /// The addresses, sorted.
    pub addresses: Vec<IpAddr>,
    /// The shortest time that an answer may be kept, in seconds.
    pub ttl_s: Option<u32>,
    /// Whether it did not fit into the packet.
    pub truncated: bool,
}

impl Transport {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Udp, Self::Tcp];

    /// The word in facts.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// The name servers of the place we stand in, port 53.
///
/// # Errors
/// Unable, when the system names none.
pub fn name_servers() -> Result<Vec<SocketAddr>, Trouble> {
    let unusable = |text: String| Trouble::unable("dns", "harness.resolv_conf", text);
    let (config, _) = hickory_resolver::system_conf::read_system_conf()
        .map_err(|error| unusable(format!("the resolver's configuration cannot be read: {error}")))?;
    let servers: Vec<SocketAddr> = config.name_servers().iter().map(|server| SocketAddr::new(server.ip, 53)).collect();
    if servers.is_empty() {
        Err(unusable("the resolver's configuration names no server".to_owned()))
    } else {
        Ok(servers)
    }
}

impl NameQuery {
    /// Asks. Phase: `dns`.
    ///
    /// # Errors
    /// A fault of the class `dns.timeout`, `dns.refused` or `dns.malformed`. An answer that the name does not exist is
    /// an answer.
    pub async fn ask(&self, clock: &Clock, transport: Transport) -> Result<NameAnswer, Trouble> {
        let message = self.message()?;
        let bytes = message.to_vec().map_err(|error| Trouble::unable("dns", "harness.parameters", error))?;
        let id = message.metadata.id;
        clock
            .phase("dns", async {
                match transport {
                    Transport::Udp => self.by_packet(id, &bytes).await,
                    Transport::Tcp => self.by_connection(id, &bytes).await,
                }
            })
            .await
            .map_err(|trouble| Trouble {
                message: format!("{} over {}: {}", self.server, transport.word(), trouble.message),
                ..trouble
            })
    }

    fn message(&self) -> Result<Message, Trouble> {
        let absolute = format!("{}.", self.name.trim_end_matches('.'));
        let name = Name::from_ascii(&absolute).map_err(|error| {
            Trouble::unable("dns", "harness.parameters", format!("`{absolute}` is no name: {error}"))
        })?;
        let mut message = Message::query();
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(name, self.kind.record()));
        Ok(message)
    }

    async fn by_packet(&self, id: u16, bytes: &[u8]) -> Result<NameAnswer, Trouble> {
        let any: IpAddr =
            if self.server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket =
            UdpSocket::bind((any, 0)).await.map_err(|error| Trouble::unable("dns", "harness.socket", error))?;
        // A connected socket takes packets of this server only, and hears that nobody listens.
        socket.connect(self.server).await.map_err(|error| failed(&error))?;
        for _ in 0..TRIES {
            socket.send(bytes).await.map_err(|error| failed(&error))?;
            if let Ok(answer) = tokio::time::timeout(ONE_TRY, received(&socket, id)).await {
                return answer;
            }
        }
        Err(Trouble::fault("dns", "dns.timeout", format!("no answer to {TRIES} packets")))
    }

    async fn by_connection(&self, id: u16, bytes: &[u8]) -> Result<NameAnswer, Trouble> {
        let mut stream = TcpStream::connect(self.server).await.map_err(|error| failed(&error))?;
        let length = u16::try_from(bytes.len()).map_err(|error| Trouble::unable("dns", "harness.parameters", error))?;
        // One write: some servers take the length alone for a message that is cut off.
        let framed = [&length.to_be_bytes()[..], bytes].concat();
        stream.write_all(&framed).await.map_err(|error| failed(&error))?;
        let length = stream.read_u16().await.map_err(|error| failed(&error))?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await.map_err(|error| failed(&error))?;
        read(&answer, id).ok_or_else(|| {
            Trouble::fault("dns", "dns.malformed", "the server answered what is no answer to our question")
        })
    }
}

impl NameKind {
    fn record(self) -> RecordType {
        match self {
            Self::A => RecordType::A,
            Self::Aaaa => RecordType::AAAA,
        }
    }
}

async fn received(socket: &UdpSocket, id: u16) -> Result<NameAnswer, Trouble> {
    let mut buffer = vec![0; LARGEST_PACKET];
    loop {
        let length = socket.recv(&mut buffer).await.map_err(|error| failed(&error))?;
        // What does not belong to our question may come from anybody.
        if let Some(answer) = read(&buffer[..length], id) {
            return Ok(answer);
        }
    }
}

fn read(bytes: &[u8], id: u16) -> Option<NameAnswer> {
    let message = Message::from_vec(bytes).ok()?;
    let head = &message.metadata;
    if head.id != id || head.message_type != MessageType::Response {
        return None;
    }
    let mut addresses: Vec<IpAddr> = message.answers.iter().filter_map(|record| record.data.ip_addr()).collect();
    addresses.sort_unstable();
    Some(NameAnswer {
        code: code(head.response_code),
        addresses,
        ttl_s: message.answers.iter().map(|record| record.ttl).min(),
        truncated: head.truncation,
    })
}

/// Source: IANA, "DNS RCODEs".
fn code(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => format!("RCODE{}", u16::from(other)),
    }
}

fn failed(error: &std::io::Error) -> Trouble {
    let class = match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "dns.refused",
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset => "dns.broke_off",
        _ => "dns.failed",
    };
    let text = if class == "dns.refused" { "nobody answers there".to_owned() } else { error.to_string() };
    Trouble::fault("dns", class, text)
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::{
        op::OpCode,
        rr::{RData, Record, rdata},
    };

    use super::*;

    fn answer(id: u16, code: ResponseCode) -> Vec<u8> {
        let mut message = Message::response(id, OpCode::Query);
        message.metadata.response_code = code;
        let name = Name::from_ascii("redis.infra.").expect("a name");
        for (last, ttl) in [(9, 30), (2, 5)] {
            message.add_answer(Record::from_rdata(
                name.clone(),
                ttl,
                RData::A(rdata::A(Ipv4Addr::new(10, 0, 0, last))),
            ));
        }
        message.to_vec().expect("a message")
    }

    #[test]
    fn only_the_answer_to_our_question_is_read() {
        let found = read(&answer(7, ResponseCode::NoError), 7).expect("an answer");
        let expected = ["10.0.0.2", "10.0.0.9"].map(|address| address.parse::<IpAddr>().expect("an address"));
        assert_eq!((found.code.as_str(), found.addresses.as_slice(), found.ttl_s), ("NOERROR", &expected[..], Some(5)));
        assert_eq!(read(&answer(7, ResponseCode::NXDomain), 7).map(|found| found.code).as_deref(), Some("NXDOMAIN"));
        assert_eq!(read(&answer(8, ResponseCode::NoError), 7), None);
        for garbage in [&b""[..], b"x", &[0xff; 40]] {
            assert_eq!(read(garbage, 7), None);
        }
    }

    #[tokio::test]
    async fn a_port_that_nobody_listens_on_is_told_from_silence() {
        let clock = Clock::new(Duration::from_secs(5));
        let free = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        let query = NameQuery { name: "redis.infra".to_owned(), kind: NameKind::A, server: free };
        for transport in Transport::ALL {
            let trouble = query.ask(&clock, transport).await.expect_err("nobody listens");
            assert_eq!(trouble.class, "dns.refused", "{trouble:?}");
        }
        let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let query = NameQuery { server: silent.local_addr().expect("an address"), ..query };
        assert_eq!(query.ask(&clock, Transport::Udp).await.expect_err("it is silent").class, "dns.timeout");
    }
}
