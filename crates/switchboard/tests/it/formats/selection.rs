//! Which format a connection gets, and what is refused when there is none.
use super::{ALL, Speaker, Tongue, Turned, app, lab};
use serde_json::json;
use std::error::Error as StdError;
use std::time::Duration;
use switchboard::codec::{Codec, FrameKind, Incoming, Json, Lend, MessagePack, Outgoing, Rejected};
use switchboard::{App, Gateway, GatewayLimits, Rate};
use switchboard_core::ws::Opcode;
use switchboard_rig::{Offer, Rig, each_stack, matrix};

#[test]
fn the_first_subprotocol_of_the_clients_that_is_known_is_the_format() {
    struct Line;
    impl Codec for Line {
        fn protocol(&self) -> &str {
            "line.test"
        }
        fn frames(&self) -> FrameKind {
            FrameKind::Text
        }
        fn decode<'a>(&self, frame: &'a [u8]) -> Result<Incoming<'a>, Rejected<'a>> {
            Json.decode(frame)
        }
        fn read(&self, payload: &[u8], lend: &mut Lend<'_>) {
            Json.read(payload, lend);
        }
        fn encode(&self, frame: &Outgoing<'_>, out: &mut Vec<u8>) -> Result<(), Box<dyn StdError + Send + Sync>> {
            Json.encode(frame, out)
        }
    }
    each_stack(|stack| async move {
        let app = app().codec(Line).gateway("/text", lab().text_only()).gateway("/binary", lab().binary_only());
        let rig = Rig::start(stack, app).await;
        let (json, msgpack, own, line) = ("switchboard.v1.json", "switchboard.v1.msgpack", "turned.test", "line.test");
        let cases: [(&str, &[&str], Option<&str>); _] = [
            ("/ws", &[], None),
            ("/ws", &["unknown"], None),
            ("/ws", &[json], Some(json)),
            ("/ws", &["unknown", msgpack, json], Some(msgpack)),
            ("/ws", &[json, msgpack], Some(json)),
            ("/ws", &[own, msgpack], Some(own)),
            ("/ws", &["Switchboard.v1.msgpack"], None),
            ("/text", &[msgpack, own, line], Some(line)),
            ("/text", &[msgpack, own], None),
            ("/text", &[msgpack, own, json], Some(json)),
            ("/binary", &[line, own], Some(own)),
            ("/binary", &[line, msgpack], Some(msgpack)),
            ("/binary", &[line, json], Some(json)),
        ];
        for (path, offered, selected) in cases {
            let peer = rig.connect_with(Offer::to(path).protocols(offered)).await;
            let header = peer.head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("sec-websocket-protocol").then_some(value)
            });
            assert_eq!(header, selected, "{path} {offered:?}");
        }
        // Text frames of a codec, in both directions.
        let mut peer = rig.connect_with(Offer::to("/text").protocols(&[line])).await;
        let message = r#"{"event":"echo","data":1,"id":2}"#;
        assert_eq!(peer.request(message).await, message);
        let mut peer = rig.connect_with(Offer::to("/ws").protocols(&[line])).await;
        peer.send_frame(Opcode::Binary, true, message.as_bytes()).await;
        assert!(peer.recv_text().await.contains("bad_request"));
    });
}

#[test]
fn refusals_are_in_the_format_of_the_connection() {
    each_stack(|stack| async move {
        let mut limits = GatewayLimits::default();
        limits.websocket.message_rate = Some(Rate::new(1, 3));
        let rig = Rig::start(stack, app().gateway("/slow", lab().limits(limits))).await;
        for tongue in ALL {
            let peer = rig.connect_with(Offer::to("/slow").protocols(&[tongue.protocol()])).await;
            let mut it = Speaker { peer, tongue };
            let asked = it.ask(json!({ "event": "question", "id": 1 })).await;
            let well = json!({ "event": "nothing", "id": 2 });
            for _ in 0..2 {
                it.send(&well).await;
            }
            // Not its turn: the first waits behind the question, and the second is in conflict with it.
            assert_eq!(it.recv().await["data"]["code"], "conflict");
            let error = it.refused(json!({ "event": "nothing", "id": "r" }), "rate_limited").await;
            assert_eq!(error["event"], "nothing");
            // What the server asked for is taken all the same.
            let answer = it.ask(json!({ "ack": asked["ack"], "data": { "x": 0, "y": 0 } })).await;
            assert_eq!(answer["event"], "question");
            it.expect(json!({ "event": "nothing", "data": null, "id": 2 })).await;
        }
        let mut its = Vec::new();
        for tongue in ALL {
            let mut it = Speaker::arrive(&rig, tongue).await;
            it.send(json!({ "event": "wait", "data": 300, "id": 1 })).await;
            it.send(json!({ "event": "echo", "data": 1, "id": 2 })).await;
            its.push(it);
        }
        rig.until(|stats| stats.in_flight == 3).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown().await });
        for it in &mut its {
            let refused = it.recv().await;
            assert_eq!((&refused["data"]["code"], &refused["id"]), (&json!("draining"), &json!(2)));
            it.refused(json!({ "event": "echo", "id": 3 }), "draining").await;
        }
        for it in &mut its {
            it.expect(json!({ "event": "wait", "data": null, "id": 1 })).await;
            let goaway = it.recv().await;
            assert_eq!((&goaway["event"], &goaway["data"]["code"]), (&json!("sys.goaway"), &json!(1001)));
            assert_eq!(it.peer.skip_until_close().await, 1001);
        }
        shutdown.await.unwrap();
    });
}

