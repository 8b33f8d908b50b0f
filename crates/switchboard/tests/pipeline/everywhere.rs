//! Every call from everywhere that the application's code runs: nothing waits for itself, overflows, or panics past its client.
use crate::rig::{Got, Path, Peer, Rig, matrix, on};
use futures_util::{FutureExt, Stream, stream};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::fmt;
use std::panic::panic_any;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;
use switchboard::codec::{Codec, FrameKind, Incoming, Json, Lend, Outgoing, Rejected};
use switchboard::handler::{Context as InContext, FromMessage, MessageContext};
use switchboard::pipeline::{AsyncGuard, Call, Caught, ConnectGuard, Filter, Guard, GuardDef, Interceptor, Next, Pipe};
use switchboard::{
    Ack, App, Client, ConnState, DisconnectReason, Error, Gateway, Handle, HandlerDef, Namespaces, Reply, Server,
    Upgrade,
};

/// What code of the application may have, wherever it runs.
struct World {
    server: Server,
    namespaces: Namespaces,
    handle: Handle,
    clients: Mutex<Vec<Client>>,
    seen: Mutex<BTreeSet<&'static str>>,
    /// In place of the calls: a panic, whose payload panics as it is dropped.
    panics_at: Mutex<Option<&'static str>>,
}

impl World {
    fn know(&self, client: &Client) {
        let mut clients = self.clients.lock().unwrap();
        clients.retain(|known| known.is_connected() && known.id() != client.id());
        clients.push(client.clone());
    }
}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

static WORLD: Mutex<Option<Arc<World>>> = Mutex::new(None);

/// Panics as often as it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Bomb)
    }
}

/// Makes every call that does not wait, and begins those that do.
fn touch(place: &'static str) {
    let Some(world) = WORLD.lock().unwrap().clone() else { return };
    // The calls come here again: codecs, `Drop`s.
    if INSIDE.replace(true) {
        return;
    }
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            INSIDE.set(false);
        }
    }
    let _leave = Leave;
    world.seen.lock().unwrap().insert(place);
    if *world.panics_at.lock().unwrap() == Some(place) && !std::thread::panicking() {
        panic_any(Bomb);
    }
    let clients = world.clients.lock().unwrap().clone();
    let (server, soon) = (&world.server, Duration::from_millis(1));
    for client in &clients {
        let _ = client.join("a").into_future().now_or_never();
        let _ = client.join("no*room").into_future().now_or_never();
        client.join("b");
        client.leave("b");
        client.emit("e", Itself(1));
        client.emit("sys.refused", 1);
        client.emit_volatile("e", Itself(1));
        drop(client.emit_with_ack::<u8>("q", Itself(1), soon));
        // Its timer wants a runtime, which who drops the last of something may be without.
        if tokio::runtime::Handle::try_current().is_ok() {
            let _ = client.emit_with_ack::<u8>("q", 1, soon).now_or_never();
            let _ = server.to("a").emit_with_ack::<u8>("q", 1, soon).now_or_never();
        }
        client.broadcast("e", Itself(1));
        client.broadcast_to("a", "e", 1);
        client.to("a").to("b").except("c").volatile().emit("e", 1);
        client.to("a").latest("key").emit("e", 1);
        server.to(client.id()).emit("e", 1);
        let _ = (server.client(client.id()), client.rooms(), client.is_in("a"), client.peer_addr(), client.user());
        let _ = (client.user_with::<u8>().is_err(), client.namespace().len(), format!("{client:?}"));
        client.state::<u64>().with(|n| {
            *n += 1;
            client.state::<u32>().with(|n| *n += 1);
            client.emit("e", *n);
        });
        client.state::<u32>().set(client.state::<u32>().get());
    }
    server.broadcast("e", Itself(1));
    server.emit("e", 1);
    server.broadcast_to("a", "e", 1);
    server.except("a").emit("e", 1);
    server.all().volatile().emit("e", 1);
    let _ = (server.clients(), server.clients_in("a"), server.count_in("a"), server.client_count(), server.rooms());
    let _ = (server.stats(), server.disconnect("nobody"), server.namespace().len(), format!("{server:?}"));
    let _ = (world.namespaces.names(), world.namespaces.count(), world.namespaces.get("/x").is_some());
    let _ = (world.handle.stats(), world.handle.server_of::<switchboard::Root>(), world.handle.namespaces());
}

