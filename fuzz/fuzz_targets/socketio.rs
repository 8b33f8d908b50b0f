//! A packet of Socket.IO with its attachments, from a client and from a server.
//!
//! The messages are separated by the byte 0xFF, which no text has: first the text, then the attachments. Nothing
//! panics; what is accepted is JSON with one placeholder for each attachment; what was read is read again when it is
//! written.
#![no_main]
use std::fmt;

use libfuzzer_sys::fuzz_target;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use switchboard_core::socketio::{
    Arguments, AssembledContent, Assembler, Content, Emit, MAX_ATTACHMENTS, Packet, PacketLimits, Sender, Violation,
    check_namespace, decode, decode_fast, encode_ack, encode_event, is_reserved,
};
use switchboard_core::{Binary, Code, Error, check_event};

const LIMITS: PacketLimits = PacketLimits { max_attachments: MAX_ATTACHMENTS, max_bytes: 1000 };

fuzz_target!(|bytes: &[u8]| {
    let mut messages = bytes.split(|&byte| byte == 0xff);
    let Ok(text) = std::str::from_utf8(messages.next().unwrap_or_default()) else { return };
    let attachments: Vec<&[u8]> = messages.collect();
    fast_path(text);
    receive(text, &attachments, Sender::Server);
    receive(text, &attachments, Sender::Client);
});

/// An event of the fast path, whose payload is JSON, is the same event for `decode`.
fn fast_path(text: &str) {
    let Some(fast) = decode_fast(text) else { return };
    let data: Option<&RawValue> = serde_json::from_str(fast.data).ok();
    match decode(text, Sender::Client, &LIMITS) {
        Ok(Packet { namespace, content: Content::Event { ack, message: Ok(message) }, .. }) => {
            assert_eq!((namespace, ack, &*message.event), (Some(fast.namespace), fast.ack, fast.event));
            if let Some(data) = data {
                assert_eq!(message.arguments.only().map_or("null", RawValue::get), data.get());
            } else {
                assert!(message.arguments.len() > 1);
            }
        }
        Ok(packet) => panic!("{packet:?}"),
        Err(violation) => assert!(data.is_none() && violation == Violation::PAYLOAD),
    }
}

/// One packet, as far as it goes: what a handler gets of it.
#[derive(Debug, PartialEq)]
struct Received {
    namespace: Option<String>,
    event: Option<String>,
    id: Option<u64>,
    arguments: Vec<Any>,
}

fn receive(text: &str, attachments: &[&[u8]], sender: Sender) {
    let mut assembler = Assembler::new(sender);
    match assembler.text(text, &LIMITS) {
        Ok(Some(packet)) => {
            assert!(!assembler.is_waiting() && packet.attachments == 0);
            complete(packet, text);
        }
        Ok(None) => {
            let packet = decode(text, sender, &LIMITS).expect("it was accepted");
            placeholders(text, packet.attachments);
            if let Some(received) = assemble(&mut assembler, attachments) {
                round_trip(&received);
            }
        }
        Err(violation) => assert!(Violation::ALL.contains(&violation) && assembler.buffered() == 0),
    }
}

fn complete(packet: Packet<'_>, text: &str) {
    assert!(packet.namespace.is_none_or(|name| check_namespace(name).is_ok()));
    let namespace = packet.namespace.map(str::to_owned);
    match packet.content {
        Content::Event { ack, message: Ok(message) } => {
            assert!(check_event(&message.event).is_ok() && !is_reserved(&message.event));
            payloads(&message.arguments);
            if let (Some(namespace), Ok(arguments)) = (namespace, message.arguments.parse_array()) {
                let event = Some(message.event.into_owned());
                round_trip(&Received { namespace: Some(namespace), event, id: ack, arguments });
            }
        }
        Content::Event { message: Err(rejected), .. } => {
            assert!(matches!(rejected.error.code(), Code::BadRequest | Code::UnknownEvent));
        }
        Content::Ack { id, arguments: Ok(arguments) } => {
            payloads(&arguments);
            if let (Some(namespace), Ok(arguments)) = (namespace, arguments.parse_array()) {
                round_trip(&Received { namespace: Some(namespace), event: None, id: Some(id), arguments });
            }
        }
        Content::Connect(Ok(Some(auth))) => {
            assert!(text.ends_with(auth.get().trim()) || text.ends_with(char::is_whitespace))
        }
        _ => {}
    }
}

fn payloads(arguments: &Arguments<'_>) {
    let array = arguments.to_array();
    let items: Vec<&RawValue> = serde_json::from_str(array.get()).expect("an array");
    assert!(arguments.iter().map(RawValue::get).eq(items.iter().map(|item| item.get())));
    assert_eq!(arguments.len(), items.len());
    assert_eq!(arguments.only().map(RawValue::get), if let [only] = &items[..] { Some(only.get()) } else { None });
    same::<Value>(arguments, &array);
    same::<Vec<u8>>(arguments, &array);
    same::<(String, Option<i64>)>(arguments, &array);
    same::<Option<Vec<Option<bool>>>>(arguments, &array);
    let _ = (arguments.parse::<Value>(), arguments.parse::<()>(), arguments.parse::<Any>());
}

/// Parsed in place, an array is what it is as a text of its own; serde_json counts one level more there.
fn same<T: DeserializeOwned + fmt::Debug>(arguments: &Arguments<'_>, array: &RawValue) {
    let shown =
        |result: Result<T, Error>| result.map(|value| format!("{value:?}")).map_err(|error| error.code().clone());
    let own = shown(arguments.parse_array());
    let other = shown(switchboard_core::codec::json::from_data(Some(array)));
    assert!(own == other || other == Err(Code::BadRequest), "{own:?}, {other:?}");
}

