use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{frames::Excerpt, trouble};
use crate::{
    model::{HostPort, TlsTarget, Trouble, printable},
    net::Stream,
    probes::Scope,
};

/// `SSLRequest`: length 8, code 80877103.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// No first message of a server is longer.
const LONGEST_GREETING: u32 = 16 * 1024;

/// The first message of a server after our `StartupMessage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Greeting {
    /// It asks for authentication in this way, or for none.
    Authentication(&'static str),
    /// It refuses.
    Refusal(ServerError),
}

/// The fields of an `ErrorResponse` that we use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ServerError {
    /// The SQLSTATE.
    pub(super) sqlstate: String,
    /// The primary message.
    pub(super) message: String,
}

/// Connects and, where TLS is declared and wanted, asks for it and shakes hands. Phases: `dns`, `tcp`, `startup`, `tls`.
///
/// # Errors
/// The trouble of the phase that failed; `tls.not_offered` when the server has no TLS.
pub(super) async fn open(scope: &Scope, address: &HostPort, tls: Option<&TlsTarget>) -> Result<Stream, Trouble> {
    let mut tcp = scope.dialler.tcp(&scope.clock, address).await?;
    let Some(tls) = tls else { return Ok(Stream::Plain(tcp)) };
    if offers_tls(scope, &mut tcp).await? {
        scope.dialler.handshake(&scope.clock, tcp, tls, &address.host, &[]).await
    } else {
        Err(Trouble::fault("startup", "tls.not_offered", "TLS is declared, and the server answers that it has none"))
    }
}

/// Asks whether the server has TLS. Phase: `startup`. After `false` the connection goes on in plain text.
pub(super) async fn offers_tls(scope: &Scope, tcp: &mut TcpStream) -> Result<bool, Trouble> {
    let ask = async {
        let mut answer = [0_u8];
        tcp.write_all(&SSL_REQUEST).await.map_err(|error| trouble::of_io("startup", &error))?;
        tcp.read_exact(&mut answer).await.map_err(|error| trouble::of_io("startup", &error))?;
        match answer[0] {
            b'S' => Ok(true),
            b'N' => Ok(false),
            // A server that cannot even start a process for us says so in an error message.
            b'E' => Err(Trouble::fault("startup", "proto.not_ready", rest_of_error(tcp).await)),
            other => Err(foreign(&[other], tcp).await),
        }
    };
    scope.clock.phase("startup", ask).await
}

/// Sends `StartupMessage` 3.0 and reads the first answer. Phase: `startup`.
pub(super) async fn greet(scope: &Scope, stream: &mut Stream, user: &str, database: &str) -> Result<Greeting, Trouble> {
    let name = scope.run.scratch_name();
    let message = startup_message(&[("user", user), ("database", database), ("application_name", &name)]);
    let exchange = async {
        stream.write_all(&message).await.map_err(|error| trouble::of_io("startup", &error))?;
        stream.flush().await.map_err(|error| trouble::of_io("startup", &error))?;
        read_greeting(stream).await
    };
    scope.clock.phase("startup", exchange).await
}

async fn read_greeting(stream: &mut Stream) -> Result<Greeting, Trouble> {
    let mut head = [0_u8; 5];
    stream.read_exact(&mut head).await.map_err(|error| trouble::of_io("startup", &error))?;
    let [kind, a, b, c, d] = head;
    let length = u32::from_be_bytes([a, b, c, d]);
    if !matches!(kind, b'R' | b'E') || !(8..=LONGEST_GREETING).contains(&length) {
        return Err(foreign(&head, stream).await);
    }
    let mut body = vec![0_u8; length as usize - 4];
    stream.read_exact(&mut body).await.map_err(|error| trouble::of_io("startup", &error))?;
    match kind {
        b'R' => Ok(Greeting::Authentication(requested(&body))),
        _ => Ok(Greeting::Refusal(ServerError::parse(&body))),
    }
}

/// The way of authentication an `Authentication…` message asks for.
fn requested(body: &[u8]) -> &'static str {
    let Some((code, rest)) = body.split_first_chunk::<4>() else { return "unknown" };
    let code = i32::from_be_bytes(*code);
    let offers_scram = rest.split(|byte| *byte == 0).any(|mechanism| mechanism.starts_with(b"SCRAM-SHA-256"));
    if code == 10 && !offers_scram { "sasl" } else { method_name(code) }
}

/// The name `pg_hba.conf` uses for an authentication request's code; `none` when nothing is asked for.
pub(super) fn method_name(code: i32) -> &'static str {
    match code {
        0 => "none",
        3 => "password",
        5 => "md5",
        7 | 8 => "gss",
        9 => "sspi",
        10..=12 => "scram-sha-256",
        _ => "unknown",
    }
}

impl ServerError {
    fn parse(body: &[u8]) -> Self {
        let mut error = Self::default();
        for field in body.split(|byte| *byte == 0) {
            match field.split_first() {
                Some((b'C', code)) => error.sqlstate = printable(&String::from_utf8_lossy(code)),
                Some((b'M', message)) => error.message = printable(&String::from_utf8_lossy(message)),
                _ => {}
            }
        }
        error
    }
}

fn startup_message(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = 196_608_i32.to_be_bytes().to_vec();
    for (name, value) in parameters {
        for text in [name, value] {
            // A NUL would end the text early and make the rest a parameter of its own.
            body.extend(text.bytes().filter(|byte| *byte != 0));
            body.push(0);
        }
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [length.to_be_bytes().as_slice(), &body].concat()
}

/// What else is there, read without waiting for more: only for the excerpt in the report.
async fn more(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut buffer = [0_u8; 64];
    let read = stream.read(&mut buffer).await.unwrap_or(0);
    buffer[..read].to_vec()
}

async fn foreign(head: &[u8], stream: &mut (impl AsyncRead + Unpin)) -> Trouble {
    let following = tokio::time::timeout(std::time::Duration::from_millis(20), more(stream)).await.unwrap_or_default();
    let excerpt = Excerpt::of(&[head, &following].concat());
    Trouble::fault("startup", "proto.mismatch", format!("the answer is not of the PostgreSQL protocol: {excerpt}"))
}

async fn rest_of_error(tcp: &mut TcpStream) -> String {
    let text = more(tcp).await;
    format!("the server answers with an error: {}", String::from_utf8_lossy(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_startup_message_holds_its_own_length_and_no_smuggled_parameter() {
        let message = startup_message(&[("user", "a\0database\0b")]);
        assert_eq!(message[..4], u32::try_from(message.len()).expect("short").to_be_bytes());
        assert_eq!(&message[8..], b"user\0adatabaseb\0\0");
    }

    #[test]
    fn the_way_of_authentication_is_read_off_the_wire() {
        let cases: [(&[u8], &str); 7] = [
            (b"\0\0\0\0", "none"),
            (b"\0\0\0\x03", "password"),
            (b"\0\0\0\x05salt", "md5"),
            (b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0", "scram-sha-256"),
            (b"\0\0\0\x0aOAUTHBEARER\0\0", "sasl"),
            (b"\xff\xff\xff\xff", "unknown"),
            (b"\0", "unknown"),
        ];
        for (body, expected) in cases {
            assert_eq!(requested(body), expected, "{body:?}");
        }
    }

    #[test]
    fn an_error_is_its_state_and_message() {
        let error = ServerError::parse(b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0");
        assert_eq!((error.sqlstate.as_str(), error.message.as_str()), ("57P03", "the database system is starting up"));
        assert_eq!(ServerError::parse(b"\xff\xfe"), ServerError::default());
    }
}
