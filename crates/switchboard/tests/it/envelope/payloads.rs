//! Payloads that do not fit, and handlers that fail.
use super::{SECRET, WELL, desk, exception, roomy};
use serde_json::{Value, json};
use std::time::Duration;
use switchboard_rig::{Rig, each_stack};

#[test]
fn d14_rules_have_codes_and_bounds() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, desk(roomy())).await;
        let mut peer = rig.connect().await;
        let ask = |name: &str, age: u8, tag: &str, note: &str| {
            let data = json!({ "name": name, "age": age, "tags": ["a", tag], "note": note });
            json!({ "event": "sign_up", "id": 1, "data": data }).to_string()
        };
        let text = peer.request(&ask("s3", 7, "\u{e9}s3cr3t", SECRET)).await;
        assert!(!text.contains("s3"), "nothing that was refused: {text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        let details = json!([
            { "path": "/age", "code": "range", "message": "lower than 18", "min": 18 },
            { "path": "/name", "code": "length", "message": "length is lower than 3", "min": 3 },
            { "path": "/note", "code": "invalid", "message": "says too much" },
            { "path": "/tags/1", "code": "ascii", "message": "not ascii" },
        ]);
        assert_eq!(answer["data"]["details"], details);
        let answer: Value = serde_json::from_str(&peer.request(&ask("far too long", 121, "", "")).await).unwrap();
        let bounds: Vec<&Value> = answer["data"]["details"].as_array().unwrap().iter().map(|it| &it["max"]).collect();
        assert_eq!(bounds, [&json!(120), &json!(8)]);
        assert_eq!(peer.request(&ask("ada", 36, "", "")).await, r#"{"event":"sign_up","data":41,"id":1}"#);
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn d11_d12_d14_payloads_that_do_not_fit() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, desk(roomy())).await;
        let (mut peer, mut healthy) = (rig.connect().await, rig.connect().await);
        let digits = "9".repeat(100_000);
        let huge = format!(r#"{{"count":"{}{SECRET}"}}"#, "x".repeat(1 << 20));
        let rows = [
            ("D11", "float", "1e400", ""),
            ("D11", "float", "-1e400", ""),
            ("D11", "whole", "1e400", ""),
            ("D11", "whole", &digits, ""),
            ("D11", "whole", "1.5", ""),
            ("D11", "whole", "9223372036854775808", ""),
            ("D12", "small", &huge, "/count"),
            ("D14", "small", "null", ""),
            ("D14", "small", "{}", "/count"),
            ("D14", "small", r#"{"count":"s3cr3t"}"#, "/count"),
            ("D14", "small", r#"{"count":-1}"#, "/count"),
            ("D14", "small", r#"{"count":256}"#, "/count"),
            ("D14", "small", r#"{"count":1,"kind":"s3cr3t"}"#, "/kind"),
            ("D14", "small", r#"{"count":1,"kind":{"red":1,"green":2}}"#, "/kind/red"),
            ("D14", "small", r#"["s3cr3t"]"#, "/0"),
            ("D14", "form", r#"{"words":["ok",7]}"#, "/words/1"),
            ("D14", "form", r#"{"words":["s3cr3t"]}"#, "/words/0"),
        ];
        for (row, event, data, pointer) in rows {
            let shown = format!("{row} {event} {}", &data[..data.len().min(60)]);
            let answer = exception(&mut peer, &format!(r#"{{"event":"{event}","data":{data},"id":3}}"#)).await;
            assert_eq!(answer["data"]["code"], "validation_failed", "{shown}");
            assert_eq!((&answer["id"], &answer["data"]["event"]), (&json!(3), &json!(event)), "{shown}");
            let details = answer["data"]["details"].as_array().expect("details");
            let found = details.iter().any(|detail| detail["path"] == pointer || detail["pointer"] == pointer);
            assert!(found, "{shown}: {details:?}");
        }
        let missing = exception(&mut peer, r#"{"event":"small"}"#).await;
        assert_eq!(missing["data"]["code"], "validation_failed");
        let many = vec![r#""toolong""#; 100].join(",");
        let many = exception(&mut peer, &format!(r#"{{"event":"form","data":{{"words":[{many}]}}}}"#)).await;
        assert_eq!(many["data"]["details"].as_array().map(Vec::len), Some(8), "D14");
        assert_eq!(peer.request(r#"{"event":"float","data":-0}"#).await, r#"{"event":"float","data":true}"#, "D11");
        assert_eq!(
            peer.request(r#"{"event":"small","data":{"count":1,"kind":"green","more":1}}"#).await,
            r#"{"event":"small","data":2}"#
        );
        assert_eq!(
            peer.request(r#"{"event":"small","data":{"count":1,"kind":"red"}}"#).await,
            r#"{"event":"small","data":1}"#
        );
        assert_eq!(healthy.request(WELL).await, WELL);
        drop((peer, healthy));
        rig.expect_empty().await;
    });
}

#[test]
fn d18_handlers_that_fail() {
    each_stack(|stack| async move {
        let limits = roomy().handler_timeout(Duration::from_millis(200)).max_message_out(64 << 10);
        let rig = Rig::start(stack, desk(limits)).await;
        let (mut peer, mut healthy) = (rig.connect().await, rig.connect().await);
        for (sent, code) in [
            (r#"{"event":"boom","id":1}"#, "internal"),
            (r#"{"event":"wait","data":60000,"id":1}"#, "timeout"),
            (r#"{"event":"huge","data":65536,"id":1}"#, "internal"),
            (r#"{"event":"huge","data":10000000,"id":1}"#, "internal"),
        ] {
            let answer = exception(&mut peer, sent).await;
            assert_eq!((&answer["data"]["code"], &answer["id"]), (&json!(code), &json!(1)), "{sent}");
            assert!(!answer.to_string().contains("secret") && !answer.to_string().contains("max_message_out"));
            assert_eq!(peer.request(WELL).await, WELL, "{sent}");
        }
        let most = peer.request(r#"{"event":"huge","data":65000}"#).await;
        assert!(most.len() > 65000);
        assert_eq!(healthy.request(WELL).await, WELL);
        drop((peer, healthy));
        rig.expect_empty().await;
    });
}
