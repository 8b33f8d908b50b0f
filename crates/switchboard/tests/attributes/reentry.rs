//! The application's code that comes back to the crate from inside of a call: it ends, and says what it did.
use futures_util::FutureExt;
use parking_lot::Mutex;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use switchboard::codec::{Codec, FrameKind, Incoming, Json, Lend, Outgoing, Rejected};
use switchboard::di::{Container, ModuleDef, Provider, Scope};
use switchboard::testing::TestApp;
use switchboard::{App, Client, ConnState, Error, Gateway, OrInternal, Server};

/// How deep joins, and sends, go into each other.
const DEEPEST: usize = 8;
/// How many of them there are inside of one.
const INSIDE: usize = 1024;

struct Lobby {
    asked: AtomicUsize,
    /// Who joins in place of the client that does.
    other: Mutex<Option<Client>>,
}

impl Lobby {
    fn gateway() -> (Arc<Lobby>, Gateway<Lobby>) {
        let lobby = Arc::new(Lobby { asked: AtomicUsize::new(0), other: Mutex::default() });
        let gateway = Gateway::shared(lobby.clone())
            .on("join", Lobby::join)
            .on("forget", Lobby::forget)
            .on("lend", Lobby::lend)
            .on_join(Lobby::may_join);
        (lobby, gateway)
    }
    async fn join(&self, room: String, client: &Client) -> Result<(), Error> {
        client.join(room).await
    }
    async fn forget(&self, room: String, client: &Client) -> usize {
        client.join(room);
        client.rooms().len()
    }
    async fn lend(&self, client: &Client) {
        *self.other.lock() = Some(client.clone());
    }
    fn may_join(&self, client: &Client, room: &str) -> Result<(), Error> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let joined = |client: &Client, room: &str| client.join(room).into_future().now_or_never().unwrap();
        match room.split_once(' ') {
            Some(("same", _)) => joined(client, room),
            Some(("deeper", _)) => joined(client, &format!("deeper {asked}")),
            Some(("other", _)) => {
                let other = self.other.lock().replace(client.clone()).unwrap();
                joined(&other, room)
            }
            Some(("wide", rest)) => (0..16).try_for_each(|n| {
                let _ = joined(client, &format!("wide {rest}-{n}"));
                Ok(())
            }),
            Some(("leaves", _)) => {
                client.leave(room);
                let _ = (client.is_in(room), client.rooms());
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_hook_that_joins_is_stopped_and_the_log_says_why() {
    let (lobby, gateway) = Lobby::gateway();
    let app = TestApp::new(App::new().gateway("/ws", gateway));
    let (mut ada, mut bob) = (app.connect("/ws").await, app.connect("/ws").await);
    bob.request::<()>("lend", ()).await;
    for room in ["same room", "deeper room", "other room"] {
        lobby.asked.store(0, Ordering::Relaxed);
        let error = ada.request_error("join", room).await;
        assert_eq!(error.code, "internal", "{room}");
        assert_eq!(lobby.asked.load(Ordering::Relaxed), DEEPEST, "{room}");
        let trace = error.trace_id.unwrap();
        let line = app.logs().errors().into_iter().find(|line| line.field("trace_id") == Some(&trace)).unwrap();
        let cause = line.field("cause").unwrap().to_owned();
        assert!(cause.contains("`on_join`") && cause.contains("8 deep"), "{cause}");
    }
    for client in [&mut ada, &mut bob] {
        assert_eq!(client.request::<usize>("forget", "lobby").await, 1, "none but this one");
    }
    ada.request::<()>("join", "leaves it").await;
}

/// Not deep, but 16 in each, and as many in each of those.
#[tokio::test]
async fn a_hook_that_joins_many_ends_soon() {
    let (lobby, gateway) = Lobby::gateway();
    let app = TestApp::new(App::new().gateway("/ws", gateway));
    let mut ada = app.connect("/ws").await;
    ada.request::<usize>("forget", "wide room").await;
    let asked = lobby.asked.load(Ordering::Relaxed);
    assert!((20..=1 + INSIDE).contains(&asked), "{asked}");
}

/// Sends itself while it is serialised, or while it is dropped, so often at each time.
struct Itself {
    to: Arc<Sender>,
    serialised: usize,
    dropped: usize,
}

struct Sender {
    client: Client,
    server: Option<Server>,
    sent: AtomicUsize,
}

impl Sender {
    fn send(self: &Arc<Self>, serialised: usize, dropped: usize) {
        let again = || Itself { to: self.clone(), serialised, dropped };
        let sent = self.sent.fetch_add(1, Ordering::Relaxed);
        match (&self.server, sent % 4) {
            (Some(server), _) => drop(server.broadcast("again", again())),
            (None, 0) => drop(self.client.emit("again", again())),
            (None, 1) => drop(self.client.emit_volatile("again", again())),
            (None, 2) => drop(self.client.emit_with_ack::<()>("again", again(), Duration::from_secs(1))),
            (None, _) => drop(self.client.to(self.client.id()).emit_with_ack::<()>("again", again(), Duration::ZERO)),
        }
    }
}

impl Serialize for Itself {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (0..self.serialised).for_each(|_| self.to.send(self.serialised, self.dropped));
        serializer.serialize_u64(1)
    }
}

impl Drop for Itself {
    fn drop(&mut self) {
        (0..self.dropped).for_each(|_| self.to.send(self.serialised, self.dropped));
    }
}

struct Mirror;

impl Mirror {
    async fn emit(&self, (serialised, dropped): (usize, usize), client: &Client) -> usize {
        Mirror::send(client, None, serialised, dropped)
    }
    async fn broadcast(&self, (serialised, dropped): (usize, usize), client: &Client, server: Server) -> usize {
        Mirror::send(client, Some(server), serialised, dropped)
    }
    async fn reply(&self, client: &Client) -> Itself {
        let to = Arc::new(Sender { client: client.clone(), server: None, sent: AtomicUsize::new(0) });
        Itself { to, serialised: 1, dropped: 1 }
    }
    fn send(client: &Client, server: Option<Server>, serialised: usize, dropped: usize) -> usize {
        let to = Arc::new(Sender { client: client.clone(), server, sent: AtomicUsize::new(0) });
        to.send(serialised, dropped);
        to.sent.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn what_sends_itself_is_stopped_and_the_log_says_why() {
    let mirror =
        Gateway::new(Mirror).on("emit", Mirror::emit).on("broadcast", Mirror::broadcast).on("reply", Mirror::reply);
    let app = TestApp::new(App::new().gateway("/ws", mirror));
    for event in ["emit", "broadcast"] {
        for (serialised, dropped) in [(1, 0), (0, 1), (1, 1), (16, 0), (0, 16), (3, 3)] {
            let mut ada = app.connect("/ws").await;
            ada.send_text(format!(r#"{{"event":"{event}","data":[{serialised},{dropped}],"id":"i"}}"#)).await;
            let sent = loop {
                let text: Value = serde_json::from_str(&ada.expect_text().await).unwrap();
                if text["event"] == event {
                    break text["data"].as_u64().unwrap() as usize;
                }
            };
            assert!((2..3 * INSIDE).contains(&sent), "{event} {serialised} {dropped}: {sent}");
        }
    }
    assert!(app.logs().contains("as it is serialised or dropped, more than 8 deep"));
    let mut ada = app.connect("/ws").await;
    ada.send("reply", ()).await;
    assert_eq!(ada.skip_until::<u64>("reply").await, 1);
}

/// A codec that sends, and joins what cannot be joined, whenever it encodes.
struct Chatty(Arc<Mutex<Option<Client>>>, AtomicUsize);

impl Codec for Chatty {
    fn protocol(&self) -> &str {
        "chatty"
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
        let client = self.0.lock().clone();
        if let Some(client) = client {
            match self.1.fetch_add(1, Ordering::Relaxed) % 2 {
                0 => drop(client.emit("again", 1)),
                _ => drop(client.join("no*room")),
            }
        }
        Json.encode(frame, out)
    }
}

struct Keeper(Arc<Mutex<Option<Client>>>);

impl Keeper {
    async fn keep(&self, client: &Client) -> u64 {
        *self.0.lock() = Some(client.clone());
        7
    }
}

#[tokio::test]
async fn a_codec_that_sends_is_stopped() {
    let kept = Arc::default();
    let codec = Chatty(Arc::clone(&kept), AtomicUsize::new(0));
    let app = TestApp::new(App::new().codec(codec).gateway("/ws", Gateway::new(Keeper(kept)).on("keep", Keeper::keep)));
    let mut ada = app.connecting("/ws").protocol("chatty").connect().await;
    ada.send("keep", ()).await;
    assert_eq!(ada.skip_until::<u64>("keep").await, 7);
}

/// Errors without an end.
struct Endless(&'static str);

impl fmt::Debug for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "text" => loop {
                f.write_str("on and on, ")?;
            },
            text => f.write_str(text),
        }
    }
}

impl StdError for Endless {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self.0 {
            "text" => None,
            _ => Some(self),
        }
    }
}

/// The same error that another crate keeps.
fn by_anyhow(kind: &'static str) -> anyhow::Error {
    anyhow::Error::new(Endless(kind)).context("around it")
}

struct Faulty;

impl Faulty {
    async fn internal(&self, kind: String) -> Result<(), Error> {
        Err(Endless(if kind == "text" { "text" } else { "in a circle" })).or_internal()
    }
    async fn boxed(&self, kind: String) -> Result<(), Error> {
        let cause: Box<dyn StdError + Send + Sync> =
            Box::new(Endless(if kind == "text" { "text" } else { "in a circle" }));
        Err(cause)?
    }
    async fn anyhow(&self, kind: String) -> Result<(), Error> {
        Err(by_anyhow(if kind == "text" { "text" } else { "in a circle" }))?
    }
    async fn within(&self, kind: String) -> Result<(), Error> {
        let inner = Error::forbidden("inner").with_source(Endless(if kind == "text" { "text" } else { "in a circle" }));
        Err(Error::internal(inner))
    }
    async fn serialised(&self) -> Refuses {
        Refuses
    }
    async fn emitted(&self, client: &Client) -> usize {
        client.emit("refused", Refuses).refused as usize
    }
    async fn traced(&self) {
        tracing::warn!(display = %Endless("text"), debug = ?Endless("text"), "endless fields");
        tracing::warn!(error = &Endless("in a circle") as &(dyn StdError + 'static), "endless causes");
    }
    async fn panics(&self) {
        panic!("{}", "a long text, ".repeat(1 << 20))
    }
}

/// Its `Serialize` fails without an end to its text.
struct Refuses;
impl Serialize for Refuses {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("short"))
    }
}

const LONGEST: usize = 9 << 10;

#[tokio::test]
async fn an_error_without_an_end_is_told_to_where_it_is_cut() {
    let faulty = Gateway::new(Faulty)
        .on("internal", Faulty::internal)
        .on("boxed", Faulty::boxed)
        .on("anyhow", Faulty::anyhow)
        .on("within", Faulty::within)
        .on("serialised", Faulty::serialised)
        .on("emitted", Faulty::emitted)
        .on("traced", Faulty::traced)
        .on("panics", Faulty::panics);
    let app = TestApp::new(App::new().gateway("/ws", faulty));
    let mut ada = app.connect("/ws").await;
    for event in ["internal", "boxed", "anyhow", "within"] {
        for (kind, most) in [("circle", 34), ("text", usize::MAX)] {
            let error = ada.request_error(event, kind).await;
            assert_eq!((&*error.code, &*error.message), ("internal", "Internal error"), "{event}");
            let trace = error.trace_id.unwrap();
            let line = app.logs().errors().into_iter().find(|line| line.field("trace_id") == Some(&trace)).unwrap();
            let cause = line.field("cause").unwrap().to_owned();
            assert!(cause.contains("in a circle") || cause.contains("on and on"), "{event}: {cause}");
            assert!(cause.matches("in a circle").count() <= most && cause.len() <= LONGEST, "{event}: {cause}");
            assert!(cause.len() >= 300, "{event}: cut too early: {cause}");
        }
    }
    ada.request_error("serialised", ()).await;
    ada.request::<usize>("emitted", ()).await;
    ada.request::<()>("traced", ()).await;
    ada.request_error("panics", ()).await;
    for line in app.logs().lines() {
        assert!(line.fields.iter().all(|(_, value)| value.len() <= LONGEST) && line.message.len() <= LONGEST);
    }
}

struct Never;

#[tokio::test]
async fn an_error_without_an_end_stops_a_boot_and_is_told_short() {
    for kind in ["text", "in a circle"] {
        let modules = [
            ModuleDef::new("A").provider(Provider::try_factory(move || Err::<Never, _>(Endless(kind)))),
            ModuleDef::new("B")
                .provider(Provider::try_async_factory(move || async move { Err::<Never, _>(by_anyhow(kind)) })),
            ModuleDef::new("C").on_init(move |_| async move { Err::<(), Error>(Error::internal(Endless(kind))) }),
            ModuleDef::new("D")
                .on_init(move |_| async move { Err::<(), Error>(Error::forbidden("no").with_source(Endless(kind))) }),
        ];
        for module in modules {
            let error = App::boot_def(module).create().await.err().unwrap();
            let told = [error.to_string(), format!("{error:?}")];
            assert!(told.iter().all(|told| (300..LONGEST + 1000).contains(&told.len())), "{kind}: {told:?}");
        }
    }
}

/// What is used inside of itself.
#[derive(Clone, Default)]
struct Purse {
    coins: u64,
}

struct Bank;

impl Bank {
    async fn within(&self, how: String, purse: ConnState<Purse>, client: &Client) -> u64 {
        purse.with(|held| {
            held.coins += 1;
            match &*how {
                "with" => purse.with(|held| held.coins),
                "get" => purse.get().coins,
                "set" => purse.set(Purse::default()).coins,
                "client" => client.state::<Purse>().with(|held| held.coins),
                "another" => client.state::<u64>().with(|_| client.state::<Purse>().get().coins),
                "thread" => {
                    let there = purse.clone();
                    std::thread::spawn(move || drop(there)).join().unwrap();
                    held.coins
                }
                _ => client.state::<u64>().with(|_| held.coins),
            }
        })
    }
    async fn coins(&self, purse: ConnState<Purse>) -> u64 {
        purse.get().coins
    }
}

#[tokio::test]
async fn state_that_is_used_inside_of_itself_is_a_panic_that_says_so() {
    let bank = Gateway::new(Bank).on("within", Bank::within).on("coins", Bank::coins);
    let app = TestApp::new(App::new().gateway("/ws", bank));
    let mut ada = app.connect("/ws").await;
    for how in ["with", "get", "set", "client", "another"] {
        let error = ada.request_error("within", how).await;
        assert_eq!(error.code, "internal", "{how}");
        let trace = error.trace_id.unwrap();
        let line = app.logs().errors().into_iter().find(|line| line.field("trace_id") == Some(&trace)).unwrap();
        let panic = line.field("panic").unwrap().to_owned();
        assert!(panic.contains("the state Purse is used inside of its own `with`"), "{how}: {panic}");
    }
    assert_eq!(ada.request::<u64>("coins", ()).await, 5, "what was done before stays, and it is free again");
    assert_eq!(ada.request::<u64>("within", "other type").await, 6);
    assert_eq!(ada.request::<u64>("within", "thread").await, 7);
}

/// State whose `Default` wants it, through a client that others left for it.
struct Selfish;

static OF: Mutex<Option<Client>> = Mutex::new(None);

impl Default for Selfish {
    fn default() -> Selfish {
        let client = OF.lock().clone();
        client.map(|client| client.state::<Selfish>());
        Selfish
    }
}

struct Makes(Arc<Mutex<Option<Container>>>);

/// Of each client, and asks for itself in a way that nobody sees: by a container that a handler has left.
struct Undeclared;

impl Makes {
    async fn default(&self, client: &Client) {
        *OF.lock() = Some(client.clone());
        client.state::<Selfish>();
    }
    async fn service(&self, container: Container) -> Result<(), Error> {
        *self.0.lock() = Some(container.clone());
        container.resolve::<Undeclared>()?;
        Ok(())
    }
}

#[tokio::test]
async fn what_is_made_of_itself_is_told() {
    let kept: Arc<Mutex<Option<Container>>> = Arc::default();
    let (keeps, made) = (kept.clone(), Arc::new(AtomicUsize::new(0)));
    let count = made.clone();
    let undeclared = Provider::try_scoped(Scope::Connection, move || {
        made.fetch_add(1, Ordering::Relaxed);
        let container = keeps.lock().clone().unwrap();
        // Twice, whatever came of the first.
        let _ = container.resolve::<Undeclared>();
        container.resolve::<Undeclared>().map(|_| Undeclared)
    });
    let app = App::boot_def(ModuleDef::new("Makes").provider(undeclared)).create().await.unwrap();
    let gateway = Gateway::new(Makes(kept)).on("default", Makes::default).on("service", Makes::service);
    let app = TestApp::new(app.gateway("/ws", gateway));
    let mut ada = app.connect("/ws").await;
    for (event, told) in
        [("default", "asks for the state that it makes"), ("service", "asks for itself while it is made")]
    {
        let error = ada.request_error(event, ()).await;
        assert_eq!(error.code, "internal", "{event}");
        let trace = error.trace_id.unwrap();
        let line = app.logs().errors().into_iter().find(|line| line.field("trace_id") == Some(&trace)).unwrap();
        assert!(line.to_string().contains(told), "{line}");
    }
    assert!((2..3000).contains(&count.load(Ordering::Relaxed)), "{count:?}");
    *OF.lock() = None;
}

/// A subscriber that tells a client of each line, which may be logged, at all the places where it is asked.
struct Tells(Client);

impl Tells {
    fn tell(&self) {
        self.0.emit("sys.refused", ());
        let _ = self.0.join("no*room");
    }
}

impl tracing::Subscriber for Tells {
    fn register_callsite(&self, _: &'static tracing::Metadata<'static>) -> tracing::subscriber::Interest {
        tracing::subscriber::Interest::sometimes()
    }
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        self.tell();
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.tell();
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// In a process of its own, as the subscriber of all threads: one of a thread `tracing` does not call inside of itself.
#[test]
fn a_subscriber_that_causes_lines_ends() {
    const CHILD: &str = "SWITCHBOARD_TEST_SUBSCRIBER";
    if std::env::var_os(CHILD).is_none() {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "reentry::a_subscriber_that_causes_lines_ends"]).env(CHILD, "1");
        let output = child.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let ada = switchboard::testing::client();
    tracing::subscriber::set_global_default(Tells(ada.clone())).unwrap();
    assert!(ada.emit("sys.refused", ()).refused);
    tracing::warn!("of the application");
    assert!(ada.emit("fine", ()).is_complete());
}
