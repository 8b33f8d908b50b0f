//! [`Delivery`]: the immediate outcome of an emit.

/// The immediate outcome of an emit, which never waits for the client to read.
///
/// A queued message is in the client's outbox, after everything that was emitted to the client before. That does not mean that the client
/// has received it: use `emit_with_ack` to learn that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The number of clients that have the message in their outbox.
    pub queued: usize,
    /// The number of clients for which the message was dropped: it was volatile and the client's socket was full or the server short of
    /// memory, the client does not read (and is then disconnected with 4001), the value can be encoded in JSON but not in the client's
    /// format, or the message exceeds `max_message_out` of the client's gateway. Clients that have left are in neither number.
    pub dropped: usize,
    /// True if nobody got the message; the log says why. Either the value could not be serialized, or it exceeds `max_message_out` of every
    /// gateway, or the application may not send an event of this name (allowed: 1 to 128 bytes, no control characters, neither `exception`
    /// nor `sys.…`).
    pub refused: bool,
}

impl Delivery {
    pub(crate) const REFUSED: Delivery = Delivery { queued: 0, dropped: 0, refused: true };

    /// True if the message was queued for every addressed client, and for at least one.
    pub fn is_complete(&self) -> bool {
        self.queued > 0 && self.dropped == 0 && !self.refused
    }

    pub(crate) fn add(&mut self, pushed: crate::outbound::Pushed) {
        match pushed {
            crate::outbound::Pushed::Queued => self.queued += 1,
            crate::outbound::Pushed::Dropped => self.dropped += 1,
            crate::outbound::Pushed::Gone => {}
        }
    }
}
