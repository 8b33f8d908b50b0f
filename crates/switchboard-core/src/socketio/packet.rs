//! The text of a packet → its parts.
use std::borrow::Cow;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Arguments, MAIN, MAX_ATTACHMENTS, Violation, placeholder};
use crate::codec::{Fault, Rejected, json};
use crate::name::has_control;
use crate::{Error, check_event};

/// The longest name of a namespace, in bytes.
const MAX_NAMESPACE: usize = 255;

/// Limits of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketLimits {
    /// The number of attachments. Default [`MAX_ATTACHMENTS`].
    pub max_attachments: usize,
    /// The text and the attachments of a binary packet together, in bytes. (A packet without attachments is one
    /// message, whose length the transport limits.) Default 1,000,000.
    pub max_bytes: usize,
}

impl Default for PacketLimits {
    fn default() -> PacketLimits {
        PacketLimits { max_attachments: MAX_ATTACHMENTS, max_bytes: 1_000_000 }
    }
}

/// The end of the connection that has sent a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    /// A client. `decode` rejects a CONNECT_ERROR packet from it, because only servers send that type.
    Client,
    /// A server.
    Server,
}

/// A packet, decoded by [`decode`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Packet<'a> {
    /// The namespace, `/` if the packet names none. `None`: the name breaks a rule of [`check_namespace`], so there is
    /// no such namespace, and an answer must not repeat the name.
    pub namespace: Option<&'a str>,
    /// How many binary messages follow; not 0 for BINARY_EVENT and BINARY_ACK only. An [`Assembler`](super::Assembler)
    /// awaits them.
    pub attachments: usize,
    /// The type of the packet and its payload.
    pub content: Content<'a>,
}

/// The types of packets (section "Exchange protocol"), with what they carry.
#[derive(Debug)]
#[non_exhaustive]
pub enum Content<'a> {
    /// CONNECT: the payload, an object; from a client its `auth`, from a server `{"sid"}`.
    Connect(Result<Option<&'a RawValue>, Rejected<'a>>),
    /// DISCONNECT. A payload is ignored.
    Disconnect,
    /// EVENT and BINARY_EVENT.
    Event {
        /// The id under which the sender awaits an ack.
        ack: Option<u64>,
        /// The event, or the error to answer it with.
        message: Result<Message<'a>, Rejected<'a>>,
    },
    /// ACK and BINARY_ACK.
    Ack {
        /// The id of the event that is answered.
        id: u64,
        /// The arguments of the ack, or the reason why it counts as an error.
        arguments: Result<Arguments<'a>, Rejected<'a>>,
    },
    /// CONNECT_ERROR: an object or, from old servers, a text. Only a server sends it.
    ConnectError(Result<&'a RawValue, Rejected<'a>>),
}

/// An event with its arguments.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Message<'a> {
    /// A name that passes [`check_event`](crate::check_event), and is reserved neither [here](is_reserved) nor [in
    /// general](crate::is_reserved).
    pub event: Cow<'a, str>,
    /// Its arguments.
    pub arguments: Arguments<'a>,
}

/// Decodes the text of a packet (section "Packet encoding"), in one pass over its payload, at any depth and without
/// recursion. Nothing is allocated unless the event's name has escapes, or the payload is nested (a byte for each
/// level).
///
/// A number in place of an event's name is [`Rejected`] as `unknown_event`. So, as `bad_request`, are names that break
/// a rule of [`check_event`](crate::check_event) or are reserved [in general](crate::is_reserved), objects of more than
/// 1,024 keys, and keys that begin with `$serde_json::private::`.
///
/// Errors: a [`Violation`] of the text; those of the order of messages are the [`Assembler`](super::Assembler)'s.
pub fn decode<'a>(text: &'a str, sender: Sender, limits: &PacketLimits) -> Result<Packet<'a>, Violation> {
    let kind = *text.as_bytes().first().ok_or(Violation::PACKET_TYPE)?;
    if !matches!(kind, b'0'..=b'6') || (kind == b'4' && sender == Sender::Client) {
        return Err(Violation::PACKET_TYPE);
    }
    let (attachments, rest) = match kind {
        b'5' | b'6' => split_attachments(&text[1..], limits.max_attachments)?,
        _ => (0, &text[1..]),
    };
    let (namespace, rest) = split_namespace(rest);
    let content = match kind {
        b'1' => Content::Disconnect,
        _ => {
            let (ack, payload) = split_ack(rest)?;
            let content = match kind {
                b'0' => Content::Connect(connect(payload)?),
                b'4' => Content::ConnectError(connect_error(payload)?),
                b'2' | b'5' => Content::Event { ack, message: event(payload)? },
                _ => Content::Ack { id: ack.ok_or(Violation::ACK_ID)?, arguments: acknowledgement(payload)? },
            };
            // The payload is known to be JSON now.
            if attachments > 0 {
                placeholder::check(payload, attachments)?;
            }
            content
        }
    };
    Ok(Packet { namespace: namespace.filter(|name| check_namespace(name).is_ok()), attachments, content })
}

/// True if Socket.IO reserves this name, so that neither end may send an event of this name. The official clients close
/// the connection if they get one. (`error` is not reserved.)
pub fn is_reserved(event: &str) -> bool {
    matches!(event, "connect" | "connect_error" | "disconnect" | "disconnecting" | "newListener" | "removeListener")
}

/// Checks the name of a namespace: it begins with a slash, has 1 to 255 bytes, no control characters and no comma.
///
/// Errors: the broken rule, as a sentence.
pub fn check_namespace(name: &str) -> Result<(), &'static str> {
    if !name.starts_with('/') {
        return Err("A namespace must begin with /");
    }
    if name.len() > MAX_NAMESPACE {
        return Err("A namespace must be at most 255 bytes");
    }
    if name.contains(',') || has_control(name) {
        return Err("A namespace must not contain commas and control characters");
    }
    Ok(())
}

