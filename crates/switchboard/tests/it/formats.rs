//! Formats: JSON, MessagePack, and a codec of the application's own, in the same rooms.
use crate::rig::{Got, Path, Peer, Rig, matrix, on, paths};
use futures_util::{Stream, StreamExt};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use switchboard::codec::{Codec, FrameKind, Incoming, Json, Lend, MessagePack, Outgoing, Rejected};
use switchboard::handler::{Context, FromMessage, MessageContext};
use switchboard::pipeline::{Call, Interceptor, Next, Pipe};
use switchboard::{
    Ack, App, Binary, Broadcast, Client, Compression, Delivery, Error, Gateway, HandlerDef, Limits, Meta, Rate, Reply,
    Server,
};
use switchboard_core::codec::msgpack;
use switchboard_core::ws::Opcode;

/// JSON, each byte turned over: a format that nobody takes for another.
pub(crate) struct Turned;

fn turn(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| !byte).collect()
}

impl Codec for Turned {
    fn protocol(&self) -> &str {
        "turned.test"
    }

    fn decode<'a>(&self, frame: &'a [u8]) -> Result<Incoming<'a>, Rejected<'a>> {
        let json = turn(frame);
        if json.starts_with(b"panic") {
            panic!("the codec's");
        }
        match Json.decode(&json) {
            Ok(message) => Ok(message.map(|data| Cow::Owned(data.into_owned())).into_owned()),
            Err(rejected) => Err(rejected.into_owned()),
        }
    }

    fn read(&self, payload: &[u8], lend: &mut Lend<'_>) {
        if payload != br#""unreadable""# {
            Json.read(payload, lend);
        }
    }

    fn encode(&self, frame: &Outgoing<'_>, out: &mut Vec<u8>) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let mut json = Vec::new();
        Json.encode(frame, &mut json)?;
        if frame.event == "unsayable" || json.windows(9).any(|part| part == b"voiceless") {
            Err("not in this format")?;
        }
        out.extend(turn(&json));
        Ok(())
    }
}

/// A gateway, in all formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tongue {
    Json,
    MessagePack,
    Turned,
}

pub(crate) const ALL: [Tongue; 3] = [Tongue::Json, Tongue::MessagePack, Tongue::Turned];

impl Tongue {
    fn protocol(self) -> &'static str {
        match self {
            Tongue::Json => "switchboard.v1.json",
            Tongue::MessagePack => "switchboard.v1.msgpack",
            Tongue::Turned => "turned.test",
        }
    }

    fn write(self, message: &impl Serialize) -> (Opcode, Vec<u8>) {
        match self {
            Tongue::Json => (Opcode::Text, serde_json::to_vec(message).unwrap()),
            Tongue::MessagePack => {
                let mut out = Vec::new();
                msgpack::encode_data(&mut out, message).unwrap();
                (Opcode::Binary, out)
            }
            Tongue::Turned => (Opcode::Binary, turn(&serde_json::to_vec(message).unwrap())),
        }
    }

    fn read(self, got: &Got) -> Value {
        match (self, got) {
            (Tongue::Json, Got::Text(text)) => serde_json::from_str(text).unwrap(),
            (Tongue::MessagePack, Got::Binary(bytes)) => {
                msgpack::from_data(Some(msgpack::Raw::new(bytes).expect("MessagePack"))).unwrap()
            }
            (Tongue::Turned, Got::Binary(bytes)) => serde_json::from_slice(&turn(bytes)).unwrap(),
            (_, got) => panic!("{self:?}: {got:?}"),
        }
    }
}

/// A client of one format.
pub(crate) struct Speaker {
    peer: Peer,
    tongue: Tongue,
}

impl Speaker {
    pub(crate) async fn arrive(rig: &Rig, tongue: Tongue) -> Speaker {
        let peer = Peer::speaking(rig.stream().await, "/ws", &[tongue.protocol()]).await;
        assert!(peer.head.contains(tongue.protocol()), "{}", peer.head);
        Speaker { peer, tongue }
    }

    pub(crate) async fn send(&mut self, message: impl Serialize) {
        let (opcode, bytes) = self.tongue.write(&message);
        self.peer.send_frame(opcode, true, &bytes).await;
    }

    pub(crate) async fn recv(&mut self) -> Value {
        let got = self.peer.recv().await;
        self.tongue.read(&got)
    }

    pub(crate) async fn ask(&mut self, message: impl Serialize) -> Value {
        self.send(message).await;
        self.recv().await
    }

    pub(crate) async fn expect(&mut self, message: Value) {
        assert_eq!(self.recv().await, message, "{:?}", self.tongue);
    }

    /// Sends, and expects an exception with this code, for this request.
    pub(crate) async fn refused(&mut self, message: Value, code: &str) -> Value {
        let error = self.ask(&message).await;
        assert_eq!(error["event"], "exception", "{:?}: {error}", self.tongue);
        assert_eq!(error["data"]["code"], code, "{:?}: {error}", self.tongue);
        assert_eq!(error["id"], message["id"], "{:?}: {error}", self.tongue);
        error["data"].clone()
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Point {
    x: i32,
    y: i32,
}

#[derive(Deserialize, Serialize)]
struct Trace {
    trace: String,
}

/// Counts how often it is serialised; the second time it may fail, or panic.
#[derive(Clone, Default)]
struct Counted {
    calls: Arc<AtomicUsize>,
    second: Second,
}

#[derive(Clone, Copy, Default)]
enum Second {
    #[default]
    Works,
    Fails,
    Panics,
}

impl Counted {
    fn that(second: Second) -> Counted {
        Counted { second, ..Counted::default() }
    }

    fn calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }
}

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.calls.fetch_add(1, Ordering::SeqCst), self.second) {
            (1, Second::Fails) => Err(serde::ser::Error::custom("not twice")),
            (1, Second::Panics) => panic!("not twice"),
            _ => serializer.serialize_str("counted"),
        }
    }
}

/// One key of the payload.
struct Key(i32);

impl FromMessage for Key {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<Key, Error> {
        assert_eq!(cx.id().map(ToString::to_string).as_deref(), Some("k"));
        cx.key("x").map(Key)
    }
}

