//! Packets to send.
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::json;
use serde_json::value::RawValue;
use switchboard_core::codec::msgpack::RawBuf;
use switchboard_core::socketio::{
    Emit, encode_ack, encode_connect, encode_connect_error, encode_connect_request, encode_disconnect, encode_event,
    json_without_bytes,
};
use switchboard_core::{ARGS, Binary};

const PREFIX: &[u8] = b"before";

/// What an encoder appends.
fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = PREFIX.to_vec();
    write(&mut out);
    String::from_utf8(out.strip_prefix(PREFIX).expect("what was there stays").to_vec()).unwrap()
}

/// An event, and its attachments.
fn event<T: Serialize + ?Sized>(arguments: Emit<'_, T>) -> (String, Vec<Vec<u8>>) {
    let mut attachments = Vec::new();
    let text = text(|out| {
        let mut attach = |bytes: &[u8]| attachments.push(bytes.to_vec());
        let count = encode_event(out, "/admin", "a", arguments, Some(7), &mut attach).unwrap();
        assert_eq!(count, attachments.len());
    });
    (text, attachments)
}

fn bytes(bytes: &[u8]) -> Binary {
    bytes.to_vec().into()
}

#[test]
fn packets_of_the_protocol_document() {
    let none = &mut |_: &[u8]| panic!("no bytes");
    assert_eq!(text(|out| encode_connect(out, "/", "wZX3oN0bSVIhsaknAAAI")), r#"0{"sid":"wZX3oN0bSVIhsaknAAAI"}"#);
    let sid = "oSO0OpakMV_3jnilAAAA";
    assert_eq!(text(|out| encode_connect(out, "/admin", sid)), r#"0/admin,{"sid":"oSO0OpakMV_3jnilAAAA"}"#);
    assert_eq!(text(|out| encode_connect_request(out, "/", None).unwrap()), "0");
    let auth = json!({"token": "123"});
    assert_eq!(text(|out| encode_connect_request(out, "/admin", Some(&auth)).unwrap()), r#"0/admin,{"token":"123"}"#);
    let refused = |message, data| text(|out| encode_connect_error(out, "/", message, data).unwrap());
    assert_eq!(refused("Not authorized", None), r#"4{"message":"Not authorized"}"#);
    assert_eq!(refused("no \"x\"", Some(&auth)), r#"4{"message":"no \"x\"","data":{"token":"123"}}"#);
    assert_eq!(text(|out| encode_disconnect(out, "/")), "1");
    assert_eq!(text(|out| encode_disconnect(out, "/admin")), "1/admin,");

    let nothing = Emit::<()>::Nothing;
    assert_eq!(text(|out| drop(encode_event(out, "/", "foo", nothing, None, none))), r#"2["foo"]"#);
    assert_eq!(text(|out| drop(encode_event(out, "/admin", "bar", nothing, None, none))), r#"2/admin,["bar"]"#);
    assert_eq!(text(|out| drop(encode_event(out, "/", "foo", nothing, Some(12), none))), r#"212["foo"]"#);
    assert_eq!(text(|out| drop(encode_event(out, "/", "hey", Emit::One("Jude"), None, none))), r#"2["hey","Jude"]"#);
    assert_eq!(text(|out| drop(encode_ack(out, "/", 12, nothing, none))), "312[]");
    assert_eq!(text(|out| drop(encode_ack(out, "/admin", 13, Emit::One("bar"), none))), r#"3/admin,13["bar"]"#);

    let mut attachments = Vec::new();
    let mut attach = |bytes: &[u8]| attachments.push(bytes.to_vec());
    let (one, two) = (bytes(&[1, 2]), bytes(&[3, 4]));
    let baz = text(|out| drop(encode_event(out, "/admin", "baz", Emit::Each(&(&one, &two)), None, &mut attach)));
    assert_eq!(baz, r#"52-/admin,["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#);
    let bar = text(|out| drop(encode_ack(out, "/", 15, Emit::Each(&("bar", &one)), &mut attach)));
    assert_eq!(bar, r#"61-15["bar",{"_placeholder":true,"num":0}]"#);
    assert_eq!(attachments, [[1, 2], [3, 4], [1, 2]]);
}

#[test]
fn one_argument_or_each_item_of_an_array() {
    let table: [(serde_json::Value, &str, &str); 6] = [
        (json!([1, [2]]), "[1,[2]]", "1,[2]"),
        (json!([]), "[]", ""),
        (json!([[]]), "[[]]", "[]"),
        (json!({"a": []}), r#"{"a":[]}"#, r#"{"a":[]}"#),
        (json!(null), "null", "null"),
        (json!("[x"), r#""[x""#, r#""[x""#),
    ];
    for (value, one, each) in table {
        assert_eq!(event(Emit::One(&value)).0, format!(r#"2/admin,7["a",{one}]"#));
        let each = if each.is_empty() { String::new() } else { format!(",{each}") };
        assert_eq!(event(Emit::Each(&value)).0, format!(r#"2/admin,7["a"{each}]"#));
        let ack = |arguments| text(|out| drop(encode_ack(out, "/", 1, arguments, &mut |_| ())));
        assert_eq!(ack(Emit::One(&value)), format!("31[{one}]"));
        assert_eq!(ack(Emit::Each(&value)), format!("31[{}]", each.trim_start_matches(',')));
    }
    for (raw, each) in [("[ ]", "]"), ("[ 1 ]", ", 1 ]"), ("[\n[] ]", ",\n[] ]")] {
        let raw = RawValue::from_string(raw.to_owned()).unwrap();
        assert_eq!(event(Emit::Each(&raw)).0, format!(r#"2/admin,7["a"{each}"#));
    }
    assert_eq!(event(Emit::Each(&(1, "b"))).0, r#"2/admin,7["a",1,"b"]"#);
}

#[derive(Serialize)]
enum Shape {
    Unit,
    New(Binary),
    Pair(u8, Binary),
    Fields { inner: Option<Binary> },
}

#[derive(Serialize)]
struct Wrapper(Vec<Shape>);

#[derive(Serialize)]
struct Everything<'a> {
    wrapper: Wrapper,
    map: BTreeMap<u8, Binary>,
    serde_bytes: &'a serde_bytes::Bytes,
    numbers: Vec<u8>,
    #[serde(flatten)]
    flat: BTreeMap<String, Option<Binary>>,
    raw: &'a RawValue,
    wide: (i128, u128, f32, f64, char, ()),
}

#[test]
fn bytes_become_attachments_at_any_depth() {
    let raw = RawValue::from_string(r#"{"kept" : 1.50}"#.to_owned()).unwrap();
    let everything = Everything {
        wrapper: Wrapper(vec![
            Shape::Unit,
            Shape::New(bytes(b"0")),
            Shape::Pair(7, bytes(b"1")),
            Shape::Fields { inner: Some(bytes(b"2")) },
        ]),
        map: BTreeMap::from([(5, bytes(b"3"))]),
        serde_bytes: serde_bytes::Bytes::new(b"4"),
        numbers: vec![1, 2],
        flat: BTreeMap::from([("x".to_owned(), Some(bytes(b""))), ("y".to_owned(), None)]),
        raw: &raw,
        wide: (i128::MIN, u128::MAX, 0.1, 1e300, '\n', ()),
    };
    let (text, attachments) = event(Emit::One(&everything));
    let p = |num: usize| format!(r#"{{"_placeholder":true,"num":{num}}}"#);
    let expected = format!(
        concat!(
            r#"56-/admin,7["a",{{"wrapper":["Unit",{{"New":{}}},{{"Pair":[7,{}]}},{{"Fields":{{"inner":{}}}}}],"map":{{"5":{}}},"#,
            r#""serde_bytes":{},"numbers":[1,2],"x":{},"y":null,"raw":{{"kept" : 1.50}},"#,
            r#""wide":[-170141183460469231731687303715884105728,340282366920938463463374607431768211455,0.1,1e+300,"\n",null]}}]"#
        ),
        p(0),
        p(1),
        p(2),
        p(3),
        p(4),
        p(5)
    );
    assert_eq!(text, expected);
    assert_eq!(attachments, [&b"0"[..], b"1", b"2", b"3", b"4", b""]);

    // The same through a type that is erased.
    let erased: &dyn erased_serde::Serialize = &everything;
    assert_eq!(event(Emit::One(erased)), (expected, attachments));
}

struct Args<T>(T);

impl<T: Serialize> Serialize for Args<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(ARGS, &self.0)
    }
}

struct Fails;

impl Serialize for Fails {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no"))
    }
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    #[track_caller]
    fn refused<T: Serialize>(event: &str, value: &T) {
        for arguments in [Emit::One(value), Emit::Each(value)] {
            let mut out = PREFIX.to_vec();
            let error = encode_event(&mut out, "/", event, arguments, None, &mut |_| ()).unwrap_err();
            assert!(error.is_internal() && out == PREFIX);
        }
    }
    refused("a", &(1, Fails));
    refused("a", &vec![bytes(b"x"); 11]);
    for name in ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"] {
        refused(name, &1);
    }
    // Another client's data, which must not be taken for bytes; without bytes beside them they are data.
    for data in [json!({"_placeholder": true, "num": 0}), json!([{"_placeholder": false}])] {
        refused("a", &(bytes(b"x"), &data));
        assert!(event(Emit::One(&data)).1.is_empty());
    }
    let mut out = PREFIX.to_vec();
    assert!(encode_ack(&mut out, "/", 1, Emit::One(&Fails), &mut |_| ()).is_err());
    assert!(encode_connect_error(&mut out, "/", "x", Some(&Fails)).is_err());
    assert!(encode_connect_request(&mut out, "/", Some(&Fails)).is_err());
    assert_eq!(out, PREFIX);

    let (text, attachments) = event(Emit::Each(&vec![bytes(b"x"); 10]));
    assert!(text.starts_with("510-/admin,7[") && attachments.len() == 10);
}

/// A pair of an event's and an ack's text.
fn said<T: Serialize>(value: T) -> (String, String) {
    let (event, attachments) = event(Emit::Value(&value));
    let ack = text(|out| {
        let count = encode_ack(out, "/", 1, Emit::Value(&value), &mut |_| ()).unwrap();
        assert_eq!(count, attachments.len());
    });
    // What is erased is the same.
    let erased: &dyn erased_serde::Serialize = &value;
    assert_eq!(self::event(Emit::Value(erased)).0, event);
    let tail = |text: &str| text.split_once('[').map(|(_, tail)| format!("[{tail}")).unwrap();
    (tail(&event), tail(&ack))
}

#[test]
fn a_value_says_which_arguments_it_is() {
    let same = |event: &str, ack: &str| (event.to_owned(), ack.to_owned());
    assert_eq!(said(5), same(r#"["a",5]"#, "[5]"));
    assert_eq!(said((1, "b")), same(r#"["a",[1,"b"]]"#, r#"[[1,"b"]]"#));
    assert_eq!(said(()), same(r#"["a"]"#, "[]"));
    assert_eq!(said(None::<u8>), same(r#"["a",null]"#, "[]"));
    assert_eq!(said(Some(())), same(r#"["a"]"#, "[]"));
    assert_eq!(said([()]), same(r#"["a",[null]]"#, "[[null]]"));

    assert_eq!(said(Args((1, "b"))), same(r#"["a",1,"b"]"#, r#"[1,"b"]"#));
    assert_eq!(said(Some(&Args(((1, 2), None::<u8>)))), same(r#"["a",[1,2],null]"#, "[[1,2],null]"));
    assert_eq!(said(Args(Vec::<u8>::new())), same(r#"["a"]"#, "[]"));
    assert_eq!(said(Args(())), same(r#"["a"]"#, "[]"));
    assert_eq!(said(Args(None::<u8>)), same(r#"["a"]"#, "[]"));
    assert_eq!(said(Args(json!([null]))), same(r#"["a",null]"#, "[null]"));
    assert_eq!(said(Args(json!({"b": []}))), same(r#"["a",{"b":[]}]"#, r#"[{"b":[]}]"#));
    // Only the whole is spread.
    assert_eq!(said([Args((1, 2))]), same(r#"["a",[[1,2]]]"#, "[[[1,2]]]"));
    let p = |num: u8| format!(r#"{{"_placeholder":true,"num":{num}}}"#);
    let both = format!("{},{}]", p(0), p(1));
    assert_eq!(said(Args((bytes(b"x"), bytes(b"y")))), (format!(r#"["a",{both}"#), format!("[{both}")));
    assert_eq!(said(Args(bytes(b"x"))), (format!(r#"["a",{}]"#, p(0)), format!("[{}]", p(0))));
}

#[test]
fn a_kept_value_comes_back_as_it_was() {
    let value = json!({"a": [1, -2, 0.5, true, null, "é"], "b": {"c": u64::MAX}});
    let both = (&value, bytes(b"xyz"), [bytes(b"")]);
    let kept = RawBuf::of(&both).unwrap();
    assert_eq!(event(Emit::Value(&kept)), event(Emit::Value(&both)));
    assert_eq!(said(Args(&kept)).0, said(Args(&both)).0);
    assert_eq!(said(RawBuf::of(&()).unwrap()), said(()));
    assert_eq!(said(RawBuf::of(&BTreeMap::from([(5, true)])).unwrap()).1, r#"[{"5":true}]"#);
    assert_eq!(serde_json::to_value(RawBuf::of(&value).unwrap()).unwrap(), value);

    let mut deep = json!(1);
    for _ in 0..127 {
        deep = json!([deep]);
    }
    let mut out = Vec::new();
    assert!(encode_ack(&mut out, "/", 1, Emit::One(&RawBuf::of(&deep).unwrap()), &mut |_| ()).is_ok());
    let deeper = RawBuf::of(&[deep]).unwrap();
    out.clear();
    assert!(encode_ack(&mut out, "/", 1, Emit::One(&deeper), &mut |_| ()).unwrap_err().is_internal());
    assert!(out.is_empty());
}

#[test]
fn json_keeps_what_has_no_bytes() {
    let json = json_without_bytes(&(u128::MAX, 0.1f32, Some("x"))).unwrap().unwrap();
    assert_eq!(json.get(), r#"[340282366920938463463374607431768211455,0.1,"x"]"#);
    assert!(json_without_bytes(&(1, bytes(b"x"))).unwrap().is_none());
    assert!(json_without_bytes(&Fails).unwrap_err().is_internal());
}
