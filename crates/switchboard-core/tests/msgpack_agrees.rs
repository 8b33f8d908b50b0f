//! One type, two formats: the same values, the same documents, the same refusals.
mod msgpack_support;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::IpAddr;

use msgpack_support::{Widths, pack, pack_map};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use switchboard_core::Error;
use switchboard_core::codec::json;
use switchboard_core::codec::msgpack::{self, Raw};

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
struct Document {
    name: String,
    #[serde(default)]
    lines: Vec<Line>,
    #[serde(rename = "a/b~c", default, skip_serializing_if = "Option::is_none")]
    odd: Option<u8>,
    inner: Option<Box<Document>>,
    shapes: Vec<Shape>,
    tagged: Tagged,
    beside: Beside,
    loose: Vec<Loose>,
    unit: (),
    mark: Mark,
    pair: (u8, Option<i16>),
    wrapped: Wrapped,
    big: u64,
    small: i64,
    ratio: f64,
    single: f32,
    letter: char,
    bytes: ByteBuf,
    list: Vec<u8>,
    by_number: BTreeMap<i16, Option<bool>>,
    by_flag: BTreeMap<bool, u8>,
    by_word: BTreeMap<Word, u8>,
    address: IpAddr,
    any: Value,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    text: String,
    n: u32,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
struct Rest {
    extra: Option<u8>,
    #[serde(default)]
    more: BTreeMap<String, Loose>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
struct Mark;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
struct Wrapped(Vec<Option<i8>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
enum Word {
    One,
    Two,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Dot,
    Circle { r: f64 },
    Text(String),
    Pair(u8, i64),
    Maybe(Option<u8>),
    Mark(Mark),
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "type")]
enum Tagged {
    A { x: u64, y: Option<i64> },
    B(Line),
    C,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "type", content = "of")]
enum Beside {
    A(Vec<Option<bool>>),
    B { text: char },
    C,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
enum Loose {
    Unit(()),
    Number(i64),
    Ratio(f64),
    Line(Line),
    Address(IpAddr),
    List(Vec<Loose>),
}

fn loose() -> impl Strategy<Value = Loose> {
    let leaf = prop_oneof![
        Just(Loose::Unit(())),
        any::<i64>().prop_map(Loose::Number),
        any::<i32>().prop_map(|n| Loose::Ratio(f64::from(n) + 0.5)),
        line().prop_map(Loose::Line),
        any::<u32>().prop_map(|n| Loose::Address(IpAddr::from(n.to_be_bytes()))),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| prop::collection::vec(inner, 0..3).prop_map(Loose::List))
}

fn line() -> impl Strategy<Value = Line> {
    (any::<String>(), any::<u32>()).prop_map(|(text, n)| Line { text, n })
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Dot),
        (-1e300..1e300).prop_map(|r| Shape::Circle { r }),
        "\\PC{0,40}".prop_map(Shape::Text),
        any::<(u8, i64)>().prop_map(|(a, b)| Shape::Pair(a, b)),
        any::<Option<u8>>().prop_map(Shape::Maybe),
        Just(Shape::Mark(Mark)),
    ]
}

