//! [`Carrier`]: what carries a session's packets.
use super::socket::Socket;
use std::task::Context;

/// What carries a session's packets.
pub(super) enum Carrier {
    /// Polls and POSTs, which come through the mailbox.
    Polling,
    WebSocket(Socket),
    /// Nothing any more.
    Gone,
}

impl Carrier {
    pub(super) fn is_polling(&self) -> bool {
        matches!(self, Carrier::Polling)
    }

    /// How many bytes it holds that were read and not handled.
    pub(super) fn held(&self) -> usize {
        match self {
            Carrier::WebSocket(socket) => socket.held(),
            Carrier::Polling | Carrier::Gone => 0,
        }
    }

    /// True if a message has begun to come, and is not whole.
    pub(super) fn is_partial(&self) -> bool {
        matches!(self, Carrier::WebSocket(socket) if socket.decoder.is_partial())
    }

    /// Ends it after the last packet or frame is sent. True if it has ended.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> bool {
        match self {
            Carrier::Polling | Carrier::Gone => true,
            // Browsers do not report a close as clean if the stream ends before both close frames were exchanged.
            Carrier::WebSocket(socket) => socket.heard_close && socket.stream.as_mut().poll_shutdown(cx).is_ready(),
        }
    }
}
