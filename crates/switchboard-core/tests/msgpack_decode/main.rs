//! Frames of a client as MessagePack: docs/limits.md, group D.
mod syntax;

use rmpv::Value;
use switchboard_core::codec::msgpack::{self, Raw, Rejected};
use switchboard_core::{Code, Id, Incoming, PatternKind, Request};

/// The bytes of a map with these keys.
fn map(pairs: &[(&str, Value)]) -> Vec<u8> {
    bytes(&Value::Map(pairs.iter().map(|(key, value)| ((*key).into(), value.clone())).collect()))
}

fn bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    rmpv::encode::write_value(&mut out, value).expect("a vector takes everything");
    out
}

/// `{"event":"a","id":1,` and a key whose value is `value`.
fn with(key: &str, value: &[u8]) -> Vec<u8> {
    let mut out = b"\x83\xa5event\xa1a\xa2id\x01".to_vec();
    rmp::encode::write_str(&mut out, key).expect("a vector takes everything");
    out.extend_from_slice(value);
    out
}

#[track_caller]
fn request(frame: &[u8]) -> Request<'_, Raw<'_>> {
    match msgpack::decode(frame) {
        Ok(Incoming::Request(request)) => request,
        other => panic!("{frame:02x?}: {other:?}"),
    }
}

#[track_caller]
fn rejected<'a>(frame: &'a [u8], reason: &str) -> Rejected<'a> {
    let start = &frame[..frame.len().min(80)];
    let Err(rejected) = msgpack::decode(frame) else { panic!("accepted: {start:02x?}") };
    assert_eq!(rejected.reason, reason, "{start:02x?}");
    assert_eq!(rejected.error.code(), &Code::BadRequest, "{start:02x?}");
    rejected
}

#[test]
fn a_request_borrows_all_its_parts() {
    let frame = b"\x84\xa5event\xa4echo\xa4data\x81\xa4text\xa3h\xc3\xa9\xa2id\x07\xa4meta\x91\x01";
    let request = request(frame);
    assert!(matches!(request.event, std::borrow::Cow::Borrowed("echo")));
    assert_eq!(request.data.map(Raw::as_bytes), Some(&b"\x81\xa4text\xa3h\xc3\xa9"[..]));
    assert_eq!(request.id, Id::number(7));
    assert_eq!(request.meta.map(Raw::as_bytes), Some(&b"\x91\x01"[..]));
}

#[test]
fn missing_and_nil_parts_are_none() {
    let nil = map(&[("event", "a".into()), ("data", Value::Nil), ("id", Value::Nil), ("meta", Value::Nil)]);
    for frame in [map(&[("event", "a".into())]), nil] {
        let request = request(&frame);
        assert!(request.data.is_none() && request.id.is_none() && request.meta.is_none());
    }
}

#[test]
fn d02_what_is_not_a_map_is_rejected() {
    for frame in [&b"\x90"[..], b"\x01", b"\xff", b"\xa5event", b"\xc0", b"\xc3", b"\xc4\x00", b"\xd4\x01a", b"\x91"] {
        rejected(frame, "not_map");
    }
}

#[test]
fn d05_unknown_keys_are_ignored() {
    let frame = map(&[("v", 2.into()), ("event", "a".into()), ("url", Value::Nil), ("", 0.into()), ("v", 0.into())]);
    assert_eq!(request(&frame).event, "a");
}

#[test]
fn d05_a_key_of_another_kind_that_is_nil_is_absent() {
    for others in [&["cancel"][..], &["ack"], &["cancel", "ack", "kind", "pattern", "method", "url"]] {
        let nil: Vec<(&str, Value)> = others.iter().map(|key| (*key, Value::Nil)).collect();
        let frame = |event: Value| map(&[&nil[..], &[("event", event), ("id", 4.into())]].concat());
        assert_eq!(request(&frame("a".into())).event, "a", "{others:?}");
        assert_eq!(rejected(&frame(Value::Nil), "no_event").id, Id::number(4), "{others:?}");
    }
    let nil = [("event", Value::Nil), ("cancel", 7.into()), ("ack", Value::Nil)];
    assert!(matches!(msgpack::decode(&map(&nil)), Ok(Incoming::Cancel(Id::Number(7)))));
    let nil = [("event", Value::Nil), ("cancel", Value::Nil), ("ack", 3.into())];
    assert!(matches!(msgpack::decode(&map(&nil)), Ok(Incoming::Ack { ack: 3, .. })));
    let nil = [("event", Value::Nil), ("kind", "event".into()), ("pattern", "p".into())];
    assert!(matches!(msgpack::decode_with_patterns(&map(&nil)), Ok(Incoming::Pattern { .. })));
    rejected(&map(&[("event", "a".into()), ("cancel", false.into())]), "two_kinds");
    rejected(&map(&[("cancel", Value::Nil)]), "cancel");
}