/// The code of a value that is sent.
#[derive(Clone)]
struct Itself(u8);

impl Serialize for Itself {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        touch("serialize");
        serializer.serialize_u8(self.0)
    }
}

impl<'de> Deserialize<'de> for Itself {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Itself, D::Error> {
        touch("deserialize");
        u8::deserialize(deserializer).map(Itself)
    }
}

/// Touches as it is dropped.
struct Dropped(&'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        touch(self.0);
    }
}

#[derive(Default)]
struct State(Option<Dropped>);

struct Extracted;

impl FromMessage for Extracted {
    type Kind = InContext;

    fn from_message(_: &MessageContext<'_>) -> Result<Extracted, Error> {
        touch("extractor");
        Ok(Extracted)
    }
}

#[derive(Debug)]
struct Failure;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        touch("display");
        f.write_str("failure")
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        touch("source");
        None
    }
}

struct Own;

impl From<Own> for Error {
    fn from(_: Own) -> Error {
        touch("convert");
        Error::internal(Failure)
    }
}

/// A waker of the application's, around the one that it was given.
struct Rings(Waker);

impl Wake for Rings {
    fn wake(self: Arc<Self>) {
        touch("wake");
        self.0.wake_by_ref();
    }
}

impl Drop for Rings {
    fn drop(&mut self) {
        touch("waker dropped");
    }
}

struct Everywhere;

impl Everywhere {
    async fn came(&self, client: &Client, state: ConnState<State>) {
        WORLD.lock().unwrap().clone().unwrap().know(client);
        state.with(|state| state.0 = Some(Dropped("state dropped")));
        touch("on_connect");
    }
    async fn left(&self, _: &Client, _: DisconnectReason) {
        touch("on_disconnect");
        tokio::task::yield_now().await;
        touch("on_disconnect later");
    }
    fn may_join(&self, _: &Client, _: &str) -> Result<(), Error> {
        touch("on_join");
        Ok(())
    }
    async fn plain(&self, value: Itself, _: Extracted) -> Itself {
        touch("handler");
        let _dropped = Dropped("future dropped");
        tokio::task::yield_now().await;
        touch("handler later");
        value
    }
    async fn fails(&self) -> Result<(), Own> {
        Err(Own)
    }
    async fn streams(&self) -> impl Stream<Item = Itself> + use<> {
        let dropped = Dropped("stream dropped");
        stream::iter(0..3).map_with(move |n| {
            let _ = &dropped;
            touch("stream");
            Itself(n)
        })
    }
    async fn acks(&self, ack: Ack<Itself>) -> Result<(), Error> {
        touch("ack");
        ack.send(Itself(1))
    }
    async fn asks(&self, client: &Client) -> u8 {
        // Polled with a waker of the application's, once, and then with its own.
        let mut answer = Box::pin(client.emit_with_ack::<u8>("question", (), Duration::from_secs(5)));
        std::future::poll_fn(|cx| {
            let waker = Waker::from(Arc::new(Rings(cx.waker().clone())));
            answer.as_mut().poll(&mut Context::from_waker(&waker))
        })
        .await
        .unwrap()
    }
    async fn waits(&self) {
        let _dropped = Dropped("future cut off");
        std::future::pending().await
    }
    async fn joins(&self, client: &Client) -> Result<(), Error> {
        client.leave("a");
        client.join("a").await
    }
}

trait MapWith: Stream + Sized {
    fn map_with<T>(self, work: impl FnMut(Self::Item) -> T) -> impl Stream<Item = T> {
        futures_util::StreamExt::map(self, work)
    }
}
impl<S: Stream> MapWith for S {}

struct Stage;

impl ConnectGuard for Stage {
    async fn connect(&self, _: &mut Upgrade) -> Result<(), Error> {
        touch("connect guard");
        Ok(())
    }
}
impl Guard for Stage {
    fn message(&self, _: &MessageContext<'_>) -> Result<(), Error> {
        touch("guard");
        Ok(())
    }
}
struct Waits;
impl AsyncGuard for Waits {
    async fn message(&self, call: &Call) -> Result<(), Error> {
        touch("async guard");
        call.with(|_| touch("call with"));
        Ok(())
    }
}
impl Interceptor for Stage {
    async fn intercept(&self, _: &Call, next: Next<'_>) -> Result<Reply, Error> {
        touch("interceptor before");
        let reply = next.run().await;
        touch("interceptor after");
        reply
    }
}
impl Pipe<Value> for Stage {
    type From = Value;
    fn transform(&self, value: Value, _: &MessageContext<'_>) -> Result<Value, Error> {
        touch("pipe");
        Ok(value)
    }
}
impl Filter for Stage {
    type Error = Error;
    fn catch(&self, error: Error, _: &Caught<'_>) -> Error {
        touch("filter");
        error
    }
}

