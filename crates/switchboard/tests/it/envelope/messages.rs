//! Which frames are messages.
use super::{SECRET, WELL, desk, exception, expect_code, roomy};
use serde_json::{Value, json};
use std::time::Duration;
use switchboard::{App, Gateway, Limits};
use switchboard_core::ws::Opcode;
use switchboard_rig::Stopwatch;
use switchboard_rig::{Got, Rig, Stack, each_stack, on};

#[test]
fn d01_d02_d04_d05_d06_d08_d09_frames_that_are_no_message() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, desk(roomy())).await;
        let (mut peer, mut healthy) = (rig.connect().await, rig.connect().await);
        let long = "e".repeat(129);
        let kib = "i".repeat(1 << 10);
        let d09 = [
            "-1",
            "9007199254740993",
            "18446744073709551616",
            "1.5",
            "1e3",
            "1.0",
            r#""""#,
            &format!("{kib:?}"),
            "{}",
            "[1]",
            "true",
            r#""a\n""#,
        ];
        let mut rows: Vec<(&str, String)> =
            d09.iter().map(|id| ("D09", format!(r#"{{"event":"echo","data":"{SECRET}","id":{id}}}"#))).collect();
        let fixed = [
            ("D01", SECRET),
            ("D01", ""),
            ("D01", " "),
            ("D01", r#"{"event":"echo""#),
            ("D01", r#"{"event":"echo","data":"#),
            ("D01", r#"{"event":"echo","data":"s3cr3t"} x"#),
            ("D01", r#"{"event":"echo"}{"event":"echo"}"#),
            ("D01", r#"{'event':'echo'}"#),
            ("D01", r#"{"event":"echo",}"#),
            ("D02", "[]"),
            ("D02", r#"[{"event":"echo"}]"#),
            ("D02", "7"),
            ("D02", r#""s3cr3t""#),
            ("D02", "null"),
            ("D02", "true"),
            ("D04", r#"{"event":"echo","event":"echo"}"#),
            ("D04", r#"{"event":"echo","data":1,"data":"s3cr3t"}"#),
            ("D06", "{}"),
            ("D06", r#"{"data":"s3cr3t"}"#),
            ("D06", r#"{"event":""}"#),
            ("D06", r#"{"event":null}"#),
            ("D06", r#"{"event":7}"#),
            ("D06", r#"{"event":["echo"]}"#),
            ("D06", r#"{"event":{"toString":"echo"}}"#),
            ("D06", "{\"event\":\"a\\u0000\"}"),
            ("D06", "{\"event\":\"a\\n\"}"),
            ("D06", "{\"event\":\"a\u{85}\"}"),
            ("D08", r#"{"event":"exception"}"#),
            ("D08", r#"{"event":"sys.goaway","data":"s3cr3t"}"#),
            ("D08", r#"{"event":"sys."}"#),
            ("D08", r#"{"event":"\u0073ys.x"}"#),
        ];
        rows.extend(fixed.map(|(row, sent)| (row, sent.to_owned())));
        rows.push(("D06", format!(r#"{{"event":"{long}"}}"#)));
        for (row, sent) in rows {
            expect_code(&mut peer, row, &sent, "bad_request", Value::Null).await;
        }
        // What can be read of a rejected frame addresses the answer.
        expect_code(&mut peer, "D08", r#"{"event":"sys.x","id":7}"#, "bad_request", json!(7)).await;
        expect_code(&mut peer, "D06", r#"{"id":"a"}"#, "bad_request", json!("a")).await;
        for known in [WELL, r#"{"event":"echo","x":[{}],"data":"well","meta":{"a":1},"Event":2}"#] {
            assert_eq!(peer.request(known).await, WELL, "D05");
        }
        for id in ["0", "7", "9007199254740992", r#""a""#, r#""007""#, &format!("{:?}", "i".repeat(128))] {
            let sent = format!(r#"{{"event":"echo","data":"well","id":{id}}}"#);
            assert_eq!(peer.request(&sent).await, sent, "D09");
        }
        assert_eq!(healthy.request(WELL).await, WELL);
        drop((peer, healthy));
        rig.expect_empty().await;
    });
}

/// The first eight bytes of a name are looked at before the rest, which then decides.
#[test]
fn events_are_found_whatever_their_names_have_in_common() {
    #[derive(Default)]
    struct Named;
    const NAMES: [&str; 12] =
        ["a", "ab", "abc", "abcd", "abcde", "abcdefgh", "abcdefgha", "abcdefghb", "abcdefghba", "abcdefghc", "b", "é"];
    each_stack(|stack| async move {
        // Many are searched, up to eight looked through.
        for handled in [&NAMES[..], &NAMES[3..], &NAMES[4..], &NAMES[..8], &NAMES[7..8]] {
            let gateway = handled
                .iter()
                .fold(Gateway::new(Named), |gateway, name| gateway.on(*name, move |_: &Named| async move { *name }));
            let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
            let mut peer = rig.connect().await;
            for name in handled {
                let answer = peer.request(&format!(r#"{{"event":"{name}"}}"#)).await;
                assert_eq!(answer, format!(r#"{{"event":"{name}","data":"{name}"}}"#));
            }
            let others = NAMES.into_iter().filter(|name| !handled.contains(name));
            let unknown = ["abcdefg", "abcdefghbb", "abcdefghd", "abcdefghcc", "A", "bb", "e", ""];
            for unknown in others.chain(unknown) {
                let answer = exception(&mut peer, &format!(r#"{{"event":"{unknown}"}}"#)).await;
                let code = if unknown.is_empty() { "bad_request" } else { "unknown_event" };
                assert_eq!(answer["data"]["code"], code, "{unknown}");
            }
        }
    });
}

#[test]
fn d07_d08_events_that_nobody_handles() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, desk(roomy())).await;
        let mut peer = rig.connect().await;
        for event in
            ["s3cr", "error", "auth", "connect", "disconnect", "newListener", "__proto__", "toString", "sys", "Echo"]
        {
            let sent = format!(r#"{{"event":"{event}","id":"x"}}"#);
            let answer = exception(&mut peer, &sent).await;
            assert_eq!((&answer["data"]["code"], &answer["id"]), (&json!("unknown_event"), &json!("x")), "{event}");
            assert_eq!(answer["data"]["event"], event);
        }
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn d03_d13_depth_and_keys() {
    on(Stack::Listen, |stack| async move {
        let rig = Rig::start(stack, desk(roomy())).await;
        let (mut peer, mut healthy) = (rig.connect().await, rig.connect().await);
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let keys = |count: usize| {
            let keys: Vec<String> = (0..count).map(|i| format!(r#""k{i}":{i}"#)).collect();
            format!("{{{}}}", keys.join(","))
        };
        let same = format!("{{{}}}", vec![r#""k":1"#; 100_000].join(","));
        let data = |event: &str, data: &str| format!(r#"{{"event":"{event}","data":{data}}}"#);
        let taken = |event: &str| data(event, r#""taken""#);
        assert_eq!(peer.request(&data("any", &nested(120))).await, taken("any"), "D03");
        expect_code(&mut peer, "D03", &data("any", &nested(129)), "bad_request", Value::Null).await;
        expect_code(&mut peer, "D03", &data("any", &nested(100_000)), "bad_request", Value::Null).await;
        expect_code(&mut peer, "D03", &data("any", &"[".repeat(100_000)), "bad_request", Value::Null).await;
        expect_code(&mut peer, "D03", &"[".repeat(100_000), "bad_request", Value::Null).await;
        expect_code(&mut peer, "D03", &r#"{"a":"#.repeat(100_000), "bad_request", Value::Null).await;
        // What nobody builds is skipped, at any depth.
        assert_eq!(peer.request(&data("ignores", &nested(100_000))).await, taken("ignores"), "D03");
        let unknown = format!(r#"{{"x":{},"event":"ignores"}}"#, nested(100_000));
        assert_eq!(peer.request(&unknown).await, taken("ignores"), "D03");
        assert_eq!(peer.request(&data("any", &keys(1024))).await, taken("any"), "D13");
        expect_code(&mut peer, "D13", &data("any", &keys(1025)), "bad_request", Value::Null).await;
        let watch = Stopwatch::start();
        expect_code(&mut peer, "D13", &data("any", &keys(100_000)), "bad_request", Value::Null).await;
        expect_code(&mut peer, "D13", &data("any", &same), "bad_request", Value::Null).await;
        expect_code(&mut peer, "D13", &data("any", &format!("[{}]", keys(1025))), "bad_request", Value::Null).await;
        expect_code(&mut peer, "D13", &keys(100_000), "bad_request", Value::Null).await;
        watch.within(Duration::from_secs(2));
        assert_eq!(healthy.request(WELL).await, WELL);
        drop((peer, healthy));
        rig.expect_empty().await;
    });
}

#[test]
fn d10_an_id_in_flight_is_in_conflict() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, desk(roomy())).await;
        let mut peer = rig.connect().await;
        let mut other = rig.connect().await;
        let wait = |ms: u64, id: &str| format!(r#"{{"event":"wait","data":{ms},"id":{id}}}"#);
        peer.send_all([wait(100, "1"), wait(1, "2"), wait(2, "1"), wait(3, "2"), wait(4, r#""1""#)]).await;
        // Ids belong to a connection.
        assert_eq!(other.request(&wait(1, "1")).await, wait(1, "1"));
        for id in [1, 2] {
            let conflict: Value = serde_json::from_str(&peer.recv_text().await).unwrap();
            assert_eq!((&conflict["data"]["code"], &conflict["id"]), (&json!("conflict"), &json!(id)));
        }
        for answer in [wait(100, "1"), wait(1, "2"), wait(4, r#""1""#)] {
            peer.expect(&answer).await;
        }
        assert_eq!(peer.request(&wait(1, "1")).await, wait(1, "1"), "free again");
        drop((peer, other));
        rig.expect_empty().await;
    });
}

#[test]
fn d16_an_answer_that_nobody_awaits_is_ignored_and_counted() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, desk(roomy())).await;
        let mut peer = rig.connect().await;
        let before = rig.handle.stats().rejected;
        peer.send_all([r#"{"ack":1,"data":1}"#, r#"{"ack":9007199254740992}"#, r#"{"ack":1,"error":{}}"#]).await;
        peer.send(r#"{"cancel":5}"#).await;
        assert_eq!(peer.request(WELL).await, WELL);
        assert_eq!(rig.handle.stats().rejected - before, 4);
        for sent in [
            r#"{"ack":"1"}"#,
            r#"{"ack":-1}"#,
            r#"{"ack":1.5}"#,
            r#"{"ack":1,"data":1,"error":{}}"#,
            r#"{"ack":1,"event":"echo"}"#,
        ] {
            expect_code(&mut peer, "D16", sent, "bad_request", Value::Null).await;
        }
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn more_than_a_hundred_malformed_frames_close_4507() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, desk(Limits::default().linger(Duration::from_millis(250)))).await;
        let (mut peer, mut healthy) = (rig.connect().await, rig.connect().await);
        // Neither an unknown event nor a payload that does not fit is malformed.
        for _ in 0..150 {
            assert!(peer.request(r#"{"event":"nobody"}"#).await.contains("unknown_event"));
            assert!(peer.request(r#"{"event":"whole","data":""}"#).await.contains("validation_failed"));
        }
        for _ in 0..100 {
            assert!(peer.request("{").await.contains("bad_request"));
        }
        assert_eq!(peer.request(WELL).await, WELL);
        peer.send_frame(Opcode::Binary, true, b"\xff").await;
        peer.send(WELL).await;
        assert!(peer.recv_text().await.contains("bad_request"));
        let goaway = peer.recv_text().await;
        let expected = r#"{"event":"sys.goaway","data":{"code":4507,"reason":"too_many_errors","retryable":false}}"#;
        assert_eq!(goaway, expected);
        assert_eq!(peer.recv().await, Got::Close(Some((4507, "too_many_errors".into()))));
        peer.expect_end().await;
        assert_eq!(healthy.request(WELL).await, WELL);
        drop((peer, healthy));
        rig.expect_empty().await;
    });
}

/// An extractor that reads what the handler's payload is read from.
struct Seen(Option<String>);

impl switchboard::handler::FromMessage for Seen {
    type Kind = switchboard::handler::Context;

    fn from_message(cx: &switchboard::handler::MessageContext<'_>) -> Result<Seen, switchboard::Error> {
        let data: Box<serde_json::value::RawValue> = cx.payload()?;
        Ok(Seen((data.get() != "null").then(|| data.get().to_owned())))
    }
}

/// One that takes the payload if it fits, and else makes do without.
struct Perhaps(Option<u64>);

impl switchboard::handler::FromMessage for Perhaps {
    type Kind = switchboard::handler::Context;

    fn requirements(requirements: &mut switchboard::handler::Requirements) {
        requirements.payload::<u64>(false);
    }

    fn from_message(cx: &switchboard::handler::MessageContext<'_>) -> Result<Perhaps, switchboard::Error> {
        Ok(Perhaps(cx.payload().ok()))
    }
}

struct Twice;

impl Twice {
    async fn seen(&self, seen: Seen, payload: Value) -> (Option<String>, Value) {
        (seen.0, payload)
    }
    async fn perhaps(&self, perhaps: Perhaps) -> Option<u64> {
        perhaps.0
    }
}

/// However a frame is written, it is one message: the same id, the same data, for everybody who looks.
#[test]
fn a_frame_is_read_in_one_way() {
    on(Stack::Listen, |stack| async move {
        let gateway = Gateway::new(Twice).on("seen", Twice::seen).on("perhaps", Twice::perhaps);
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        let tails = [
            (r#""data":{"room":"x"},"id":"é"}"#, r#""é""#),
            (r#""data":{"room":"x"},"id":7,"meta":{}}"#, "7"),
            (r#""data":{"room":"x"},"z":1,"id":7}"#, "7"),
            (r#""data":{"room":"x"},"id":7,"x":"}"}"#, "7"),
            (r#""data":{"room":"x"},"id":"a\"b"}"#, r#""a\"b""#),
            (r#""data":{"room":"x"},"id":7 }"#, "7"),
            (r#""data":{"room":"x"}, "id":7}"#, "7"),
            (r#""data": {"room":"x"} ,"id":7}"#, "7"),
            (r#""id":7,"data":{"room":"x"}}"#, "7"),
            (r#""data":{"room":"x"},"id":7}"#, "7"),
        ];
        for (tail, id) in tails {
            let reply = peer.request(&format!(r#"{{"event":"seen",{tail}"#)).await;
            let data = r#"["{\"room\":\"x\"}",{"room":"x"}]"#;
            assert_eq!(reply, format!(r#"{{"event":"seen","data":{data},"id":{id}}}"#), "{tail}");
        }
        for null in ["null", " null"] {
            let reply = peer.request(&format!(r#"{{"event":"seen","data":{null},"id":1}}"#)).await;
            assert_eq!(reply, r#"{"event":"seen","data":[null,null],"id":1}"#);
        }
        // What is no JSON is refused, whoever would have made do with it.
        let reply = peer.request(r#"{"event":"perhaps","data":]]}"#).await;
        assert!(reply.contains("bad_request"), "{reply}");
        let reply = peer.request(r#"{"event":"perhaps","data":"no number","id":2}"#).await;
        assert_eq!(reply, r#"{"event":"perhaps","data":null,"id":2}"#);
        let reply = peer.request(r#"{"event":"perhaps","data":3,"id":"ä"}"#).await;
        assert_eq!(reply, r#"{"event":"perhaps","data":3,"id":"ä"}"#);
    });
}
