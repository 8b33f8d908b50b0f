//! The native protocol as MessagePack (`switchboard.v1.msgpack`): the maps of [`json`](super::json) in binary frames.
//!
//! ```
//! use switchboard_core::codec::msgpack;
//! use switchboard_core::{Incoming, Request};
//!
//! let bytes = b"\x83\xa5event\xa4echo\xa4data\x81\xa3seq\x01\xa2id\x07";
//! let Ok(Incoming::Request(Request { event, data, id, .. })) = msgpack::decode(bytes) else { panic!() };
//! let seq: std::collections::HashMap<String, u32> = msgpack::from_data(data)?;
//!
//! let mut out = Vec::new();
//! msgpack::encode_reply(&mut out, &event, id.as_ref(), &seq)?;
//! assert_eq!(out, bytes);
//! # Ok::<(), switchboard_core::Error>(())
//! ```
//!
//! # One type for both formats
//! A type reads and writes the same document in JSON and in MessagePack. Types that choose by `is_human_readable` (ids,
//! addresses, times) choose their text, as in JSON: inside `flatten`, untagged and internally tagged enums serde says
//! "human-readable" in every format, so that the binary form would not come back from there.
//!
//! Structs are maps with names as keys, unit structs are nil, and a map's key is a text: other keys that JSON allows are
//! written as the text that JSON writes, and read from that text or from a number or boolean. Where the formats differ:
//! - `bin` is what serde calls bytes (`serde_bytes`), and is taken for a sequence of `u8`; JSON has an array of numbers.
//!   [`Binary`](crate::Binary) is `bin` here too, and a base64 text there.
//! - NaN and infinities are written as themselves; in JSON they are null. They are read by [`AnyFloat`](crate::AnyFloat) alone, and
//!   refused by every other type, as JSON refuses 1e400; so is 1e300 by an `f32`. An `f32` stays one, so a peer that reads it as
//!   an `f64` sees all its digits.
//! - A float that is a whole number within 2^53 is taken for an integer by a type that asks for one: JavaScript's encoders write
//!   integers of more than 32 bits as floats, such as `Date.now()`. Where a type takes any value (`serde_json::Value`, `flatten`, untagged
//!   and internally tagged enums), such a float is an integer if it has more than 32 bits.
//! - An integer outside of `i64` and `u64` is a text of digits; JSON has the digits.
//! - `ext`, and so the timestamp, is refused, unless the type takes it as
//!   [rmp-serde](https://docs.rs/rmp-serde) does: a newtype struct named `_ExtStruct` around `(i8, bytes)`.
mod bytes;
mod decode;
mod encode;
mod failure;
#[cfg(feature = "socketio")]
mod from_json;
mod head;
mod key;
mod member;
mod nesting;
mod parser;
mod payload;
mod raw;
mod reader;
#[cfg(feature = "socketio")]
mod transcoded;
mod writer;

pub use super::Rejected;
pub use decode::{decode, decode_with_patterns};
pub use encode::{
    encode_data, encode_error, encode_event, encode_event_raw, encode_exception, encode_goaway, encode_pattern,
    encode_pattern_end, encode_reply, encode_request, encode_stream_end, encode_stream_item,
};
#[cfg(feature = "socketio")]
pub(crate) use from_json::array_of_json;
pub use member::{member, replace};
pub use payload::{from_data, lend};
#[cfg(feature = "socketio")]
pub(crate) use raw::WRITTEN;
pub use raw::{Raw, RawBuf};

/// The name by which a type asks for an `ext`: rmp-serde's.
const EXT: &str = "_ExtStruct";
