use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Stream;

/// How much of what a server says first is kept.
const FIRST_WORDS: usize = 128;

/// A connection that gives at most so many bytes: a server that never stops must not fill a driver's memory.
///
/// It also keeps what the server said first and why it was cut. A driver that finds the connection gone when it writes
/// tells only that, and not the reason that was there to be read.
#[derive(Debug)]
pub struct Capped {
    stream: Stream,
    left: u64,
    words: Arc<Mutex<Words>>,
}

/// What a server said before it hung up, readable while the driver owns the connection.
#[derive(Debug, Clone)]
pub struct LastWords(Arc<Mutex<Words>>);

#[derive(Debug, Default)]
struct Words {
    first: Vec<u8>,
    tls: Option<rustls::Error>,
}

impl LastWords {
    /// The first bytes it sent.
    #[must_use]
    pub fn first(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).first.clone()
    }

    /// The TLS error that reading ended with: with TLS 1.3 the server's word on our certificate.
    #[must_use]
    pub fn tls(&self) -> Option<rustls::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).tls.clone()
    }
}

/// More bytes came than were allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent far more than the questions can be answered with")]
pub struct TooMuch;

impl Capped {
    /// Gives at most `most` bytes of `stream`.
    #[must_use]
    pub fn new(stream: Stream, most: u64) -> (Self, LastWords) {
        let words = Arc::default();
        let last = LastWords(Arc::clone(&words));
        (Self { stream, left: most, words }, last)
    }

    fn remember(&self, read: &Poll<io::Result<()>>, bytes: &[u8]) {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let room = FIRST_WORDS.saturating_sub(words.first.len());
        words.first.extend(bytes.iter().take(room));
        if let Poll::Ready(Err(error)) = read {
            let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            words.tls = words.tls.take().or_else(|| tls.cloned());
        }
    }
}

impl AsyncRead for Capped {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let capped = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut capped.stream).poll_read(context, buffer);
        capped.remember(&read, buffer.filled().get(before..).unwrap_or_default());
        let taken = buffer.filled().len().saturating_sub(before) as u64;
        match capped.left.checked_sub(taken) {
            Some(left) => capped.left = left,
            None => return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, TooMuch))),
        }
        read
    }
}

impl AsyncWrite for Capped {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
