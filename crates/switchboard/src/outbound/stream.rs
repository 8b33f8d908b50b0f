//! The two kinds of stream: a bare TCP socket, which other tasks may write to directly, and any other stream.
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

pub(crate) trait Io: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Io for T {}

/// What the task of a connection writes an outbox to, where no other task may write.
pub(crate) trait Sink {
    /// Takes bytes of one or more pieces, as `AsyncWrite::poll_write_vectored` does.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[IoSlice<'_>]) -> Poll<io::Result<usize>>;

    /// Passes on what it has buffered itself.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// The part of a stream that the task owns.
pub(crate) enum Stream {
    /// The read half of a bare socket; the write half is in the `Writer`.
    Tcp(OwnedReadHalf),
    /// TLS, HTTP/2, in-memory: read and written by the task alone.
    Other(Pin<Box<dyn Io>>),
}

impl Stream {
    /// Reads once. 0 bytes: the peer has ended its half of the stream.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(match self {
            Stream::Tcp(socket) => Pin::new(socket).poll_read(cx, &mut buffer),
            Stream::Other(stream) => stream.as_mut().poll_read(cx, &mut buffer),
        })?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(_) => Poll::Ready(Ok(())),
            Stream::Other(stream) => stream.as_mut().poll_shutdown(cx),
        }
    }
}

impl Sink for Stream {
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Stream::Tcp(_) => Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
            Stream::Other(stream) => stream.as_mut().poll_write_vectored(cx, bytes),
        }
    }

    /// Flushes what the stream itself buffers, such as a TLS record.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(_) => Poll::Ready(Ok(())),
            Stream::Other(stream) => stream.as_mut().poll_flush(cx),
        }
    }
}

/// Writes to a bare socket without waiting. Any thread may call it while it holds the writer's lock.
pub(crate) fn try_write(socket: &OwnedWriteHalf, bytes: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
    let written = match bytes {
        [one] => socket.try_write(one),
        many => socket.try_write_vectored(many),
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        written => Poll::Ready(written),
    }
}

/// Writes, or registers the task's waker for the moment when the socket accepts bytes again.
pub(crate) fn poll_write(
    socket: &OwnedWriteHalf,
    cx: &mut Context<'_>,
    bytes: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    loop {
        if let Poll::Ready(written) = try_write(socket, bytes) {
            return Poll::Ready(written);
        }
        match socket.as_ref().poll_write_ready(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        }
    }
}