struct Chatty;

impl Codec for Chatty {
    fn protocol(&self) -> &str {
        "chatty"
    }
    fn frames(&self) -> FrameKind {
        FrameKind::Text
    }
    fn decode<'a>(&self, frame: &'a [u8]) -> Result<Incoming<'a>, Rejected<'a>> {
        touch("codec decodes");
        Json.decode(frame)
    }
    fn read(&self, payload: &[u8], lend: &mut Lend<'_>) {
        touch("codec reads");
        Json.read(payload, lend);
    }
    fn encode(&self, frame: &Outgoing<'_>, out: &mut Vec<u8>) -> Result<(), Box<dyn StdError + Send + Sync>> {
        touch("codec encodes");
        Json.encode(frame, out)
    }
}

const PLACES: [&str; 32] = [
    "ack",
    "async guard",
    "call with",
    "codec decodes",
    "codec encodes",
    "codec reads",
    "connect guard",
    "convert",
    "deserialize",
    "display",
    "extractor",
    "filter",
    "future cut off",
    "future dropped",
    "guard",
    "handler",
    "handler later",
    "interceptor after",
    "interceptor before",
    "namespace",
    "on_connect",
    "on_disconnect",
    "on_disconnect later",
    "on_join",
    "pipe",
    "serialize",
    "source",
    "state dropped",
    "stream",
    "stream dropped",
    "wake",
    "waker dropped",
];

/// All of it, with stages around it and without them.
fn app() -> App {
    let app = App::new();
    let world = World {
        server: app.server(),
        namespaces: app.namespaces(),
        handle: app.handle(),
        clients: Mutex::default(),
        seen: Mutex::default(),
        panics_at: Mutex::default(),
    };
    *WORLD.lock().unwrap() = Some(Arc::new(world));
    let gateway = || {
        Gateway::new(Everywhere)
            .on("plain", Everywhere::plain)
            .on("fails", Everywhere::fails)
            .on("streams", Everywhere::streams)
            .on("acks", Everywhere::acks)
            .on("asks", Everywhere::asks)
            .on("joins", Everywhere::joins)
            .on_join(Everywhere::may_join)
            .on_connect(Everywhere::came)
            .on_disconnect(Everywhere::left)
            .cancel_on_disconnect(true)
            .handler("waits", HandlerDef::new(Everywhere::waits).concurrency(2))
    };
    let staged = gateway()
        .guard(GuardDef::of(Stage).connect().message())
        .guard(GuardDef::of(Waits).message_async())
        .interceptor(Stage)
        .pipe(Stage)
        .filter(Stage);
    let named = gateway().namespace_by(|_| {
        touch("namespace");
        Ok::<_, Error>("/x".to_owned())
    });
    app.codec(Chatty).gateway("/ws", gateway()).gateway("/staged", staged).gateway("/named", named)
}