/// Lets everything through, having looked at it.
struct Looks;

impl Interceptor for Looks {
    async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error> {
        let _: IgnoredAny = call.payload()?;
        let reply = next.run().await?;
        reply.data()?;
        Ok(reply)
    }
}

/// Changes nothing.
struct Passes;

impl Pipe<Value> for Passes {
    type From = Value;

    fn transform(&self, value: Value, _: &MessageContext<'_>) -> Result<Value, Error> {
        Ok(value)
    }
}

struct Lab;

impl Lab {
    async fn echo(&self, value: Value) -> Value {
        value
    }
    async fn point(&self, point: Point) -> Point {
        point
    }
    async fn nothing(&self) {}
    async fn maybe(&self, some: bool) -> Option<u8> {
        some.then_some(1)
    }
    async fn null(&self) -> Value {
        Value::Null
    }
    async fn renamed(&self) -> Reply {
        Reply::event("other", json!({ "a": [1, -2, 0.5] }))
    }
    async fn wrapped(&self) -> Reply {
        Reply::value("wrapped")
    }
    async fn forbidden(&self) -> Result<(), Error> {
        Err(Error::forbidden("No"))
    }
    async fn hang(&self) {
        std::future::pending::<()>().await;
    }
    async fn traced(&self, Meta(trace): Meta<Trace>, n: u8) -> String {
        format!("{} {n}", trace.trace)
    }
    async fn perhaps_traced(&self, trace: Meta<Option<Trace>>) -> Option<String> {
        trace.0.map(|trace| trace.trace)
    }
    async fn wait(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    async fn join(&self, room: String, client: &Client) -> Result<(), Error> {
        client.join(room).await
    }
    async fn join_badly(&self, client: &Client) {
        client.join("*");
    }
    async fn push(&self, value: Value, client: &Client) -> usize {
        client.emit("pushed", &value).queued + client.emit_volatile("perhaps", &value).queued
    }
    async fn question(&self, client: &Client) -> Result<Point, Error> {
        client.emit_with_ack("where?", "you", Duration::from_secs(5)).await
    }
    async fn reverse(&self, bytes: Binary) -> Binary {
        bytes.iter().rev().copied().collect::<Vec<u8>>().into()
    }
    async fn count(&self, to: u8) -> impl Stream<Item = Result<Option<u8>, Error>> + use<> {
        futures_util::stream::iter(0..=to).map(move |n| match n {
            0 => Ok(None),
            n if n == to => Err(Error::new("over", "It is over")),
            n => Ok(Some(n)),
        })
    }
    async fn endless(&self) -> impl Stream<Item = u8> + use<> {
        futures_util::stream::iter([1]).chain(futures_util::stream::pending())
    }
    async fn two(&self) -> impl Stream<Item = Binary> + use<> {
        futures_util::stream::iter([Binary::from(vec![1]), Binary::from(vec![2])])
    }
    async fn late(&self, text: String, ack: Ack<String>) {
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            match &*text {
                "drop" => {}
                "wait" => {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                    drop(ack);
                }
                "fail" => ack.fail(Error::forbidden("No")).unwrap(),
                _ => ack.send(text).unwrap(),
            }
        });
    }
    async fn keyed(&self, Key(x): Key) -> i32 {
        x
    }
    async fn say(&self, text: String, client: &Client) -> usize {
        client.broadcast_to("room", "said", &text).queued
    }
}

fn lab() -> Gateway<Lab> {
    Gateway::new(Lab)
        .on("echo", Lab::echo)
        .on("point", Lab::point)
        .on("nothing", Lab::nothing)
        .on("maybe", Lab::maybe)
        .on("null", Lab::null)
        .on("renamed", Lab::renamed)
        .on("wrapped", Lab::wrapped)
        .on("forbidden", Lab::forbidden)
        .on("hang", Lab::hang)
        .on("traced", Lab::traced)
        .on("perhaps", Lab::perhaps_traced)
        .on("wait", Lab::wait)
        .on("join", Lab::join)
        .on("join_badly", Lab::join_badly)
        .on("push", Lab::push)
        .on("question", Lab::question)
        .on("reverse", Lab::reverse)
        .on("say", Lab::say)
        .on("unsayable", Lab::echo)
        .on("count", Lab::count)
        .on("endless", Lab::endless)
        .on("two", Lab::two)
        .on("late", Lab::late)
        .on("keyed", Lab::keyed)
        .handler("looked", HandlerDef::new(Lab::reverse).interceptor(Looks))
        .handler("looked_maybe", HandlerDef::new(Lab::maybe).interceptor(Looks))
        .handler("looked_renamed", HandlerDef::new(Lab::renamed).interceptor(Looks))
        .handler("looked_nothing", HandlerDef::new(Lab::nothing).interceptor(Looks))
        .handler("piped", HandlerDef::new(Lab::reverse).pipe(Passes))
}

fn app() -> App {
    App::new().codec(Turned).gateway("/ws", lab())
}

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
    paths(|path| async move {
        let app = app().codec(Line).gateway("/text", lab().text_only()).gateway("/binary", lab().binary_only());
        let rig = Rig::start(path, app).await;
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
            let peer = Peer::speaking(rig.stream().await, path, offered).await;
            let header = peer.head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("sec-websocket-protocol").then_some(value)
            });
            assert_eq!(header, selected, "{path} {offered:?}");
        }
        // Text frames of a codec, in both directions.
        let mut peer = Peer::speaking(rig.stream().await, "/text", &[line]).await;
        let message = r#"{"event":"echo","data":1,"id":2}"#;
        assert_eq!(peer.request(message).await, message);
        let mut peer = Peer::speaking(rig.stream().await, "/ws", &[line]).await;
        peer.send_frame(Opcode::Binary, true, message.as_bytes()).await;
        assert!(peer.text().await.contains("bad_request"));
    });
}

