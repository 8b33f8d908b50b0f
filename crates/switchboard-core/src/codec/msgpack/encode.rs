//! Encoding, server to client: every function appends one frame to a buffer, without an intermediate value.
use std::ops::Range;

use rmp::Marker;
use serde::Serialize;

use super::head;
use super::writer::Writer;
use crate::codec::body::{ErrorBody, GoAway};
use crate::codec::draft::Draft;
use crate::{Error, Id};

/// Appends a push, `{"event","data"}`. Returns the range of the data in `out`, so that other formats can share it.
///
/// Errors: internal, when `data` cannot be serialised; `out` is then unchanged.
pub fn encode_event(out: &mut Vec<u8>, event: &str, data: &(impl Serialize + ?Sized)) -> Result<Range<usize>, Error> {
    encode_frame(out, event, data, Tail::None)
}

/// Appends a push whose data is MessagePack already. Returns the range of the data in `out`.
///
/// The bytes are not checked: they must be one value.
pub fn encode_event_raw(out: &mut Vec<u8>, event: &str, data: &[u8]) -> Range<usize> {
    // The names of the keys, and the heads of the map and the event.
    out.reserve(data.len() + event.len() + 16);
    open(out, event, Tail::None);
    let start = out.len();
    out.extend_from_slice(data);
    start..out.len()
}

/// Appends a reply, `{"event","data","id"?}`. Returns the range of the data in `out`. An empty reply has the data `&()`.
///
/// Errors: internal, when `data` cannot be serialised; `out` is then unchanged.
pub fn encode_reply(
    out: &mut Vec<u8>,
    event: &str,
    id: Option<&Id<'_>>,
    data: &(impl Serialize + ?Sized),
) -> Result<Range<usize>, Error> {
    encode_frame(out, event, data, id.map_or(Tail::None, Tail::Id))
}

/// Appends a request of the server that awaits an answer, `{"event","data","ack":n}`. Returns the range of the data in
/// `out`.
///
/// Errors: internal, when `data` cannot be serialised; `out` is then unchanged.
pub fn encode_request(
    out: &mut Vec<u8>,
    event: &str,
    data: &(impl Serialize + ?Sized),
    ack: u64,
) -> Result<Range<usize>, Error> {
    encode_frame(out, event, data, Tail::Ack(ack))
}

/// Appends one item of a stream, `{"event","data","id","more":true}`. Returns the range of the data in `out`.
///
/// Errors: internal, when `data` cannot be serialised; `out` is then unchanged.
pub fn encode_stream_item(
    out: &mut Vec<u8>,
    event: &str,
    id: &Id<'_>,
    data: &(impl Serialize + ?Sized),
) -> Result<Range<usize>, Error> {
    encode_frame(out, event, data, Tail::More(id))
}

/// Appends the end of a stream, `{"event","id","done":true}`.
pub fn encode_stream_end(out: &mut Vec<u8>, event: &str, id: &Id<'_>) {
    out.extend_from_slice(b"\x83\xa5event");
    put(out, event);
    out.extend_from_slice(b"\xa2id");
    put_id(out, id);
    out.extend_from_slice(b"\xa4done\xc3");
}

/// Appends the answer to a message pattern, `{"pattern","payload","metadata":{},"id"?}`, or with `more` (and an id) an item of a stream
/// of them. Returns the range of the payload in `out`.
///
/// Errors: internal, when `payload` cannot be serialised; `out` is then unchanged.
pub fn encode_pattern(
    out: &mut Vec<u8>,
    pattern: &str,
    id: Option<&Id<'_>>,
    more: bool,
    payload: &(impl Serialize + ?Sized),
) -> Result<Range<usize>, Error> {
    let tail = match id {
        None => Tail::None,
        Some(id) if more => Tail::More(id),
        Some(id) => Tail::Id(id),
    };
    let mut draft = Draft::new(out);
    draft.push(keys(tail) + 1);
    draft.extend_from_slice(b"\xa7pattern");
    put(&mut draft, pattern);
    draft.extend_from_slice(b"\xa7payload");
    let start = draft.len();
    payload.serialize(Writer(&mut draft)).map_err(Error::internal)?;
    let payload = start..draft.len();
    draft.extend_from_slice(b"\xa8metadata\x80");
    close(&mut draft, tail);
    draft.keep();
    Ok(payload)
}

