//! The fast path: an event as the official clients write it, whose payload is not read yet.
use super::{MAIN, is_reserved};
use crate::codec::json::{SCAN_FROM, has_private_key, plain_text};

/// The longest namespace and the longest ack id that are read here; longer ones are rare.
const MAX_NAMESPACE: usize = 255;
const MAX_DIGITS: usize = 19;

/// An event whose payload is not known to be JSON.
///
/// The packet is this event if and only if `data` is one JSON value. So parse `data` into the handler's type, and if
/// that fails, [`decode`](super::decode()) the whole packet: it may have several arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FastEvent<'a> {
    /// The namespace, `/` if the packet names none.
    pub namespace: &'a str,
    /// The id under which the sender awaits an ack.
    pub ack: Option<u64>,
    /// As [`Message::event`](super::Message::event).
    pub event: &'a str,
    /// The text of the only argument; "null" if there is none.
    pub data: &'a str,
}

/// Reads what precedes the payload of a common event. `None`: the packet is not a common one, so
/// [`decode`](super::decode()) it.
///
/// A common event is an EVENT without white space before its first argument, whose namespace and name are of ASCII
/// without escapes. It is too short for an object with too many keys, and its payload has no key that begins with
/// `$serde_json::private::`.
#[inline]
pub fn decode_fast(text: &str) -> Option<FastEvent<'_>> {
    if text.len() >= SCAN_FROM {
        return None;
    }
    let rest = text.strip_prefix('2')?;
    let (namespace, rest) = if rest.starts_with('/') { split_namespace(rest)? } else { (MAIN, rest) };
    let (ack, rest) = split_ack(rest)?;
    let (event, rest) = plain_text(rest.strip_prefix('[')?)?;
    if event.is_empty() || event.len() > 128 || is_reserved(event) || crate::is_reserved(event) {
        return None;
    }
    let data = match rest.strip_suffix(']')? {
        "" => "null",
        rest => rest.strip_prefix(',')?,
    };
    (!has_private_key(data)).then_some(FastEvent { namespace, ack, event, data })
}

fn split_namespace(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| byte == b',' || !matches!(byte, 0x20..=0x7e))?;
    let (namespace, rest) = text.split_at(end);
    (end <= MAX_NAMESPACE).then_some((namespace, rest.strip_prefix(',')?))
}

fn split_ack(text: &str) -> Option<(Option<u64>, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Some((None, text));
    }
    let (digits, rest) = text.split_at_checked(digits).filter(|(digits, _)| digits.len() <= MAX_DIGITS)?;
    Some((Some(digits.parse().ok()?), rest))
}
