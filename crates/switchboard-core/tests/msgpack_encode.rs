//! Frames of the server as MessagePack: the same documents as in JSON, by the same functions.
use rmpv::Value;
use serde::ser::{self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use serde_json::json;
use serde_json::value::RawValue;
use std::time::Duration;
use switchboard_core::codec::{json, msgpack};
use switchboard_core::{Detail, Error, Id};

/// What is appended by `encode`, behind bytes that must stay.
fn wire<R>(encode: impl FnOnce(&mut Vec<u8>) -> R) -> (Vec<u8>, R) {
    let mut out = b"before".to_vec();
    let result = encode(&mut out);
    (out.strip_prefix(b"before").expect("what was there stays").to_vec(), result)
}

/// One value, in the order in which its keys are written.
fn read(mut bytes: &[u8]) -> String {
    let value = rmpv::decode::read_value(&mut bytes).expect("MessagePack");
    assert!(bytes.is_empty(), "{bytes:02x?} is left");
    write(&value)
}

/// As JSON, whose texts need no escapes here.
fn write(value: &Value) -> String {
    match value {
        Value::Map(pairs) => {
            let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}:{}", write(value))).collect();
            format!("{{{}}}", pairs.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(write).collect::<Vec<_>>().join(",")),
        Value::Nil => "null".to_owned(),
        other => other.to_string(),
    }
}

/// The same function of both codecs writes the same document, and names the same place in it.
macro_rules! same {
    ($function:ident($($argument:expr),*)) => {{
        let (binary, _) = wire(|out| msgpack::$function(out, $($argument),*));
        let (text, _) = wire(|out| json::$function(out, $($argument),*));
        assert_eq!(read(&binary), String::from_utf8(text).expect("UTF-8"));
    }};
}

#[test]
fn d09_an_id_that_came_as_a_float_is_written_as_one() {
    for (number, bytes) in [
        (0, &b"\xa2id\xcb\0\0\0\0\0\0\0\0"[..]),
        (1_700_000_000_000, b"\xa2id\xcb\x42\x78\xbc\xfe\x56\x80\0\0"),
        (Id::MAX_NUMBER, b"\xa2id\xcb\x43\x40\0\0\0\0\0\0"),
    ] {
        let id = Id::Float(number);
        let has = |frame: &[u8]| frame.windows(bytes.len()).any(|part| part == bytes);
        assert!(has(&wire(|out| msgpack::encode_reply(out, "a", Some(&id), &1).unwrap()).0));
        assert!(has(&wire(|out| msgpack::encode_stream_item(out, "a", &id, &1).unwrap()).0));
        assert!(has(&wire(|out| msgpack::encode_stream_end(out, "a", &id)).0));
        assert!(has(&wire(|out| msgpack::encode_pattern(out, "a", Some(&id), true, &1).unwrap()).0));
        assert!(has(&wire(|out| msgpack::encode_pattern_end(out, "a", &id)).0));
        assert!(has(&wire(|out| msgpack::encode_exception(out, &Error::forbidden("No"), None, Some(&id))).0));
        // JSON has no such difference.
        let (text, _) = wire(|out| json::encode_reply(out, "a", Some(&id), &1).unwrap());
        assert_eq!(text, format!(r#"{{"event":"a","data":1,"id":{number}}}"#).as_bytes());
    }
}

#[test]
fn every_frame_is_the_document_of_json() {
    let number = Id::number(Id::MAX_NUMBER).expect("a number");
    let text = Id::text("x".repeat(40)).expect("a text");
    for id in [None, Some(&Id::Number(0)), Some(&number), Some(&text)] {
        same!(encode_reply("echo", id, &json!({"a": [1, -1, null, true, 0.5]})));
        same!(encode_reply("save", id, &()));
        for more in [false, true] {
            same!(encode_pattern("sum", id, more, &json!({"a": [1, null]})));
        }
        if let Some(id) = id {
            same!(encode_pattern_end("sum", id));
        }
        for error in [
            Error::validation_failed("The data does not fit this event")
                .detail(Detail::new("/text", "length", "is too long").min(1).max(500u64))
                .detail(Detail::new("", "invalid", "is not valid").min(-1)),
            Error::rate_limited("Slow down").retry_after(Duration::from_millis(250)),
            Error::from(std::io::Error::other("secret")),
            Error::internal("secret").trace_id(0xabc),
        ] {
            same!(encode_exception(&error, Some("message"), id));
            same!(encode_exception(&error, None, id));
            same!(encode_error(&error, Some("message")));
        }
    }
    for id in [&number, &text] {
        same!(encode_stream_item("ticks", id, &[1, 2]));
        same!(encode_stream_end("ticks", id));
    }
    same!(encode_event(&"e".repeat(128), "data"));
    same!(encode_request("confirm", "sure?", 12));
    same!(encode_goaway(4000, "going_away_soon", true, Some(1500)));
    same!(encode_goaway(4503, "kicked", false, None));
}

#[test]
fn the_place_of_the_data() {
    let (whole, place) = wire(|out| msgpack::encode_event(out, "chat", &json!({"text": "hi"})).unwrap());
    assert_eq!(whole, b"\x82\xa5event\xa4chat\xa4data\x81\xa4text\xa2hi");
    let data = whole[place.start - 6..place.end - 6].to_vec();
    assert_eq!(data, b"\x81\xa4text\xa2hi");

    let (raw, place) = wire(|out| msgpack::encode_event_raw(out, "chat", &data));
    assert_eq!(raw, whole);
    assert_eq!(raw[place.start - 6..place.end - 6], data);

    let (frame, place) = wire(|out| msgpack::encode_stream_item(out, "a", &Id::Number(7), &[1]).unwrap());
    assert_eq!(frame[place.start - 6..place.end - 6], *b"\x91\x01");
}

fn data<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let (frame, place) = wire(|out| msgpack::encode_event(out, "a", value).unwrap());
    frame[place.start - 6..place.end - 6].to_vec()
}

#[test]
fn json_in_hand_is_written_as_what_it_says() {
    let raw: Box<RawValue> = serde_json::from_str(r#"{"a":[1,-2,0.5,"x",null],"b":18446744073709551615}"#).unwrap();
    assert_eq!(read(&data(&raw)), raw.get());
    assert_eq!(read(&data(&[&*raw])), format!("[{}]", raw.get()));

    /// What serde_json's `Number` does where its feature `arbitrary_precision` is on.
    struct Digits(&'static str);
    impl Serialize for Digits {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut digits = serializer.serialize_struct("$serde_json::private::Number", 1)?;
            digits.serialize_field("$serde_json::private::Number", self.0)?;
            digits.end()
        }
    }
    for digits in ["0", "-7", "18446744073709551615", "0.5"] {
        assert_eq!(read(&data(&Digits(digits))), digits);
    }
}

#[test]
fn integers_beyond_64_bits_are_texts() {
    assert_eq!(data(&(u128::from(u64::MAX))), data(&u64::MAX));
    assert_eq!(data(&(i128::from(i64::MIN))), data(&i64::MIN));
    assert_eq!(read(&data(&u128::MAX)), format!("\"{}\"", u128::MAX));
    assert_eq!(read(&data(&i128::MIN)), format!("\"{}\"", i128::MIN));
}

#[test]
fn heads_are_those_that_others_write() {
    fn same<T: Serialize>(value: &T) {
        assert_eq!(data(value), rmp_serde::to_vec(value).expect("a value"));
    }
    for shift in 0..64 {
        for near in [-1, 0, 1] {
            let value = (1u64 << shift).wrapping_add_signed(near);
            same(&value);
            same(&(value as i64));
            same(&(value as i64).wrapping_neg());
        }
    }
    for length in [0, 1, 2, 3, 4, 8, 15, 16, 17, 31, 32, 255, 256, 65_535, 65_536] {
        same(&"x".repeat(length));
        same(&serde_bytes::ByteBuf::from(vec![1; length]));
        same(&vec![true; length]);
        same(&(0..length).map(|n| (n.to_string(), n)).collect::<std::collections::BTreeMap<_, _>>());
        same(&Extension((-5, serde_bytes::ByteBuf::from(vec![1; length]))));
    }
    same(&(false, (), 'ü', f32::MIN, f64::MAX));
}

#[derive(serde::Serialize)]
#[serde(rename = "_ExtStruct")]
struct Extension((i8, serde_bytes::ByteBuf));

type Broken = fn(&mut Vec<u8>) -> Result<std::ops::Range<usize>, Error>;

/// Announces `said` items and gives `given`.
struct Liar {
    said: Option<usize>,
    given: usize,
    is_map: bool,
}

impl Serialize for Liar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_map {
            let mut map = serializer.serialize_map(self.said)?;
            for n in 0..self.given {
                map.serialize_entry(&n.to_string(), &n)?;
            }
            return map.end();
        }
        let mut list = serializer.serialize_seq(self.said)?;
        for n in 0..self.given {
            list.serialize_element(&n)?;
        }
        list.end()
    }
}

/// Writes half of itself, then fails or panics.
struct Half {
    panics: bool,
}

impl Serialize for Half {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        list.serialize_element("half")?;
        if self.panics {
            panic!("a bug of the user's");
        }
        Err(ser::Error::custom("secret"))
    }
}