#[test]
fn every_format_has_everything() {
    matrix(|path| async move {
        let rig = Rig::start(path, app()).await;
        for tongue in ALL {
            let mut it = Speaker::arrive(&rig, tongue).await;
            // Replies, with an id and without.
            for data in [json!(1), json!("ü"), json!({ "a": [1, { "b": null }, -7, 0.5], "c": true }), json!([])] {
                let message = json!({ "event": "echo", "data": data, "id": 7 });
                assert_eq!(it.ask(&message).await, message);
                let message = json!({ "event": "echo", "data": data });
                assert_eq!(it.ask(&message).await, message);
            }
            let answers = [
                (json!({ "event": "nothing", "id": "a" }), json!({ "event": "nothing", "data": null, "id": "a" })),
                (
                    json!({ "event": "maybe", "data": false, "id": 1 }),
                    json!({ "event": "maybe", "data": null, "id": 1 }),
                ),
                (json!({ "event": "maybe", "data": true }), json!({ "event": "maybe", "data": 1 })),
                (json!({ "event": "null" }), json!({ "event": "null", "data": null })),
                (json!({ "event": "echo", "id": 2 }), json!({ "event": "echo", "data": null, "id": 2 })),
                (
                    json!({ "event": "renamed", "id": 3 }),
                    json!({ "event": "other", "data": { "a": [1, -2, 0.5] }, "id": 3 }),
                ),
                (json!({ "event": "wrapped" }), json!({ "event": "wrapped", "data": "wrapped" })),
                (
                    json!({ "event": "traced", "data": 5, "meta": { "trace": "t" }, "id": 4 }),
                    json!({ "event": "traced", "data": "t 5", "id": 4 }),
                ),
                (json!({ "event": "perhaps", "meta": { "trace": "t" } }), json!({ "event": "perhaps", "data": "t" })),
                (json!({ "event": "perhaps", "id": 5 }), json!({ "event": "perhaps", "data": null, "id": 5 })),
            ];
            for (message, answer) in answers {
                assert_eq!(it.ask(&message).await, answer, "{tongue:?} {message}");
            }
            // Silence: the next answer is that of the next request.
            it.send(json!({ "event": "nothing" })).await;
            it.send(json!({ "event": "maybe", "data": false })).await;
            let last = json!({ "event": "echo", "data": "last" });
            assert_eq!(it.ask(&last).await, last);
            // Errors.
            it.refused(json!({ "event": "nobody", "id": 1 }), "unknown_event").await;
            it.refused(json!({ "event": "forbidden", "id": "b" }), "forbidden").await;
            it.refused(json!({ "event": "sys.mine", "id": 1 }), "bad_request").await;
            it.refused(json!({ "event": "", "id": 3 }), "bad_request").await;
            it.refused(json!({ "event": "a\nb", "id": 4 }), "bad_request").await;
            it.refused(json!({ "event": "traced", "data": 5 }), "validation_failed").await;
            let error =
                it.refused(json!({ "event": "traced", "data": 5, "meta": {}, "id": 1 }), "validation_failed").await;
            assert_eq!(error["details"][0], json!({ "path": "/trace", "code": "missing", "message": "is missing" }));
            let error =
                it.refused(json!({ "event": "point", "data": { "x": "a" }, "id": 1 }), "validation_failed").await;
            assert_eq!(error["details"][0], json!({ "path": "/x", "code": "type", "message": "expected i32" }));
            let error =
                it.refused(json!({ "event": "point", "data": { "x": 1, "y": 2, "z": 3 } }), "validation_failed").await;
            assert_eq!(error["details"][0]["code"], "unknown_field");
            let error = it.refused(json!({ "event": "point", "id": 1 }), "validation_failed").await;
            assert_eq!(error["message"], "The data is missing");
            let error = it.ask(json!({ "event": "join_badly" })).await;
            assert_eq!((&error["event"], &error["data"]["code"]), (&json!("exception"), &json!("validation_failed")));
            // Pushes.
            it.send(json!({ "event": "push", "data": { "n": 1 } })).await;
            it.expect(json!({ "event": "pushed", "data": { "n": 1 } })).await;
            it.expect(json!({ "event": "perhaps", "data": { "n": 1 } })).await;
            it.expect(json!({ "event": "push", "data": 2 })).await;
            // The server asks.
            let mut asked = it.ask(json!({ "event": "question", "id": 9 })).await;
            let ack = asked["ack"].take();
            assert_eq!(asked, json!({ "event": "where?", "data": "you", "ack": null }));
            let answer = it.ask(json!({ "ack": ack, "data": { "x": 1, "y": -1 } })).await;
            assert_eq!(answer, json!({ "event": "question", "data": { "x": 1, "y": -1 }, "id": 9 }));
            let asked = it.ask(json!({ "event": "question", "id": 9 })).await;
            let answer = it.ask(json!({ "ack": asked["ack"], "error": { "code": "shy", "message": "No" } })).await;
            assert_eq!((&answer["data"]["code"], &answer["id"]), (&json!("shy"), &json!(9)));
            let asked = it.ask(json!({ "event": "question", "id": 9 })).await;
            let answer = it.ask(json!({ "ack": asked["ack"], "error": 5 })).await;
            assert_eq!(answer["data"]["code"], "client_error");
            let asked = it.ask(json!({ "event": "question", "id": 9 })).await;
            let answer = it.ask(json!({ "ack": asked["ack"], "data": "there" })).await;
            assert_eq!(answer["data"]["code"], "validation_failed");
            // What runs, and what waits behind it: conflicts and cancels.
            it.send(json!({ "event": "hang", "id": "h" })).await;
            it.send(json!({ "event": "echo", "data": 1, "id": "w" })).await;
            it.send(json!({ "event": "echo", "data": 2, "id": "v" })).await;
            it.refused(json!({ "event": "echo", "id": "w" }), "conflict").await;
            let cancelled = it.ask(json!({ "cancel": "w" })).await;
            assert_eq!((&cancelled["data"]["code"], &cancelled["id"]), (&json!("cancelled"), &json!("w")));
            let cancelled = it.ask(json!({ "cancel": "h" })).await;
            assert_eq!((&cancelled["data"]["event"], &cancelled["id"]), (&json!("hang"), &json!("h")));
            it.expect(json!({ "event": "echo", "data": 2, "id": "v" })).await;
        }
        rig.expect_empty().await;
    });
}