/// The number of attachments, and what follows its dash.
fn split_attachments(text: &str, most: usize) -> Result<(usize, &str), Violation> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text[digits..].strip_prefix('-').ok_or(Violation::ATTACHMENTS)?;
    match text[..digits].parse() {
        Ok(count) if (1..=most).contains(&count) => Ok((count, rest)),
        _ => Err(Violation::ATTACHMENTS),
    }
}

/// The namespace, which ends with a comma or with the packet.
fn split_namespace(text: &str) -> (Option<&str>, &str) {
    if !text.starts_with('/') {
        return (Some(MAIN), text);
    }
    let (name, rest) = text.split_once(',').unwrap_or((text, ""));
    (Some(name), rest)
}

/// The ack id, if there is one. Leading zeros do not count, as in the reference implementation.
fn split_ack(text: &str) -> Result<(Option<u64>, &str), Violation> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(digits);
    match digits {
        "" => Ok((None, rest)),
        digits => Ok((Some(digits.parse().map_err(|_| Violation::ACK_ID)?), rest)),
    }
}

fn connect(payload: &str) -> Result<Result<Option<&RawValue>, Rejected<'_>>, Violation> {
    if payload.is_empty() {
        return Ok(Ok(None));
    }
    let object = value(payload, b"{")?;
    Ok(check(payload).map(|()| Some(object)).map_err(rejected))
}

fn connect_error(payload: &str) -> Result<Result<&RawValue, Rejected<'_>>, Violation> {
    let value = value(payload, b"{\"")?;
    Ok(check(payload).map(|()| value).map_err(rejected))
}

/// A JSON value that begins with one of these bytes.
fn value<'a>(payload: &'a str, first: &[u8]) -> Result<&'a RawValue, Violation> {
    match payload.as_bytes().first() {
        Some(byte) if first.contains(byte) => serde_json::from_str(payload).map_err(|_| Violation::PAYLOAD),
        _ => Err(Violation::PAYLOAD),
    }
}

fn event(payload: &str) -> Result<Result<Message<'_>, Rejected<'_>>, Violation> {
    let elements = Elements::of(payload)?;
    let name = elements.first.ok_or(Violation::PAYLOAD)?;
    match name.get().as_bytes()[0] {
        b'"' => {}
        b'-' | b'0'..=b'9' => {
            let error = Error::unknown_event("No handler for this event");
            return Ok(Err(Rejected::new(error).with_reason("unknown_event")));
        }
        _ => return Err(Violation::EVENT_NAME),
    }
    let Some(event) = json::text_of(name) else {
        return Ok(Err(rejected(Fault::EventName("An event name must be a text of 1 to 128 bytes"))));
    };
    if is_reserved(&event) {
        return Err(Violation::RESERVED_EVENT);
    }
    if let Err(rule) = check_event(&event) {
        return Ok(Err(rejected(Fault::EventName(rule))));
    }
    let fault = if crate::is_reserved(&event) { Err(Fault::EventReserved) } else { check(payload) };
    Ok(match fault {
        Ok(()) => Ok(Message { event, arguments: elements.after_first(payload) }),
        Err(fault) => Err(rejected(fault).with_event(event)),
    })
}

fn acknowledgement(payload: &str) -> Result<Result<Arguments<'_>, Rejected<'_>>, Violation> {
    let elements = Elements::of(payload)?;
    Ok(check(payload).map(|()| elements.all(payload)).map_err(rejected))
}

/// Checks the rules for objects that hold in every payload.
fn check(payload: &str) -> Result<(), Fault> {
    json::check(payload)
}

#[cold]
fn rejected<'a>(fault: Fault) -> Rejected<'a> {
    let (reason, message) = fault.texts();
    Rejected::new(Error::bad_request(message)).with_reason(reason)
}

/// The elements of an array: the first two, and how many there are.
struct Elements<'a> {
    first: Option<&'a RawValue>,
    second: Option<&'a RawValue>,
    len: usize,
}

impl<'a> Elements<'a> {
    fn of(payload: &'a str) -> Result<Elements<'a>, Violation> {
        if !payload.starts_with('[') {
            return Err(Violation::PAYLOAD);
        }
        let mut json = serde_json::Deserializer::from_str(payload);
        let elements = json.deserialize_seq(Count).map_err(|_| Violation::PAYLOAD)?;
        json.end().map_err(|_| Violation::PAYLOAD)?;
        Ok(elements)
    }

    fn all(self, payload: &'a str) -> Arguments<'a> {
        Arguments::new(self.first, inside(payload), self.len)
    }

    fn after_first(self, payload: &'a str) -> Arguments<'a> {
        let name = self.first.map_or(0, |name| name.get().len());
        let rest = inside(payload).trim_ascii_start()[name..].trim_ascii_start();
        Arguments::new(self.second, rest.strip_prefix(',').unwrap_or(rest), self.len.saturating_sub(1))
    }
}

/// The text between the brackets of an array.
fn inside(array: &str) -> &str {
    array.trim_ascii_end().strip_suffix(']').and_then(|array| array.strip_prefix('[')).unwrap_or_default()
}

struct Count;

impl<'de> Visitor<'de> for Count {
    type Value = Elements<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Elements<'de>, A::Error> {
        let first: Option<&RawValue> = items.next_element()?;
        let second: Option<&RawValue> = if first.is_some() { items.next_element()? } else { None };
        let mut len = usize::from(first.is_some()) + usize::from(second.is_some());
        if second.is_some() {
            while items.next_element::<IgnoredAny>()?.is_some() {
                len += 1;
            }
        }
        Ok(Elements { first, second, len })
    }
}