#[test]
fn a_length_that_is_not_known_is_written_at_the_end() {
    for given in [0, 1, 15, 16, 70_000] {
        for is_map in [false, true] {
            let known = data(&Liar { said: Some(given), given, is_map });
            let later = data(&Liar { said: None, given, is_map });
            assert_eq!(read(&known), read(&later));
        }
    }
}

#[test]
fn d18_what_cannot_be_serialised_leaves_nothing_behind() {
    let broken: [Broken; 6] = [
        |out| msgpack::encode_reply(out, "a", None, &Half { panics: false }),
        |out| msgpack::encode_stream_item(out, "a", &Id::Number(1), &Half { panics: false }),
        |out| msgpack::encode_event(out, "a", &Liar { said: Some(2), given: 1, is_map: false }),
        |out| msgpack::encode_event(out, "a", &[Liar { said: Some(1), given: 2, is_map: true }]),
        |out| msgpack::encode_request(out, "a", &std::collections::HashMap::from([((1, 2), 3)]), 1),
        |out| msgpack::encode_event(out, "a", &std::collections::HashMap::from([((), 3)])),
    ];
    for encode in broken {
        let (bytes, result) = wire(encode);
        let error = result.unwrap_err();
        assert!(bytes.is_empty() && error.is_internal() && error.message() == "Internal error");
    }
    let (bytes, result) = wire(|out| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            msgpack::encode_event(out, "a", &Half { panics: true }).map(|_| ())
        }))
    });
    assert!(result.is_err());
    assert!(bytes.is_empty());
}