#[test]
fn streams_and_late_answers_in_every_format() {
    matrix(|path| async move {
        let rig = Rig::start(path, app()).await;
        for tongue in ALL {
            let mut it = Speaker::arrive(&rig, tongue).await;
            // An item each, `None` too, and an end; nobody waits for the end without an id.
            it.send(json!({ "event": "count", "data": 3, "id": 1 })).await;
            for data in [json!(null), json!(1), json!(2)] {
                it.expect(json!({ "event": "count", "data": data, "id": 1, "more": true })).await;
            }
            let error = it.recv().await;
            assert_eq!((&error["data"]["code"], &error["id"]), (&json!("over"), &json!(1)));
            it.send(json!({ "event": "count", "data": 2 })).await;
            for data in [json!(null), json!(1)] {
                it.expect(json!({ "event": "count", "data": data })).await;
            }
            assert_eq!(it.recv().await["data"]["code"], "over");
            it.send(json!({ "event": "endless", "id": "e" })).await;
            it.expect(json!({ "event": "endless", "data": 1, "id": "e", "more": true })).await;
            let cancelled = it.ask(json!({ "cancel": "e" })).await;
            assert_eq!((&cancelled["data"]["code"], &cancelled["id"]), (&json!("cancelled"), &json!("e")));
            if tongue != Tongue::MessagePack {
                it.send(json!({ "event": "two", "id": 2 })).await;
                it.expect(json!({ "event": "two", "data": "AQ==", "id": 2, "more": true })).await;
                it.expect(json!({ "event": "two", "data": "Ag==", "id": 2, "more": true })).await;
                it.expect(json!({ "event": "two", "id": 2, "done": true })).await;
            }
            // Answers that come late.
            let late = json!({ "event": "late", "data": "so", "id": 3 });
            assert_eq!(it.ask(&late).await, late);
            it.refused(json!({ "event": "late", "data": "fail", "id": 4 }), "forbidden").await;
            it.refused(json!({ "event": "late", "data": "drop", "id": 5 }), "internal").await;
        }
        rig.expect_empty().await;
    });
}

/// JavaScript's `msgpackr` writes `Date.now()` as a float, and reads an integer of 64 bits as a `BigInt`: who looks a caller up by the
/// id of its answer finds it by the float alone.
#[test]
fn d09_an_id_that_came_as_a_float_goes_back_as_one() {
    fn float(id: f64) -> Vec<u8> {
        [&b"\xa2id\xcb"[..], &id.to_be_bytes()].concat()
    }
    fn integer(id: u64) -> Vec<u8> {
        [&b"\xa2id\xcf"[..], &id.to_be_bytes()].concat()
    }
    /// A map of one key more than `rest` has.
    async fn send(it: &mut Speaker, rest: Value, id: &[u8]) {
        let (opcode, mut frame) = it.tongue.write(&rest);
        frame[0] += 1;
        frame.extend_from_slice(id);
        it.peer.send_frame(opcode, true, &frame).await;
    }
    async fn expect(it: &mut Speaker, with: &str, id: &[u8]) {
        let got = it.peer.recv().await;
        let Got::Binary(frame) = &got else { panic!("{got:?}") };
        assert!(frame.windows(id.len()).any(|part| part == id), "{id:02x?} in {frame:02x?}");
        assert!(frame.windows(with.len()).any(|part| part == with.as_bytes()), "{with} in {frame:02x?}");
    }
    matrix(|path| async move {
        let rig = Rig::start(path, app().gateway("/patterns", lab().patterns())).await;
        let mut it = Speaker::arrive(&rig, Tongue::MessagePack).await;
        for id in [1_796_117_252_841.0, 1.0, 0.0, 9_007_199_254_740_992.0] {
            let id = float(id);
            for (request, answer) in [
                (json!({ "event": "echo", "data": "so" }), "so"),
                (json!({ "event": "nothing" }), "nothing"),
                (json!({ "event": "forbidden" }), "forbidden"),
                (json!({ "event": "nobody" }), "unknown_event"),
                (json!({ "event": "point", "data": 1 }), "validation_failed"),
                (json!({ "event": "late", "data": "so" }), "so"),
                (json!({ "event": "late", "data": "drop" }), "internal"),
            ] {
                send(&mut it, request, &id).await;
                expect(&mut it, answer, &id).await;
            }
            send(&mut it, json!({ "event": "count", "data": 1 }), &id).await;
            expect(&mut it, "more", &id).await;
            expect(&mut it, "over", &id).await;
        }
        // An integer stays one, and is the same id as the float.
        let (id, whole) = (float(1_796_117_252_841.0), integer(1_796_117_252_841));
        send(&mut it, json!({ "event": "echo", "data": "so" }), &whole).await;
        expect(&mut it, "so", &whole).await;
        send(&mut it, json!({ "event": "hang" }), &id).await;
        send(&mut it, json!({ "event": "echo" }), &whole).await;
        expect(&mut it, "conflict", &whole).await;
        it.send(json!({ "cancel": 1_796_117_252_841_u64 })).await;
        expect(&mut it, "cancelled", &id).await;
        send(&mut it, json!({ "event": "hang" }), &whole).await;
        it.send(json!({ "cancel": 1_796_117_252_841.0 })).await;
        expect(&mut it, "cancelled", &whole).await;
        // So do what waits, what runs beside and what is answered late.
        let cancel = json!({ "cancel": 1_796_117_252_841_u64 });
        send(&mut it, json!({ "event": "hang" }), &float(1.0)).await;
        send(&mut it, json!({ "event": "echo" }), &id).await;
        it.send(&cancel).await;
        expect(&mut it, "cancelled", &id).await;
        it.send(json!({ "cancel": 1 })).await;
        expect(&mut it, "cancelled", &float(1.0)).await;
        send(&mut it, json!({ "event": "endless" }), &id).await;
        expect(&mut it, "more", &id).await;
        it.send(&cancel).await;
        expect(&mut it, "cancelled", &id).await;
        send(&mut it, json!({ "event": "late", "data": "wait" }), &id).await;
        send(&mut it, json!({ "event": "echo" }), &float(1.0)).await;
        expect(&mut it, "echo", &float(1.0)).await;
        it.send(&cancel).await;
        expect(&mut it, "cancelled", &id).await;
        // The number of a question of the server may be a float, too.
        send(&mut it, json!({ "event": "question" }), &id).await;
        let ack = it.recv().await["ack"].as_f64().unwrap();
        it.send(json!({ "ack": ack, "data": { "x": 1, "y": -1 } })).await;
        expect(&mut it, "question", &id).await;
        drop(it);
        let peer = Peer::speaking(rig.stream().await, "/patterns", &[Tongue::MessagePack.protocol()]).await;
        let mut it = Speaker { peer, tongue: Tongue::MessagePack };
        for (pattern, answer) in [("echo", "so"), ("forbidden", "forbidden")] {
            send(&mut it, json!({ "kind": "message", "pattern": pattern, "payload": "so" }), &id).await;
            expect(&mut it, answer, &id).await;
        }
        send(&mut it, json!({ "kind": "message", "pattern": "two" }), &id).await;
        for more in ["more", "more", "done"] {
            expect(&mut it, more, &id).await;
        }
        drop(it);
        rig.expect_empty().await;
    });
}

