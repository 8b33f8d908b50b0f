//! Texts that are not one JSON object.
use super::{data, rejected, request};
use switchboard_core::Id;

#[test]
fn escapes_in_keys_event_and_id_are_read() {
    let text = r#"{"\u0065vent":"a\u002eb\/ü","id":"\ud83d\ude00\"","data":"\n"}"#;
    let request = request(text);
    assert_eq!(request.event, "a.b/ü");
    assert_eq!(request.id, Id::text("😀\""));
    assert_eq!(data(&request), Some(r#""\n""#));
    rejected(r#"{"event":"\ud800"}"#, "event_name");
    rejected(r#"{"event":"a","id":"\udc00"}"#, "id");
    rejected(r#"{"event":"a\nb"}"#, "event_name");
}

#[test]
fn d01_what_is_not_one_json_value_is_rejected() {
    for text in [
        "",
        " ",
        "hello",
        "{",
        "{}}",
        r#"{"event":"a""#,
        r#"{"event":"a"} x"#,
        r#"{"event":"a"}{"event":"b"}"#,
        r#"{"event":"a",}"#,
        r#"{"event":"a","data":}"#,
        r#"{"event":"a","data":01}"#,
        r#"{"event":"a","data":[1,]}"#,
        r#"{"event":"a","data":nul}"#,
        r#"{"event":"a","data":NaN}"#,
        r#"{"event":"a","x":tru}"#,
        r#"{'event':'a'}"#,
        r#"{event:"a"}"#,
        r#"{1:"a"}"#,
        "{\"event\":\"a\nb\"}",
        "\u{feff}{\"event\":\"a\"}",
    ] {
        rejected(text, "not_json");
    }
}

#[test]
fn d01_id_and_event_read_before_the_fault_address_the_answer() {
    let rejected = rejected(r#"{"event":"save","id":"q1","data":{"#, "not_json");
    assert_eq!((rejected.id, rejected.event.as_deref()), (Id::text("q1"), Some("save")));
}

#[test]
fn d02_what_is_not_an_object_is_rejected() {
    for text in ["[]", "1", "-1", "\"event\"", "null", "true", "false", " [1", r#"[{"event":"a"},{"event":"b"}]"#] {
        rejected(text, "not_object");
    }
}

#[test]
fn d03_depth_costs_no_stack() {
    let small_stack = std::thread::Builder::new().stack_size(64 * 1024).spawn(|| {
        let open = "[".repeat(100_000);
        let nested = format!("{open}{}", "]".repeat(100_000));
        let objects = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
        for value in [&nested, &objects] {
            for text in [format!(r#"{{"event":"a","data":{value}}}"#), format!(r#"{{"event":"a","new":{value}}}"#)] {
                request(&text);
            }
            rejected(&format!(r#"{{"event":{value},"id":1}}"#), "event_name");
            rejected(&format!(r#"{{"event":"a","id":{value}}}"#), "id");
        }
        rejected(&open, "not_object");
        rejected(&nested, "not_object");
        rejected(&format!(r#"{{"event":"a","data":{open}"#), "not_json");
        rejected(&objects, "no_event");
    });
    small_stack.expect("a thread").join().expect("no overflow");
}

#[test]
fn d04_duplicate_keys_are_rejected() {
    let event = rejected(r#"{"event":"a","event":"b","id":3}"#, "duplicate_key");
    assert_eq!((event.id, event.event), (Id::number(3), None));
    let id = rejected(r#"{"event":"a","id":1,"id":2}"#, "duplicate_key");
    assert_eq!((id.id, id.event.as_deref()), (None, Some("a")));
    for key in ["data", "meta", "cancel", "ack", "error", "kind", "pattern", "payload", "metadata", "method", "url"] {
        rejected(&format!(r#"{{"event":"a","{key}":1,"{key}":1}}"#), "duplicate_key");
    }
    rejected(r#"{"event":"a","\u0065vent":"a"}"#, "duplicate_key");
}

#[test]
fn d13_more_than_1024_keys_are_rejected() {
    let keys = |n: usize| (0..n).map(|n| format!(r#""k{n}":0"#)).collect::<Vec<_>>().join(",");
    let same = vec![r#""":0"#; 1025].join(",");

    rejected(&format!(r#"{{"event":"a",{}}}"#, keys(1024)), "too_many_keys");
    request(&format!(r#"{{"event":"a",{}}}"#, keys(1023)));
    for part in ["data", "meta"] {
        for big in [keys(1025), same.clone(), keys(100_000)] {
            for value in [format!("{{{big}}}"), format!(r#"[{{"a":[1,{{{big}}}]}}]"#)] {
                let text = format!(r#"{{"event":"a","id":1,"{part}":{value}}}"#);
                let rejected = rejected(&text, "too_many_keys");
                assert_eq!((rejected.id, rejected.event.as_deref()), (Id::number(1), Some("a")));
            }
        }
    }
    // The bound is on each object, and colons in strings are none.
    let two = format!(r#"[{{{0}}},{{"a":{{{0}}},"b":"}}"}}]"#, keys(1024));
    let colons = format!(r#"{{"\\\"{0}":"{0}\\"}}"#, r#":\":{"#.repeat(2000));
    for value in [two, colons, format!("[{}]", vec!["{\"\":0}"; 5000].join(","))] {
        request(&format!(r#"{{"event":"a","data":{value}}}"#));
    }
    // After strings with escapes at their end the count goes on.
    let tricky = format!(r#"{{"a":"\\","b\"":"{{",{same}}}"#);
    rejected(&format!(r#"{{"event":"a","data":{tricky}}}"#), "too_many_keys");
    // What is skipped is not counted.
    request(&format!(r#"{{"event":"a","new":{{{same}}}}}"#));
}
