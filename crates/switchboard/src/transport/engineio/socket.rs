//! [`Socket`]: a WebSocket of an Engine.IO session: its stream, and what is read but not parsed.
use crate::buffers;
use crate::outbound::Io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use switchboard_core::ws::{Decoder, Role};
use tokio::io::ReadBuf;

/// A WebSocket after its handshake.
pub(crate) struct Socket {
    pub(super) stream: Pin<Box<dyn Io>>,
    pub(super) decoder: Decoder,
    /// Bytes that are read but not parsed.
    pub(super) unread: Vec<u8>,
    /// The peer's close frame has come.
    pub(super) heard_close: bool,
}

impl Socket {
    /// `early`: the bytes that the client sent after its request head.
    pub(crate) fn new(stream: Pin<Box<dyn Io>>, early: Vec<u8>) -> Socket {
        let decoder = Decoder::new(Role::Server);
        Socket { stream, decoder, unread: early, heard_close: false }
    }

    /// How many bytes are held that were read and not handled.
    pub(super) fn held(&self) -> usize {
        self.unread.len() + self.decoder.buffered()
    }

    /// Reads after the end, where only the peer's close frame matters. False: the peer has ended the stream.
    pub(super) fn overhear(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        buffers::with_read_buffer(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            let read = ready!(self.stream.as_mut().poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(false);
            }
            self.heard_close |= self.decoder.pass_over(buffer.filled());
            Poll::Ready(true)
        })
    }
}