#[test]
fn stages_keep_what_a_format_has() {
    on(Path::Memory, |path| async move {
        let rig = Rig::start(path, app()).await;
        for tongue in ALL {
            let mut it = Speaker::arrive(&rig, tongue).await;
            let keyed = json!({ "event": "keyed", "data": { "x": -5, "y": [1] }, "id": "k" });
            assert_eq!(it.ask(keyed).await, json!({ "event": "keyed", "data": -5, "id": "k" }));
            it.refused(json!({ "event": "keyed", "data": { "y": 1 }, "id": "k" }), "validation_failed").await;
            for (event, data, answer) in [
                ("looked_maybe", json!(true), json!({ "event": "looked_maybe", "data": 1, "id": 1 })),
                ("looked_maybe", json!(false), json!({ "event": "looked_maybe", "data": null, "id": 1 })),
                ("looked_renamed", json!(null), json!({ "event": "other", "data": { "a": [1, -2, 0.5] }, "id": 1 })),
                ("looked_nothing", json!(null), json!({ "event": "looked_nothing", "data": null, "id": 1 })),
            ] {
                assert_eq!(it.ask(json!({ "event": event, "data": data, "id": 1 })).await, answer, "{tongue:?}");
            }
            it.send(json!({ "event": "looked_maybe", "data": false })).await;
            it.send(json!({ "event": "looked_nothing" })).await;
            for event in ["looked", "piped"] {
                it.send(json!({ "event": event, "data": "AQL/", "id": 2 })).await;
                if tongue != Tongue::MessagePack {
                    it.expect(json!({ "event": event, "data": "/wIB", "id": 2 })).await;
                    continue;
                }
                // Bytes came as a text, and go as bytes; and then they come as bytes.
                for bytes in [Binary::from(vec![255, 2, 1]), Binary::from(vec![1, 2, 255])] {
                    let Got::Binary(got) = it.peer.recv().await else { panic!() };
                    let reply: Reversed = msgpack::from_data(Some(msgpack::Raw::new(&got).unwrap())).unwrap();
                    assert_eq!(reply.data, bytes);
                    assert!(got.windows(2).any(|head| head == [0xc4, 3]), "{got:?}");
                    if bytes[0] == 255 {
                        it.send(Reverse { event, data: &bytes, id: 3 }).await;
                    }
                }
            }
        }
    });
}

#[test]
fn one_room_in_all_formats_and_each_encodes_once() {
    matrix(|path| async move {
        let app = app();
        let server = app.server();
        let rig = Rig::start(path, app).await;
        let counted = Counted::default();
        assert_eq!((server.broadcast("counted", &counted).queued, counted.calls()), (0, 1));
        let mut members = Vec::new();
        for tongue in
            [Tongue::MessagePack, Tongue::Json, Tongue::Turned, Tongue::Json, Tongue::MessagePack, Tongue::Turned]
        {
            let mut it = Speaker::arrive(&rig, tongue).await;
            it.ask(json!({ "event": "join", "data": "room", "id": 1 })).await;
            members.push(it);
        }
        let emits: [fn(&Server, &Counted) -> Delivery; _] = [
            |server, counted| server.broadcast_to("room", "counted", counted),
            |server, counted| server.broadcast("counted", counted),
            |server, counted| server.to("room").to("room").emit("counted", counted),
            |server, counted| server.to("room").volatile().emit("counted", counted),
            |server, counted| server.to("room").latest("key").emit("counted", counted),
        ];
        for emit in emits {
            let delivery = emit(&server, &counted);
            assert_eq!((delivery.queued, delivery.dropped, counted.calls()), (6, 0, 3));
            for it in &mut members {
                it.expect(json!({ "event": "counted", "data": "counted" })).await;
            }
        }
        // Of one format only that: of JSON and the format of who gets it.
        let alone = server.clients_in("room").first().unwrap().id().to_string();
        assert!(server.to(alone).emit("counted", &counted).queued == 1 && counted.calls() <= 2);
        let client = server.clients_in("room").swap_remove(0);
        assert_eq!((client.emit("counted", &counted).queued, counted.calls()), (1, 1));
        for _ in 0..2 {
            members[0].expect(json!({ "event": "counted", "data": "counted" })).await;
        }
        // In order, and not to the sender.
        for sender in 0..members.len() {
            for n in 0..20 {
                members[sender].send(json!({ "event": "say", "data": n.to_string(), "id": n })).await;
            }
            for n in 0..20 {
                for (at, it) in members.iter_mut().enumerate() {
                    it.expect(match at == sender {
                        true => json!({ "event": "say", "data": 5, "id": n }),
                        false => json!({ "event": "said", "data": n.to_string() }),
                    })
                    .await;
                }
            }
        }
        drop(members);
        rig.expect_empty().await;
    });
}

