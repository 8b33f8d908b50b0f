//! Frames of the server, as they stand on the wire.
use serde::{Serialize, Serializer, ser};
use serde_json::json;
use std::time::Duration;
use switchboard_core::codec::json;
use switchboard_core::{Detail, Error, Id};

/// What is appended by `encode`, behind bytes that must stay.
fn wire<R>(encode: impl FnOnce(&mut Vec<u8>) -> R) -> (String, R) {
    let mut out = b"before".to_vec();
    let result = encode(&mut out);
    let text = String::from_utf8(out).expect("UTF-8");
    (text.strip_prefix("before").expect("what was there stays").to_owned(), result)
}

#[test]
fn an_event_and_the_place_of_its_data() {
    let mut out = b"before".to_vec();
    let place = json::encode_event(&mut out, "chat", &json!({"text": "hi\n\u{1F600}"})).unwrap();
    assert_eq!(&out[6..], r#"{"event":"chat","data":{"text":"hi\n😀"}}"#.as_bytes());
    let data = out[place].to_vec();
    assert_eq!(data, r#"{"text":"hi\n😀"}"#.as_bytes());

    let mut raw = b"before".to_vec();
    let place = json::encode_event_raw(&mut raw, "chat", &data);
    assert_eq!(raw, out);
    assert_eq!(raw[place], data);
}

#[test]
fn names_and_ids_are_escaped() {
    let id = Id::text("a\"\\").unwrap();
    let (text, _) = wire(|out| json::encode_reply(out, "say \"hi\"", Some(&id), &1).unwrap());
    assert_eq!(text, r#"{"event":"say \"hi\"","data":1,"id":"a\"\\"}"#);
    let (text, _) = wire(|out| json::encode_event_raw(out, "\"", b"1"));
    assert_eq!(text, r#"{"event":"\"","data":1}"#);
}

#[test]
fn replies() {
    let max = Id::number(Id::MAX_NUMBER).unwrap();
    for (id, expected) in [
        (None, r#"{"event":"echo","data":[1]}"#),
        (Id::number(0), r#"{"event":"echo","data":[1],"id":0}"#),
        (Some(max), r#"{"event":"echo","data":[1],"id":9007199254740992}"#),
        (Id::text("7"), r#"{"event":"echo","data":[1],"id":"7"}"#),
    ] {
        let (text, place) = wire(|out| json::encode_reply(out, "echo", id.as_ref(), &[1]).unwrap());
        assert_eq!(text, expected);
        assert_eq!(&text[place.start - 6..place.end - 6], "[1]");
    }
    let (text, _) = wire(|out| json::encode_reply(out, "save", Id::number(7).as_ref(), &()).unwrap());
    assert_eq!(text, r#"{"event":"save","data":null,"id":7}"#);
}

#[test]
fn a_request_of_the_server() {
    let (text, _) = wire(|out| json::encode_request(out, "confirm", "sure?", 12).unwrap());
    assert_eq!(text, r#"{"event":"confirm","data":"sure?","ack":12}"#);
}

#[test]
fn the_items_and_the_end_of_a_stream() {
    let (text, place) = wire(|out| json::encode_stream_item(out, "ticks", &Id::Number(7), &[1]).unwrap());
    assert_eq!(text, r#"{"event":"ticks","data":[1],"id":7,"more":true}"#);
    assert_eq!(&text[place.start - 6..place.end - 6], "[1]");
    let id = Id::text("a\"").unwrap();
    let (text, ()) = wire(|out| json::encode_stream_end(out, "ti\"cks", &id));
    assert_eq!(text, r#"{"event":"ti\"cks","id":"a\"","done":true}"#);
}

#[test]
fn exceptions() {
    let error = Error::validation_failed("The data does not fit this event")
        .detail(Detail::new("/text", "length", "is too long").min(1).max(500u64))
        .detail(Detail::new("", "invalid", "is not valid"));
    let (text, ()) = wire(|out| json::encode_exception(out, &error, Some("message"), Id::number(7).as_ref()));
    assert_eq!(
        text,
        concat!(
            r#"{"event":"exception","id":7,"data":{"status":"error","code":"validation_failed","#,
            r#""message":"The data does not fit this event","event":"message","details":["#,
            r#"{"path":"/text","code":"length","message":"is too long","min":1,"max":500},"#,
            r#"{"path":"","code":"invalid","message":"is not valid"}],"retryable":false}}"#
        )
    );

    let error = Error::rate_limited("Slow down").retry_after(Duration::from_millis(250));
    let (text, ()) = wire(|out| json::encode_exception(out, &error, None, None));
    assert_eq!(
        text,
        concat!(
            r#"{"event":"exception","data":{"status":"error","code":"rate_limited","message":"Slow down","#,
            r#""retryable":true,"retry_after_ms":250}}"#
        )
    );

    let error = Error::new("out_of_stock", "Nothing \"left\"").with_source("secret");
    let (text, ()) = wire(|out| json::encode_error(out, &error, Some("buy")));
    assert_eq!(
        text,
        r#"{"status":"error","code":"out_of_stock","message":"Nothing \"left\"","event":"buy","retryable":false}"#
    );
}

#[test]
fn the_cause_of_an_internal_error_is_not_on_the_wire() {
    let error = Error::from(std::io::Error::other("secret")).detail(Detail::new("/secret", "secret", "secret"));
    let (text, ()) = wire(|out| json::encode_exception(out, &error, Some("a"), None));
    assert_eq!(
        text,
        concat!(
            r#"{"event":"exception","data":{"status":"error","code":"internal","message":"Internal error","#,
            r#""event":"a","retryable":false}}"#
        )
    );
    let (text, ()) = wire(|out| json::encode_error(out, &error.trace_id(0xabc), None));
    assert_eq!(
        text,
        concat!(
            r#"{"status":"error","code":"internal","message":"Internal error","retryable":false,"#,
            r#""trace_id":"00000000000000000000000000000abc"}"#
        )
    );
}

#[test]
fn goaway() {
    let (text, ()) = wire(|out| json::encode_goaway(out, 4000, "going_away_soon", true, Some(1500)));
    assert_eq!(
        text,
        concat!(
            r#"{"event":"sys.goaway","data":{"code":4000,"reason":"going_away_soon","retryable":true,"#,
            r#""retry_after_ms":1500}}"#
        )
    );
    let (text, ()) = wire(|out| json::encode_goaway(out, 4503, "kicked", false, None));
    assert_eq!(text, r#"{"event":"sys.goaway","data":{"code":4503,"reason":"kicked","retryable":false}}"#);
}

/// Serialises half of itself, then fails or panics.
struct Broken {
    panics: bool,
}

impl Serialize for Broken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use ser::SerializeSeq;
        let mut list = serializer.serialize_seq(None)?;
        list.serialize_element("half")?;
        if self.panics {
            panic!("a bug of the user's");
        }
        Err(ser::Error::custom("secret"))
    }
}

#[test]
fn d18_what_cannot_be_serialised_leaves_nothing_behind() {
    let (text, result) = wire(|out| json::encode_reply(out, "a", None, &Broken { panics: false }));
    let error = result.unwrap_err();
    assert_eq!(text, "");
    assert!(error.is_internal() && error.message() == "Internal error");

    let broken = Broken { panics: false };
    let (text, result) = wire(|out| json::encode_stream_item(out, "a", &Id::Number(1), &broken));
    assert_eq!((text.as_str(), result.unwrap_err().is_internal()), ("", true));

    let (text, result) = wire(|out| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            json::encode_event(out, "a", &Broken { panics: true }).map(|_| ())
        }))
    });
    assert!(result.is_err());
    assert_eq!(text, "");
}

#[test]
fn answers_to_patterns() {
    let id = Id::text("a\"").unwrap();
    let (text, place) = wire(|out| json::encode_pattern(out, "s\"", Some(&id), false, &[1]).unwrap());
    assert_eq!(text, r#"{"pattern":"s\"","payload":[1],"metadata":{},"id":"a\""}"#);
    assert_eq!(&text[place.start - 6..place.end - 6], "[1]");
    let (text, _) = wire(|out| json::encode_pattern(out, "s", Some(&Id::Number(7)), true, &()).unwrap());
    assert_eq!(text, r#"{"pattern":"s","payload":null,"metadata":{},"id":7,"more":true}"#);
    // Without an id nobody can tell what it is an item of.
    let (text, _) = wire(|out| json::encode_pattern(out, "s", None, true, &1).unwrap());
    assert_eq!(text, r#"{"pattern":"s","payload":1,"metadata":{}}"#);
    let (text, _) = wire(|out| json::encode_pattern_end(out, "s", &Id::Number(7)));
    assert_eq!(text, r#"{"pattern":"s","id":7,"done":true}"#);
    let unsayable = std::collections::HashMap::from([((1, 2), 3)]);
    let (text, failed) = wire(|out| json::encode_pattern(out, "s", None, false, &unsayable));
    assert_eq!((text.as_str(), failed.is_err()), ("", true));
}