/// There is exactly one for each attachment, says another reader.
fn placeholders(text: &str, attachments: usize) {
    fn walk(value: &Value, found: &mut Vec<u64>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            Value::Object(object) if object.contains_key("_placeholder") => {
                assert_eq!((object.len(), &object["_placeholder"]), (2, &Value::Bool(true)));
                found.push(object["num"].as_u64().expect("a number"));
            }
            Value::Object(object) => object.values().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    let payload = &text[text.find('[').expect("an array")..];
    // The name of a namespace may have brackets too; a payload may be too deep for this reader.
    let Ok(value) = serde_json::from_str(payload) else { return };
    let mut found = Vec::new();
    walk(&value, &mut found);
    found.sort_unstable();
    // A key may occur twice, and this reader sees the last one.
    if found.len() == attachments {
        assert!(found.iter().copied().eq(0..attachments as u64));
    }
    assert!(found.len() <= attachments);
}

fn assemble(assembler: &mut Assembler, attachments: &[&[u8]]) -> Option<Received> {
    let mut packet = None;
    for attachment in attachments {
        packet = assembler.binary(attachment, &LIMITS).ok()?;
        assert!(assembler.buffered() <= LIMITS.max_bytes);
        if packet.is_some() {
            break;
        }
    }
    let packet = packet?;
    assert!(!assembler.is_waiting());
    let (event, id, arguments) = match packet.content {
        AssembledContent::Event { ack, message } => {
            let message = message.ok()?;
            let _ = (message.arguments.parse::<Binary>(), message.arguments.parse::<Value>());
            (Some(message.event), ack, message.arguments.parse_array().ok()?)
        }
        AssembledContent::Ack { id, arguments } => (None, Some(id), arguments.ok()?.parse_array().ok()?),
        _ => return None,
    };
    Some(Received { namespace: packet.namespace, event, id, arguments })
}

fn round_trip(received: &Received) {
    let Some(namespace) = &received.namespace else { return };
    let (mut out, mut attachments) = (Vec::new(), Vec::new());
    let mut attach = |bytes: &[u8]| attachments.push(bytes.to_vec());
    let each = Emit::Each(&received.arguments);
    let count = match &received.event {
        Some(event) => encode_event(&mut out, namespace, event, each, received.id, &mut attach),
        None => encode_ack(&mut out, namespace, received.id.expect("an ack has one"), each, &mut attach),
    };
    assert_eq!(count.expect("what was read can be written"), attachments.len());
    let text = std::str::from_utf8(&out).expect("a packet is UTF-8");
    let mut assembler = Assembler::new(Sender::Client);
    let limits = PacketLimits { max_bytes: usize::MAX, ..LIMITS };
    let again: (Option<String>, Option<u64>, Result<Vec<Any>, Error>) = match assembler
        .text(text, &limits)
        .expect("what was written")
    {
        Some(packet) => match packet.content {
            Content::Event { ack, message } => {
                let message = message.expect("the same event");
                (Some(message.event.into_owned()), ack, message.arguments.parse_array())
            }
            Content::Ack { id, arguments } => (None, Some(id), arguments.expect("the same").parse_array()),
            other => panic!("{other:?}"),
        },
        None => {
            let mut packet = None;
            for attachment in &attachments {
                packet = assembler.binary(attachment, &limits).expect("an attachment");
            }
            match packet.expect("complete").content {
                AssembledContent::Event { ack, message } => {
                    let message = message.expect("the same event");
                    (Some(message.event), ack, message.arguments.parse_array())
                }
                AssembledContent::Ack { id, arguments } => (None, Some(id), arguments.expect("the same").parse_array()),
                other => panic!("{other:?}"),
            }
        }
    };
    let (event, id, arguments) = again;
    assert_eq!((&event, id), (&received.event, received.id));
    assert_eq!(arguments.expect("what was read before"), received.arguments);
}

/// Any payload, with bytes.
#[derive(Debug, PartialEq)]
enum Any {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Any>),
    Map(Vec<(String, Any)>),
}

impl Serialize for Any {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Any::Null => serializer.serialize_unit(),
            Any::Bool(value) => serializer.serialize_bool(*value),
            Any::Signed(value) => serializer.serialize_i64(*value),
            Any::Unsigned(value) => serializer.serialize_u64(*value),
            Any::Float(value) => serializer.serialize_f64(*value),
            Any::Text(value) => serializer.serialize_str(value),
            Any::Bytes(value) => Binary::from(value.clone()).serialize(serializer),
            Any::List(items) => serializer.collect_seq(items),
            Any::Map(entries) => serializer.collect_map(entries.iter().map(|(key, value)| (key, value))),
        }
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Any, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Any;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Any, E> {
        Ok(Any::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Any, E> {
        Ok(Any::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Any, E> {
        Ok(u64::try_from(value).map_or(Any::Signed(value), Any::Unsigned))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Any, E> {
        Ok(Any::Unsigned(value))
    }

    /// MessagePack gives whole floats beyond 32 bits as integers.
    fn visit_f64<E>(self, value: f64) -> Result<Any, E> {
        Ok(match value {
            value if value.trunc() == value && value.abs() <= 9_007_199_254_740_992.0 => {
                u64::try_from(value as i64).map_or(Any::Signed(value as i64), Any::Unsigned)
            }
            value => Any::Float(value),
        })
    }

    fn visit_str<E>(self, value: &str) -> Result<Any, E> {
        Ok(Any::Text(value.to_owned()))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Any, E> {
        Ok(Any::Bytes(value.to_vec()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Any, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Any::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Any, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Any::Map(map))
    }
}