#[test]
fn d23_keys_that_mean_something_to_serde_json_are_rejected() {
    let text = |text: &str| Value::from(text);
    for key in ["$serde_json::private::RawValue", "$serde_json::private::Number", "$serde_json::private::"] {
        for key in [text(key), Value::Binary(key.into())] {
            let object = Value::Map(vec![(text("a"), 1.into()), (key, text("{\"admin\":true}"))]);
            let list = |items: &[&Value]| Value::Array(items.iter().map(|item| (*item).clone()).collect());
            let in_map = Value::Map(vec![(text("b"), 1.into()), (text("c"), object.clone()), (text("d"), 2.into())]);
            let after = list(&[&Value::Map(vec![(text("b"), list(&[]))]), &list(&[&1.into(), &list(&[])]), &object]);
            for value in [object.clone(), list(&[&object]), in_map, after] {
                let value = bytes(&value);
                assert!(Raw::new(&value).is_none());
                for place in ["data", "meta"] {
                    let frame = with(place, &value);
                    let rejected = rejected(&frame, "private_key");
                    assert_eq!((rejected.id, rejected.event.as_deref()), (Id::number(1), Some("a")));
                }
                request(&with("x", &value));
                let ack = |place: &[u8]| [b"\x82\xa3ack\x01", place, &value].concat();
                rejected(&ack(b"\xa4data"), "private_key");
                rejected(&ack(b"\xa5error"), "private_key");
            }
            let pattern = map(&[("kind", text("event")), ("pattern", text("p")), ("metadata", object)]);
            let Err(rejected) = msgpack::decode_with_patterns(&pattern) else { panic!("accepted") };
            assert_eq!(rejected.reason, "private_key");
        }
    }

    // The same text as a value, or in a key.
    let text = |prefix: &str| Value::from(format!("{prefix}$serde_json::private::RawValue"));
    let bin = Value::Binary("$serde_json::private::RawValue".into());
    for value in [
        text(""),
        bin.clone(),
        Value::Array(vec![text(""), 1.into(), bin.clone()]),
        Value::Map(vec![("a".into(), text("")), ("b".into(), bin), ("c".into(), Value::Map(vec![]))]),
        Value::Map(vec![("a".into(), Value::Array(vec![Value::Map(vec![]), text("")])), (text("b"), text(""))]),
        Value::Map(vec![(Value::Array(vec![text(""), text("")]), text(""))]),
    ] {
        let value = bytes(&value);
        assert_eq!(request(&with("data", &value)).data.map(Raw::as_bytes), Some(&value[..]));
    }
}

/// A map in the one value of a map, or behind the first item of each list.
#[test]
fn d23_depth_hides_no_key_and_costs_no_stack() {
    let private = [&b"\x81\xbe"[..], b"$serde_json::private::RawValue", b"\xa11"].concat();
    let honest = [&b"\x81\xa1a\xbe"[..], b"$serde_json::private::RawValue"].concat();
    let small_stack = std::thread::Builder::new().stack_size(64 * 1024).spawn(move || {
        for (open, close) in [(&b"\x81\xa1a"[..], &b""[..]), (b"\x91", b""), (b"\x92\xc0", b""), (b"\x92", b"\xc0")] {
            let nested = |inner: &[u8]| with("data", &[&open.repeat(100_000), inner, &close.repeat(100_000)].concat());
            rejected(&nested(&private), "private_key");
            request(&nested(&honest));
        }
    });
    small_stack.expect("a thread").join().expect("no overflow");
}

#[test]
fn d06_event_is_required_and_a_name() {
    for frame in [map(&[]), map(&[("data", 1.into())]), map(&[("Event", "a".into())])] {
        rejected(&frame, "no_event");
    }
    let long = "x".repeat(129);
    for event in [
        "".into(),
        1.into(),
        Value::Nil,
        true.into(),
        Value::Map(vec![]),
        "\0".into(),
        "\u{85}".into(),
        long.into(),
        Value::Binary(b"a".to_vec()),
    ] {
        let frame = map(&[("event", event), ("id", 5.into())]);
        let rejected = rejected(&frame, "event_name");
        assert_eq!((rejected.id, rejected.event), (Id::number(5), None));
    }
}

