//! JSON and MessagePack, as the trait has them. Connections that speak them do without the trait.
use super::{Codec, FrameKind, Incoming, Lend, Outgoing, Rejected};
use crate::Error;
use std::borrow::Cow;
use std::error::Error as StdError;
use switchboard_core::codec::{json, msgpack};

/// The native protocol as JSON, `switchboard.v1.json`: every gateway speaks it. Register only what wraps it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

/// The native protocol as MessagePack, `switchboard.v1.msgpack`: every gateway but those that are `text_only` speaks it. Register
/// only what wraps it.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagePack;

impl Codec for Json {
    fn protocol(&self) -> &str {
        super::table::JSON
    }

    fn frames(&self) -> FrameKind {
        FrameKind::Text
    }

    fn decode<'a>(&self, frame: &'a [u8]) -> Result<Incoming<'a>, Rejected<'a>> {
        let text = simdutf8::basic::from_utf8(frame).unwrap_or("\u{fffd}");
        json::decode_with_patterns(text).map(|message| message.map(|json| Cow::Borrowed(json.get().as_bytes())))
    }

    fn read(&self, payload: &[u8], lend: &mut Lend<'_>) {
        let mut json = serde_json::Deserializer::from_slice(payload);
        lend(&mut <dyn erased_serde::Deserializer>::erase(&mut json));
    }

    fn encode(&self, frame: &Outgoing<'_>, out: &mut Vec<u8>) -> Result<(), Box<dyn StdError + Send + Sync>> {
        Ok(json::append(out, frame)?)
    }
}

impl Codec for MessagePack {
    fn protocol(&self) -> &str {
        super::table::MESSAGE_PACK
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

/// What is behind an opaque error.
fn cause(error: Error) -> String {
    error.source_chain()
}
