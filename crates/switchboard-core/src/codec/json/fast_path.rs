//! Client to server, the fast path: a message as `JSON.stringify` writes it, whose payload is not read yet.
use crate::{Id, is_reserved};

use super::decode::SCAN_FROM;
use crate::codec::private::has_private_key;

/// A message whose payload is not known to be JSON.
///
/// The frame is this message if and only if `data` is one JSON value. So parse `data` into the handler's type, and if that fails,
/// [`decode`](super::decode()) the whole frame.
#[derive(Clone, Debug, PartialEq)]
pub struct FastFrame<'a> {
    /// A name that passes [`check_event`](crate::check_event) and is not [reserved](crate::is_reserved).
    pub event: &'a str,
    /// The text of the payload; "null" if there is none.
    pub data: &'a str,
    /// The id of the request.
    pub id: Option<Id<'a>>,
}

/// Reads the keys of a common frame without reading its payload. `None`: the frame is not a common one, so [`decode`](super::decode()) it.
///
/// A common frame has `event` first, then `data` and `id` in either order, no white space between them, and an event and id of ASCII
/// without escapes. It is too short for an object with too many keys, and its payload has no key that begins with `$serde_json::private::`.
#[inline]
pub fn decode_fast(text: &str) -> Option<FastFrame<'_>> {
    if text.len() >= SCAN_FROM {
        return None;
    }
    let (event, rest) = plain_text(text.strip_prefix(r#"{"event":"#)?)?;
    if event.is_empty() || event.len() > 128 || is_reserved(event) {
        return None;
    }
    if let Some(rest) = rest.strip_prefix(r#","data":"#) {
        let rest = rest.strip_suffix('}')?;
        let (data, id) = match trailing_id(rest) {
            Some((data, id)) => (data, Some(id)),
            None => (rest, None),
        };
        return (!has_private_key(data)).then_some(FastFrame { event, data, id });
    }
    if let Some(rest) = rest.strip_prefix(r#","id":"#) {
        let (id, rest) = leading_id(rest)?;
        let data = match rest.strip_prefix(r#","data":"#) {
            Some(rest) => rest.strip_suffix('}')?,
            None if rest == "}" => "null",
            None => return None,
        };
        return (!has_private_key(data)).then_some(FastFrame { event, data, id: Some(id) });
    }
    (rest == "}").then_some(FastFrame { event, data: "null", id: None })
}

/// A JSON string of printable ASCII without escapes, and the text after it.
pub(crate) fn plain_text(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let end = inner.bytes().position(|byte| ENDS[usize::from(byte)])?;
    (inner.as_bytes()[end] == b'"').then(|| (&inner[..end], &inner[end + 1..]))
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b'\\'
}

/// The bytes that end a plain text: a quote, and any byte that is not plain. A table, because it is used for each byte of each event's
/// name.
static ENDS: [bool; 256] = {
    let mut ends = [true; 256];
    let mut byte = 0;
    while byte < 256 {
        ends[byte] = byte == b'"' as usize || !is_plain(byte as u8);
        byte += 1;
    }
    ends
};

fn leading_id(text: &str) -> Option<(Id<'_>, &str)> {
    if text.starts_with('"') {
        let (id, rest) = plain_text(text)?;
        return Some((Id::text(id)?, rest));
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    Some((number(&text[..digits])?, &text[digits..]))
}

/// The text before `,"id":7` or `,"id":"a"` at the end, and the id.
fn trailing_id(text: &str) -> Option<(&str, Id<'_>)> {
    const KEY: &str = r#","id":"#;
    if let Some(inner) = text.strip_suffix('"') {
        let tail = inner.bytes().rev().take(Id::MAX_TEXT + 1);
        let length = tail.take_while(|byte| *byte != b'"' && is_plain(*byte)).count();
        let (front, id) = inner.split_at(inner.len() - length);
        return Some((front.strip_suffix('"')?.strip_suffix(KEY)?, Id::text(id)?));
    }
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let (front, id) = text.split_at(text.len() - digits);
    Some((front.strip_suffix(KEY)?, number(id)?))
}

/// An id from a JSON number that has only digits.
fn number(digits: &str) -> Option<Id<'static>> {
    let is_json = digits.len() == 1 || !digits.starts_with('0');
    if is_json && digits.len() <= 16 { digits.parse().ok().and_then(Id::number) } else { None }
}
