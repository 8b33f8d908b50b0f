//! The native protocol as JSON (`switchboard.v1.json`).
//!
//! ```
//! use switchboard_core::codec::json;
//! use switchboard_core::{Incoming, Request};
//!
//! let text = r#"{"event":"echo","data":{"seq":1},"id":7}"#;
//! let Ok(Incoming::Request(Request { event, data, id, .. })) = json::decode(text) else { panic!() };
//! let seq: std::collections::HashMap<String, u32> = json::from_data(data)?;
//!
//! let mut out = Vec::new();
//! json::encode_reply(&mut out, &event, id.as_ref(), &seq)?;
//! assert_eq!(out, text.as_bytes());
//! # Ok::<(), switchboard_core::Error>(())
//! ```
mod decode;
mod encode;
mod exact;
mod fast_path;
mod member;
mod payload;

pub use super::Rejected;
pub use super::private::has_private_key;
#[cfg(feature = "socketio")]
pub(crate) use decode::{SCAN_FROM, check, text_of};
pub use decode::{decode, decode_with_patterns};
pub use encode::{
    append, encode_erased, encode_error, encode_event, encode_event_raw, encode_exception, encode_goaway,
    encode_pattern, encode_pattern_end, encode_reply, encode_request, encode_stream_end, encode_stream_item, raw_value,
};
#[cfg(feature = "socketio")]
pub(crate) use exact::{DEPTH, Walk, number, unescaped};
pub use exact::{Exact, replace};
#[cfg(feature = "socketio")]
pub(crate) use fast_path::plain_text;
pub use fast_path::{FastFrame, decode_fast};
pub use member::{member, member_of_text};
pub use payload::{from_data, from_text};