#[test]
fn what_cannot_be_said_in_a_second_format_is_dropped_for_it() {
    on(Path::Memory, |path| async move {
        let app = app();
        let server = app.server();
        let rig = Rig::start(path, app).await;
        let mut json = Speaker::arrive(&rig, Tongue::Json).await;
        let mut packed = Speaker::arrive(&rig, Tongue::MessagePack).await;
        let mut turned = Speaker::arrive(&rig, Tongue::Turned).await;
        for it in [&mut json, &mut packed, &mut turned] {
            it.ask(json!({ "event": "join", "data": "room", "id": 1 })).await;
        }
        for (second, said) in [(Second::Fails, "fails"), (Second::Panics, "panics")] {
            let before = rig.handle.stats().dropped;
            let delivery = server.to("room").emit(said, Counted::that(second));
            assert_eq!((delivery.queued, delivery.dropped, delivery.refused), (2, 1, false));
            assert_eq!(rig.handle.stats().dropped, before + 1);
            json.expect(json!({ "event": said, "data": "counted" })).await;
            turned.expect(json!({ "event": said, "data": "counted" })).await;
        }
        // The codec's own refusals.
        let delivery = server.to("room").emit("unsayable", 1);
        assert_eq!((delivery.queued, delivery.dropped), (2, 1));
        for it in [&mut json, &mut packed] {
            it.expect(json!({ "event": "unsayable", "data": 1 })).await;
        }
        assert!(server.clients().iter().filter(|client| client.emit("unsayable", 1).refused).count() == 1);
    });
}

#[test]
fn faults_of_a_codec_are_contained() {
    matrix(|path| async move {
        let rig = Rig::start(path, app()).await;
        let mut it = Speaker::arrive(&rig, Tongue::Turned).await;
        it.peer.send_frame(Opcode::Binary, true, &turn(b"panic")).await;
        assert_eq!(it.recv().await["data"]["code"], "internal");
        it.refused(json!({ "event": "unsayable", "data": 1, "id": 1 }), "internal").await;
        it.refused(json!({ "event": "echo", "data": "unreadable", "id": 3 }), "bad_request").await;
        let asked = it.ask(json!({ "event": "question", "id": 9 })).await;
        let answer = it.ask(json!({ "ack": asked["ack"], "error": "unreadable" })).await;
        assert_eq!(answer["data"]["code"], "client_error");
        // An error that cannot be said: nobody waits for it.
        it.send(json!({ "event": "voiceless", "id": 4 })).await;
        assert_eq!(it.peer.expect_close().await, 1011);
        rig.until(|stats| stats.dropped == 1).await;
        drop(it);
        rig.expect_empty().await;
    });
}

#[derive(Serialize)]
struct Reverse<'a> {
    event: &'a str,
    data: &'a Binary,
    id: u8,
}

#[derive(Deserialize)]
struct Reversed {
    data: Binary,
}

#[test]
fn binary_payloads() {
    on(Path::Memory, |path| async move {
        let rig = Rig::start(path, app()).await;
        let bytes = Binary::from((0..=255).collect::<Vec<u8>>());
        let reversed: Vec<u8> = (0..=255).rev().collect();
        let message = Reverse { event: "reverse", data: &bytes, id: 1 };
        for tongue in [Tongue::Json, Tongue::Turned] {
            let mut it = Speaker::arrive(&rig, tongue).await;
            let reply: Reversed = serde_json::from_value(it.ask(&message).await).unwrap();
            assert_eq!(*reply.data, reversed[..]);
            assert_eq!(it.ask(json!({ "event": "reverse", "data": "AQL/" })).await["data"], "/wIB");
            for wrong in [json!("AQL_"), json!("AQI"), json!("A"), json!(1), json!([1, 2])] {
                let error =
                    it.refused(json!({ "event": "reverse", "data": wrong, "id": 2 }), "validation_failed").await;
                let message = error["details"][0]["message"].as_str().unwrap();
                assert_eq!(message, "expected bytes, or a text of base64 with padding");
            }
        }
        let mut it = Speaker::arrive(&rig, Tongue::MessagePack).await;
        it.send(&message).await;
        let Got::Binary(got) = it.peer.recv().await else { panic!() };
        // bin 8 of 256 bytes is bin 16.
        assert!(got.windows(3).any(|head| head == [0xc5, 1, 0]), "{got:?}");
        let reply: Reversed = msgpack::from_data(Some(msgpack::Raw::new(&got).unwrap())).unwrap();
        assert_eq!(*reply.data, reversed[..]);
        it.send(json!({ "event": "reverse", "data": "AQL/" })).await;
        assert_eq!(it.peer.recv().await, Got::Binary(b"\x82\xa5event\xa7reverse\xa4data\xc4\x03\xff\x02\x01".into()));
    });
}

