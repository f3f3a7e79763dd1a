use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Stream;

/// A connection that gives at most so many bytes: a server that never stops must not fill a driver's memory.
#[derive(Debug)]
pub struct Capped {
    stream: Stream,
    left: u64,
}

/// More bytes came than were allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent far more than the questions can be answered with")]
pub struct TooMuch;

impl Capped {
    /// Gives at most `most` bytes of `stream`.
    #[must_use]
    pub fn new(stream: Stream, most: u64) -> Self {
        Self { stream, left: most }
    }
}

impl AsyncRead for Capped {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let capped = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut capped.stream).poll_read(context, buffer);
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
