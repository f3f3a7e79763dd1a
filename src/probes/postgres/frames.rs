use std::fmt;

/// The largest message our questions are ever answered with is far below this.
const LARGEST_FRAME: u32 = 4 * 1024 * 1024;
/// The most one connection may send us: a server that never stops must not fill our memory.
const LARGEST_SESSION: u64 = 32 * 1024 * 1024;
/// The types of messages a server sends (protocol 3.0, section "Message Formats").
const TYPES: &[u8] = b"RKSZCDEGHINTtVvWcdnsA123";

/// Watches the bytes of a server for the frames of the protocol, before a driver acts on them.
///
/// The driver believes any length it reads: four letters of some other protocol make it ask for a gigabyte. It also
/// does not tell how it was let in, which is seen here as it passes by.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: Vec<u8>,
    /// The first bytes of the body of an authentication message.
    request: Vec<u8>,
    kind: u8,
    left: u32,
    total: u64,
    seen: Authentication,
}

/// What the server said about authentication so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Authentication {
    /// The code of its first authentication message.
    pub(super) first: Option<i32>,
    /// Whether it said `AuthenticationOk`: it took our word for who we are.
    pub(super) passed: bool,
}

/// Bytes that are not of this protocol, or too many of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameFault {
    /// Something else answers on that port.
    #[error("the answer is not of the PostgreSQL protocol: {0}")]
    Foreign(Excerpt),
    /// More than any of our questions can be answered with.
    #[error("the server sent more than {LARGEST_SESSION} bytes")]
    Flood,
}

/// The first bytes of what was received, with a guess of whose they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Excerpt(Vec<u8>);

impl Excerpt {
    /// The beginning of `bytes`.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(bytes.iter().copied().take(32).collect())
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guess = match self.0.as_slice() {
            [b'H', b'T', b'T', b'P', ..] => "looks like HTTP",
            [b'S', b'S', b'H', ..] => "looks like SSH",
            [0x15 | 0x16, 3, ..] => "looks like TLS",
            [b'-' | b'+', ..] => "looks like Redis",
            _ => "unknown",
        };
        write!(formatter, "{guess}, it begins with `{}`", self.0.escape_ascii())
    }
}

impl Frames {
    /// What the server said about authentication so far.
    pub(super) fn authentication(&self) -> Authentication {
        self.seen
    }

    /// Takes note of the next bytes.
    ///
    /// # Errors
    /// When they cannot be the server's; nothing of them may reach the driver then.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), FrameFault> {
        self.total += bytes.len() as u64;
        if self.total > LARGEST_SESSION {
            return Err(FrameFault::Flood);
        }
        while let Some((first, rest)) = bytes.split_first() {
            if self.left == 0 {
                self.head.push(*first);
                bytes = rest;
                self.check_head(bytes)?;
            } else {
                let take = bytes.len().min(self.left as usize);
                self.note_body(&bytes[..take]);
                bytes = &bytes[take..];
            }
        }
        Ok(())
    }

    fn check_head(&mut self, following: &[u8]) -> Result<(), FrameFault> {
        let foreign = |head: &[u8]| FrameFault::Foreign(Excerpt::of(&[head, following].concat()));
        if !TYPES.contains(&self.head[0]) {
            return Err(foreign(&self.head));
        }
        let [kind, a, b, c, d] = self.head[..] else { return Ok(()) };
        let length = u32::from_be_bytes([a, b, c, d]);
        if !(4..=LARGEST_FRAME).contains(&length) {
            return Err(foreign(&self.head));
        }
        (self.kind, self.left) = (kind, length - 4);
        self.head.clear();
        self.request.clear();
        Ok(())
    }

    fn note_body(&mut self, part: &[u8]) {
        // `part` is at most `left` long, which is a `u32`.
        self.left = self.left.saturating_sub(u32::try_from(part.len()).unwrap_or(u32::MAX));
        if self.kind != b'R' || self.request.len() >= 4 {
            return;
        }
        self.request.extend(part.iter().take(4 - self.request.len()));
        if let [a, b, c, d] = self.request[..] {
            let code = i32::from_be_bytes([a, b, c, d]);
            self.seen.first.get_or_insert(code);
            self.seen.passed |= code == 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
        [&[kind], length.as_slice(), body].concat()
    }

    #[test]
    fn authentication_is_seen_however_the_bytes_are_cut() {
        let stream = [
            frame(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"),
            frame(b'R', b"\0\0\0\x0cv=x"),
            frame(b'R', b"\0\0\0\0"),
            frame(b'Z', b"I"),
        ]
        .concat();
        for size in 1..stream.len() {
            let mut frames = Frames::default();
            for part in stream.chunks(size) {
                frames.feed(part).expect("the server's own bytes");
            }
            assert_eq!(frames.authentication(), Authentication { first: Some(10), passed: true }, "cut every {size}");
        }
    }

    #[test]
    fn a_refusal_is_not_authentication() {
        let mut frames = Frames::default();
        frames.feed(&frame(b'R', b"\0\0\0\x05salt")).expect("md5");
        frames.feed(&frame(b'E', b"C28P01\0\0")).expect("an error");
        assert_eq!(frames.authentication(), Authentication { first: Some(5), passed: false });
    }

    #[test]
    fn foreign_bytes_never_pass() {
        let cases: [(&[u8], &str); 5] = [
            (b"HTTP/1.1 400 Bad Request", "looks like HTTP"),
            (b"SSH-2.0-OpenSSH_9", "looks like SSH"),
            (b"-ERR unknown command", "looks like Redis"),
            (b"\x15\x03\x01\0\x02\x02F", "looks like TLS"),
            (b"R\0\0\0\x03", "unknown"),
        ];
        for (bytes, guess) in cases {
            let fault = Frames::default().feed(bytes).expect_err("not PostgreSQL");
            assert!(fault.to_string().contains(guess), "{fault}");
        }
    }

    #[test]
    fn a_server_that_never_stops_is_cut_off() {
        let part = frame(b'N', &vec![0; 1024 * 1024]);
        let mut frames = Frames::default();
        let taken = (0..100).take_while(|_| frames.feed(&part).is_ok()).count();
        assert!(taken < 40, "{taken} MiB were taken");
    }
}