#[test]
fn codecs_that_cannot_be_are_problems() {
    struct Named(&'static str);
    impl Codec for Named {
        fn protocol(&self) -> &str {
            self.0
        }
        fn decode<'a>(&self, frame: &'a [u8]) -> Result<Incoming<'a>, Rejected<'a>> {
            MessagePack.decode(frame)
        }
        fn read(&self, payload: &[u8], lend: &mut Lend<'_>) {
            MessagePack.read(payload, lend);
        }
        fn encode(&self, frame: &Outgoing<'_>, out: &mut Vec<u8>) -> Result<(), Box<dyn StdError + Send + Sync>> {
            MessagePack.encode(frame, out)
        }
    }
    let app = app().codec(Named("turned.test")).codec(MessagePack).codec(Named("switchboard.mine")).codec(Named("a b"));
    let error = app.codec(Named("")).into_router().unwrap_err();
    let told: Vec<&str> = error.problems().iter().map(|problem| problem.message()).collect();
    let starts = [
        "two codecs have the subprotocol \"turned.test\"",
        "the subprotocol \"switchboard.v1.msgpack\" belongs to Switchboard",
        "the subprotocol \"switchboard.mine\" belongs to Switchboard",
        "the subprotocol \"a b\" is no token",
        "the subprotocol \"\" is no token",
    ];
    assert_eq!(told.len(), starts.len(), "{told:?}");
    assert!(told.iter().zip(starts).all(|(told, start)| told.starts_with(start)), "{told:?}");
    assert!(error.to_string().contains("selection.rs"));
}

#[test]
fn r4_the_format_of_clients_that_ask_for_none() {
    matrix(|stack| async move {
        let gateway = || Gateway::functions().on_fn("echo", |text: String| async move { text });
        let app = App::new()
            .codec(Turned)
            .gateway("/json", gateway())
            .gateway("/packed", gateway().default_format("switchboard.v1.msgpack"))
            .gateway("/turned", gateway().default_format("turned.test"));
        let rig = Rig::start(stack, app).await;
        let (json, msgpack) = (Tongue::Json.protocol(), Tongue::MessagePack.protocol());
        let cases: [(&str, &[&str], Option<&str>, Tongue); _] = [
            ("/json", &[], None, Tongue::Json),
            ("/packed", &[], None, Tongue::MessagePack),
            ("/packed", &["unknown"], None, Tongue::MessagePack),
            ("/packed", &[msgpack], Some(msgpack), Tongue::MessagePack),
            ("/packed", &[json], Some(json), Tongue::Json),
            ("/packed", &["turned.test"], Some("turned.test"), Tongue::Turned),
            ("/turned", &[], None, Tongue::Turned),
            ("/turned", &[json], Some(json), Tongue::Json),
        ];
        for (gateway, offered, chosen, tongue) in cases {
            let peer = rig.connect_with(Offer::to(gateway).protocols(offered)).await;
            let named = peer.head.to_lowercase().contains("sec-websocket-protocol");
            assert_eq!(named, chosen.is_some(), "{gateway} {offered:?}");
            assert!(peer.head.contains(chosen.unwrap_or_default()), "{gateway} {offered:?}");
            let message = json!({ "event": "echo", "data": "hi", "id": 1 });
            assert_eq!(Speaker { peer, tongue }.ask(&message).await, message, "{gateway} {offered:?}");
        }
        // A version that is not spoken is told so, whatever the default is.
        let mut peer = rig.connect_with(Offer::to("/packed").protocols(&["switchboard.v2.msgpack"])).await;
        assert_eq!(peer.recv_close().await.0, 4506);
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn r4_a_default_that_is_not_spoken_does_not_boot() {
    let gateway = || Gateway::functions().on_fn("echo", |text: String| async move { text });
    let app = App::new()
        .gateway("/a", gateway().default_format("mine.v1"))
        .gateway("/b", gateway().text_only().default_format("switchboard.v1.msgpack"))
        .gateway("/c", gateway().default_format("switchboard.v1.msgpack"));
    let text = app.into_router().unwrap_err().to_string();
    for part in [
        "2 problems",
        "the default format \"mine.v1\" of functions is not spoken there; there is \"switchboard.v1.json\", \"switchboard.v1.msgpack\"",
        "the default format \"switchboard.v1.msgpack\" of functions is not spoken there; there is \"switchboard.v1.json\"",
        "selection.rs:",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
