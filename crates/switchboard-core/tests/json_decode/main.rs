//! Frames of a client as JSON: docs/limits.md, group D.
mod fast_path;
mod syntax;

use switchboard_core::codec::json::{self, Rejected};
use switchboard_core::{Code, Id, Incoming, PatternKind, Request};

fn request(text: &str) -> Request<'_> {
    match json::decode(text) {
        Ok(Incoming::Request(request)) => request,
        other => panic!("{text}: {other:?}"),
    }
}

#[track_caller]
fn rejected<'a>(text: &'a str, reason: &str) -> Rejected<'a> {
    let start = text.get(..80).unwrap_or(text);
    let Err(rejected) = json::decode(text) else { panic!("accepted: {start}") };
    assert_eq!(rejected.reason, reason, "{start}");
    assert_eq!(rejected.error.code(), &Code::BadRequest, "{start}");
    rejected
}

fn data<'a>(request: &Request<'a>) -> Option<&'a str> {
    request.data.map(|data| data.get())
}

#[test]
fn a_request_borrows_all_its_parts() {
    let text = r#" { "event" : "echo", "data" : { "seq":1, "text":"hé" } ,"id":7,"meta":[ 1 ] } "#;
    let request = request(text);
    assert!(matches!(request.event, std::borrow::Cow::Borrowed("echo")));
    assert_eq!(data(&request), Some(r#"{ "seq":1, "text":"hé" }"#));
    assert_eq!(request.id, Id::number(7));
    assert_eq!(request.meta.map(|meta| meta.get()), Some("[ 1 ]"));
}

#[test]
fn missing_and_null_parts_are_none() {
    for text in [r#"{"event":"a"}"#, r#"{"event":"a","data":null,"id":null,"meta": null }"#] {
        let request = request(text);
        assert!(request.data.is_none() && request.id.is_none() && request.meta.is_none(), "{text}");
    }
}

#[test]
fn d05_unknown_keys_are_ignored() {
    let request = request(r#"{"v":2,"event":"a","error":{},"kind":"x","url":[{"event":"b"}],"":0,"v":[]}"#);
    assert_eq!(request.event, "a");
}

#[test]
fn d05_a_key_of_another_kind_that_is_null_is_absent() {
    for others in [
        r#""cancel":null"#,
        r#""ack":null"#,
        r#""cancel":null,"ack": null ,"kind":null,"pattern":null,"method":null,"url":null"#,
        r#""kind":"message","pattern":null"#,
        r#""kind":null,"pattern":"p""#,
        r#""method":"GET","url":null"#,
    ] {
        assert_eq!(request(&format!(r#"{{"event":"a",{others}}}"#)).event, "a", "{others}");
        assert_eq!(request(&format!(r#"{{{others},"event":"a"}}"#)).event, "a", "{others}");
    }
    let Ok(Incoming::Cancel(id)) = json::decode(r#"{"event":null,"ack":null,"cancel":7}"#) else { panic!() };
    assert_eq!(Some(id), Id::number(7));
    let Ok(Incoming::Ack { ack: 3, .. }) = json::decode(r#"{"cancel":null,"ack":3,"event":null}"#) else { panic!() };
    let pattern = r#"{"event":null,"kind":"message","pattern":"p","cancel":null}"#;
    let Ok(Incoming::Pattern { .. }) = json::decode_with_patterns(pattern) else { panic!() };
    assert_eq!(rejected(pattern, "kind_disabled").event.as_deref(), Some("p"));

    // Nothing but null is absent, and a key that is null alone is told what is wrong with it.
    rejected(r#"{"event":"a","cancel":false}"#, "two_kinds");
    rejected(r#"{"event":"a","ack":0}"#, "two_kinds");
    rejected(r#"{"event":null}"#, "event_name");
    rejected(r#"{"cancel":null}"#, "cancel");
    rejected(r#"{"ack":null}"#, "ack");
    rejected(r#"{"event":null,"cancel":null,"ack":null}"#, "no_event");
    rejected(r#"{"event":"a","cancel":null,"cancel":null}"#, "duplicate_key");
}

#[test]
fn d23_keys_that_mean_something_to_serde_json_are_rejected() {
    for key in [
        "$serde_json::private::RawValue",
        "$serde_json::private::Number",
        "$serde_json::private::",
        r"\u0024serde_json::private::RawValue",
        r"$serde_json:\u003a\u0070rivate::RawValue",
    ] {
        let key = key.replace(r"\\", r"\");
        let object = format!(r#"{{"a":1,"{key}" : "{{\"admin\":true}}"}}"#);
        for value in [object.clone(), format!(r#"[[{{"b":{object}}}]]"#), format!("[{:>9000},{object}]", 1)] {
            for place in ["data", "meta"] {
                for text in [
                    format!(r#"{{"event":"a","{place}":{value},"id":7}}"#),
                    format!(r#"{{"event":"a","id":7,"{place}":{value}}}"#),
                ] {
                    let rejected = rejected(&text, "private_key");
                    assert_eq!((rejected.id, rejected.event.as_deref()), (Id::number(7), Some("a")), "{text:.200}");
                    assert!(json::decode_fast(&text).is_none(), "{text:.200}");
                }
            }
            rejected(&format!(r#"{{"ack":1,"data":{value}}}"#), "private_key");
            rejected(&format!(r#"{{"ack":1,"error":{value}}}"#), "private_key");
            for place in ["payload", "metadata"] {
                let text = format!(r#"{{"kind":"message","pattern":"p","{place}":{value}}}"#);
                let Err(rejected) = json::decode_with_patterns(&text) else { panic!("accepted: {text:.200}") };
                assert_eq!(rejected.reason, "private_key");
            }
        }
    }
    let deep = "[".repeat(100_000) + r#"{"$serde_json::private::RawValue":"1"}"# + &"]".repeat(100_000);
    rejected(&format!(r#"{{"event":"a","data":{deep}}}"#), "private_key");

    // The same text as a value, in a key, or in what nobody reads.
    for data in [
        r#""$serde_json::private::RawValue""#,
        r#"["$serde_json::private::RawValue",":"]"#,
        r#"{"a":"$serde_json::private::RawValue"}"#,
        r#"{"b$serde_json::private::RawValue":1,"$":2}"#,
        r#""{\"$serde_json::private::RawValue\":1}""#,
    ] {
        let text = format!(r#"{{"event":"a","data":{data}}}"#);
        assert_eq!(request(&text).data.map(|data| data.get()), Some(data));
        assert!(json::decode_fast(&text).is_some());
    }
    request(r#"{"event":"a","x":{"$serde_json::private::RawValue":"1"},"$serde_json::private::RawValue":"1"}"#);
}

#[test]
fn d06_event_is_required_and_a_name() {
    for text in ["{}", r#"{"data":1}"#, r#"{"Event":"a"}"#, r#"{"kind":"message"}"#, r#"{"method":"GET"}"#] {
        rejected(text, "no_event");
    }
    let long = format!(r#""{}""#, "x".repeat(129));
    let long_escaped = format!(r#""{}""#, r"\u0061".repeat(129));
    for event in ["\"\"", "1", "null", "true", "{}", "[\"a\"]", r#""\u0000""#, r#""\u0085""#, &long, &long_escaped] {
        let text = format!(r#"{{"event":{event},"id":5}}"#);
        let rejected = rejected(&text, "event_name");
        assert_eq!((rejected.id, rejected.event), (Id::number(5), None), "{text}");
    }
    let longest = format!(r#"{{"event":"{}"}}"#, r"\u0061".repeat(128));
    assert_eq!(request(&longest).event.len(), 128);
}

#[test]
fn d08_reserved_names_are_the_servers() {
    for event in ["exception", "sys.goaway", "sys.", r"sy\u0073.x"] {
        let text = format!(r#"{{"event":"{event}","id":"a"}}"#);
        let rejected = rejected(&text, "event_reserved");
        assert_eq!(rejected.id, Id::text("a"));
        assert!(rejected.event.is_some());
    }
    for event in ["error", "connect", "disconnect", "message", "__proto__", "sys"] {
        assert_eq!(request(&format!(r#"{{"event":"{event}"}}"#)).event, event);
    }
}

#[test]
fn d09_ids_are_exact_or_rejected() {
    let longest = format!(r#""{}""#, "x".repeat(128));
    for (json, id) in [
        ("0", Id::number(0)),
        ("9007199254740992", Id::number(1 << 53)),
        ("\"7\"", Id::text("7")),
        ("\"00\"", Id::text("00")),
        (&longest, Id::text("x".repeat(128))),
        ("null", None),
    ] {
        assert_eq!(request(&format!(r#"{{"event":"a","id":{json}}}"#)).id, id, "{json}");
    }
    let kib = format!(r#""{}""#, "x".repeat(1024));
    let digits = "1".repeat(100_000);
    for json in [
        "-1",
        "-0",
        "9007199254740993",
        "18446744073709551616",
        "1.0",
        "1e3",
        "1E0",
        "\"\"",
        "{}",
        "[1]",
        "true",
        "false",
        r#""a\u0000""#,
        &kib,
        &digits,
    ] {
        let text = format!(r#"{{"event":"a","id":{json}}}"#);
        let rejected = rejected(&text, "id");
        assert_eq!((rejected.id, rejected.event.as_deref()), (None, Some("a")));
    }
}

#[test]
fn cancel_names_an_id() {
    for (json, id) in [("7", Id::number(7)), ("\"a\\u0062\"", Id::text("ab"))] {
        let text = format!(r#"{{"cancel":{json},"data":1,"meta":2,"id":3,"kind":4}}"#);
        assert!(matches!(json::decode(&text), Ok(Incoming::Cancel(got)) if Some(&got) == id.as_ref()), "{text}");
    }
    for json in ["null", "-1", "1.5", "\"\"", "{}", "true"] {
        rejected(&format!(r#"{{"cancel":{json}}}"#), "cancel");
    }
}

#[test]
fn ack_carries_data_or_an_error() {
    type Answer<'a> = Result<Option<&'a str>, &'a str>;
    let cases: [(&str, Answer<'_>); 6] = [
        (r#"{"ack":9}"#, Ok(None)),
        (r#"{"ack":9,"data":null}"#, Ok(None)),
        (r#"{"ack":9,"data":[1]}"#, Ok(Some("[1]"))),
        (r#"{"ack":9,"data":[1],"error":null}"#, Ok(Some("[1]"))),
        (r#"{"error":{"code":"x"},"ack":9}"#, Err(r#"{"code":"x"}"#)),
        (r#"{"ack":9,"data":null,"error":false}"#, Err("false")),
    ];
    for (text, expected) in cases {
        let Ok(Incoming::Ack { ack: 9, answer, .. }) = json::decode(text) else { panic!("{text}") };
        assert_eq!(answer.map(|data| data.map(|raw| raw.get())).map_err(|raw| raw.get()), expected, "{text}");
    }
    for ack in ["null", "-1", "\"9\"", "1.0", "[]", "9007199254740993"] {
        rejected(&format!(r#"{{"ack":{ack}}}"#), "ack");
    }
    rejected(r#"{"ack":9,"data":1,"error":2}"#, "ack");
}

#[test]
fn keys_of_two_kinds_are_rejected() {
    for text in [
        r#"{"event":"a","cancel":1,"id":4}"#,
        r#"{"event":"a","ack":1,"id":4}"#,
        r#"{"cancel":2,"ack":1,"id":4}"#,
        r#"{"event":"a","kind":"event","pattern":"p","id":4}"#,
        r#"{"event":"a","method":"GET","url":"/","id":4}"#,
        r#"{"kind":"event","pattern":"p","method":"GET","url":"/","id":4}"#,
        r#"{"ack":1,"method":"GET","url":"/","id":4}"#,
    ] {
        assert_eq!(rejected(text, "two_kinds").id, Id::number(4), "{text}");
    }
}

#[test]
fn pattern_and_rest_frames_are_named_as_not_taken() {
    let pattern = rejected(r#"{"kind":"message","pattern":"sum","payload":[1],"id":"x"}"#, "kind_disabled");
    assert!(pattern.error.message().contains("pattern"));
    assert_eq!(pattern.id, Id::text("x"));
    let rest = rejected(r#"{"method":"GET","url":"/users","id":2}"#, "kind_disabled");
    assert!(rest.error.message().contains("REST"));
}

#[test]
fn pattern_frames_are_taken_by_who_asks_for_them() {
    type Taken<'a> = (PatternKind, &'a str, Option<&'a str>, Option<Id<'a>>, Option<&'a str>);
    use PatternKind::{Event, Message};
    let cases: [(&str, Taken<'_>); 5] = [
        (r#"{"kind":"message","pattern":"sum"}"#, (Message, "sum", None, None, None)),
        (
            r#"{"pattern":"sum","kind":"event","payload":null,"metadata":null,"id":null}"#,
            (Event, "sum", None, None, None),
        ),
        (
            r#"{"kind":"message","pattern":"sum","payload":[1],"metadata":{"a":2},"id":"x"}"#,
            (Message, "sum", Some("[1]"), Id::text("x"), Some(r#"{"a":2}"#)),
        ),
        (r#"{"kind":"message","pattern":"a","data":1,"meta":2,"id":7}"#, (Message, "a", None, Id::number(7), None)),
        (r#"{"kind":"me\u0073sage","pattern":"\u0061"}"#, (Message, "a", None, None, None)),
    ];
    for (text, taken) in cases {
        let Ok(Incoming::Pattern { kind, request, .. }) = json::decode_with_patterns(text) else { panic!("{text}") };
        let Request { event, data, id, meta, .. } = &request;
        assert_eq!((kind, &**event, data.map(|data| data.get()), id.clone(), meta.map(|meta| meta.get())), taken);
        let refused = Incoming::pattern(kind, request).without_patterns().unwrap_err();
        assert_eq!((refused.reason, refused.event.as_deref(), &refused.id), ("kind_disabled", Some(taken.1), &taken.3));
        rejected(text, "kind_disabled");
    }
    for (text, reason) in [
        (r#"{"kind":"query","pattern":"sum","id":4}"#, "kind"),
        (r#"{"kind":1,"pattern":"sum","id":4}"#, "kind"),
        (r#"{"kind":null,"pattern":"sum","id":4}"#, "kind"),
        (r#"{"kind":"message","pattern":1,"id":4}"#, "event_name"),
        (r#"{"kind":"message","pattern":"","id":4}"#, "event_name"),
        (r#"{"kind":"message","pattern":"sys.x","id":4}"#, "event_reserved"),
        (r#"{"kind":"message","pattern":"exception","id":4}"#, "event_reserved"),
        (r#"{"kind":"message","id":4}"#, "no_event"),
        (r#"{"pattern":"sum","payload":1,"id":4}"#, "no_event"),
        (r#"{"event":"a","kind":"message","pattern":"sum","id":4}"#, "two_kinds"),
        (r#"{"cancel":1,"kind":"message","pattern":"sum","id":4}"#, "two_kinds"),
        (r#"{"ack":1,"kind":"message","pattern":"sum","id":4}"#, "two_kinds"),
        (r#"{"kind":"message","pattern":"sum","method":"GET","url":"/","id":4}"#, "two_kinds"),
        (r#"{"kind":"message","pattern":"sum","payload":1,"payload":1,"id":4}"#, "duplicate_key"),
        (r#"{"kind":"message","pattern":"sum","metadata":1,"metadata":1,"id":4}"#, "duplicate_key"),
        (r#"{"method":"GET","url":"/users","id":4}"#, "kind_disabled"),
    ] {
        let Err(rejected) = json::decode_with_patterns(text) else { panic!("accepted: {text}") };
        assert_eq!((rejected.reason, rejected.id), (reason, Id::number(4)), "{text}");
    }
    let id = json::decode_with_patterns(r#"{"kind":"message","pattern":"sum","id":-1}"#).unwrap_err();
    assert_eq!((id.reason, id.event.as_deref()), ("id", Some("sum")));
    let overfull = format!(r#"{{"kind":"event","pattern":"a","payload":{{{}}}}}"#, vec![r#""":0"#; 1025].join(","));
    assert_eq!(json::decode_with_patterns(&overfull).unwrap_err().reason, "too_many_keys");
    // Everything else is what it is elsewhere.
    assert!(matches!(json::decode_with_patterns(r#"{"event":"a","payload":1}"#), Ok(Incoming::Request(_))));
    assert!(matches!(json::decode_with_patterns(r#"{"cancel":7}"#), Ok(Incoming::Cancel(_))));
}

#[test]
fn a_rejection_never_repeats_the_input() {
    for text in [
        r#"{"event":"secret\u0000"}"#,
        r#"{"event":"a","id":{"secret":1}}"#,
        r#"{"secret":1,"event":["secret"]}"#,
        r#"secret"#,
        r#""secret""#,
        r#"{"cancel":"","secret":1}"#,
    ] {
        let Err(rejected) = json::decode(text) else { panic!("{text}") };
        assert!(!format!("{:?}", rejected.error).contains("secret"), "{text}");
    }
}
