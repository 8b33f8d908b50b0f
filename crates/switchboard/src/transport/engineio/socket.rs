//! [`Socket`]: a WebSocket of an Engine.IO session: its stream, and what is read but not parsed.
use crate::outbound::Io;
use std::pin::Pin;
use switchboard_core::ws::{Decoder, Role};

/// A WebSocket after its handshake.
pub(crate) struct Socket {
    pub(super) stream: Pin<Box<dyn Io>>,
    pub(super) decoder: Decoder,
    /// Bytes that are read but not parsed.
    pub(super) unread: Vec<u8>,
    /// The peer has ended its half of the stream.
    pub(super) has_ended: bool,
    /// The peer's close frame has come.
    pub(super) heard_close: bool,
}

impl Socket {
    /// `early`: the bytes that the client sent after its request head.
    pub(crate) fn new(stream: Pin<Box<dyn Io>>, early: Vec<u8>) -> Socket {
        let decoder = Decoder::new(Role::Server);
        Socket { stream, decoder, unread: early, has_ended: false, heard_close: false }
    }
}
