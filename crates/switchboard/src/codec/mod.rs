//! Formats of messages: JSON, MessagePack, and your own.
//!
//! A client chooses the format of its connection by the subprotocols that it offers in its handshake: the first one that the
//! gateway knows is used. If there is none, the format is JSON, or the [`default_format`](crate::Gateway::default_format) of the
//! gateway.
//!
//! | subprotocol | format | frames |
//! |---|---|---|
//! | `switchboard.v1.json`, or none | JSON | text; binary frames with JSON in them are accepted, too |
//! | `switchboard.v1.msgpack` | MessagePack | binary |
//! | what [`Codec::protocol`] says | a codec of your own, by [`App::codec`](crate::App::codec) | what [`Codec::frames`] says |
//!
//! Clients of all formats share gateways and rooms, and handlers do not see the difference. A broadcast is encoded once for each
//! format that a member of the room has. A frame of the wrong kind is malformed (`bad_request`). A gateway that is
//! [`text_only`](crate::Gateway::text_only) offers only the formats with text frames. One that is
//! [`binary_only`](crate::Gateway::binary_only) offers those with binary frames, and JSON, which it accepts in binary frames and
//! answers in text.
//!
//! A payload that consists of bytes is a [`Binary`](crate::Binary).
mod arity;
mod builtin;
mod document;
mod encoding;
mod format;
mod part;
mod received;
#[cfg(feature = "socketio")]
mod socketio;

pub(crate) use arity::{Answered, Arity};
pub use builtin::{Json, MessagePack};
pub(crate) use document::Document;
pub(crate) use encoding::Encoding;
pub(crate) use format::{Codecs, Format, Frames, is_unknown_version};
pub(crate) use part::{Data, Held, Part};
pub(crate) use received::Received;

pub use erased_serde;
pub use switchboard_core::codec::{Lend, Rejected};
pub use switchboard_core::{Id, PatternKind, Request};

use serde::ser::{Serialize, SerializeMap, Serializer};
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// A message from a client, whose payloads are bytes in the codec's format.
pub type Incoming<'a> = switchboard_core::Incoming<'a, Cow<'a, [u8]>>;

/// A format of messages.
///
/// A codec translates a frame into the parts of a message, a payload into what a handler takes, and what is sent into a frame.
/// What messages mean is the same in every format. [`App::codec`](crate::App::codec) adds it to JSON and MessagePack. These are
/// also available as [`Json`] and [`MessagePack`], for a codec that wraps them.
///
/// A panic of a codec is contained, and answered `internal` like that of a handler. The codec itself has to limit how deep a
/// payload is nested, and how many keys it has. The length of a frame is limited by `Limits::max_message`.
///
/// ```
/// use std::borrow::Cow;
/// use std::error::Error as StdError;
/// use switchboard::codec::{Codec, FrameKind, Id, Incoming, Json, Lend, Outgoing, Rejected, Request};
/// use switchboard::{App, Error};
///
/// /// A line of an event, an id or `-`, and JSON: `say 7 "hello"`.
/// struct Line;
///
/// impl Codec for Line {
///     fn protocol(&self) -> &str {
///         "line.example"
///     }
///
///     fn frames(&self) -> FrameKind {
///         FrameKind::Text
///     }
///
///     fn decode<'a>(&self, frame: &'a [u8]) -> Result<Incoming<'a>, Rejected<'a>> {
///         let malformed = || Error::bad_request("A line is `event id data`");
///         let line = str::from_utf8(frame).map_err(|_| malformed())?;
///         let [event, id, data] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else { Err(malformed())? };
///         let id = if id == "-" { None } else { Some(Id::text(id).ok_or_else(malformed)?) };
///         let data = (data != "null").then_some(Cow::Borrowed(data.as_bytes()));
///         Ok(Incoming::request(Request::new(event).with_data(data).with_id(id)))
///     }
///
///     fn read(&self, payload: &[u8], lend: &mut Lend<'_>) {
///         Json.read(payload, lend);
///     }
///
///     fn encode(&self, frame: &Outgoing<'_>, out: &mut Vec<u8>) -> Result<(), Box<dyn StdError + Send + Sync>> {
///         let id = frame.id.map_or("-".into(), |id| id.to_string());
///         out.extend_from_slice(format!("{} {id} ", frame.event).as_bytes());
///         Ok(serde_json::to_writer(out, &frame.data)?)
///     }
/// }
///
/// let app = App::new().codec(Line);
/// ```
pub trait Codec: Send + Sync + 'static {
    /// The subprotocol by which clients ask for this codec: a token (RFC 9110 §5.6.2), preferably with a version in it. Names
    /// that begin with `switchboard.` are reserved. Called once, when the codec is registered.
    fn protocol(&self) -> &str;

    /// The kind of its frames, in both directions. Called once. Default: binary.
    fn frames(&self) -> FrameKind {
        FrameKind::Binary
    }

    /// Reads a frame. `data` and `meta` are `None` when they are missing or null.
    ///
    /// What all formats have in common is checked after this: the event's name, the bounds of an id, and that a gateway which
    /// does not accept message patterns refuses their frames.
    ///
    /// Errors: what the client is told by an `exception`; `?` turns an [`Error`](crate::Error) into a [`Rejected`]. The message
    /// should not repeat the input.
    fn decode<'a>(&self, frame: &'a [u8]) -> Result<Incoming<'a>, Rejected<'a>>;

    /// Calls `lend` once, with a deserializer over a payload that [`decode`](Codec::decode) has returned. This is called again
    /// for the same payload if it is read again, or to find out what in it does not fit.
    ///
    /// A key that is read through this and begins with `$serde_json::private::` is refused (`bad_request`), and so are NaN and
    /// the infinities, unless the type is an [`AnyFloat`](crate::AnyFloat). It is up to the deserializer whether something may
    /// follow the value.
    ///
    /// The client is told a part of an error of the deserializer: serde's usual texts (`missing field`, `invalid type`, …).
    fn read(&self, payload: &[u8], lend: &mut Lend<'_>);

    /// Writes a frame's payload to `out`, which is empty.
    ///
    /// Errors: the cause, which is logged; the client is told `internal`.
    fn encode(&self, frame: &Outgoing<'_>, out: &mut Vec<u8>) -> Result<(), Box<dyn StdError + Send + Sync>>;
}

/// The kind of WebSocket message that a codec reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameKind {
    /// Text frames, which must be UTF-8.
    Text,
    /// Binary frames.
    Binary,
}

