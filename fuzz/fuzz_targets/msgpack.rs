//! A frame of a client as MessagePack: decoded, its payload parsed, and encoded again.
//!
//! Nothing panics; what is accepted comes back equal from a round trip; a type takes what it takes of the same document in
//! JSON; what is refused is answered in MessagePack.
#![no_main]
use std::collections::BTreeMap;
use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use switchboard_core::codec::json;
use switchboard_core::codec::msgpack::{self, Raw};
use switchboard_core::{Code, Error, Incoming, Request, check_event, is_reserved};

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Message {
    text: String,
    n: Option<u32>,
    shape: Option<Shape>,
    #[serde(default)]
    nested: Vec<Message>,
    #[serde(default)]
    keys: BTreeMap<String, f64>,
}

#[derive(Debug, Deserialize, Serialize)]
enum Shape {
    Dot,
    Circle { r: f64 },
    Pair(u8, i64),
    Deep(Box<Shape>),
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", content = "of")]
enum Tagged {
    A(Vec<Option<bool>>),
    B { text: char },
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Loose {
    Number(i8),
    Unit(()),
    List(Vec<Loose>),
}

fuzz_target!(|bytes: &[u8]| {
    pattern(bytes);
    match msgpack::decode(bytes) {
        Ok(Incoming::Request(request)) => {
            payloads(request.data);
            payloads(request.meta);
            round_trip(&request);
        }
        Ok(Incoming::Pattern { .. }) => panic!("nobody takes patterns"),
        Ok(Incoming::Cancel(_)) => {}
        Ok(Incoming::Ack { answer: Ok(data), .. }) => payloads(data),
        Ok(Incoming::Ack { answer: Err(error), .. }) => payloads(Some(error)),
        Ok(other) => panic!("{other:?}"),
        Err(rejected) => {
            assert_eq!(rejected.error.code(), &Code::BadRequest);
            let mut out = Vec::new();
            msgpack::encode_exception(&mut out, &rejected.error, rejected.event.as_deref(), rejected.id.as_ref());
            is_value(&out);
        }
    }
    if let Some(raw) = Raw::new(bytes) {
        payloads(Some(raw));
    }
});

/// Who takes the frames of message patterns takes everything else as it is taken elsewhere.
fn pattern(bytes: &[u8]) {
    let (taken, elsewhere) = (msgpack::decode_with_patterns(bytes), msgpack::decode(bytes));
    match taken {
        Ok(Incoming::Pattern { request, .. }) => {
            payloads(request.data);
            payloads(request.meta);
            round_trip(&request);
            assert!(elsewhere.is_err_and(|rejected| rejected.reason == "kind_disabled"));
        }
        Ok(_) => assert!(elsewhere.is_ok()),
        Err(_) => assert!(elsewhere.is_err()),
    }
}

fn payloads(data: Option<Raw<'_>>) {
    let json = parsed::<Box<RawValue>>(data);
    let json = json.as_deref();
    payload::<Value>(data, json);
    payload::<()>(data, json);
    payload::<u32>(data, json);
    payload::<Option<String>>(data, json);
    payload::<Message>(data, json);
    payload::<Vec<Shape>>(data, json);
    payload::<Shape>(data, json);
    payload::<Tagged>(data, json);
    payload::<Loose>(data, json);
    payload::<BTreeMap<u16, [f64; 2]>>(data, json);
    payload::<BTreeMap<u16, [i128; 2]>>(data, None);
}

/// What is taken comes back, and is what is taken of `json`, where the payload is as good as that.
fn payload<T: DeserializeOwned + Serialize + Debug>(data: Option<Raw<'_>>, json: Option<&RawValue>) {
    let Some(value) = parsed::<T>(data) else { return };
    let mut out = Vec::new();
    let place = msgpack::encode_event(&mut out, "a", &value).expect("what was read can be written");
    let again: T = msgpack::from_data(Some(Raw::new(&out[place]).expect("one value"))).expect("what was written");
    assert_eq!(format!("{value:?}"), format!("{again:?}"));
    if let Some(json) = json {
        let text = format!("{value:?}");
        match json::from_data::<T>(Some(json)) {
            Ok(value) => assert_eq!(format!("{value:?}"), text),
            // A float that is a whole number is an integer here alone.
            Err(_) => assert!(json.get().contains(".0"), "{json}: {text}"),
        }
    }
}

fn parsed<T: DeserializeOwned>(data: Option<Raw<'_>>) -> Option<T> {
    match msgpack::from_data::<T>(data) {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(matches!(error.code(), Code::ValidationFailed | Code::BadRequest));
            assert_eq!(error.details().len(), usize::from(error.is_validation()));
            assert!(error.details().iter().all(|detail| detail.path.len() <= 256 && detail.message.len() <= 512));
            answered(&error);
            None
        }
    }
}

fn answered(error: &Error) {
    let mut out = Vec::new();
    msgpack::encode_error(&mut out, error, None);
    is_value(&out);
}

fn is_value(bytes: &[u8]) {
    msgpack::from_data::<Value>(Raw::new(bytes)).expect("an answer is MessagePack");
}

fn round_trip(request: &Request<'_, Raw<'_>>) {
    assert!(check_event(&request.event).is_ok() && !is_reserved(&request.event));
    let data = request.data.map_or(&[0xc0][..], Raw::as_bytes);
    let mut out = Vec::new();
    let place = msgpack::encode_event_raw(&mut out, &request.event, data);
    assert_eq!(&out[place], data);
    let Ok(Incoming::Request(again)) = msgpack::decode(&out) else { panic!("not accepted again") };
    assert_eq!((&again.event, again.data), (&request.event, request.data));
}
