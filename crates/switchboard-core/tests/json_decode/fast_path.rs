//! The fast-path parse sees what the full parse sees.
use super::data;
use switchboard_core::codec::json::{self};
use switchboard_core::{Id, Incoming};

/// A frame that `decode_fast` accepts, and whose payload is JSON, is the same message for `decode`.
fn fast_path_agrees(text: &str) {
    let Some(fast) = json::decode_fast(text) else { return };
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(fast.data).is_ok();
    match json::decode(text) {
        Ok(Incoming::Request(_)) if !is_json => {}
        Ok(Incoming::Request(request)) => {
            assert_eq!(request.event, fast.event, "{text}");
            assert_eq!(request.id, fast.id, "{text}");
            assert_eq!(data(&request).unwrap_or("null"), fast.data.trim(), "{text}");
        }
        other => assert!(!is_json, "{text}: {other:?}"),
    }
}

#[test]
fn the_fast_path_reads_what_decode_reads() {
    let taken = [
        (r#"{"event":"a"}"#, "null", None),
        (r#"{"event":"a","data":{"b":[1]}}"#, r#"{"b":[1]}"#, None),
        (r#"{"event":"a","data":1,"id":7}"#, "1", Id::number(7)),
        (r#"{"event":"a","id":0,"data":"x"}"#, r#""x""#, Id::number(0)),
        (r#"{"event":"a","id":"z"}"#, "null", Id::text("z")),
        (r#"{"event":"a","data":{"id":7},"id":"8"}"#, r#"{"id":7}"#, Id::text("8")),
    ];
    for (text, data, id) in taken {
        fast_path_agrees(text);
        assert_eq!(json::decode_fast(text), Some(json::FastFrame { event: "a", data, id }), "{text}");
    }
    for text in [
        r#"{"event":"sys.a"}"#,
        r#"{"event":"exception"}"#,
        r#"{"event":""}"#,
        r#"{"event":"a\n"}"#,
        r#"{"event":"ü"}"#,
        r#" {"event":"a"}"#,
        r#"{"event":"a","id":01}"#,
        r#"{"event":"a","id":9007199254740993}"#,
        r#"{"event":"a","id":-1}"#,
        r#"{"event":"a","ack":1}"#,
        r#"{"event":"a"} "#,
        "",
    ] {
        assert_eq!(json::decode_fast(text), None, "{text}");
    }
}

#[test]
fn a_fast_path_agrees_on_whatever_is_put_together() {
    const PARTS: &[&str] = &[
        r#"{"event":"a""#,
        r#","data":"#,
        r#","id":"#,
        "{",
        "}",
        "[",
        "]",
        "1",
        "01",
        "-",
        r#""x""#,
        r#""\"""#,
        r#""a,\"id\":\"c""#,
        r#"{"id":5}"#,
        "null",
        ",",
        ":",
        " ",
        r#""id""#,
        r#","event":"b""#,
        "\u{e9}",
        r#""é""#,
    ];
    let mut state: u64 = 0x5eed;
    let mut taken = 0;
    for _ in 0..200_000 {
        let mut text = String::from(PARTS[0]);
        for _ in 0..8 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let part = (state >> 33) as usize % (PARTS.len() + 4);
            text.push_str(PARTS.get(part).copied().unwrap_or("}"));
            taken += usize::from(json::decode_fast(&text).is_some());
            fast_path_agrees(&text);
        }
    }
    assert!(taken > 10_000, "only {taken} frames took the fast path");
}
