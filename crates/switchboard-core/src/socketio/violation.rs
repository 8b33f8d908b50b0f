//! The ways in which packets end a connection, as a table.
use std::fmt;

/// A breach of the Socket.IO protocol, or of a limit, by the peer. The connection ends with the reason `parse error`,
/// as the reference implementation calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Violation {
    /// A word of a fixed list ([`Violation::ALL`]): the label of a metric.
    pub reason: &'static str,
}

macro_rules! violations {
    ($($(#[$doc:meta])* $name:ident = $reason:literal;)*) => {
        impl Violation {
            $($(#[$doc])* pub const $name: Violation = Violation { reason: $reason };)*

            /// Every violation.
            pub const ALL: &[Violation] = &[$(Violation::$name),*];
        }
    };
}

violations! {
    /// A type other than 0 to 6, none at all, or one that this end must not send (CONNECT_ERROR, from a client).
    PACKET_TYPE = "packet_type";
    /// The number of attachments is missing, 0, not of digits alone, or above
    /// [`PacketLimits::max_attachments`](super::PacketLimits).
    ATTACHMENTS = "attachments";
    /// An ack id of 2^64 or more, or an ack without id.
    ACK_ID = "ack_id";
    /// The payload is missing, is not JSON, or is not of the kind that the packet's type demands: an object with
    /// CONNECT, an array with events and acks, which is not empty with events.
    PAYLOAD = "payload";
    /// The first element of an event is neither a text nor a number.
    EVENT_NAME = "event_name";
    /// The event has a name that [`is_reserved`](super::is_reserved).
    RESERVED_EVENT = "reserved_event";
    /// The placeholders of a binary packet are malformed, or are not exactly one for each attachment.
    PLACEHOLDER = "placeholder";
    /// A text while attachments are awaited.
    AWAITED_BINARY = "awaited_binary";
    /// Bytes while no attachment is awaited.
    UNEXPECTED_BINARY = "unexpected_binary";
    /// A packet with its attachments is longer than [`PacketLimits::max_bytes`](super::PacketLimits).
    PACKET_TOO_LONG = "packet_too_long";
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the peer broke the Socket.IO protocol: {}", self.reason)
    }
}

impl std::error::Error for Violation {}