fn document() -> impl Strategy<Value = Document> {
    let enums = (
        prop::collection::vec(shape(), 0..4),
        prop_oneof![
            any::<(u64, Option<i64>)>().prop_map(|(x, y)| Tagged::A { x, y }),
            line().prop_map(Tagged::B),
            Just(Tagged::C)
        ],
        prop_oneof![
            any::<Vec<Option<bool>>>().prop_map(Beside::A),
            any::<char>().prop_map(|text| Beside::B { text }),
            Just(Beside::C)
        ],
        prop::collection::vec(loose(), 0..3),
    );
    let plain = (
        "\\PC{0,40}",
        prop::collection::vec(line(), 0..20),
        any::<Option<u8>>(),
        any::<(u8, Option<i16>)>(),
        prop::collection::vec(any::<Option<i8>>(), 0..20),
        prop_oneof![Just(u64::MAX), any::<u64>(), 0..300u64],
        prop_oneof![Just(i64::MIN), Just(i64::MAX), any::<i64>(), -300..300i64],
        any::<char>(),
    );
    // An f32 that is the same text as an f64.
    let floats = (-1e300..1e300, any::<i16>().prop_map(|n| f32::from(n) / 8.0));
    let maps = (
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::btree_map(any::<i16>(), any::<Option<bool>>(), 0..4),
        prop::collection::btree_map(any::<bool>(), any::<u8>(), 0..3),
        prop::collection::btree_map(prop_oneof![Just(Word::One), Just(Word::Two)], any::<u8>(), 0..3),
        any::<u128>().prop_map(|n| IpAddr::from(n.to_be_bytes())),
        (any::<Option<u8>>(), prop::collection::btree_map("\\PC{0,3}", loose(), 0..3)),
        any_json(),
    );
    let one = (enums, plain, floats, maps).prop_map(|(enums, plain, floats, maps)| {
        let (shapes, tagged, beside, loose) = enums;
        let (name, lines, odd, pair, wrapped, big, small, letter) = plain;
        let (ratio, single) = floats;
        let (list, by_number, by_flag, by_word, address, (extra, more), any) = maps;
        Document {
            name,
            lines,
            odd,
            inner: None,
            shapes,
            tagged,
            beside,
            loose,
            unit: (),
            mark: Mark,
            pair,
            wrapped: Wrapped(wrapped),
            big,
            small,
            ratio,
            single,
            letter,
            bytes: ByteBuf::from(list.clone()),
            list,
            by_number,
            by_flag,
            by_word,
            address,
            any,
            rest: Rest { extra, more },
        }
    });
    prop::collection::vec(one, 1..3).prop_map(|chain| {
        let nest = |inner: Option<Box<Document>>, outer: Document| Some(Box::new(Document { inner, ..outer }));
        *chain.into_iter().fold(None, nest).expect("at least one")
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3..300i64).prop_map(Value::from),
        // No whole numbers: written as floats they are integers in MessagePack alone.
        any::<i32>().prop_map(|n| Value::from(f64::from(n | 1) / 8.0)),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["dot", "circle", "A", "B", "One", "text", "10.0.0.1", "", "1"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let key = prop_oneof![
            prop::sample::select(vec![
                "text", "n", "type", "of", "x", "y", "circle", "r", "dot", "pair", "maybe", "A", "1"
            ])
            .prop_map(str::to_owned),
            "[a-c]{0,2}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// What is done to one place of a document.
#[derive(Clone, Debug)]
enum Change {
    Put(Value),
    Remove,
    Add(String, Value),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => any_json().prop_map(Change::Put),
        2 => Just(Change::Remove),
        2 => ("[a-z]{1,4}", any_json()).prop_map(|(key, value)| Change::Add(key, value)),
    ]
}

/// Walks down by `way`, and changes what is there.
fn changed(value: &mut Value, way: &[prop::sample::Index], change: &Change) {
    let Some((step, way)) = way.split_first() else {
        match (change, value) {
            (Change::Put(new), value) => *value = new.clone(),
            (Change::Add(key, new), Value::Object(map)) => drop(map.insert(key.clone(), new.clone())),
            (Change::Add(_, new), Value::Array(items)) => items.push(new.clone()),
            (Change::Add(..), _) => {}
            (Change::Remove, value) => *value = Value::Null,
        }
        return;
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            let at = step.index(items.len());
            if way.is_empty() && matches!(change, Change::Remove) {
                items.remove(at);
            } else {
                changed(&mut items[at], way, change);
            }
        }
        Value::Object(map) if !map.is_empty() => {
            let key = map.keys().nth(step.index(map.len())).expect("a key").clone();
            if way.is_empty() && matches!(change, Change::Remove) {
                map.remove(&key);
            } else {
                changed(&mut map[&key], way, change);
            }
        }
        value => changed(value, &[], change),
    }
}

fn from_json<T: DeserializeOwned>(value: &Value) -> Result<T, Error> {
    let raw: Box<RawValue> = serde_json::from_str(&value.to_string()).expect("JSON");
    json::from_data(Some(&raw))
}

fn from_msgpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    msgpack::from_data(Some(Raw::new(bytes).expect("MessagePack")))
}

/// Both give the same value, or the same answer.
#[track_caller]
fn agree<T: DeserializeOwned + Debug + PartialEq>(value: &Value, widths: u64) -> bool {
    let packed = pack(value, &mut Widths(widths));
    match (from_json::<T>(value), from_msgpack::<T>(&packed)) {
        (Ok(one), Ok(other)) => assert_eq!(one, other, "{value}"),
        (Err(one), Err(other)) => {
            assert_eq!(format!("{one:?}"), format!("{other:?}"), "{value}");
            return false;
        }
        (one, other) => panic!("{value}: {one:?}, but {other:?}"),
    }
    true
}

/// What rmpv reads, as JSON; bytes as a list.
fn document_of(mut bytes: &[u8]) -> Value {
    fn of(value: rmpv::Value) -> Value {
        match value {
            rmpv::Value::Nil => Value::Null,
            rmpv::Value::Boolean(value) => value.into(),
            rmpv::Value::Integer(value) => value.as_u64().map_or_else(|| value.as_i64().into(), Value::from),
            rmpv::Value::F32(value) => value.into(),
            rmpv::Value::F64(value) => value.into(),
            rmpv::Value::String(text) => text.into_str().expect("UTF-8").into(),
            rmpv::Value::Binary(bytes) => bytes.into(),
            rmpv::Value::Array(items) => items.into_iter().map(of).collect(),
            rmpv::Value::Map(pairs) => Value::Object(
                pairs
                    .into_iter()
                    .map(|(key, value)| (key.as_str().expect("a text").to_owned(), of(value)))
                    .collect::<Map<_, _>>(),
            ),
            rmpv::Value::Ext(..) => panic!("an ext"),
        }
    }
    let value = rmpv::decode::read_value(&mut bytes).expect("MessagePack");
    assert!(bytes.is_empty());
    of(value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_value_is_the_same_document_and_comes_back(document in document()) {
        let mut out = Vec::new();
        let place = msgpack::encode_event(&mut out, "a", &document).expect("a value");
        let packed = &out[place];
        let text = serde_json::to_value(&document).expect("a value");
        prop_assert_eq!(document_of(packed), text.clone());
        prop_assert_eq!(&from_msgpack::<Document>(packed).expect("the same"), &document);
        prop_assert_eq!(&from_json::<Document>(&text).expect("the same"), &document);
        prop_assert_eq!(rmp_serde::from_slice::<Value>(&pack(&text, &mut Widths::narrow())).expect("a value"), text);
    }

    #[test]
    fn a_changed_document_is_taken_or_refused_by_both(
        document in document(),
        way in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        change in change(),
        widths in any::<u64>(),
    ) {
        let mut value = serde_json::to_value(&document).expect("a value");
        changed(&mut value, &way, &change);
        agree::<Document>(&value, widths);
    }

    #[test]
    fn any_json_is_taken_or_refused_by_both(value in any_json(), widths in any::<u64>()) {
        agree::<Value>(&value, widths);
        agree::<Line>(&value, widths);
        agree::<Option<Vec<Shape>>>(&value, widths);
        agree::<Shape>(&value, widths);
        agree::<Tagged>(&value, widths);
        agree::<Beside>(&value, widths);
        agree::<Loose>(&value, widths);
        agree::<(Option<u8>, i64)>(&value, widths);
        agree::<BTreeMap<i8, Value>>(&value, widths);
        agree::<BTreeMap<Word, f32>>(&value, widths);
        agree::<[Mark; 2]>(&value, widths);
        agree::<Wrapped>(&value, widths);
        agree::<String>(&value, widths);
        agree::<ByteBuf>(&value, widths);
    }
}

#[test]
fn d14_refusals_are_the_same() {
    let cases = [
        json!({"text": ["secret"], "n": 1}),
        json!({"text": "a"}),
        json!({"text": "a", "n": "secret"}),
        json!({"text": "a", "n": 1, "secret": 1}),
        json!({"text": "a", "n": -1}),
        json!({"text": "a", "n": 1u64 << 32}),
        json!({"text": "a", "n": 1.5}),
        json!("secret"),
        json!(["a"]),
        json!(["a", 1, 2]),
        json!(null),
    ];
    for case in &cases {
        assert!(!agree::<Line>(case, 1), "{case}");
    }
    let cases = [
        json!("secret"),
        json!("circle"),
        json!("text"),
        json!("pair"),
        json!({"circle": {"r": "secret"}}),
        json!({"circle": {}}),
        json!({"dot": 1}),
        json!({"dot": null, "text": "secret"}),
        json!({"pair": [1]}),
        json!({"pair": [1, 2, 3]}),
        json!({"secret": 1}),
        json!({}),
        json!([]),
        json!(0),
    ];
    for case in &cases {
        assert!(!agree::<Shape>(case, 1), "{case}");
    }
}

#[test]
fn d14_a_field_that_occurs_twice_is_refused_by_both() {
    let pairs = [("text", json!("secret")), ("n", json!(1)), ("text", json!("secret"))];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value));
    let text: Vec<String> = pairs.iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
    let raw: Box<RawValue> = serde_json::from_str(&format!("{{{}}}", text.join(","))).expect("JSON");
    let one = json::from_data::<Line>(Some(&raw)).unwrap_err();
    let other = from_msgpack::<Line>(&pack_map(&pairs, &mut Widths::narrow())).unwrap_err();
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
    assert_eq!(&*one.details()[0].code, "duplicate_field");
}
