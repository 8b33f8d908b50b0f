//! Values of every shape, as text and as MessagePack.
use proptest::prelude::*;
use std::fmt::Debug;
use switchboard_core::codec::msgpack;

/// A document that all formats have.
#[derive(Clone, Debug)]
pub(super) enum Doc {
    Null,
    Bool(bool),
    /// From `i64::MIN` to `u128::MAX`.
    Negative(i64),
    Positive(u128),
    Float(f64),
    Text(String),
    List(Vec<Doc>),
    Map(Vec<(String, Doc)>),
}

impl Doc {
    pub(super) fn json(&self) -> String {
        match self {
            Doc::Null => "null".to_owned(),
            Doc::Bool(value) => value.to_string(),
            Doc::Negative(value) => value.to_string(),
            Doc::Positive(value) => value.to_string(),
            Doc::Float(value) => format!("{value:?}"),
            Doc::Text(text) => serde_json::to_string(text).unwrap(),
            Doc::List(items) => format!("[{}]", items.iter().map(Doc::json).collect::<Vec<_>>().join(" , ")),
            Doc::Map(members) => {
                let member = |(key, value): &(String, Doc)| format!("{:?}: {}", key, value.json());
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }
        }
    }

    pub(super) fn pack(&self, out: &mut Vec<u8>) {
        let head = |out: &mut Vec<u8>, marker: u8, count: usize| {
            out.push(marker);
            out.extend_from_slice(&u16::try_from(count).unwrap().to_be_bytes());
        };
        match self {
            Doc::Null => msgpack::encode_data(out, &()).unwrap(),
            Doc::Bool(value) => msgpack::encode_data(out, value).unwrap(),
            Doc::Negative(value) => msgpack::encode_data(out, value).unwrap(),
            // A text, beyond 64 bits.
            Doc::Positive(value) => msgpack::encode_data(out, value).unwrap(),
            Doc::Float(value) => msgpack::encode_data(out, value).unwrap(),
            Doc::Text(text) => msgpack::encode_data(out, text).unwrap(),
            Doc::List(items) => {
                head(out, 0xdc, items.len());
                items.iter().for_each(|item| item.pack(out));
            }
            Doc::Map(members) => {
                head(out, 0xde, members.len());
                for (key, value) in members {
                    msgpack::encode_data(out, key).unwrap();
                    value.pack(out);
                }
            }
        }
    }

    pub(super) fn member(key: &str, value: Doc) -> Doc {
        Doc::Map(vec![(key.to_owned(), value)])
    }
}

pub(super) fn docs() -> impl Strategy<Value = Doc> {
    let leaf = prop_oneof![
        Just(Doc::Null),
        any::<bool>().prop_map(Doc::Bool),
        prop_oneof![Just(i64::MIN), -300..0i64].prop_map(Doc::Negative),
        prop_oneof![
            Just(u128::MAX),
            Just(u128::from(u64::MAX) + 1),
            Just(u128::from(u64::MAX)),
            Just(1 << 53),
            any::<u64>().prop_map(u128::from),
            0..300u128,
            any::<u128>(),
        ]
        .prop_map(Doc::Positive),
        prop_oneof![
            Just(1.5),
            Just(5.0),
            Just(-0.0),
            Just(1e300),
            Just(1.7e12),
            Just(0.1),
            any::<i32>().prop_map(|n| f64::from(n) / 8.0),
        ]
        .prop_map(Doc::Float),
        prop_oneof![
            "[a-z ]{0,6}".prop_map(Doc::Text),
            prop::sample::select(vec!["AQL/", "Dot", "$serde_json::private::RawValue", "7"])
                .prop_map(|text| Doc::Text(text.to_owned())),
        ],
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let key = prop::sample::select(vec!["wei", "at", "note", "type", "Circle", "a", "b", "k"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Doc::List),
            prop::collection::vec((key.prop_map(str::to_owned), inner), 0..4).prop_map(Doc::Map),
        ]
    })
}
