//! JSON and MessagePack as implementations of [`Codec`]. Connections that use them do not go through the trait.
use super::{Codec, FrameKind, Incoming, Lend, Outgoing, Rejected};
use crate::Error;
use serde::de::{Deserializer, Visitor};
use serde_json::de::SliceRead;
use std::borrow::Cow;
use std::error::Error as StdError;
use switchboard_core::codec::{json, msgpack};

/// The native protocol as JSON, `switchboard.v1.json`. Every gateway speaks it already: register only a codec that wraps it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

/// The native protocol as MessagePack, `switchboard.v1.msgpack`. Every gateway that is not `text_only` speaks it already:
/// register only a codec that wraps it.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagePack;

impl Codec for Json {
    fn protocol(&self) -> &str {
        super::format::JSON
    }

    fn frames(&self) -> FrameKind {
        FrameKind::Text
    }

    fn decode<'a>(&self, frame: &'a [u8]) -> Result<Incoming<'a>, Rejected<'a>> {
        let text = simdutf8::basic::from_utf8(frame).unwrap_or("\u{fffd}");
        json::decode_with_patterns(text).map(|message| message.map(|json| Cow::Borrowed(json.get().as_bytes())))
    }

    fn read(&self, payload: &[u8], lend: &mut Lend<'_>) {
        let json = Whole(serde_json::Deserializer::from_slice(payload));
        lend(&mut <dyn erased_serde::Deserializer>::erase(json));
    }

    fn encode(&self, frame: &Outgoing<'_>, out: &mut Vec<u8>) -> Result<(), Box<dyn StdError + Send + Sync>> {
        Ok(json::append(out, frame)?)
    }
}

impl Codec for MessagePack {
    fn protocol(&self) -> &str {
        super::format::MESSAGE_PACK
    }

    fn decode<'a>(&self, frame: &'a [u8]) -> Result<Incoming<'a>, Rejected<'a>> {
        msgpack::decode_with_patterns(frame).map(|message| message.map(|raw| Cow::Borrowed(raw.as_bytes())))
    }

    fn read(&self, payload: &[u8], lend: &mut Lend<'_>) {
        if let Some(raw) = msgpack::Raw::new(payload) {
            msgpack::lend(raw, lend);
        }
    }

    fn encode(&self, frame: &Outgoing<'_>, out: &mut Vec<u8>) -> Result<(), Box<dyn StdError + Send + Sync>> {
        Ok(msgpack::encode_data(out, frame).map_err(cause)?)
    }
}

/// The causes of an opaque error.
fn cause(error: Error) -> String {
    error.source_chain()
}

/// Reads a text that has to be one JSON value, and nothing after it. Without that check, serde_json reads the `u128` of 1e300 as
/// 1.
struct Whole<'de>(serde_json::Deserializer<SliceRead<'de>>);

macro_rules! whole {
    ($($method:ident($($name:ident: $type:ty),*))*) => { $(
        fn $method<V: Visitor<'de>>(mut self, $($name: $type,)* visitor: V) -> Result<V::Value, serde_json::Error> {
            let value = self.0.$method($($name,)* visitor)?;
            self.0.end().map(|()| value)
        }
    )* };
}

impl<'de> Deserializer<'de> for Whole<'de> {
    type Error = serde_json::Error;

    whole! {
        deserialize_any() deserialize_bool()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64()
        deserialize_char() deserialize_str() deserialize_string() deserialize_bytes() deserialize_byte_buf()
        deserialize_option() deserialize_unit() deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_seq() deserialize_tuple(count: usize) deserialize_tuple_struct(name: &'static str, count: usize)
        deserialize_map() deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier() deserialize_ignored_any()
    }
}