#[test]
fn frames_of_the_wrong_kind_or_form_are_malformed() {
    matrix(|path| async move {
        let rig = Rig::start(path, app()).await;
        for tongue in [Tongue::MessagePack, Tongue::Turned] {
            let mut it = Speaker::arrive(&rig, tongue).await;
            let well = json!({ "event": "echo", "data": 1, "id": 1 });
            it.peer.send(r#"{"event":"echo","data":1,"id":1}"#).await;
            assert_eq!(it.recv().await["data"]["code"], "bad_request");
            it.peer.send_frame(Opcode::Binary, true, b"\xc1\xc1\xc1").await;
            assert_eq!(it.recv().await["data"]["code"], "bad_request");
            assert_eq!(it.ask(&well).await, well);
            // While a handler runs they wait their turn.
            it.send(json!({ "event": "wait", "data": 20, "id": 2 })).await;
            it.peer.send("text").await;
            it.expect(json!({ "event": "wait", "data": null, "id": 2 })).await;
            assert_eq!(it.recv().await["data"]["code"], "bad_request");
            // 100 of them in 10 s, and no more.
            for _ in 0..97 {
                it.peer.send("text").await;
                assert_eq!(it.recv().await["data"]["code"], "bad_request");
            }
            it.peer.send("text").await;
            assert_eq!(it.recv().await["data"]["code"], "bad_request");
            it.expect(json!({
                "event": "sys.goaway", "data": { "code": 4507, "reason": "too_many_errors", "retryable": false },
            }))
            .await;
            assert_eq!(it.peer.expect_close().await, 4507);
        }
        // JSON in binary frames is JSON.
        let mut json = Speaker::arrive(&rig, Tongue::Json).await;
        json.peer.send_frame(Opcode::Binary, true, br#"{"event":"echo","data":1}"#).await;
        json.expect(json!({ "event": "echo", "data": 1 })).await;
    });
}

#[test]
fn c06_unknown_or_truncated_bytes_are_refused_and_the_connection_stays() {
    matrix(|path| async move {
        let rig = Rig::watched(path, app()).await;
        for tongue in [Tongue::MessagePack, Tongue::Turned] {
            let mut it = Speaker::arrive(&rig, tongue).await;
            let well = json!({ "event": "echo", "data": [1, "é"], "id": 1 });
            let (opcode, whole) = tongue.write(&well);
            let truncated = (0..whole.len()).map(|len| whole[..len].to_vec());
            let trailing = [&whole[..], &[0xC1]].concat();
            for bytes in truncated.chain([trailing, vec![0xC1], vec![0xFF; 1000], b"{\"event\":\"echo\"}".to_vec()]) {
                it.peer.send_frame(opcode, true, &bytes).await;
                let error = it.recv().await;
                assert_eq!((&error["event"], &error["data"]["code"]), (&json!("exception"), &json!("bad_request")));
            }
            assert_eq!(it.ask(&well).await, well);
            rig.unnoticed().await;
        }
        rig.expect_empty().await;
    });
}

/// A message is one frame: a list of them is none.
#[test]
fn d17_there_are_no_batches() {
    paths(|path| async move {
        let limits = Limits::default().max_message(4 << 20);
        let rig = Rig::watched(path, app().limits(limits)).await;
        for tongue in ALL {
            let mut it = Speaker::arrive(&rig, tongue).await;
            let well = json!({ "event": "echo", "data": 1, "id": 1 });
            for calls in [0, 1, 64, 65, 10_000] {
                let batch = vec![&well; calls];
                let error = it.ask(batch).await;
                assert_eq!((&error["event"], &error["data"]["code"]), (&json!("exception"), &json!("bad_request")));
                // None of them is answered.
                assert_eq!(it.ask(&well).await, well, "{calls} {tongue:?}");
            }
            rig.unnoticed().await;
        }
        rig.expect_empty().await;
    });
}

#[test]
fn refusals_are_in_the_format_of_the_connection() {
    paths(|path| async move {
        let mut limits = Limits::default();
        limits.message_rate = Some(Rate::new(1, 3));
        let rig = Rig::start(path, app().gateway("/slow", lab().limits(limits))).await;
        for tongue in ALL {
            let peer = Peer::speaking(rig.stream().await, "/slow", &[tongue.protocol()]).await;
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
            assert_eq!(it.peer.expect_close().await, 1001);
        }
        shutdown.await.unwrap();
    });
}

/// Everyone of a room, in its format.
async fn room(rig: &Rig, tongues: impl IntoIterator<Item = Tongue>) -> Vec<Speaker> {
    let mut members = Vec::new();
    for tongue in tongues {
        let mut it = Speaker::arrive(rig, tongue).await;
        it.ask(json!({ "event": "join", "data": "room", "id": 1 })).await;
        members.push(it);
    }
    members
}

fn ask_all(server: &Server, data: impl Serialize, ms: u64) -> switchboard::Answering<u32> {
    server.to("room").emit_with_ack("how many?", data, Duration::from_millis(ms))
}

/// The codes of those that failed, sorted.
fn codes(answers: &switchboard::Answers<u32>) -> Vec<&str> {
    let mut codes: Vec<&str> = answers.failed.iter().map(|(_, error)| error.code().as_str()).collect();
    codes.sort_unstable();
    codes
}

#[test]
fn a_room_is_asked_and_everyone_is_in_one_list() {
    matrix(|path| async move {
        let app = app();
        let server = app.server();
        let rig = Rig::start(path, app).await;
        let nobody = ask_all(&server, (), 50).await;
        assert!(nobody.is_complete() && nobody.answered.is_empty());
        let mut members = room(&rig, ALL.into_iter().chain(ALL)).await;
        let ids: Vec<_> = server.clients_in("room").iter().map(Client::id).collect();
        let counted = Counted::default();

        // Everyone answers: the payload is serialised once for each format, and all is over with the last answer.
        let asking = ask_all(&server, &counted, 60_000);
        assert_eq!(counted.calls(), 3);
        rig.until(|stats| stats.pending_acks == 6).await;
        for (n, it) in members.iter_mut().enumerate() {
            let asked = it.recv().await;
            assert_eq!((&asked["event"], &asked["data"]), (&json!("how many?"), &json!("counted")));
            it.send(json!({ "ack": asked["ack"], "data": n })).await;
        }
        let answers = asking.await;
        assert!(answers.is_complete());
        let mut answered: Vec<(_, u32)> = answers.answered;
        answered.sort_by_key(|(_, n)| *n);
        assert_eq!(answered.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        assert!(ids.iter().all(|id| answered.iter().any(|(other, _)| other == id)));
        assert_eq!(rig.handle.stats().pending_acks, 0);

        // One answers, one with an error, one with what is no number, one leaves, one twice, one never.
        let asking = ask_all(&server, "now", 400);
        let mut acks = Vec::new();
        for it in &mut members {
            acks.push(it.recv().await["ack"].clone());
        }
        members[0].send(json!({ "ack": acks[0], "data": 7 })).await;
        members[1].send(json!({ "ack": acks[1], "error": { "code": "shy", "message": "No" } })).await;
        members[2].send(json!({ "ack": acks[2], "data": "seven" })).await;
        members[4].send(json!({ "ack": acks[4], "data": 8 })).await;
        members[4].send(json!({ "ack": acks[4], "data": 9 })).await;
        drop(members.remove(3));
        let rejected = rig.handle.stats().rejected;
        let answers = asking.await;
        let mut numbers: Vec<u32> = answers.answered.iter().map(|(_, n)| *n).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [7, 8]);
        assert_eq!(codes(&answers), ["not_found", "shy", "timeout", "validation_failed"]);
        let mut all: Vec<String> = answers.answered.iter().map(|(id, _)| id.to_string()).collect();
        all.extend(answers.failed.iter().map(|(id, _)| id.to_string()));
        let (told, mut once) = (all.len(), all);
        once.sort_unstable();
        once.dedup();
        assert_eq!((told, once.len()), (6, 6));
        // What comes too late is ignored.
        members[4].send(json!({ "ack": acks[5], "data": 1 })).await;
        rig.until(|stats| stats.rejected > rejected).await;

        // Dropped, it is not waited for.
        let asking = ask_all(&server, "now", 60_000);
        rig.until(|stats| stats.pending_acks == 5).await;
        drop(asking);
        assert_eq!(rig.handle.stats().pending_acks, 0);
        drop(members);
        rig.expect_empty().await;
    });
}

#[test]
fn who_cannot_be_asked_is_in_the_list_too() {
    on(Path::Memory, |path| async move {
        let mut limits = Limits::default();
        (limits.pending_acks, limits.pending_acks_node) = (2, 6);
        let app = app().limits(limits);
        let server = app.server();
        let rig = Rig::start(path, app).await;
        let members = room(&rig, ALL).await;
        let first = ask_all(&server, "one", 60_000);
        let second = ask_all(&server, "two", 60_000);
        drop(first);
        // Each client, and the node, have room for one more.
        let third = ask_all(&server, "three", 100);
        let fourth = ask_all(&server, "four", 100);
        let (third, fourth) = (third.await, fourth.await);
        assert_eq!(codes(&third), ["timeout"; 3]);
        assert_eq!(codes(&fourth), ["rate_limited"; 3]);
        drop(second);
        // Nobody can be told what cannot be serialised, or has no name.
        let unnamed = server.to("room").emit_with_ack::<u32>("sys.x", 1, Duration::from_secs(1)).await;
        assert_eq!(codes(&unnamed), ["internal"; 3]);
        let broken = ask_all(&server, Counted::that(Second::Fails), 50).await;
        assert_eq!(codes(&broken), ["internal", "timeout", "timeout"]);
        assert_eq!(rig.handle.stats().pending_acks, 0);
        // The sender of a broadcast is not asked.
        let id = server.clients_in("room")[0].id();
        let sender = server.client(id).unwrap();
        let others: Broadcast = sender.to("room");
        let answers = others.emit_with_ack::<u32>("?", 1, Duration::from_millis(50)).await;
        assert_eq!(answers.failed.len(), 2);
        assert!(answers.failed.iter().all(|(other, _)| *other != id));
        drop(members);
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
    assert!(error.to_string().contains("formats.rs"));
}

#[test]
fn what_is_compressed_is_compressed_once_for_each_format() {
    /// Long, and counted.
    struct Long(Arc<AtomicUsize>);
    impl Serialize for Long {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.fetch_add(1, Ordering::SeqCst);
            serializer.serialize_str(&"long ".repeat(1000))
        }
    }
    paths(|path| async move {
        let app = app().compression(Compression::default());
        let server = app.server();
        let rig = Rig::start(path, app).await;
        let mut members = Vec::new();
        for (tongue, offers) in
            ALL.into_iter().flat_map(|tongue| [(tongue, None), (tongue, Some("permessage-deflate"))])
        {
            for _ in 0..2 {
                let peer = Peer::agreeing(rig.stream().await, "/ws", &[tongue.protocol()], offers).await;
                let mut it = Speaker { peer, tongue };
                it.ask(json!({ "event": "join", "data": "room", "id": 1 })).await;
                members.push((it, offers.is_some()));
            }
        }
        let calls = Arc::new(AtomicUsize::new(0));
        let delivery = server.to("room").emit("long", Long(calls.clone()));
        assert_eq!((delivery.queued, calls.load(Ordering::SeqCst)), (12, 3));
        let mut compressed: Vec<(Tongue, Vec<u8>)> = Vec::new();
        for (it, compresses) in &mut members {
            let (first, payload) = it.peer.frame().await;
            let opcode = if it.tongue == Tongue::Json { 0x81 } else { 0x82 };
            assert_eq!(first, opcode | if *compresses { 0x40 } else { 0 });
            assert_eq!(payload.len() < 200, *compresses);
            if *compresses {
                compressed.push((it.tongue, payload));
            }
        }
        for pair in compressed.chunks(2) {
            assert!(matches!(pair, [(one, a), (two, b)] if one == two && a == b));
        }
        // What they send compressed, and are sent, is read.
        let (it, _) = members.last_mut().unwrap();
        let well = json!({ "event": "echo", "data": "long ".repeat(1000), "id": 1 });
        assert_eq!(it.ask(&well).await, well);
    });
}

#[test]
fn r4_the_format_of_clients_that_ask_for_none() {
    matrix(|path| async move {
        let gateway = || Gateway::functions().on_fn("echo", |text: String| async move { text });
        let app = App::new()
            .codec(Turned)
            .gateway("/json", gateway())
            .gateway("/packed", gateway().default_format("switchboard.v1.msgpack"))
            .gateway("/turned", gateway().default_format("turned.test"));
        let rig = Rig::start(path, app).await;
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
            let peer = Peer::speaking(rig.stream().await, gateway, offered).await;
            let named = peer.head.to_lowercase().contains("sec-websocket-protocol");
            assert_eq!(named, chosen.is_some(), "{gateway} {offered:?}");
            assert!(peer.head.contains(chosen.unwrap_or_default()), "{gateway} {offered:?}");
            let message = json!({ "event": "echo", "data": "hi", "id": 1 });
            assert_eq!(Speaker { peer, tongue }.ask(&message).await, message, "{gateway} {offered:?}");
        }
        // A version that is not spoken is told so, whatever the default is.
        let mut peer = Peer::speaking(rig.stream().await, "/packed", &["switchboard.v2.msgpack"]).await;
        assert_eq!(peer.closed().await.0, 4506);
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
        "formats.rs:",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
