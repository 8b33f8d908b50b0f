//! Encoding, server to client: every function appends one frame to a buffer, without an intermediate value.
use std::io;
use std::ops::Range;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::codec::body::{ErrorBody, GoAway};
use crate::codec::draft::Draft;
use crate::{Error, Id};

/// Appends a push, `{"event","data"}`. Returns the range of the data in `out`, so that other formats can share it.
///
/// Errors: internal, when `data` cannot be serialised; `out` is then unchanged.
pub fn encode_event(out: &mut Vec<u8>, event: &str, data: &(impl Serialize + ?Sized)) -> Result<Range<usize>, Error> {
    encode_frame(out, event, data, Tail::None)
}

/// Appends a push whose data is JSON already. Returns the range of the data in `out`.
///
/// The bytes are not checked: they must be one JSON value in UTF-8.
pub fn encode_event_raw(out: &mut Vec<u8>, event: &str, data_json: &[u8]) -> Range<usize> {
    // The punctuation of the frame, and the name, which rarely needs escapes.
    out.reserve(data_json.len() + event.len() + 24);
    open(out, event);
    let start = out.len();
    out.extend_from_slice(data_json);
    let data = start..out.len();
    close(out, Tail::None);
    data
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

/// [`encode_reply`], or with `more` [`encode_stream_item`], of a value whose type is erased: for frames that are sent rarely.
///
/// Errors: internal, when `data` cannot be serialised; `out` is then unchanged.
pub fn encode_erased(
    out: &mut Vec<u8>,
    event: &str,
    id: Option<&Id<'_>>,
    more: bool,
    data: &dyn erased_serde::Serialize,
) -> Result<Range<usize>, Error> {
    let tail = match id {
        None => Tail::None,
        Some(id) if more => Tail::More(id),
        Some(id) => Tail::Id(id),
    };
    encode_rare(out, event, data, tail)
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
    encode_rare(out, event, &data, Tail::Ack(ack))
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
    encode_rare(out, event, &data, Tail::More(id))
}

/// Appends the end of a stream, `{"event","id","done":true}`.
pub fn encode_stream_end(out: &mut Vec<u8>, event: &str, id: &Id<'_>) {
    out.extend_from_slice(br#"{"event":"#);
    put(out, event);
    out.extend_from_slice(br#","id":"#);
    put(out, id);
    out.extend_from_slice(br#","done":true}"#);
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
    payload: &dyn erased_serde::Serialize,
) -> Result<Range<usize>, Error> {
    let mut draft = Draft::new(out);
    draft.extend_from_slice(br#"{"pattern":"#);
    put_rare(&mut draft, pattern);
    draft.extend_from_slice(br#","payload":"#);
    let start = draft.len();
    append(&mut draft, payload)?;
    let payload = start..draft.len();
    draft.extend_from_slice(br#","metadata":{}"#);
    close(
        &mut draft,
        match id {
            None => Tail::None,
            Some(id) if more => Tail::More(id),
            Some(id) => Tail::Id(id),
        },
    );
    draft.keep();
    Ok(payload)
}

/// Appends the end of a stream of answers to a message pattern, `{"pattern","id","done":true}`.
pub fn encode_pattern_end(out: &mut Vec<u8>, pattern: &str, id: &Id<'_>) {
    out.extend_from_slice(br#"{"pattern":"#);
    put_rare(out, pattern);
    out.extend_from_slice(br#","id":"#);
    put_rare(out, id);
    out.extend_from_slice(br#","done":true}"#);
}

/// Appends an error as the `exception` event: `{"event":"exception","id"?,"data":{…}}`.
///
/// `event` and `id` are those of the request, where they are known.
pub fn encode_exception(out: &mut Vec<u8>, error: &Error, event: Option<&str>, id: Option<&Id<'_>>) {
    out.extend_from_slice(br#"{"event":"exception""#);
    if let Some(id) = id {
        out.extend_from_slice(br#","id":"#);
        put(out, id);
    }
    out.extend_from_slice(br#","data":"#);
    encode_error(out, error, event);
    out.push(b'}');
}

/// Appends the error object alone, `{"status":"error","code","message","event"?,"details"?,"retryable",
/// "retry_after_ms"?,"trace_id"?}`: the data of an `exception`, and what an error acknowledgement holds.
pub fn encode_error(out: &mut Vec<u8>, error: &Error, event: Option<&str>) {
    put_rare(out, &ErrorBody::new(error, event));
}

/// Appends `{"event":"sys.goaway","data":{"code","reason","retryable","retry_after_ms"?}}`, which goes before a close
/// that the server decides.
pub fn encode_goaway(out: &mut Vec<u8>, code: u16, reason: &str, retryable: bool, retry_after_ms: Option<u32>) {
    open(out, "sys.goaway");
    put_rare(out, &GoAway { code, reason, retryable, retry_after_ms });
    close(out, Tail::None);
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
    open(&mut draft, event);
    let start = draft.len();
    serde_json::to_writer(&mut *draft, data)?;
    let data = start..draft.len();
    close(&mut draft, tail);
    draft.keep();
    Ok(data)
}

fn encode_rare(
    out: &mut Vec<u8>,
    event: &str,
    data: &dyn erased_serde::Serialize,
    tail: Tail<'_>,
) -> Result<Range<usize>, Error> {
    let mut draft = Draft::new(out);
    open(&mut draft, event);
    let start = draft.len();
    serde_json::to_writer(RareWriter(&mut draft), data)?;
    let data = start..draft.len();
    close(&mut draft, tail);
    draft.keep();
    Ok(data)
}

/// The bytes that a JSON string contains only as an escape.
const ESCAPED: [bool; 256] = {
    let mut escaped = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        escaped[byte] = true;
        byte += 1;
    }
    escaped[b'"' as usize] = true;
    escaped[b'\\' as usize] = true;
    escaped
};

fn open(out: &mut Vec<u8>, event: &str) {
    if event.bytes().any(|byte| ESCAPED[usize::from(byte)]) {
        return open_escaped(out, event);
    }
    out.extend_from_slice(br#"{"event":""#);
    out.extend_from_slice(event.as_bytes());
    out.extend_from_slice(br#"","data":"#);
}

/// Writes a name that needs escapes. Separate from [`open`], because event names rarely need them.
#[cold]
fn open_escaped(out: &mut Vec<u8>, event: &str) {
    out.extend_from_slice(br#"{"event":"#);
    put_rare(out, event);
    out.extend_from_slice(br#","data":"#);
}

fn close(out: &mut Vec<u8>, tail: Tail<'_>) {
    match tail {
        Tail::None => {}
        Tail::Id(id) | Tail::More(id) => {
            out.extend_from_slice(br#","id":"#);
            put(out, id);
        }
        Tail::Ack(ack) => {
            out.extend_from_slice(br#","ack":"#);
            put(out, &ack);
        }
    }
    if let Tail::More(_) = tail {
        out.extend_from_slice(br#","more":true"#);
    }
    out.push(b'}');
}

/// Appends one of this module's own values.
fn put(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(out, value).expect("strings, numbers and structs of them always serialise");
}

fn put_rare(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(RareWriter(out), value).expect("strings, numbers and structs of them always serialise");
}

/// A writer for frames that are written rarely. Because it is a type of its own, the serialiser over `Vec<u8>`, which the hot path uses,
/// has few callers and is inlined into them.
struct RareWriter<'a>(&'a mut Vec<u8>);

impl io::Write for RareWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Appends a value whose type is erased: for values that are written rarely.
///
/// Errors: internal, when it cannot be serialised; `out` may then end in a part of it.
pub fn append(out: &mut Vec<u8>, value: &dyn erased_serde::Serialize) -> Result<(), Error> {
    Ok(serde_json::to_writer(RareWriter(out), value)?)
}

/// A value whose type is erased, as JSON: for values that are kept rarely.
///
/// Errors: internal, when it cannot be serialised.
pub fn raw_value(value: &dyn erased_serde::Serialize) -> Result<Box<RawValue>, Error> {
    let mut json = Vec::new();
    append(&mut json, value)?;
    let json = String::from_utf8(json).map_err(Error::internal)?;
    Ok(RawValue::from_string(json)?)
}
