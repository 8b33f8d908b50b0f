//! Bytes as payloads, in each format; and payloads of formats that are not known here.
use serde::{Deserialize, Serialize};
use serde_json::json;
use switchboard_core::codec::{from_lent, json as text, msgpack};
use switchboard_core::{Binary, Error, Id, Incoming, PatternKind, Request};

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct File {
    name: String,
    bytes: Binary,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind")]
enum Tagged {
    File(File),
    Flat {
        #[serde(flatten)]
        file: File,
    },
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
    File(File),
}

fn packed(value: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::encode_data(&mut out, value).unwrap();
    out
}

fn unpacked<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    msgpack::from_data(Some(msgpack::Raw::new(bytes).expect("MessagePack")))
}

#[test]
fn bytes_are_bin_or_base64() {
    for (bytes, base64) in [(&b""[..], ""), (b"\0", "AA=="), (b"\xfb\xff\xfe", "+//+"), (b"hello", "aGVsbG8=")] {
        let binary = Binary::from(bytes.to_vec());
        assert_eq!(serde_json::to_value(&binary).unwrap(), json!(base64));
        assert_eq!(serde_json::from_value::<Binary>(json!(base64)).unwrap(), binary);
        let head = [&[0xc4, bytes.len() as u8], bytes].concat();
        assert_eq!(packed(&binary), head);
        assert_eq!(unpacked::<Binary>(&head).unwrap(), binary);
        // Bytes that a client has as a text are bytes too.
        assert_eq!(unpacked::<Binary>(&packed(&base64)).unwrap(), binary);
        assert_eq!(*unpacked::<serde_bytes::ByteBuf>(&head).unwrap(), *bytes);
    }
}

