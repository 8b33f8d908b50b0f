//! [`Answering`]: the stream below an HTTP connection, which keeps `close` out of a 101.
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const SWITCHING: &[u8] = b"HTTP/1.1 101 ";
const CONNECTION: &[u8] = b"\r\nconnection: ";
const CLOSE: &[u8] = b", close\r\n";

/// A stream that passes everything on, except for one word. From a request with `Connection: close, Upgrade` hyper remembers that
/// the connection is to be closed, and writes `Connection: Upgrade, close` into the 101. Some clients take that for the end of
/// the connection, so `close` is removed.
pub(super) struct Answering<S> {
    stream: S,
    switches: Switches,
    /// What is left to write of the bytes that replace those of hyper.
    pending: Vec<u8>,
}

/// Set by the service when its answer is a 101: what hyper writes next ends with the head of that answer.
#[derive(Clone, Default)]
pub(super) struct Switches(Arc<AtomicBool>);

impl Switches {
    pub(super) fn now(&self) {
        self.0.store(true, Relaxed);
    }
}

impl<S> Answering<S> {
    pub(super) fn new(stream: S, switches: Switches) -> Answering<S> {
        Answering { stream, switches, pending: Vec::new() }
    }

    /// The stream. hyper hands it out after everything is flushed.
    pub(super) fn into_inner(self) -> S {
        debug_assert!(self.pending.is_empty());
        self.stream
    }
}

impl<S: AsyncWrite + Unpin> Answering<S> {
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.pending.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.pending))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    /// Whether these bytes were taken over, without `close`, to be written by [`Answering::poll_pending`].
    fn replace(&mut self, bytes: &[u8]) -> bool {
        // The 101 is what is written last. So the search begins at the end, and text in an earlier answer is not mistaken for it.
        let Some(head) = bytes.windows(SWITCHING.len()).rposition(|window| window == SWITCHING) else { return false };
        // What follows is not HTTP, and not searched.
        self.switches.0.store(false, Relaxed);
        let Some(at) = close_in_head(&bytes[head..]) else { return false };
        self.pending.extend_from_slice(&bytes[..head + at]);
        self.pending.extend_from_slice(&bytes[head + at + CLOSE.len() - 2..]);
        true
    }
}

/// Where `, close` begins in the head of an answer.
fn close_in_head(head: &[u8]) -> Option<usize> {
    let line = head.windows(CONNECTION.len()).position(|window| window == CONNECTION)?;
    let value = line + CONNECTION.len();
    let len = head[value..].iter().position(|byte| *byte == b'\n')? + 1;
    head[value..value + len].ends_with(CLOSE).then(|| value + len - CLOSE.len())
}

impl<S: AsyncRead + Unpin> AsyncRead for Answering<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Answering<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        if self.switches.0.load(Relaxed) && self.replace(bytes) {
            // What the stream does not take now is written by the next write or flush.
            let _ = self.poll_pending(cx)?;
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        if self.switches.0.load(Relaxed) {
            let bytes = bufs.iter().map(|buf| &**buf).collect::<Vec<_>>().concat();
            if self.replace(&bytes) {
                let _ = self.poll_pending(cx)?;
                return Poll::Ready(Ok(bytes.len()));
            }
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    async fn through(writes: &[&str], room: usize) -> String {
        let (ours, mut theirs) = duplex(room);
        let switches = Switches::default();
        switches.now();
        let mut stream = Answering::new(ours, switches);
        let write = async {
            for bytes in writes {
                stream.write_all(bytes.as_bytes()).await.unwrap();
            }
            stream.flush().await.unwrap();
            drop(stream.into_inner());
        };
        let mut read = String::new();
        let ((), len) = tokio::join!(write, theirs.read_to_string(&mut read));
        len.unwrap();
        read
    }

    #[tokio::test]
    async fn close_is_taken_out_of_a_101_and_of_nothing_else() {
        let head = |connection: &str| {
            format!("HTTP/1.1 101 Switching Protocols\r\nconnection: {connection}\r\nupgrade: websocket\r\n\r\n")
        };
        let before = "HTTP/1.1 200 OK\r\nconnection: Upgrade, close\r\ncontent-length: 0\r\n\r\n";
        for room in [1, 7, 4096] {
            assert_eq!(through(&[&head("Upgrade, close")], room).await, head("Upgrade"));
            assert_eq!(through(&[&head("Upgrade")], room).await, head("Upgrade"));
            let both = [before, &head("Upgrade, close")].concat();
            assert_eq!(through(&[&both], room).await, [before, &head("Upgrade")].concat());
            let three = [before, &head("Upgrade, close"), "frames"];
            assert_eq!(through(&three, room).await, [before, &head("Upgrade"), "frames"].concat());
            assert_eq!(through(&[before], room).await, before);
            // Only once: what the WebSocket sends later stays as it is.
            let twice = [&head("Upgrade"), &*head("Upgrade, close")];
            assert_eq!(through(&twice, room).await, twice.concat());
        }
    }
}
