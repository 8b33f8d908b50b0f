//! A naive model of the protocol, on `serde_json::Value` and the keys as they were written.
use proptest::prelude::*;
use serde_json::{Map, Value};
use switchboard_core::{Id, Incoming};

/// What a frame means, in owned parts.
#[derive(Debug, PartialEq)]
pub(crate) enum Meaning {
    Request { event: String, data: Value, id: Option<Id<'static>>, meta: Value },
    Cancel(Id<'static>),
    Ack { ack: u64, answer: Result<Value, Value> },
    Rejected,
}

/// The parts of a message, its payloads as `value` reads them.
pub(crate) fn parts<D>(incoming: Incoming<'_, D>, value: impl Fn(Option<D>) -> Value) -> Meaning {
    match incoming {
        Incoming::Request(request) => Meaning::Request {
            event: request.event.into_owned(),
            data: value(request.data),
            id: request.id.map(Id::into_owned),
            meta: value(request.meta),
        },
        Incoming::Pattern { .. } => panic!("nobody takes patterns"),
        Incoming::Cancel(id) => Meaning::Cancel(id.into_owned()),
        Incoming::Ack { ack, answer: Ok(data), .. } => Meaning::Ack { ack, answer: Ok(value(data)) },
        Incoming::Ack { ack, answer: Err(error), .. } => Meaning::Ack { ack, answer: Err(value(Some(error))) },
        _ => panic!("a kind that has no model"),
    }
}

/// Whether a float that is a whole number is one.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Floats {
    #[allow(dead_code, reason = "JSON's")]
    Fractions,
    #[allow(dead_code, reason = "MessagePack's")]
    WholeToo,
}

fn whole(value: &Value, floats: Floats) -> Value {
    match value.as_f64() {
        Some(float) if floats == Floats::WholeToo && value.is_f64() && float.trunc() == float => {
            Value::from(float as i64)
        }
        _ => value.clone(),
    }
}

fn id(value: &Value, floats: Floats) -> Result<Option<Id<'static>>, ()> {
    match &whole(value, floats) {
        Value::Null => Ok(None),
        Value::Number(number) => number.as_u64().filter(|n| *n <= 1 << 53).map(|n| Some(Id::Number(n))).ok_or(()),
        Value::String(text) if (1..=128).contains(&text.len()) && !text.chars().any(char::is_control) => {
            Ok(Some(Id::Text(text.clone().into())))
        }
        _ => Err(()),
    }
}

pub(crate) fn meaning(pairs: &[(String, Value)], floats: Floats) -> Meaning {
    const KNOWN: [&str; 13] = [
        "event", "data", "id", "meta", "cancel", "ack", "error", "kind", "pattern", "payload", "metadata", "method",
        "url",
    ];
    let mut keys = Map::new();
    for (key, value) in pairs {
        if keys.insert(key.clone(), value.clone()).is_some() && KNOWN.contains(&key.as_str()) {
            return Meaning::Rejected;
        }
    }
    let get = |key: &str| keys.get(key).cloned().unwrap_or(Value::Null);
    let kinds = |has: &dyn Fn(&str) -> bool| {
        [has("event"), has("cancel"), has("ack"), has("kind") && has("pattern"), has("method") && has("url")]
    };
    let several = |kinds: [bool; 5]| kinds.iter().filter(|kind| **kind).count() > 1;
    let mut kinds_of = kinds(&|key| keys.contains_key(key));
    if several(kinds_of) {
        kinds_of = kinds(&|key| !get(key).is_null());
    }
    let kinds = kinds_of;
    if kinds.iter().filter(|kind| **kind).count() != 1 || kinds[3] || kinds[4] {
        return Meaning::Rejected;
    }
    if kinds[1] {
        return id(&get("cancel"), floats).ok().flatten().map_or(Meaning::Rejected, Meaning::Cancel);
    }
    if kinds[2] {
        let Some(ack) = whole(&get("ack"), floats).as_u64().filter(|ack| *ack <= 1 << 53) else {
            return Meaning::Rejected;
        };
        return match (get("data"), get("error")) {
            (data, Value::Null) => Meaning::Ack { ack, answer: Ok(data) },
            (Value::Null, error) => Meaning::Ack { ack, answer: Err(error) },
            _ => Meaning::Rejected,
        };
    }
    let (Value::String(event), Ok(id)) = (get("event"), id(&get("id"), floats)) else { return Meaning::Rejected };
    let is_name = (1..=128).contains(&event.len()) && !event.chars().any(char::is_control);
    if !is_name || event == "exception" || event.starts_with("sys.") {
        return Meaning::Rejected;
    }
    Meaning::Request { event, data: get("data"), id, meta: get("meta") }
}

pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..10u64).prop_map(Value::from),
        ((1u64 << 53) - 2..(1 << 53) + 2).prop_map(Value::from),
        // Eighths: serde_json reads other fractions to within one unit in the last place.
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        "\\PC{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec!["a", "exception", "sys.x", "", "a\nb", "ü\"\\"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-c]{0,2}", inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

pub(crate) fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec!["event", "event", "event", "data", "id", "meta", "cancel", "ack", "error"]),
        1 => prop::sample::select(vec!["kind", "pattern", "method", "url", "", "Event", "x"]),
    ]
    .prop_map(str::to_owned)
}
