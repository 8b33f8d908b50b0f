//! Client to server: one pass over the text, all parts borrowed from it.
use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{Error, Id, Incoming, Request, check_event, is_reserved};

/// The most keys of the envelope, and of any object inside `data`, `meta` or `error`.
const MAX_KEYS: usize = 1024;

/// Fewer bytes than this cannot hold an object of more than [`MAX_KEYS`] keys: `"":0` and a comma each, and braces.
pub(super) const SCAN_FROM: usize = (MAX_KEYS + 1) * 5 + 1;

/// A frame that is answered with an `exception`, and all that is known for addressing the answer.
#[derive(Debug)]
pub struct Rejected<'a> {
    /// `bad_request`; the message says what to do, and never repeats the input.
    pub error: Error,
    /// For the metric, one of: `not_json`, `not_object`, `too_many_keys`, `duplicate_key`, `two_kinds`, `no_event`,
    /// `kind_disabled`, `event_name`, `event_reserved`, `id`, `cancel`, `ack`.
    pub reason: &'static str,
    /// The id of the request, where it could be read.
    pub id: Option<Id<'a>>,
    /// The event of the request, where it could be read and is a name.
    pub event: Option<Cow<'a, str>>,
}

/// Decodes a frame of the native protocol.
///
/// The payload is only checked to be JSON, at any depth, without recursion. Nothing is allocated unless the event or
/// the id has escapes, or the payload is nested (a byte for each level).
///
/// `data`, `meta`, `id` and `error` that are null count as missing; unknown keys are ignored.
///
/// Errors: [`Rejected`], for a frame that is not exactly one message of a kind that is taken here.
pub fn decode(text: &str) -> Result<Incoming<'_>, Rejected<'_>> {
    let mut envelope = Envelope::default();
    match envelope.fill(text).and_then(|()| envelope.read()) {
        Ok(incoming) => Ok(incoming),
        Err(fault) => Err(envelope.reject(fault)),
    }
}

/// What is wrong with a frame.
#[derive(Clone, Copy)]
enum Fault {
    NotJson,
    NotObject,
    TooManyKeys,
    DuplicateKey,
    TwoKinds,
    NoEvent,
    PatternDisabled,
    RestDisabled,
    EventName(&'static str),
    EventReserved,
    Id,
    Cancel,
    Ack,
    AckTwice,
}

impl Fault {
    /// The reason for the metric, and the message for the client.
    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Fault::NotJson => {
                ("not_json", r#"The frame is not JSON: send exactly one object such as {"event":"name","data":null}"#)
            }
            Fault::NotObject => {
                ("not_object", r#"The frame is not a JSON object: send one such as {"event":"name","data":null}"#)
            }
            Fault::TooManyKeys => {
                ("too_many_keys", "An object has more than 1024 keys: send a list, or several messages")
            }
            Fault::DuplicateKey => ("duplicate_key", "A key of the frame occurs twice: send each key once"),
            Fault::TwoKinds => (
                "two_kinds",
                "The frame is of two kinds: send `event`, `cancel`, `ack`, `kind` + `pattern`, or `method` + `url`",
            ),
            Fault::NoEvent => ("no_event", r#"The frame has no `event`: send {"event":"name","data":null}"#),
            Fault::PatternDisabled => {
                ("kind_disabled", "This gateway does not take pattern frames: send `event` and `data`")
            }
            Fault::RestDisabled => ("kind_disabled", "This gateway does not take REST frames: send `event` and `data`"),
            Fault::EventName(rule) => ("event_name", rule),
            Fault::EventReserved => (
                "event_reserved",
                "`exception` and names that begin with `sys.` belong to the server: use another name",
            ),
            Fault::Id => (
                "id",
                "`id` must be a whole number from 0 to 2^53, or a text of 1 to 128 bytes without control characters",
            ),
            Fault::Cancel => ("cancel", "`cancel` must be the `id` of a request"),
            Fault::Ack => ("ack", "`ack` must be the number that the server's request carried"),
            Fault::AckTwice => ("ack", "An answer has `data` or `error`, not both"),
        }
    }
}

/// The keys that mean something.
#[derive(Clone, Copy)]
enum Key {
    Event,
    Data,
    Id,
    Meta,
    Cancel,
    Ack,
    Error,
    Kind,
    Pattern,
    Method,
    Url,
    Unknown,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E>(self, word: &str) -> Result<Key, E> {
                Ok(match word {
                    "event" => Key::Event,
                    "data" => Key::Data,
                    "id" => Key::Id,
                    "meta" => Key::Meta,
                    "cancel" => Key::Cancel,
                    "ack" => Key::Ack,
                    "error" => Key::Error,
                    "kind" => Key::Kind,
                    "pattern" => Key::Pattern,
                    "method" => Key::Method,
                    "url" => Key::Url,
                    _ => Key::Unknown,
                })
            }
        }
        deserializer.deserialize_identifier(Word)
    }
}

