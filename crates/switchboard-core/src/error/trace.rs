//! [`TraceId`]: the id that connects an answer to a line of the log.
use std::fmt;

/// An id that is both in the answer of an internal error and in its line in the log: 16 bytes, written as 32 hexadecimal digits like a W3C
/// trace id.
///
/// ```
/// use switchboard_core::TraceId;
///
/// assert_eq!(TraceId::from(0xabc).to_string(), "00000000000000000000000000000abc");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

impl From<u128> for TraceId {
    fn from(number: u128) -> TraceId {
        TraceId(number)
    }
}

/// Converts bytes in big-endian order, as `opentelemetry::TraceId::to_bytes` returns them.
impl From<[u8; 16]> for TraceId {
    fn from(bytes: [u8; 16]) -> TraceId {
        TraceId(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for TraceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
