//! A frame of a client as JSON: decoded, its payload parsed, and encoded again.
//!
//! Nothing panics; the fast path reads what the decoder reads; what is accepted comes back equal from a round trip; what is refused is answered in JSON.
#![no_main]
use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_json::value::RawValue;
use switchboard_core::codec::json;
use switchboard_core::{Code, Error, Incoming, Request, check_event, is_reserved};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only built")]
struct Message {
    text: String,
    n: Option<u32>,
    shape: Option<Shape>,
    #[serde(default)]
    nested: Vec<Message>,
    #[serde(default)]
    keys: HashMap<String, f64>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only built")]
enum Shape {
    Dot,
    Circle { r: f32 },
    Pair(u8, i64),
}

#[derive(Deserialize)]
#[serde(tag = "type", content = "of")]
#[expect(dead_code, reason = "only built")]
enum Tagged {
    A(Vec<Option<bool>>),
    B { text: char },
}

#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only built")]
enum Loose {
    Number(i8),
    Unit(()),
    List(Vec<Loose>),
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    fast_path(text);
    pattern(text);
    match json::decode(text) {
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
            json::encode_exception(&mut out, &rejected.error, rejected.event.as_deref(), rejected.id.as_ref());
            is_json(&out);
        }
    }
});

/// A frame that `decode_fast` accepts, and whose payload is JSON, is the same message for `decode`.
fn fast_path(text: &str) {
    let Some(fast) = json::decode_fast(text) else { return };
    let is_json = serde_json::from_str::<IgnoredAny>(fast.data).is_ok();
    match json::decode(text) {
        Ok(Incoming::Request(_)) if !is_json => {}
        Ok(Incoming::Request(request)) => {
            assert_eq!((&*request.event, &request.id), (fast.event, &fast.id));
            assert_eq!(request.data.map_or("null", RawValue::get), fast.data.trim());
        }
        _ => assert!(!is_json, "taken by the fast path, and not decoded"),
    }
}

/// With message patterns accepted, every other frame is the same as without.
fn pattern(text: &str) {
    let (taken, elsewhere) = (json::decode_with_patterns(text), json::decode(text));
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

fn payloads(data: Option<&RawValue>) {
    payload::<Value>(data);
    payload::<()>(data);
    payload::<u32>(data);
    payload::<Option<String>>(data);
    payload::<Message>(data);
    payload::<Vec<Shape>>(data);
    payload::<Tagged>(data);
    payload::<Loose>(data);
    payload::<HashMap<u16, [i128; 2]>>(data);
}

fn payload<T: DeserializeOwned>(data: Option<&RawValue>) {
    if let Err(error) = json::from_data::<T>(data) {
        assert!(matches!(error.code(), Code::ValidationFailed | Code::BadRequest));
        assert_eq!(error.details().len(), usize::from(error.is_validation()));
        assert!(error.details().iter().all(|detail| detail.path.len() <= 256 && detail.message.len() <= 512));
        answered(&error);
    }
}

fn answered(error: &Error) {
    let mut out = Vec::new();
    json::encode_error(&mut out, error, None);
    is_json(&out);
}

fn is_json(bytes: &[u8]) {
    serde_json::from_slice::<Value>(bytes).expect("an answer is JSON");
}

fn round_trip(request: &Request<'_>) {
    assert!(check_event(&request.event).is_ok() && !is_reserved(&request.event));
    let mut out = Vec::new();
    let place = json::encode_reply(&mut out, &request.event, request.id.as_ref(), &request.data).expect("raw data");
    let data = request.data.map(RawValue::get);
    assert_eq!(&out[place], data.unwrap_or("null").as_bytes());

    let again = std::str::from_utf8(&out).expect("a frame is UTF-8");
    let Ok(Incoming::Request(again)) = json::decode(again) else { panic!("not accepted again: {again}") };
    assert_eq!(
        (again.event, again.id, again.data.map(RawValue::get)),
        (request.event.clone(), request.id.clone(), data)
    );
}