/// Appends the end of a stream of answers to a message pattern, `{"pattern","id","done":true}`.
pub fn encode_pattern_end(out: &mut Vec<u8>, pattern: &str, id: &Id<'_>) {
    out.extend_from_slice(b"\x83\xa7pattern");
    put(out, pattern);
    out.extend_from_slice(b"\xa2id");
    put_id(out, id);
    out.extend_from_slice(b"\xa4done\xc3");
}

/// Appends an error as the `exception` event: `{"event":"exception","id"?,"data":{…}}`.
///
/// `event` and `id` are those of the request, where they are known.
pub fn encode_exception(out: &mut Vec<u8>, error: &Error, event: Option<&str>, id: Option<&Id<'_>>) {
    out.push(0x82 + u8::from(id.is_some()));
    out.extend_from_slice(b"\xa5event\xa9exception");
    if let Some(id) = id {
        out.extend_from_slice(b"\xa2id");
        put_id(out, id);
    }
    out.extend_from_slice(b"\xa4data");
    encode_error(out, error, event);
}

/// Appends the error object alone, `{"status":"error","code","message","event"?,"details"?,"retryable",
/// "retry_after_ms"?,"trace_id"?}`: the data of an `exception`, and what an error acknowledgement holds.
pub fn encode_error(out: &mut Vec<u8>, error: &Error, event: Option<&str>) {
    put(out, &ErrorBody::new(error, event));
}

/// Appends `{"event":"sys.goaway","data":{"code","reason","retryable","retry_after_ms"?}}`, which goes before a close
/// that the server decides.
pub fn encode_goaway(out: &mut Vec<u8>, code: u16, reason: &str, retryable: bool, retry_after_ms: Option<u32>) {
    open(out, "sys.goaway", Tail::None);
    put(out, &GoAway { code, reason, retryable, retry_after_ms });
}

/// Appends a value alone, as `data` contains it.
///
/// Errors: internal, when it cannot be serialised; `out` is then unchanged.
pub fn encode_data(out: &mut Vec<u8>, data: &(impl Serialize + ?Sized)) -> Result<(), Error> {
    let mut draft = Draft::new(out);
    data.serialize(Writer(&mut draft)).map_err(Error::internal)?;
    draft.keep();
    Ok(())
}

/// The members of a frame after its data.
#[derive(Clone, Copy)]
enum Tail<'a> {
    None,
    Id(&'a Id<'a>),
    More(&'a Id<'a>),
    Ack(u64),
}

fn encode_frame<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    event: &str,
    data: &T,
    tail: Tail<'_>,
) -> Result<Range<usize>, Error> {
    let mut draft = Draft::new(out);
    open(&mut draft, event, tail);
    let start = draft.len();
    data.serialize(Writer(&mut draft)).map_err(Error::internal)?;
    let data = start..draft.len();
    close(&mut draft, tail);
    draft.keep();
    Ok(data)
}

fn open(out: &mut Vec<u8>, event: &str, tail: Tail<'_>) {
    out.push(keys(tail));
    out.extend_from_slice(b"\xa5event");
    put(out, event);
    out.extend_from_slice(b"\xa4data");
}

/// The head of a map with two keys more than the tail has.
fn keys(tail: Tail<'_>) -> u8 {
    match tail {
        Tail::None => 0x82,
        Tail::Id(_) | Tail::Ack(_) => 0x83,
        Tail::More(_) => 0x84,
    }
}

fn close(out: &mut Vec<u8>, tail: Tail<'_>) {
    match tail {
        Tail::None => {}
        Tail::Id(id) | Tail::More(id) => {
            out.extend_from_slice(b"\xa2id");
            put_id(out, id);
        }
        Tail::Ack(ack) => {
            out.extend_from_slice(b"\xa3ack");
            put(out, &ack);
        }
    }
    if let Tail::More(_) = tail {
        out.extend_from_slice(b"\xa4more\xc3");
    }
}

fn put_id(out: &mut Vec<u8>, id: &Id<'_>) {
    match id {
        // Exact: up to 2^53 an `f64` holds every integer.
        Id::Float(number) => head::put(out, Marker::F64, (*number as f64).to_be_bytes()),
        id => put(out, id),
    }
}

/// Appends one of this module's own values.
fn put(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    value.serialize(Writer(out)).expect("strings, numbers and structs of them always serialise");
}
