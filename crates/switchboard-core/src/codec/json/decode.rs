//! Decoding, client to server: one pass over the text; all parts are borrowed from it.
use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::codec::Rejected;
use crate::codec::envelope::{Envelope, Key, MAX_KEYS, Value};
use crate::codec::fault::Fault;
use crate::codec::private::{end_of_string, has_private_key};
use crate::{Id, Incoming};

/// A text with fewer bytes cannot contain an object of more than [`MAX_KEYS`] keys: each takes `"":0` and a comma, and the object braces.
pub(crate) const SCAN_FROM: usize = (MAX_KEYS + 1) * 5 + 1;

/// Decodes a frame of the native protocol.
///
/// The payload is only validated to be JSON, at any depth, without recursion. Nothing is allocated unless the event or the id has escapes,
/// or the payload is nested (a byte for each level).
///
/// `data`, `meta`, `id` and `error` that are null count as missing; unknown keys are ignored.
///
/// Errors: [`Rejected`], for a frame that is not exactly one message of a kind that is accepted here.
pub fn decode(text: &str) -> Result<Incoming<'_>, Rejected<'_>> {
    read(Envelope::new(false), text)
}

/// [`decode`] for gateways that also accept the frames of message patterns.
///
/// Errors: those of [`decode`].
pub fn decode_with_patterns(text: &str) -> Result<Incoming<'_>, Rejected<'_>> {
    read(Envelope::new(true), text)
}

fn read<'a>(mut envelope: Envelope<&'a RawValue>, text: &'a str) -> Result<Incoming<'a>, Rejected<'a>> {
    let filled = fill(&mut envelope, text);
    envelope.finish(filled)
}

fn fill<'a>(envelope: &mut Envelope<&'a RawValue>, text: &'a str) -> Result<(), Fault> {
    let mut json = serde_json::Deserializer::from_str(text);
    let mut overfull = false;
    match json.deserialize_map(Fill { envelope, overfull: &mut overfull }).and_then(|()| json.end()) {
        Ok(()) => Ok(()),
        Err(_) if overfull => Err(Fault::TooManyKeys),
        Err(_) => Err(match text.trim_ascii_start().as_bytes().first() {
            Some(b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => Fault::NotObject,
            _ => Fault::NotJson,
        }),
    }
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
                Ok(Key::of(word))
            }
        }
        deserializer.deserialize_identifier(Word)
    }
}

struct Fill<'e, 'a> {
    envelope: &'e mut Envelope<&'a RawValue>,
    overfull: &'e mut bool,
}

impl<'de> Visitor<'de> for Fill<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut left = MAX_KEYS;
        while let Some(key) = map.next_key::<Key>()? {
            if left == 0 {
                *self.overfull = true;
                return Err(de::Error::custom("too many keys"));
            }
            left -= 1;
            let value = if key.has_value() {
                Some(map.next_value::<&'de RawValue>()?)
            } else {
                map.next_value::<IgnoredAny>()?;
                None
            };
            self.envelope.put(key, value);
        }
        Ok(())
    }
}

impl<'a> Value<'a> for &'a RawValue {
    type Data = &'a RawValue;

    fn is_null(self) -> bool {
        self.get() == "null"
    }

    fn data(self) -> Result<Option<&'a RawValue>, Fault> {
        match self.get() {
            "null" => Ok(None),
            json => check(json).map(|()| Some(self)),
        }
    }

    fn text(self) -> Option<Cow<'a, str>> {
        text_of(self)
    }

    fn id(self) -> Result<Option<Id<'a>>, Fault> {
        let json = self.get();
        match json.as_bytes()[0] {
            b'n' => Ok(None),
            b'"' => self.text().and_then(Id::text).map(Some).ok_or(Fault::Id),
            // The raw text is a JSON number: only digits parse here, so no sign, fraction or exponent.
            b'0'..=b'9' => json.parse().ok().and_then(Id::number).map(Some).ok_or(Fault::Id),
            _ => Err(Fault::Id),
        }
    }
}

/// A value as a text of at most 128 bytes, or a longer one that has no escapes.
#[inline]
pub(crate) fn text_of(value: &RawValue) -> Option<Cow<'_, str>> {
    /// `\u` and four digits for each byte, and the quotes.
    const LONGEST: usize = 128 * 6 + 2;
    let inner = value.get().strip_prefix('"')?.strip_suffix('"')?;
    if !inner.as_bytes().contains(&b'\\') {
        return Some(Cow::Borrowed(inner));
    }
    if value.get().len() > LONGEST {
        return None;
    }
    serde_json::from_str(value.get()).ok().map(Cow::Owned)
}

/// Checks what holds for all objects in a payload: how many keys they have, and which.
///
/// `json` must be a JSON value.
#[inline]
pub(crate) fn check(json: &str) -> Result<(), Fault> {
    if json.len() >= SCAN_FROM && has_big_object(json.as_bytes()) {
        return Err(Fault::TooManyKeys);
    }
    if has_private_key(json) { Err(Fault::PrivateKey) } else { Ok(()) }
}

/// True if an object anywhere inside has more than [`MAX_KEYS`] keys. Linear, and without recursion.
///
/// `json` must be a JSON value.
fn has_big_object(json: &[u8]) -> bool {
    // Each key has a colon, so a text with too few colons, even counting those in strings, has no such object.
    if json.iter().filter(|&&byte| byte == b':').count() <= MAX_KEYS {
        return false;
    }
    // The number of keys so far of each open object; it stays 0 for an array.
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