/// A message to a client. It serialises as the object that the native protocol has in JSON, which may be all that a codec needs.
///
/// | message | what it has |
/// |---|---|
/// | push | `event`, `data` |
/// | reply | `event`, `data`, `id` |
/// | item of a stream | `event`, `data`, `id`, `more` |
/// | end of a stream | `event`, `id`, `done` |
/// | request of the server | `event`, `data`, `ack` |
/// | error | the event `exception`, `data`, and `id` where it is known |
/// | goodbye | the event `sys.goaway`, `data` |
/// | answer to a message pattern | what a reply, an item or the end of a stream has, and `pattern`: it serialises with the keys `pattern`, `payload` and `metadata` |
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Outgoing<'a> {
    /// The event's name, or the pattern.
    pub event: &'a str,
    /// The payload; `None` at the end of a stream.
    pub data: Option<&'a dyn erased_serde::Serialize>,
    /// The id of the request that is answered.
    pub id: Option<&'a Id<'a>>,
    /// The number that the client's answer has to carry.
    pub ack: Option<u64>,
    /// An item of a stream: more may follow.
    pub more: bool,
    /// The end of a stream.
    pub done: bool,
    /// It answers a frame of a message pattern: see [`Gateway::patterns`](crate::Gateway::patterns).
    pub pattern: bool,
}

impl<'a> Outgoing<'a> {
    /// A push. The engine makes the messages that a codec gets; this is for tests of a codec, which set the other fields.
    pub fn new(event: &'a str, data: &'a dyn erased_serde::Serialize) -> Outgoing<'a> {
        Outgoing { event, data: Some(data), id: None, ack: None, more: false, done: false, pattern: false }
    }
}

/// Without the payload, which need not be `Debug`.
impl fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("event", &self.event)
            .field("has_data", &self.data.is_some())
            .field("id", &self.id)
            .field("ack", &self.ack)
            .field("more", &self.more)
            .field("done", &self.done)
            .field("pattern", &self.pattern)
            .finish()
    }
}

impl Serialize for Outgoing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let metadata = self.pattern && self.data.is_some();
        let has = [true, self.data.is_some(), metadata, self.id.is_some(), self.ack.is_some(), self.more, self.done];
        let mut map = serializer.serialize_map(Some(has.iter().filter(|has| **has).count()))?;
        let (event, payload) = if self.pattern { ("pattern", "payload") } else { ("event", "data") };
        map.serialize_entry(event, self.event)?;
        if let Some(data) = self.data {
            map.serialize_entry(payload, data)?;
        }
        if metadata {
            map.serialize_entry("metadata", &serde_json::Map::new())?;
        }
        if let Some(id) = self.id {
            map.serialize_entry("id", id)?;
        }
        if let Some(ack) = self.ack {
            map.serialize_entry("ack", &ack)?;
        }
        if self.more {
            map.serialize_entry("more", &true)?;
        }
        if self.done {
            map.serialize_entry("done", &true)?;
        }
        map.end()
    }
}
