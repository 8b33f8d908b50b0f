//! The ways in which packets end a session, as a table.
use std::fmt;

/// A breach of the Engine.IO protocol, or of a limit, by the peer. The session ends with the reason `parse error`, as
/// the reference implementation calls it.
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
    /// A packet without a type: an empty message, or two separators in a row.
    EMPTY_PACKET = "empty_packet";
    /// A type other than 0 to 6 and `b`.
    PACKET_TYPE = "packet_type";
    /// A text message without content, `4`.
    EMPTY_MESSAGE = "empty_message";
    /// A `b` packet whose content is not base64.
    BASE64 = "base64";
    /// A payload that is not UTF-8.
    INVALID_UTF8 = "invalid_utf8";
    /// A payload longer than [`PayloadLimits::max_payload`](super::PayloadLimits::max_payload).
    PAYLOAD_TOO_LONG = "payload_too_long";
    /// A payload of more packets than [`PayloadLimits::max_packets`](super::PayloadLimits::max_packets).
    TOO_MANY_PACKETS = "too_many_packets";
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the peer broke the Engine.IO protocol: {}", self.reason)
    }
}

impl std::error::Error for Violation {}
