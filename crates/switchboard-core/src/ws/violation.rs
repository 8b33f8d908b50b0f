//! The ways in which a peer's frames end a connection, as a table.
use std::fmt;

use crate::{Close, CloseCode};

/// A breach of RFC 6455, or of a limit, by the peer. The connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Violation {
    /// The code of the close frame to answer with.
    pub code: CloseCode,
    /// A word of a fixed list ([`Violation::ALL`]): the label of a metric and the reason of the close frame.
    pub reason: &'static str,
}

macro_rules! violations {
    ($($(#[$doc:meta])* $name:ident = $code:ident, $reason:literal;)*) => {
        impl Violation {
            $($(#[$doc])* pub const $name: Violation = Violation { code: CloseCode::$code, reason: $reason };)*

            /// Every violation.
            pub const ALL: &[Violation] = &[$(Violation::$name),*];
        }
    };
}

violations! {
    /// A frame from a client without a mask (RFC 6455 §5.1).
    UNMASKED_FRAME = PROTOCOL, "unmasked_frame";
    /// A frame from a server with a mask (RFC 6455 §5.1).
    MASKED_FRAME = PROTOCOL, "masked_frame";
    /// A reserved bit that no negotiated extension defines (RFC 6455 §5.2).
    RESERVED_BITS = PROTOCOL, "reserved_bits";
    /// An opcode of 3–7 or 11–15 (RFC 6455 §5.2).
    RESERVED_OPCODE = PROTOCOL, "reserved_opcode";
    /// A control frame without FIN (RFC 6455 §5.5).
    FRAGMENTED_CONTROL = PROTOCOL, "fragmented_control";
    /// A control frame of more than 125 bytes (RFC 6455 §5.5).
    CONTROL_TOO_LONG = PROTOCOL, "control_too_long";
    /// A continuation while no message is open (RFC 6455 §5.4).
    UNEXPECTED_CONTINUATION = PROTOCOL, "unexpected_continuation";
    /// A text or binary frame while a message is open (RFC 6455 §5.4).
    EXPECTED_CONTINUATION = PROTOCOL, "expected_continuation";
    /// A 64-bit length with the top bit set (RFC 6455 §5.2).
    LENGTH_TOP_BIT = PROTOCOL, "length_top_bit";
    /// A length in more bytes than it needs (RFC 6455 §5.2).
    NON_MINIMAL_LENGTH = PROTOCOL, "non_minimal_length";
    /// A close body of one byte (RFC 6455 §5.5.1).
    CLOSE_BODY = PROTOCOL, "close_body";
    /// A close code that must not be on the wire (RFC 6455 §7.4).
    CLOSE_CODE = PROTOCOL, "close_code";
    /// A close reason that is not UTF-8 (RFC 6455 §5.5.1).
    CLOSE_REASON = INVALID_PAYLOAD, "close_reason";
    /// Text that is not UTF-8 (RFC 6455 §8.1).
    INVALID_UTF8 = INVALID_PAYLOAD, "invalid_utf8";
    /// A compressed message that cannot be inflated (RFC 7692 §7.2.2).
    CORRUPT_DEFLATE = INVALID_PAYLOAD, "corrupt_deflate";
    /// More fragments than `max_fragments`.
    TOO_MANY_FRAGMENTS = POLICY, "too_many_fragments";
    /// A frame that declares more than `max_frame` bytes.
    FRAME_TOO_BIG = TOO_BIG, "frame_too_big";
    /// A frame that would make its message longer than `max_message` bytes, or a message that is longer when inflated.
    MESSAGE_TOO_BIG = TOO_BIG, "message_too_big";
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the peer broke the WebSocket protocol: {} (close code {})", self.reason, self.code.get())
    }
}

impl std::error::Error for Violation {}

impl From<Violation> for Close {
    fn from(violation: Violation) -> Close {
        Close::new(violation.code, violation.reason)
    }
}