/// The known keys of a frame with their values as they stand; kept outside of the parser so that what was read before
/// a fault can still address the answer.
#[derive(Default)]
struct Envelope<'a> {
    event: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    meta: Option<&'a RawValue>,
    cancel: Option<&'a RawValue>,
    ack: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    /// A bit for each [`Key`] that occurred, and that occurred again.
    seen: u16,
    again: u16,
    overfull: bool,
}

impl<'a> Envelope<'a> {
    fn fill(&mut self, text: &'a str) -> Result<(), Fault> {
        let mut json = serde_json::Deserializer::from_str(text);
        match json.deserialize_map(Fill(self)).and_then(|()| json.end()) {
            Ok(()) => Ok(()),
            Err(_) if self.overfull => Err(Fault::TooManyKeys),
            Err(_) => Err(match text.trim_ascii_start().as_bytes().first() {
                Some(b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => Fault::NotObject,
                _ => Fault::NotJson,
            }),
        }
    }

    fn read(&self) -> Result<Incoming<'a>, Fault> {
        if self.again != 0 {
            return Err(Fault::DuplicateKey);
        }
        let has = |key: Key| self.seen & bit(key) != 0;
        let pattern = has(Key::Kind) && has(Key::Pattern);
        let rest = has(Key::Method) && has(Key::Url);
        match (has(Key::Event), has(Key::Cancel), has(Key::Ack), pattern, rest) {
            (true, false, false, false, false) => self.request().map(Incoming::Request),
            (false, true, false, false, false) => match self.cancel.map(read_id) {
                Some(Ok(Some(id))) => Ok(Incoming::Cancel(id)),
                _ => Err(Fault::Cancel),
            },
            (false, false, true, false, false) => self.answer(),
            (false, false, false, true, false) => Err(Fault::PatternDisabled),
            (false, false, false, false, true) => Err(Fault::RestDisabled),
            (false, false, false, false, false) => Err(Fault::NoEvent),
            _ => Err(Fault::TwoKinds),
        }
    }

    fn request(&self) -> Result<Request<'a>, Fault> {
        let event = read_event(self.event.ok_or(Fault::NoEvent)?)?;
        if is_reserved(&event) {
            return Err(Fault::EventReserved);
        }
        let id = self.id.map_or(Ok(None), read_id)?;
        Ok(Request { event, data: read_value(self.data)?, id, meta: read_value(self.meta)? })
    }

    fn answer(&self) -> Result<Incoming<'a>, Fault> {
        let Some(Ok(Some(Id::Number(ack)))) = self.ack.map(read_id) else { return Err(Fault::Ack) };
        let answer = match (read_value(self.data)?, read_value(self.error)?) {
            (data, None) => Ok(data),
            (None, Some(error)) => Err(error),
            (Some(_), Some(_)) => return Err(Fault::AckTwice),
        };
        Ok(Incoming::Ack { ack, answer })
    }

    /// An id or event that occurs twice addresses nothing.
    #[cold]
    fn reject(&self, fault: Fault) -> Rejected<'a> {
        let once = |key: Key| self.again & bit(key) == 0;
        let (reason, message) = fault.texts();
        Rejected {
            error: Error::bad_request(message),
            reason,
            id: self.id.filter(|_| once(Key::Id)).and_then(|raw| read_id(raw).ok()).flatten(),
            event: self.event.filter(|_| once(Key::Event)).and_then(|raw| read_event(raw).ok()),
        }
    }
}

fn bit(key: Key) -> u16 {
    1 << key as u16
}

struct Fill<'e, 'a>(&'e mut Envelope<'a>);

