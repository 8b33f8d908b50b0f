//! Server to client: every function appends one frame to a buffer, without an intermediate value.
use std::io;
use std::ops::Range;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::codec::body::{ErrorBody, GoAway};
use crate::codec::draft::Draft;
use crate::{Error, Id};

/// Appends a push, `{"event","data"}`; gives the place of the data in `out`, so that other formats can share it.
///
/// Errors: internal, when `data` cannot be serialised; `out` is then as it was.
pub fn encode_event(out: &mut Vec<u8>, event: &str, data: &(impl Serialize + ?Sized)) -> Result<Range<usize>, Error> {
    encode_frame(out, event, data, Tail::None)
}

/// Appends a push whose data is JSON already; gives the place of the data in `out`.
///
/// The bytes are not looked at: they must be one JSON value in UTF-8.
pub fn encode_event_raw(out: &mut Vec<u8>, event: &str, data_json: &[u8]) -> Range<usize> {
    // The punctuation of the frame, and the name, seldom escaped.
    out.reserve(data_json.len() + event.len() + 24);
    open(out, event);
    let start = out.len();
    out.extend_from_slice(data_json);
    let data = start..out.len();
    close(out, Tail::None);
    data
}

/// Appends a reply, `{"event","data","id"?}`; gives the place of the data in `out`. An empty reply has the data `&()`.
///
/// Errors: internal, when `data` cannot be serialised; `out` is then as it was.
pub fn encode_reply(
    out: &mut Vec<u8>,
    event: &str,
    id: Option<&Id<'_>>,
    data: &(impl Serialize + ?Sized),
) -> Result<Range<usize>, Error> {
    encode_frame(out, event, data, id.map_or(Tail::None, Tail::Id))
}

/// [`encode_reply`], or with `more` [`encode_stream_item`], of a value whose type is erased: for what is sent seldom.
///
/// Errors: internal, when `data` cannot be serialised; `out` is then as it was.
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
    encode_seldom(out, event, data, tail)
}

/// Appends a request of the server that awaits an answer, `{"event","data","ack":n}`; gives the place of the data in
/// `out`.
///
/// Errors: internal, when `data` cannot be serialised; `out` is then as it was.
pub fn encode_request(
    out: &mut Vec<u8>,
    event: &str,
    data: &(impl Serialize + ?Sized),
    ack: u64,
) -> Result<Range<usize>, Error> {
    encode_seldom(out, event, &data, Tail::Ack(ack))
}

/// Appends one item of a stream, `{"event","data","id","more":true}`; gives the place of the data in `out`.
///
/// Errors: internal, when `data` cannot be serialised; `out` is then as it was.
pub fn encode_stream_item(
    out: &mut Vec<u8>,
    event: &str,
    id: &Id<'_>,
    data: &(impl Serialize + ?Sized),
) -> Result<Range<usize>, Error> {
    encode_seldom(out, event, &data, Tail::More(id))
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
/// of them; gives the place of the payload in `out`.
///
/// Errors: internal, when `payload` cannot be serialised; `out` is then as it was.
pub fn encode_pattern(
    out: &mut Vec<u8>,
    pattern: &str,
    id: Option<&Id<'_>>,
    more: bool,
    payload: &dyn erased_serde::Serialize,
) -> Result<Range<usize>, Error> {
    let mut draft = Draft::new(out);
    draft.extend_from_slice(br#"{"pattern":"#);
    put_seldom(&mut draft, pattern);
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
    put_seldom(out, pattern);
    out.extend_from_slice(br#","id":"#);
    put_seldom(out, id);
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
    put_seldom(out, &ErrorBody::new(error, event));
}

/// Appends `{"event":"sys.goaway","data":{"code","reason","retryable","retry_after_ms"?}}`, which goes before a close
/// that the server decides.
pub fn encode_goaway(out: &mut Vec<u8>, code: u16, reason: &str, retryable: bool, retry_after_ms: Option<u32>) {
    open(out, "sys.goaway");
    put_seldom(out, &GoAway { code, reason, retryable, retry_after_ms });
    close(out, Tail::None);
}

/// What stands behind the data.
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

fn encode_seldom(
    out: &mut Vec<u8>,
    event: &str,
    data: &dyn erased_serde::Serialize,
    tail: Tail<'_>,
) -> Result<Range<usize>, Error> {
    let mut draft = Draft::new(out);
    open(&mut draft, event);
    let start = draft.len();
    serde_json::to_writer(Seldom(&mut draft), data)?;
    let data = start..draft.len();
    close(&mut draft, tail);
    draft.keep();
    Ok(data)
}

/// What JSON does not have in a string as it is.
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

/// A name has seldom what must be escaped.
#[cold]
fn open_escaped(out: &mut Vec<u8>, event: &str) {
    out.extend_from_slice(br#"{"event":"#);
    put_seldom(out, event);
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

fn put_seldom(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(Seldom(out), value).expect("strings, numbers and structs of them always serialise");
}

/// What is written seldom goes through a writer of another type: so the serialiser of what is written often has few callers, and is
/// compiled into them.
struct Seldom<'a>(&'a mut Vec<u8>);

impl io::Write for Seldom<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Appends a value whose type is erased: for what is written seldom.
///
/// Errors: internal, when it cannot be serialised; a part of it may be in `out` then.
pub fn append(out: &mut Vec<u8>, value: &dyn erased_serde::Serialize) -> Result<(), Error> {
    Ok(serde_json::to_writer(Seldom(out), value)?)
}

/// A value as JSON, whose type is erased: for what is kept seldom.
///
/// Errors: internal, when it cannot be serialised.
pub fn raw_value(value: &dyn erased_serde::Serialize) -> Result<Box<RawValue>, Error> {
    let mut json = Vec::new();
    append(&mut json, value)?;
    let json = String::from_utf8(json).map_err(Error::internal)?;
    Ok(RawValue::from_string(json)?)
}
