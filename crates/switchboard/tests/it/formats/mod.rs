//! Formats: JSON, MessagePack, and a codec of the application, in the same rooms.
mod binary;
mod faults;
mod ids;
mod requests;
mod room_requests;
mod rooms;
mod selection;

use futures_util::{Stream, StreamExt};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use switchboard::codec::{Codec, Incoming, Json, Lend, Outgoing, Rejected};
use switchboard::handler::{Context, FromMessage, MessageContext};
use switchboard::pipeline::{Call, Interceptor, Next, Pipe};
use switchboard::{Ack, App, Binary, Client, Error, Gateway, HandlerDef, Meta, Reply};
use switchboard_core::codec::msgpack;
use switchboard_core::ws::Opcode;
use switchboard_rig::{Got, Offer, RawClient, Rig};

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
    peer: RawClient,
    tongue: Tongue,
}

impl Speaker {
    pub(crate) async fn arrive(rig: &Rig, tongue: Tongue) -> Speaker {
        let peer = rig.connect_with(Offer::to("/ws").protocols(&[tongue.protocol()])).await;
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