impl<'de> Visitor<'de> for Fill<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let envelope = self.0;
        let mut left = MAX_KEYS;
        while let Some(key) = map.next_key::<Key>()? {
            if left == 0 {
                envelope.overfull = true;
                return Err(de::Error::custom("too many keys"));
            }
            left -= 1;
            let slot = match key {
                Key::Event => &mut envelope.event,
                Key::Data => &mut envelope.data,
                Key::Id => &mut envelope.id,
                Key::Meta => &mut envelope.meta,
                Key::Cancel => &mut envelope.cancel,
                Key::Ack => &mut envelope.ack,
                Key::Error => &mut envelope.error,
                Key::Kind | Key::Pattern | Key::Method | Key::Url | Key::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                    if !matches!(key, Key::Unknown) {
                        envelope.again |= envelope.seen & bit(key);
                        envelope.seen |= bit(key);
                    }
                    continue;
                }
            };
            *slot = Some(map.next_value::<&'de RawValue>()?);
            envelope.again |= envelope.seen & bit(key);
            envelope.seen |= bit(key);
        }
        Ok(())
    }
}

/// A payload to keep: not null, and no object in it has too many keys.
fn read_value(raw: Option<&RawValue>) -> Result<Option<&RawValue>, Fault> {
    match raw {
        Some(raw) if raw.get() == "null" => Ok(None),
        Some(raw) if raw.get().len() >= SCAN_FROM && has_big_object(raw.get().as_bytes()) => Err(Fault::TooManyKeys),
        raw => Ok(raw),
    }
}

fn read_event(raw: &RawValue) -> Result<Cow<'_, str>, Fault> {
    let event = read_text(raw).ok_or(Fault::EventName("`event` must be a text of 1 to 128 bytes"))?;
    check_event(&event).map_err(Fault::EventName)?;
    Ok(event)
}

/// The id, kept exactly; `None` for null.
fn read_id(raw: &RawValue) -> Result<Option<Id<'_>>, Fault> {
    let text = raw.get();
    match text.as_bytes()[0] {
        b'n' => Ok(None),
        b'"' => read_text(raw).and_then(Id::text).map(Some).ok_or(Fault::Id),
        // The raw text is a JSON number: only digits parse here, so no sign, fraction or exponent.
        b'0'..=b'9' => text.parse().ok().and_then(Id::number).map(Some).ok_or(Fault::Id),
        _ => Err(Fault::Id),
    }
}

/// The text of a JSON string of at most 128 bytes; longer ones may be given too, if that costs nothing.
fn read_text(raw: &RawValue) -> Option<Cow<'_, str>> {
    /// `\u` and four digits for each byte, and the quotes.
    const LONGEST: usize = 128 * 6 + 2;
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if !inner.as_bytes().contains(&b'\\') {
        return Some(Cow::Borrowed(inner));
    }
    if raw.get().len() > LONGEST {
        return None;
    }
    serde_json::from_str(raw.get()).ok().map(Cow::Owned)
}

/// True when an object anywhere inside has more than [`MAX_KEYS`] keys. Linear, and without recursion.
///
/// `json` must be a JSON value.
fn has_big_object(json: &[u8]) -> bool {
    // Each key has its colon: too few of them, wherever they stand, and there is nothing to find.
    if json.iter().filter(|&&byte| byte == b':').count() <= MAX_KEYS {
        return false;
    }
    // The keys so far of each object that is open; an array has none.
    let mut open: Vec<u16> = Vec::new();
    let mut keys = 0;
    let mut at = 0;
    while at < json.len() {
        match json[at] {
            b'"' => at = end_of_string(json, at + 1),
            b'{' | b'[' => open.push(std::mem::take(&mut keys)),
            b'}' | b']' => keys = open.pop().unwrap_or(0),
            b':' => {
                keys += 1;
                if usize::from(keys) > MAX_KEYS {
                    return true;
                }
            }
            _ => {}
        }
        at += 1;
    }
    false
}

/// The place of the quote that ends the string whose first character is at `at`.
fn end_of_string(json: &[u8], mut at: usize) -> usize {
    while at < json.len() && json[at] != b'"' {
        at += if json[at] == b'\\' { 2 } else { 1 };
    }
    at
}
