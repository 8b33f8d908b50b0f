//! The decoder against a naive model of the protocol, built on `serde_json::Value` and the keys as they were written.
mod envelope_model;

use envelope_model::{Floats, Meaning, key, meaning, parts, value};
use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;
use switchboard_core::Id;
use switchboard_core::codec::json;

fn decoded(text: &str) -> Meaning {
    json::decode(text).map_or(Meaning::Rejected, |incoming| {
        parts(incoming, |raw: Option<&RawValue>| {
            raw.map_or(Value::Null, |raw| serde_json::from_str(raw.get()).expect("a value"))
        })
    })
}

/// The text of an object, with every character of its keys escaped where `escaped` says so.
fn write(pairs: &[(String, Value)], space: &str, escaped: bool) -> String {
    let members: Vec<String> = pairs
        .iter()
        .map(|(key, value)| {
            let key: String = match escaped {
                true => key.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
                false => serde_json::to_string(key).expect("a string").trim_matches('"').to_owned(),
            };
            format!("{space}\"{key}\"{space}:{space}{value}{space}")
        })
        .collect();
    format!("{space}{{{}}}{space}", members.join(","))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_the_model(
        pairs in prop::collection::vec((key(), value()), 0..5),
        space in "[ \t\r\n]{0,2}",
        escaped in any::<bool>(),
    ) {
        let text = write(&pairs, &space, escaped);
        prop_assert_eq!(decoded(&text), meaning(&pairs, Floats::Fractions), "{}", text);
    }

    #[test]
    fn any_text_is_answered(text in prop_oneof![any::<String>(), "[\\[\\]{}:,\"\\\\a0-9netv.]{0,40}"]) {
        if let Err(rejected) = json::decode(&text) {
            prop_assert!(!rejected.reason.is_empty());
        }
    }

    #[test]
    fn a_cut_or_changed_frame_is_answered(
        pairs in prop::collection::vec((key(), value()), 1..5),
        at in any::<prop::sample::Index>(),
        with in any::<char>(),
    ) {
        let text = write(&pairs, "", false);
        let at = at.index(text.len());
        let at = text.floor_char_boundary(at);
        prop_assert!(json::decode(&text[..at]).is_err(), "{}", &text[..at]);
        let changed = format!("{}{with}{}", &text[..at], &text[at..]);
        if json::decode(&changed).is_ok() {
            serde_json::from_str::<&RawValue>(&changed).expect("what is accepted is JSON");
        }
    }

    #[test]
    fn a_request_comes_back_as_it_was(event in "[^\\p{Cc}]{1,30}", number in any::<u64>(), data in value()) {
        prop_assume!(event.len() <= 128 && event != "exception" && !event.starts_with("sys."));
        let id = Id::Number(number % (Id::MAX_NUMBER + 1));
        let mut out = Vec::new();
        let place = json::encode_reply(&mut out, &event, Some(&id), &data).expect("a value");
        let text = std::str::from_utf8(&out).expect("UTF-8");
        prop_assert_eq!(&text[place], data.to_string());
        prop_assert_eq!(decoded(text), Meaning::Request { event, data, id: Some(id), meta: Value::Null });
    }
}