#[test]
fn d08_reserved_names_are_the_servers() {
    for event in ["exception", "sys.goaway", "sys."] {
        let frame = map(&[("event", event.into()), ("id", "a".into())]);
        let rejected = rejected(&frame, "event_reserved");
        assert_eq!(rejected.id, Id::text("a"));
        assert!(rejected.event.is_some());
    }
}

#[test]
fn d09_ids_are_exact_or_rejected() {
    let longest = [&b"\xd9\x80"[..], &[b'x'; 128]].concat();
    for (value, id) in [
        (&b"\x00"[..], Id::number(0)),
        (b"\x7f", Id::number(127)),
        (b"\xcc\x07", Id::number(7)),
        (b"\xcd\x00\x07", Id::number(7)),
        (b"\xce\x00\x00\x00\x07", Id::number(7)),
        (b"\xcf\x00\x00\x00\x00\x00\x00\x00\x07", Id::number(7)),
        (b"\xd0\x07", Id::number(7)),
        (b"\xd1\x00\x07", Id::number(7)),
        (b"\xd2\x00\x00\x00\x07", Id::number(7)),
        (b"\xd3\x00\x00\x00\x00\x00\x00\x00\x07", Id::number(7)),
        (b"\xcf\x00\x20\x00\x00\x00\x00\x00\x00", Id::number(1 << 53)),
        (b"\xd3\x00\x20\x00\x00\x00\x00\x00\x00", Id::number(1 << 53)),
        (b"\xa17", Id::text("7")),
        // As JavaScript's encoders write whole numbers.
        (b"\xca\x3f\x80\x00\x00", Id::number(1)),
        (b"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", Id::number(1)),
        (b"\xcb\x00\x00\x00\x00\x00\x00\x00\x00", Id::number(0)),
        (b"\xcb\x42\x78\xbc\xfe\x56\x80\x00\x00", Id::number(1_700_000_000_000)),
        (b"\xcb\x43\x40\x00\x00\x00\x00\x00\x00", Id::number(1 << 53)),
        (&longest, Id::text("x".repeat(128))),
        (b"\xc0", None),
    ] {
        let frame = [b"\x82\xa5event\xa1a\xa2id", value].concat();
        let got = request(&frame).id;
        assert_eq!(got, id, "{value:02x?}");
        assert_eq!(matches!(got, Some(Id::Float(_))), matches!(value[0], 0xca | 0xcb), "{value:02x?}");
        let frame = [b"\x81\xa6cancel", value].concat();
        match (msgpack::decode(&frame), id) {
            (Ok(Incoming::Cancel(got)), Some(id)) => assert_eq!(got, id),
            (Err(rejected), None) => assert_eq!(rejected.reason, "cancel"),
            other => panic!("{other:?}"),
        }
    }
    let kib = [&b"\xda\x04\x00"[..], &[b'x'; 1024]].concat();
    for value in [
        &b"\xff"[..],
        b"\xd0\xff",
        b"\xd3\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xcf\x00\x20\x00\x00\x00\x00\x00\x01",
        b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xca\x3f\xc0\x00\x00",
        b"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00",
        b"\xcb\xbf\xf0\x00\x00\x00\x00\x00\x00",
        b"\xcb\x43\x40\x00\x00\x00\x00\x00\x01",
        b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00",
        b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
        b"\xa0",
        b"\x80",
        b"\x91\x01",
        b"\xc3",
        b"\xa2a\0",
        b"\xc4\x01a",
        b"\xd6\xff\x00\x00\x00\x01",
        &kib,
    ] {
        let frame = [b"\x82\xa5event\xa1a\xa2id", value].concat();
        let refused = rejected(&frame, "id");
        assert_eq!((refused.id, refused.event.as_deref()), (None, Some("a")));
        rejected(&[b"\x81\xa6cancel", value].concat(), "cancel");
        rejected(&[b"\x81\xa3ack", value].concat(), "ack");
    }
}