#[test]
fn bytes_are_bytes_inside_of_every_shape() {
    let file = || File { name: "a".into(), bytes: vec![1, 2, 3].into() };
    for tagged in [Tagged::File(file()), Tagged::Flat { file: file() }] {
        let bytes = packed(&tagged);
        assert!(bytes.windows(5).any(|part| part == [0xc4, 3, 1, 2, 3]), "{bytes:?}");
        assert_eq!(unpacked::<Tagged>(&bytes).unwrap(), tagged);
        let json = serde_json::to_string(&tagged).unwrap();
        assert!(json.contains(r#""bytes":"AQID""#), "{json}");
        assert_eq!(serde_json::from_str::<Tagged>(&json).unwrap(), tagged);
    }
    let untagged = Untagged::File(file());
    assert_eq!(unpacked::<Untagged>(&packed(&untagged)).unwrap(), untagged);
    let optional = vec![Some(Binary::from(vec![7])), None];
    assert_eq!(packed(&optional), b"\x92\xc4\x01\x07\xc0");
    assert_eq!(unpacked::<Vec<Option<Binary>>>(&packed(&optional)).unwrap(), optional);
}

#[test]
fn what_is_no_bytes_does_not_fit() {
    for wrong in [json!("AA"), json!("A A="), json!("-_8="), json!("AA==\n"), json!(1), json!([1]), json!({})] {
        let json = serde_json::value::to_raw_value(&wrong).unwrap();
        let by_json = text::from_data::<Binary>(Some(&json)).unwrap_err();
        let by_msgpack = unpacked::<Binary>(&packed(&wrong)).unwrap_err();
        for error in [by_json, by_msgpack] {
            assert!(error.is_validation(), "{wrong} {error:?}");
            assert_eq!(error.details()[0].message, "expected bytes, or a text of base64 with padding", "{wrong}");
        }
    }
}

#[test]
fn what_is_written_already_stands_as_it_is() {
    let buf = msgpack::RawBuf::of(&json!({ "a": [1, null] })).unwrap();
    assert_eq!(packed(&vec![buf.clone()]), [&[0x91][..], buf.as_raw().as_bytes()].concat());
    let mut out = Vec::new();
    msgpack::encode_reply(&mut out, "e", Some(&Id::Number(1)), &buf).unwrap();
    let reply: serde_json::Value = unpacked(&out).unwrap();
    assert_eq!(reply, json!({ "event": "e", "data": { "a": [1, null] }, "id": 1 }));
    // With the feature `socketio`, which these tests have, another format gets the value.
    assert_eq!(serde_json::to_string(&buf).unwrap(), r#"{"a":[1,null]}"#);
    assert!(msgpack::RawBuf::of(&()).unwrap().as_raw().is_nil());
    // A failure leaves nothing behind.
    let mut out = b"before".to_vec();
    assert!(msgpack::encode_data(&mut out, &std::collections::HashMap::from([(vec![1], 1)])).is_err());
    assert_eq!(out, b"before");
}

#[test]
fn a_payload_that_is_lent_says_what_does_not_fit() {
    fn read<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, Error> {
        from_lent(json == "null", |lend| {
            let mut json = serde_json::Deserializer::from_str(json);
            lend(&mut <dyn erased_serde::Deserializer>::erase(&mut json));
        })
    }
    let file: File = read(r#"{"name":"a","bytes":"AQID"}"#).unwrap();
    assert_eq!(file, File { name: "a".into(), bytes: vec![1, 2, 3].into() });
    assert_eq!(read::<Option<File>>("null").unwrap(), None);
    for json in
        [r#"{"name":"secret"}"#, r#"{"name":5,"bytes":"AQID"}"#, r#"{"name":"a","bytes":"secret"}"#, "null", "7"]
    {
        let raw: &serde_json::value::RawValue = serde_json::from_str(json).unwrap();
        let (lent, known) = (read::<File>(json).unwrap_err(), text::from_data::<File>(Some(raw)).unwrap_err());
        assert_eq!(format!("{lent:?}"), format!("{known:?}"));
    }
    let nothing = from_lent::<u8>(false, |_| {}).unwrap_err();
    assert_eq!(nothing.code().as_str(), "bad_request");
    // Lent by the codec of this crate too.
    let bytes = packed(&file);
    let raw = msgpack::Raw::new(&bytes).unwrap();
    assert_eq!(from_lent::<File>(false, |lend| msgpack::lend(raw, lend)).unwrap(), file);
}

#[test]
fn every_format_has_the_same_rules() {
    let request =
        |event: &'static str, id: Option<Id<'static>>| Incoming::request(Request::<()>::new(event).with_id(id));
    let long = "x".repeat(129);
    for (message, reason) in [
        (request("sys.x", None), Some("event_reserved")),
        (request("exception", Some(Id::Number(1))), Some("event_reserved")),
        (request("", Some(Id::Number(1))), Some("event_name")),
        (request("a\u{85}", None), Some("event_name")),
        (request("a", Some(Id::Number(Id::MAX_NUMBER + 1))), Some("id")),
        (request("a", Some(Id::Text("".into()))), Some("id")),
        (request("a", Some(Id::Text(long.into()))), Some("id")),
        (request("a", Some(Id::Text("1".into()))), None),
        (Incoming::Cancel(Id::Text("\n".into())), Some("cancel")),
        (Incoming::Cancel(Id::Number(7)), None),
        (Incoming::ack(Id::MAX_NUMBER + 1, Ok(None)), Some("ack")),
        (Incoming::ack(Id::MAX_NUMBER, Err(())), None),
    ] {
        let message = message.into_owned();
        let checked = message.clone().check();
        assert_eq!(checked.as_ref().err().map(|rejected| rejected.reason), reason);
        if let Incoming::Request(request) = message.clone() {
            let checked = Incoming::pattern(PatternKind::Message, request).check();
            assert_eq!(checked.err().map(|rejected| rejected.reason), reason);
        }
        if let Err(rejected) = checked {
            let rejected = rejected.into_owned();
            assert_eq!(rejected.error.code().as_str(), "bad_request");
            assert!(rejected.id.is_none_or(|id| id == Id::Number(1)));
        }
    }
}