/// One client's whole life.
async fn live(rig: &Rig, path: &str, protocol: Option<&str>) {
    let protocols: Vec<&str> = protocol.into_iter().collect();
    let mut peer = Peer::speaking(rig.stream().await, path, &protocols).await;
    for (event, data) in [("plain", "1"), ("fails", "null"), ("streams", "null"), ("acks", "null"), ("joins", "null")] {
        peer.send(&format!(r#"{{"event":"{event}","data":{data},"id":"i"}}"#)).await;
        loop {
            let frame: Value = serde_json::from_str(&peer.text().await).unwrap();
            if frame["id"] == "i" && frame["more"] != true {
                break;
            }
        }
    }
    peer.send(r#"{"event":"asks","id":"asks"}"#).await;
    loop {
        let frame: Value = serde_json::from_str(&peer.text().await).unwrap();
        if frame["event"] == "question" {
            peer.send(&format!(r#"{{"ack":{},"data":7}}"#, frame["ack"])).await;
        }
        if frame["id"] == "asks" {
            break;
        }
    }
    peer.send(r#"{"event":"waits","id":"w"}"#).await;
    peer.send(r#"{"event":"plain","data":1,"id":"last"}"#).await;
    loop {
        let frame: Value = serde_json::from_str(&peer.text().await).unwrap();
        if frame["id"] == "last" {
            break;
        }
    }
    peer.close(1000).await;
}

/// They share what the code of the application has.
static ONE_TEST: Mutex<()> = Mutex::new(());

const PATHS: [(&str, Option<&str>); 4] = [("/ws", None), ("/staged", None), ("/named", None), ("/ws", Some("chatty"))];

#[test]
fn every_call_works_from_everywhere() {
    let _one = ONE_TEST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    matrix(|path| async move {
        let rig = Rig::start(path, app()).await;
        let world = WORLD.lock().unwrap().clone().unwrap();
        for (path, protocol) in PATHS {
            live(&rig, path, protocol).await;
        }
        // Two that live at once reach each other.
        tokio::join!(live(&rig, "/ws", None), live(&rig, "/staged", None), live(&rig, "/ws", Some("chatty")));
        world.clients.lock().unwrap().clear();
        rig.expect_empty().await;
        let seen = world.seen.lock().unwrap().clone();
        let missing: Vec<_> = PLACES.iter().filter(|place| !seen.contains(*place)).collect();
        assert!(missing.is_empty(), "{path:?}: {missing:?}");
        let ended = tokio::time::timeout(Duration::from_secs(20), rig.handle.shutdown()).await;
        assert_eq!(ended.expect("it ends").aborted, 0);
        *WORLD.lock().unwrap() = None;
    });
}

/// A panic at each of the places, whose payload panics whenever it is dropped: it stays with its client.
#[test]
fn a_panic_of_a_panic_stays_where_it_is() {
    let _one = ONE_TEST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for path in [Path::Listen, Path::Memory] {
        on(path, |path| async move {
            for place in PLACES {
                let rig = Rig::start(path, app()).await;
                let world = WORLD.lock().unwrap().clone().unwrap();
                *world.panics_at.lock().unwrap() = Some(place);
                for (path, protocol) in PATHS {
                    hurry(&rig, path, protocol).await;
                }
                assert!(world.seen.lock().unwrap().contains(place), "{path:?}: never at {place}");
                *world.panics_at.lock().unwrap() = None;
                world.clients.lock().unwrap().clear();
                rig.expect_empty().await;
                live(&rig, "/ws", None).await;
                world.clients.lock().unwrap().clear();
                rig.expect_empty().await;
                let ended = tokio::time::timeout(Duration::from_secs(20), rig.handle.shutdown()).await;
                assert!(ended.is_ok(), "{path:?}: no end after {place}");
                *WORLD.lock().unwrap() = None;
            }
        });
    }
}

/// Sends all at once and leaves; whatever is answered, there is an end.
async fn hurry(rig: &Rig, path: &str, protocol: Option<&str>) {
    use tokio::io::AsyncWriteExt;
    let mut stream = rig.stream().await;
    let protocol = protocol.map_or_else(String::new, |protocol| format!("Sec-WebSocket-Protocol: {protocol}\r\n"));
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: test.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: BwcHBwcHBwcHBwcHBwcHBw==\r\n{protocol}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let (head, _) = crate::rig::read_head(&mut stream).await;
    if !head.starts_with("HTTP/1.1 101") {
        assert!(head.starts_with("HTTP/1.1 500"), "{head}");
        return;
    }
    drop(stream);
    let mut peer = Peer::asking(rig.stream().await, request.as_bytes()).await;
    for event in ["plain", "fails", "streams", "acks", "joins", "asks", "waits", "plain"] {
        let data = if event == "plain" { "1" } else { "null" };
        peer.send_if_open(&format!(r#"{{"event":"{event}","data":{data},"id":"{event}"}}"#)).await;
    }
    let mut leaves = false;
    loop {
        let got = match leaves {
            true => Some(peer.recv().await),
            false => tokio::time::timeout(Duration::from_millis(100), peer.recv()).await.ok(),
        };
        match got {
            Some(Got::End) => break,
            Some(Got::Text(text)) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                if frame["event"] == "question" {
                    peer.send_if_open(&format!(r#"{{"ack":{},"data":7}}"#, frame["ack"])).await;
                }
            }
            Some(_) => {}
            // Nothing more is answered.
            None => {
                leaves = true;
                peer.leave_if_open().await;
            }
        }
    }
}