#[test]
fn ack_carries_data_or_an_error() {
    type Answer<'a> = Result<Option<&'a [u8]>, &'a [u8]>;
    let cases: [(&[u8], Answer<'_>); 5] = [
        (b"\x81\xa3ack\x09", Ok(None)),
        (b"\x82\xa3ack\x09\xa4data\xc0", Ok(None)),
        (b"\x83\xa3ack\xcc\x09\xa4data\x91\x01\xa5error\xc0", Ok(Some(b"\x91\x01"))),
        (b"\x82\xa5error\x81\xa4code\xa1x\xa3ack\x09", Err(b"\x81\xa4code\xa1x")),
        (b"\x83\xa3ack\x09\xa4data\xc0\xa5error\xc2", Err(b"\xc2")),
    ];
    for (frame, expected) in cases {
        let Ok(Incoming::Ack { ack: 9, answer, .. }) = msgpack::decode(frame) else { panic!("{frame:02x?}") };
        assert_eq!(answer.map(|data| data.map(Raw::as_bytes)).map_err(Raw::as_bytes), expected, "{frame:02x?}");
    }
    rejected(b"\x83\xa3ack\x09\xa4data\x01\xa5error\x02", "ack");
    rejected(b"\x81\xa3ack\xa19", "ack");
}

#[test]
fn keys_of_two_kinds_and_kinds_that_are_off_are_rejected() {
    let keys = |keys: &[&str]| {
        let mut pairs: Vec<(&str, Value)> = keys.iter().map(|key| (*key, 1.into())).collect();
        pairs.push(("id", 4.into()));
        map(&pairs)
    };
    for (names, reason) in [
        (&["event", "cancel"][..], "two_kinds"),
        (&["event", "ack"], "two_kinds"),
        (&["cancel", "ack"], "two_kinds"),
        (&["event", "kind", "pattern"], "two_kinds"),
        (&["ack", "method", "url"], "two_kinds"),
        (&["kind", "pattern"], "kind_disabled"),
        (&["method", "url"], "kind_disabled"),
    ] {
        assert_eq!(rejected(&keys(names), reason).id, Id::number(4), "{names:?}");
    }
}

#[test]
fn pattern_frames_are_taken_by_who_asks_for_them() {
    for (word, kind) in [("message", PatternKind::Message), ("event", PatternKind::Event)] {
        let bare = map(&[("kind", word.into()), ("pattern", "sum".into())]);
        let Ok(Incoming::Pattern { kind: got, request, .. }) = msgpack::decode_with_patterns(&bare) else {
            panic!("{word}")
        };
        assert_eq!((got, &*request.event), (kind, "sum"));
        assert!(request.data.is_none() && request.id.is_none() && request.meta.is_none());
        let full = [
            ("payload", 1.into()),
            ("kind", word.into()),
            ("metadata", 2.into()),
            ("id", "x".into()),
            ("pattern", "sum".into()),
            ("data", 3.into()),
        ];
        let full = map(&full);
        let Ok(Incoming::Pattern { kind: got, request, .. }) = msgpack::decode_with_patterns(&full) else {
            panic!("{word}")
        };
        assert_eq!((got, &*request.event, &request.id), (kind, "sum", &Id::text("x")));
        let bytes = |data: Option<Raw<'_>>| data.map(|data| data.as_bytes().to_vec());
        assert_eq!((bytes(request.data), bytes(request.meta)), (Some(vec![1]), Some(vec![2])));
        assert_eq!(rejected(&full, "kind_disabled").id, Id::text("x"));
    }
    for (kind, pattern, reason) in [
        (Value::from("query"), Value::from("sum"), "kind"),
        (1.into(), "sum".into(), "kind"),
        (Value::Nil, "sum".into(), "kind"),
        ("message".into(), 1.into(), "event_name"),
        ("message".into(), "sys.x".into(), "event_reserved"),
    ] {
        let frame = map(&[("kind", kind), ("pattern", pattern), ("id", 4.into())]);
        let Err(rejected) = msgpack::decode_with_patterns(&frame) else { panic!("accepted: {frame:02x?}") };
        assert_eq!((rejected.reason, rejected.id), (reason, Id::number(4)));
    }
    let two = map(&[("kind", "message".into()), ("pattern", "a".into()), ("event", "a".into())]);
    assert_eq!(msgpack::decode_with_patterns(&two).unwrap_err().reason, "two_kinds");
}

#[test]
fn a_rejection_never_repeats_the_input() {
    for frame in [
        map(&[("event", "secret\0".into())]),
        map(&[("event", "a".into()), ("id", Value::Map(vec![("secret".into(), 1.into())]))]),
        map(&[("secret", 1.into())]),
        bytes(&"secret".into()),
        b"\x81\xc4\x06secret\x01".to_vec(),
    ] {
        let Err(rejected) = msgpack::decode(&frame) else { panic!("{frame:02x?}") };
        assert!(!format!("{:?}", rejected.error).contains("secret"), "{frame:02x?}");
    }
    assert_eq!(format!("{:?}", Raw::new(b"\xa6secret")), "Some(Raw(7 bytes))");
}
