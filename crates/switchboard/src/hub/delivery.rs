//! What became of an emit.

/// What became of an emit, at once: nothing waits for the client to read.
///
/// `queued` says that a message stands in the client's outbox, in order behind all that was emitted to it before; not
/// that the client has it. `emit_with_ack` tells that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// How many clients have it in their outbox.
    pub queued: usize,
    /// How many clients it was dropped for: a volatile message in front of a full socket, or a client that does not read
    /// (which is then disconnected with 4001), or one in whose format the value could not be said, though in JSON it could, or one
    /// whose gateway has a `max_message_out` that it passes. Clients that have left are in neither number.
    pub dropped: usize,
    /// The value could not be serialised, or is longer than the `max_message_out` of every gateway, or the event's name is none that an application
    /// may send (1 to 128 bytes, no control characters, not `exception` nor `sys.…`): nobody got it, and the log says why.
    pub refused: bool,
}

impl Delivery {
    pub(crate) const REFUSED: Delivery = Delivery { queued: 0, dropped: 0, refused: true };

    /// True when every client that was meant, and at least one, has it in its outbox.
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
