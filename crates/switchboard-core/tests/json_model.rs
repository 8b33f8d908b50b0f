//! The decoder against a naive model of the protocol, built on `serde_json::Value` and the keys as they were written.
use proptest::prelude::*;
use serde_json::{Map, Value};
use switchboard_core::codec::json;
use switchboard_core::{Id, Incoming};

/// What a frame means, in owned parts.
#[derive(Debug, PartialEq)]
enum Meaning {
    Request { event: String, data: Value, id: Option<Id<'static>>, meta: Value },
    Cancel(Id<'static>),
    Ack { ack: u64, answer: Result<Value, Value> },
    Rejected,
}

fn decoded(text: &str) -> Meaning {
    let value = |raw: Option<&serde_json::value::RawValue>| {
        raw.map_or(Value::Null, |raw| serde_json::from_str(raw.get()).expect("a value"))
    };
    match json::decode(text) {
        Ok(Incoming::Request(request)) => Meaning::Request {
            event: request.event.clone().into_owned(),
            data: value(request.data),
            id: request.id.map(Id::into_owned),
            meta: value(request.meta),
        },
        Ok(Incoming::Cancel(id)) => Meaning::Cancel(id.into_owned()),
        Ok(Incoming::Ack { ack, answer }) => {
            Meaning::Ack { ack, answer: answer.map(value).map_err(|error| value(Some(error))) }
        }
        Err(_) => Meaning::Rejected,
    }
}

fn id(value: &Value) -> Result<Option<Id<'static>>, ()> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => number.as_u64().filter(|n| *n <= 1 << 53).map(|n| Some(Id::Number(n))).ok_or(()),
        Value::String(text) if (1..=128).contains(&text.len()) && !text.chars().any(char::is_control) => {
            Ok(Some(Id::Text(text.clone().into())))
        }
        _ => Err(()),
    }
}

fn meaning(pairs: &[(String, Value)]) -> Meaning {
    const KNOWN: [&str; 11] =
        ["event", "data", "id", "meta", "cancel", "ack", "error", "kind", "pattern", "method", "url"];
    let mut keys = Map::new();
    for (key, value) in pairs {
        if keys.insert(key.clone(), value.clone()).is_some() && KNOWN.contains(&key.as_str()) {
            return Meaning::Rejected;
        }
    }
    let has = |key: &str| keys.contains_key(key);
    let get = |key: &str| keys.get(key).cloned().unwrap_or(Value::Null);
    let kinds = [has("event"), has("cancel"), has("ack"), has("kind") && has("pattern"), has("method") && has("url")];
    if kinds.iter().filter(|kind| **kind).count() != 1 || kinds[3] || kinds[4] {
        return Meaning::Rejected;
    }
    if kinds[1] {
        return id(&get("cancel")).ok().flatten().map_or(Meaning::Rejected, Meaning::Cancel);
    }
    if kinds[2] {
        let Some(ack) = get("ack").as_u64().filter(|ack| *ack <= 1 << 53) else { return Meaning::Rejected };
        return match (get("data"), get("error")) {
            (data, Value::Null) => Meaning::Ack { ack, answer: Ok(data) },
            (Value::Null, error) => Meaning::Ack { ack, answer: Err(error) },
            _ => Meaning::Rejected,
        };
    }
    let (Value::String(event), Ok(id)) = (get("event"), id(&get("id"))) else { return Meaning::Rejected };
    let is_name = (1..=128).contains(&event.len()) && !event.chars().any(char::is_control);
    if !is_name || event == "exception" || event.starts_with("sys.") {
        return Meaning::Rejected;
    }
    Meaning::Request { event, data: get("data"), id, meta: get("meta") }
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

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..10u64).prop_map(Value::from),
        ((1u64 << 53) - 2..(1 << 53) + 2).prop_map(Value::from),
        // Eighths: serde_json reads other fractions to within one unit in the last place.
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        "\\PC{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec!["a", "exception", "sys.x", "", "a\nb", "ü\"\\"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-c]{0,2}", inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec!["event", "event", "event", "data", "id", "meta", "cancel", "ack", "error"]),
        1 => prop::sample::select(vec!["kind", "pattern", "method", "url", "", "Event", "x"]),
    ]
    .prop_map(str::to_owned)
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
        prop_assert_eq!(decoded(&text), meaning(&pairs), "{}", text);
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
            serde_json::from_str::<&serde_json::value::RawValue>(&changed).expect("what is accepted is JSON");
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
