use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::{model::Trouble, net::tls_trouble};

/// The most of one answer that is ever read; the metadata of 50 000 partitions takes some 3 MiB.
const FRAME_CAP: usize = 8 * 1024 * 1024;

/// Sends one request: its length in four bytes, then its bytes.
pub(super) async fn send(stream: &mut (impl AsyncWrite + Unpin), phase: &str, body: &[u8]) -> Result<(), Trouble> {
    let length = u32::try_from(body.len()).map_err(|error| Trouble::unable(phase, "harness.request", error))?;
    let mut frame = Vec::with_capacity(body.len() + 4);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(body);
    let written = async {
        stream.write_all(&frame).await?;
        stream.flush().await
    };
    written.await.map_err(|error| broken(phase, &error))
}

/// Reads one answer without its length.
pub(super) async fn receive(stream: &mut (impl AsyncRead + Unpin), phase: &str) -> Result<Bytes, Trouble> {
    let mut length = [0_u8; 4];
    stream.read_exact(&mut length).await.map_err(|error| broken(phase, &error))?;
    let length = plausible_length(length).map_err(|(class, what)| Trouble::fault(phase, class, what))?;
    let mut body = Vec::new();
    let read = stream.take(length as u64).read_to_end(&mut body).await;
    match read {
        Ok(read) if read == length => Ok(Bytes::from(body)),
        Ok(read) => Err(Trouble::fault(
            phase,
            "proto.closed",
            format!("the broker closed the connection after {read} of {length} bytes of its answer"),
        )),
        Err(error) => Err(broken(phase, &error)),
    }
}

/// The length of an answer, or the class and the words of what is there instead of a broker's answer.
fn plausible_length(bytes: [u8; 4]) -> Result<usize, (&'static str, String)> {
    match bytes {
        // A TLS alert or handshake record: type, then the version of the record layer.
        [0x15 | 0x16, 0x03, ..] => Err(("tls.required", "the listener answers with TLS to a plain request".to_owned())),
        [b'H', b'T', b'T', b'P'] => Err(("proto.mismatch", "an HTTP server answers, not a Kafka broker".to_owned())),
        _ => match usize::try_from(i32::from_be_bytes(bytes)) {
            Ok(length) if length <= FRAME_CAP => Ok(length),
            Ok(length) if bytes.iter().all(u8::is_ascii_graphic) => Err((
                "proto.mismatch",
                format!("text answers, not a Kafka broker (its first bytes would be a length of {length})"),
            )),
            Ok(length) => Err((
                "proto.too_large",
                format!("the answer claims {length} bytes; no answer of a broker is larger than {FRAME_CAP}"),
            )),
            Err(_) => Err(("proto.mismatch", "the answer claims a negative length".to_owned())),
        },
    }
}

fn broken(phase: &str, error: &io::Error) -> Trouble {
    if error.get_ref().is_some_and(|inner| inner.downcast_ref::<rustls::Error>().is_some()) {
        // With TLS 1.3 the broker's word on our certificate comes only with the first read.
        return tls_trouble(error);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
            Trouble::fault(phase, "proto.closed", "the broker closed the connection instead of answering")
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            Trouble::fault(phase, "tcp.reset", "the broker reset the connection instead of answering")
        }
        _ => Trouble::fault(phase, "proto.failed", error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_is_no_length_is_named() {
        let cases = [
            ([0, 0, 1, 0], Ok(256)),
            ([0x15, 3, 3, 0], Err("tls.required")),
            ([0x16, 3, 1, 2], Err("tls.required")),
            (*b"HTTP", Err("proto.mismatch")),
            (*b"-ERR", Err("proto.mismatch")),
            ([0xff, 0, 0, 0], Err("proto.mismatch")),
            ([0x7f, 0, 0, 0], Err("proto.too_large")),
        ];
        for (bytes, expected) in cases {
            let found = plausible_length(bytes).map_err(|(class, _)| class);
            assert_eq!(found, expected, "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_off_is_a_closed_connection() {
        for cut in [&b""[..], &[0, 0], &[0, 0, 0, 9, 1, 2, 3]] {
            let mut stream = cut;
            let trouble = receive(&mut stream, "op").await.expect_err("cut off");
            assert_eq!(trouble.class, "proto.closed", "{cut:?}");
        }
        let mut whole: &[u8] = &[0, 0, 0, 2, 7, 8];
        assert_eq!(receive(&mut whole, "op").await.expect("whole").as_ref(), [7, 8]);
    }
}
