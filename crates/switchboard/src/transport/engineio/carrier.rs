//! [`Carrier`]: what carries a session's packets.
use super::socket::Socket;

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
}
