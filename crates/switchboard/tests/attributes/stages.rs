//! What stands around handlers, in attribute form, over a real socket: the cases of NestJS, and our own.
use futures_util::{Stream, StreamExt as _, stream};
use garde::Validate;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use switchboard::handler::MessageContext;
use switchboard::pipeline::{
    AsyncGuard, Call, Caught, ConnectGuard, DefaultValue, Filter, Guard, Interceptor, Next, Parse, Pipe, Trim,
};
use switchboard::testing::{TestApp, TestClient};
use switchboard::{Ack, App, Client, Error, EventName, Gateway, Reply, Upgrade, gateway, injectable, messages, module};
use tokio::sync::Notify;

/// What has happened, in its order.
#[injectable]
struct Journal {
    lines: Mutex<Vec<String>>,
}

impl Journal {
    fn write(&self, line: impl Into<String>) {
        self.lines.lock().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock())
    }
}

/// Stages that say that they have run; `refuse` and the like in the payload make them fail.
macro_rules! guards {
    ($($name:ident)*) => {
        $(
            #[injectable]
            struct $name {
                #[inject]
                journal: Arc<Journal>,
            }
            impl Guard for $name {
                fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
                    self.journal.write(stringify!($name));
                    match cx.payload::<Value>() {
                        Ok(Value::String(who)) if who == stringify!($name) => Err(Error::forbidden("Not you")),
                        _ => Ok(()),
                    }
                }
            }
        )*
    };
}
guards! { Everywhere Mine Own }

macro_rules! interceptors {
    ($($name:ident)*) => {
        $(
            #[injectable]
            struct $name {
                #[inject]
                journal: Arc<Journal>,
            }
            impl Interceptor for $name {
                async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error> {
                    if call.is_connect() {
                        return next.run().await;
                    }
                    self.journal.write(concat!(stringify!($name), " before"));
                    let reply = next.run().await?;
                    self.journal.write(concat!(stringify!($name), " after"));
                    reply.map(|value| format!("{}({})", stringify!($name), value.as_str().unwrap_or_default()))
                }
            }
        )*
    };
}
interceptors! { Outermost Middle Inner }

/// A guard that is given, and that waits.
struct NotOnSundays {
    sunday: bool,
}

impl AsyncGuard for NotOnSundays {
    async fn message(&self, call: &Call) -> Result<(), Error> {
        tokio::task::yield_now().await;
        if self.sunday { Err(Error::new("sunday", format!("No {} today", call.event()))) } else { Ok(()) }
    }
}

#[gateway(path = "/order")]
#[use_guards(Mine)]
#[use_interceptors(Middle)]
struct Order {
    #[inject]
    journal: Arc<Journal>,
}

#[messages]
impl Order {
    #[subscribe_message("say")]
    #[use_guards(Own, NotOnSundays { sunday: false })]
    #[use_interceptors(Inner)]
    async fn say(&self, text: String) -> String {
        self.journal.write("handler");
        text
    }

    #[subscribe_message("rest")]
    #[use_guards(NotOnSundays { sunday: true })]
    async fn rest(&self) {
        self.journal.write("handler");
    }

    #[subscribe_message("skips")]
    #[skip(Everywhere, Middle)]
    #[skip(Outermost)]
    async fn skips(&self) -> &'static str {
        "as it is"
    }

    /// The same instances again: each runs once, at its outermost place.
    #[subscribe_message("twice")]
    #[use_guards(Everywhere, Mine)]
    #[use_interceptors(Middle, Outermost)]
    async fn twice(&self) -> &'static str {
        "once"
    }
}

#[module(
    providers(Journal, Everywhere, Mine, Own, Outermost, Middle, Inner),
    gateways(Order),
    app_guards(Everywhere),
    app_interceptors(Outermost)
)]
struct OrderModule;

#[tokio::test]
async fn guards_and_interceptors_in_their_order() {
    let app = TestApp::of::<OrderModule>().listen().await;
    let journal = app.resolve::<Journal>();
    let mut ada = app.connect("/order").await;
    journal.take();

    assert_eq!(ada.request::<String>("say", "hi").await, "Outermost(Middle(Inner(hi)))");
    let inside = ["Outermost before", "Middle before", "Inner before", "handler"];
    let back = ["Inner after", "Middle after", "Outermost after"];
    assert_eq!(journal.take(), [&["Everywhere", "Mine", "Own"][..], &inside, &back].concat());

    for (who, before) in [("Everywhere", 1), ("Mine", 2), ("Own", 3)] {
        assert_eq!(ada.request_error("say", who).await.code, "forbidden");
        assert_eq!(journal.take(), ["Everywhere", "Mine", "Own"][..before], "nothing runs behind a refusal");
    }
    let refused = ada.request_error("rest", ()).await;
    assert_eq!((&*refused.code, &*refused.message), ("sunday", "No rest today"));
    assert_eq!(journal.take(), ["Everywhere", "Mine"]);

    assert_eq!(ada.request::<String>("skips", ()).await, "as it is");
    assert_eq!(journal.take(), ["Mine"]);
    assert_eq!(ada.request::<String>("twice", ()).await, "Outermost(Middle(once))");
    let once = ["Everywhere", "Mine", "Outermost before", "Middle before", "Middle after", "Outermost after"];
    assert_eq!(journal.take(), once);
}

/// Both halves, and the one before the upgrade alone.
#[injectable]
struct Members;

impl ConnectGuard for Members {
    async fn connect(&self, upgrade: &mut Upgrade) -> Result<(), Error> {
        match upgrade.headers().get("authorization") {
            Some(_) => Ok(()),
            None => Err(Error::unauthenticated("Log in first")),
        }
    }
}

impl Guard for Members {
    fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
        if matches!(cx.event(), "secret" | "out") { Err(Error::forbidden("Nobody may")) } else { Ok(()) }
    }
}

struct NotFrom(&'static str);

impl ConnectGuard for NotFrom {
    async fn connect(&self, upgrade: &mut Upgrade) -> Result<(), Error> {
        match upgrade.headers().get("x-from") {
            Some(from) if from == self.0 => Err(Error::forbidden("Not from there")),
            _ => Ok(()),
        }
    }
}

#[gateway(path = "/club")]
#[use_guards(Members, NotFrom("mars"))]
struct Club;

#[messages]
impl Club {
    #[subscribe_message("secret")]
    async fn secret(&self) -> u8 {
        1
    }

    #[subscribe_message("open")]
    async fn open(&self) -> u8 {
        2
    }

    #[subscribe_message("out")]
    #[skip(Members)]
    async fn out(&self) -> u8 {
        3
    }
}

#[gateway(path = "/street", public)]
#[skip(Members)]
struct Street;

#[messages]
impl Street {
    #[subscribe_message("secret")]
    async fn secret(&self) -> u8 {
        4
    }
}

#[module(gateways(Club))]
struct ClubModule;

/// The guard that nobody provides provides itself.
#[module(gateways(Club, Street), app_guards(Members))]
struct GuardedModule;

#[tokio::test]
async fn a_guard_has_two_halves() {
    let app = TestApp::of::<ClubModule>().listen().await;
    assert_eq!(app.try_connect("/club").await.unwrap_err().status, 401);
    let refused = app.connecting("/club").bearer("ada").header("x-from", "mars").try_connect().await.unwrap_err();
    assert_eq!(refused.status, 403);
    let mut ada = app.connecting("/club").bearer("ada").connect().await;
    assert_eq!(ada.request_error("secret", ()).await.code, "forbidden");
    assert_eq!(ada.request::<u8>("open", ()).await, 2);
    assert_eq!(ada.request::<u8>("out", ()).await, 3);
}

#[tokio::test]
async fn an_app_wide_guard_is_skipped_by_name() {
    let app = TestApp::of::<GuardedModule>().with(|app| app.require_posture(true)).listen().await;
    assert_eq!(app.try_connect("/club").await.unwrap_err().status, 401);
    let mut passer = app.connect("/street").await;
    assert_eq!(passer.request::<u8>("secret", ()).await, 4);
}

/// Of three messages, one is neither guarded nor public.
#[gateway(path = "/posture")]
struct Posture;

#[messages]
impl Posture {
    #[subscribe_message("guarded")]
    #[use_guards(NotOnSundays { sunday: false })]
    async fn guarded(&self) {}

    #[subscribe_message("public")]
    #[public]
    async fn public(&self) {}

    #[subscribe_message("forgotten")]
    async fn forgotten(&self) {}
}

#[module(gateways(Posture))]
struct PostureModule;

#[tokio::test]
async fn a_message_that_nobody_guards_does_not_boot() {
    let strict = TestApp::of::<PostureModule>().with(|app| app.require_posture(true)).try_start().await;
    let problems = strict.err().unwrap().to_string();
    assert!(problems.contains("`forgotten`") && !problems.contains("`guarded`"), "{problems}");
    assert!(!problems.contains("`public` of"), "{problems}");
    TestApp::of::<PostureModule>().listen().await;
}

/// Puts its letter behind every text.
struct Letter(char);

impl Pipe<Value> for Letter {
    type From = Value;

    fn transform(&self, value: Value, _: &MessageContext<'_>) -> Result<Value, Error> {
        match value {
            Value::String(text) if text.contains('!') => Err(Error::validation_failed("Not so loud")),
            Value::String(text) => Ok(format!("{text}{}", self.0).into()),
            other => Ok(other),
        }
    }
}

impl Pipe<String> for Letter {
    type From = String;

    fn transform(&self, text: String, _: &MessageContext<'_>) -> Result<String, Error> {
        Ok(format!("{text}{}", self.0))
    }
}

#[derive(Debug, Deserialize, Serialize, Validate)]
struct Name {
    #[garde(length(chars, min = 1, max = 5))]
    name: String,
}

/// Makes a name of a text.
struct Named;

impl Pipe<Name> for Named {
    type From = String;

    fn transform(&self, name: String, _: &MessageContext<'_>) -> Result<Name, Error> {
        Ok(Name { name })
    }
}

static MADE: AtomicUsize = AtomicUsize::new(0);

fn counted() -> Letter {
    MADE.fetch_add(1, SeqCst);
    Letter('c')
}

#[gateway(path = "/once")]
struct Once;

#[messages]
impl Once {
    #[subscribe_message("once")]
    #[use_pipes(counted())]
    async fn once(&self, #[pipe(counted(), counted())] text: String) -> String {
        text
    }
}

#[module(gateways(Once))]
struct OnceModule;

#[tokio::test]
async fn an_expression_is_evaluated_once() {
    let app = TestApp::of::<OnceModule>().listen().await;
    let (mut ada, mut bob) = (app.connect("/once").await, app.connect("/once").await);
    for client in [&mut ada, &mut bob] {
        assert_eq!(client.request::<String>("once", "-").await, "-ccc");
    }
    assert_eq!(MADE.load(SeqCst), 3, "when its handler is registered");
}

#[gateway(path = "/pipes")]
#[use_pipes(Letter('g'))]
struct Pipes;

#[messages]
impl Pipes {
    #[subscribe_message("letters")]
    #[use_pipes(Letter('m'), Letter('n'))]
    async fn letters(&self, #[pipe(Letter('p'))] text: String) -> String {
        text
    }

    #[subscribe_message("trimmed")]
    async fn trimmed(&self, #[pipe(Trim, Letter('x'))] text: String) -> String {
        text
    }

    #[subscribe_message("page")]
    async fn page(&self, #[pipe(DefaultValue(10))] size: u64) -> u64 {
        size
    }

    /// The order of NestJS: `new DefaultValuePipe(10), ParseIntPipe`.
    #[subscribe_message("parsed page")]
    async fn parsed_page(&self, #[pipe(DefaultValue(10), Parse)] size: u64) -> u64 {
        size
    }

    #[subscribe_message("parsed pages")]
    async fn parsed_pages(
        &self,
        #[key("size")]
        #[pipe(DefaultValue("0.5"), Parse)]
        size: f64,
        #[key("open")]
        #[pipe(DefaultValue(true), Parse)]
        open: bool,
    ) -> (f64, bool) {
        (size, open)
    }

    #[subscribe_message("valid")]
    async fn valid(&self, #[pipe(Trim, Named)] name: Name) -> String {
        name.name
    }

    #[subscribe_message("keys")]
    async fn keys(
        &self,
        #[key("id")] id: u64,
        client: &Client,
        #[key("name")]
        #[pipe(Trim, Named)]
        name: Name,
        #[key("page")]
        #[pipe(Parse)]
        page: u16,
        #[key(Self::MAYBE)] maybe: Option<String>,
    ) -> Value {
        client.emit("seen", ());
        json!([id, name.name, page, maybe])
    }

    const MAYBE: &'static str = "maybe";

    #[subscribe_message("whole key")]
    async fn whole_key(&self, #[key("who")] who: Name) -> String {
        who.name
    }
}

#[module(gateways(Pipes), app_pipes(Letter('a')))]
struct PipesModule;

#[tokio::test]
async fn pipes_at_each_scope() {
    let app = TestApp::of::<PipesModule>().listen().await;
    let mut ada = app.connect("/pipes").await;
    assert_eq!(ada.request::<String>("letters", "-").await, "-agmnp");
    assert_eq!(ada.request::<String>("trimmed", "  two  ").await, "two  agx", "the outer ones come first");
    assert_eq!(ada.request_error("letters", "!").await.code, "validation_failed");
    assert_eq!(ada.request_error("letters", 7).await.code, "validation_failed");
    assert_eq!(ada.request::<u64>("page", ()).await, 10);
    assert_eq!(ada.request::<u64>("page", 5).await, 5);
    for (sent, size) in [(json!(null), 10), (json!(8), 8)] {
        assert_eq!(ada.request::<u64>("parsed page", sent).await, size);
    }
    assert_eq!(ada.request_error("parsed page", "x").await.code, "validation_failed");
    assert_eq!(ada.request::<(f64, bool)>("parsed pages", ()).await, (0.5, true));
    assert_eq!(ada.request::<(f64, bool)>("parsed pages", json!({ "size": "2", "open": "false" })).await, (2.0, false));
    assert_eq!(ada.request::<String>("valid", "ada").await, "adaag");
    let refused = ada.request_error("valid", "adalbert").await;
    assert_eq!((&*refused.code, &*refused.details[0].path), ("validation_failed", "/name"));
}

#[tokio::test]
async fn one_key_of_the_payload() {
    let app = TestApp::of::<PipesModule>().listen().await;
    let mut ada = app.connect("/pipes").await;
    let whole = json!({ "id": 7, "name": " ada ", "page": "2", "other": [] });
    assert_eq!(ada.request::<Value>("keys", &whole).await, json!([7, "ada", 2, null]));
    let refused = ada.request_error("keys", json!({ "id": "x", "name": "ada", "page": "2" })).await;
    assert_eq!((&*refused.code, &*refused.details[0].path), ("validation_failed", "/id"));
    assert_eq!(ada.request_error("keys", json!({ "name": "ada", "page": "2" })).await.code, "validation_failed");
    assert_eq!(
        ada.request_error("keys", json!({ "id": 7, "name": "ada", "page": "two" })).await.code,
        "validation_failed"
    );
    assert_eq!(ada.request_error("keys", json!({ "id": 7, "name": "", "page": "2" })).await.code, "validation_failed");
    assert_eq!(ada.request_error("keys", "no object").await.code, "validation_failed");
    assert_eq!(ada.request::<String>("whole key", json!({ "who": { "name": "bob" } })).await, "bob");
    let refused = ada.request_error("whole key", json!({ "who": { "name": "" } })).await;
    assert_eq!((&*refused.code, &*refused.details[0].path), ("validation_failed", "/who/name"));
}

/// Errors of an application's own.
struct Missing(&'static str);
struct Full;

impl From<Missing> for Error {
    fn from(missing: Missing) -> Error {
        Error::new("missing", missing.0)
    }
}

impl From<Full> for Error {
    fn from(_: Full) -> Error {
        Error::new("full", "full")
    }
}

macro_rules! filters {
    ($($name:ident of $error:ty;)*) => {
        $(
            #[injectable]
            struct $name;
            impl Filter for $name {
                type Error = $error;
                fn catch(&self, error: $error, caught: &Caught<'_>) -> Error {
                    let told: Error = error.into();
                    Error::new(stringify!($name), format!("{}: {}", caught.event(), told.code()))
                }
            }
        )*
    };
}
filters! { OnMessage of Missing; OnGateway of Missing; GatewayFull of Full; Whatever of Error; }

#[gateway(path = "/filters")]
#[use_filters(OnGateway, GatewayFull)]
struct Filters;

#[messages]
impl Filters {
    #[subscribe_message("own")]
    #[use_filters(OnMessage)]
    async fn own(&self, full: bool) -> Result<(), Missing> {
        if full { Ok(()) } else { Err(Missing("it")) }
    }

    #[subscribe_message("full")]
    #[use_filters(OnMessage)]
    async fn full(&self) -> Result<(), Full> {
        Err(Full)
    }

    #[subscribe_message("gateway")]
    async fn gateway(&self) -> Result<(), Missing> {
        Err(Missing("it"))
    }

    #[subscribe_message("other")]
    async fn other(&self) -> Result<(), Error> {
        Err(Error::new("other", "other"))
    }

    #[subscribe_message("skips")]
    #[skip(OnGateway)]
    async fn skips(&self) -> Result<(), Missing> {
        Err(Missing("it"))
    }
}

#[module(gateways(Filters), app_filters(Whatever))]
struct FiltersModule;

#[tokio::test]
async fn filters_by_type_at_each_scope() {
    let app = TestApp::of::<FiltersModule>().listen().await;
    let mut ada = app.connect("/filters").await;
    let mut told = async |event: &str, data: Value| {
        let error = ada.request_error(event, data).await;
        (error.code, error.message)
    };
    let is = |code: &str, message: &str| (code.to_owned(), message.to_owned());
    assert_eq!(told("own", json!(false)).await, is("OnMessage", "own: missing"));
    assert_eq!(told("full", json!(null)).await, is("GatewayFull", "full: full"));
    assert_eq!(told("gateway", json!(null)).await, is("OnGateway", "gateway: missing"));
    assert_eq!(told("other", json!(null)).await, is("Whatever", "other: other"));
    assert_eq!(told("own", json!("no bool")).await, is("Whatever", "own: validation_failed"), "a payload's error, too");
    assert_eq!(told("skips", json!(null)).await, is("Whatever", "skips: missing"));
    ada.request::<()>("own", true).await;
}

/// A handler for what has none, and who may join.
#[gateway(path = "/rooms")]
struct Rooms {
    gate: Notify,
    running: AtomicUsize,
}

#[messages]
impl Rooms {
    #[catch_all]
    #[use_pipes(Letter('c'))]
    async fn other(&self, event: EventName, text: String) -> String {
        format!("{event}: {text}")
    }

    #[subscribe_message("known")]
    async fn known(&self) -> &'static str {
        "known"
    }

    #[on_join]
    fn may_join(&self, client: &Client, room: &str) -> Result<(), Error> {
        client.emit("asked", room);
        if room.starts_with("secret") { Err(Error::forbidden("A secret room")) } else { Ok(()) }
    }

    #[subscribe_message("join")]
    async fn join(&self, room: String, client: &Client) -> Result<usize, Error> {
        client.join(&room).await?;
        Ok(client.rooms().len())
    }

    /// Waits until as many run as it says.
    #[subscribe_message("meet")]
    #[concurrency(2)]
    async fn meet(&self, others: usize) -> usize {
        let running = self.running.fetch_add(1, SeqCst) + 1;
        if running == others {
            self.gate.notify_waiters();
        } else {
            self.gate.notified().await;
        }
        running
    }

    #[subscribe_message("late")]
    async fn late(&self, text: String, ack: Ack<String>) {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let _ = ack.send(text);
        });
    }
}

#[gateway(path = "/many", concurrency = 3)]
struct Many {
    gate: Notify,
    running: AtomicUsize,
}

#[messages]
impl Many {
    #[subscribe_message("meet")]
    async fn meet(&self, others: usize) -> usize {
        let running = self.running.fetch_add(1, SeqCst) + 1;
        if running == others {
            self.gate.notify_waiters();
        } else {
            self.gate.notified().await;
        }
        running
    }
}

#[module(gateways(Rooms, Many))]
struct RoomsModule;

#[tokio::test]
async fn a_handler_of_what_has_none() {
    let app = TestApp::of::<RoomsModule>().listen().await;
    let mut ada = app.connect("/rooms").await;
    assert_eq!(ada.request::<String>("known", ()).await, "known");
    assert_eq!(ada.request::<String>("unheard of", "hi").await, "unheard of: hic");
    let mut bob = app.connect("/many").await;
    assert_eq!(bob.request_error("unheard of", "hi").await.code, "unknown_event");
}

#[tokio::test]
async fn who_may_join() {
    let app = TestApp::of::<RoomsModule>().listen().await;
    let mut ada = app.connect("/rooms").await;
    let joined = ada.request::<usize>("join", "lobby").await;
    assert_eq!(ada.expect::<String>("asked").await, "lobby");
    assert_eq!(ada.request_error("join", "secret/1").await.code, "forbidden");
    assert_eq!(ada.expect::<String>("asked").await, "secret/1");
    assert_eq!(app.server().count_in("secret/1"), 0);
    assert_eq!(ada.request::<usize>("join", "hall").await, joined + 1);
}

async fn meet(client: &mut TestClient, others: usize) {
    let mut calls = Vec::new();
    for _ in 0..others {
        calls.push(client.begin("meet", others).await);
    }
    let mut answers = Vec::new();
    for call in calls {
        answers.push(client.expect_reply::<usize>(call).await);
    }
    answers.sort_unstable();
    assert_eq!(answers, (1..=others).collect::<Vec<_>>());
}

#[tokio::test]
async fn several_messages_at_a_time() {
    let app = TestApp::of::<RoomsModule>().listen().await;
    meet(&mut app.connect("/rooms").await, 2).await;
    meet(&mut app.connect("/many").await, 3).await;
}

#[tokio::test]
async fn an_answer_that_comes_later() {
    let app = TestApp::of::<RoomsModule>().listen().await;
    let mut ada = app.connect("/rooms").await;
    let late = ada.begin("late", "in a while").await;
    assert_eq!(ada.request::<String>("known", ()).await, "known", "the next message is handled meanwhile");
    assert_eq!(ada.expect_reply::<String>(late).await, "in a while");
}

/// Says when it is dropped.
struct Dropped(Arc<Journal>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.write("dropped");
    }
}

/// Streams that borrow the gateway, and one that may fail before it begins.
#[gateway(path = "/streams")]
struct Streams {
    #[inject]
    journal: Arc<Journal>,
}

#[messages]
impl Streams {
    #[subscribe_message("count")]
    async fn count(&self, to: u32) -> impl Stream<Item = u32> {
        self.journal.write("count");
        stream::iter(0..to).inspect(|number| self.journal.write(number.to_string()))
    }

    #[subscribe_message("for ever")]
    async fn for_ever(&self) -> impl Stream<Item = u8> {
        let dropped = Dropped(self.journal.clone());
        stream::iter([1]).chain(stream::pending()).inspect(move |_| dropped.0.write("item"))
    }

    #[subscribe_message("lines")]
    async fn lines(&self, fine: bool) -> Result<impl Stream<Item = Result<&'static str, Full>>, Missing> {
        if fine { Ok(stream::iter([Ok("one"), Err(Full), Ok("three")])) } else { Err(Missing("none")) }
    }
}

#[module(providers(Journal), gateways(Streams))]
struct StreamsModule;

#[tokio::test]
async fn a_stream_is_a_frame_an_item() {
    let app = TestApp::of::<StreamsModule>().listen().await;
    let mut ada = app.connect("/streams").await;
    let frame = async |ada: &mut TestClient| -> Value { serde_json::from_str(&ada.expect_text().await).unwrap() };
    ada.send_text(r#"{"event":"count","data":2,"id":"c"}"#).await;
    assert_eq!(frame(&mut ada).await, json!({ "event": "count", "id": "c", "data": 0, "more": true }));
    assert_eq!(frame(&mut ada).await, json!({ "event": "count", "id": "c", "data": 1, "more": true }));
    assert_eq!(frame(&mut ada).await, json!({ "event": "count", "id": "c", "done": true }));
    assert_eq!(app.resolve::<Journal>().take(), ["count", "0", "1"]);

    ada.send_text(r#"{"event":"lines","data":true,"id":"l"}"#).await;
    assert_eq!(frame(&mut ada).await, json!({ "event": "lines", "id": "l", "data": "one", "more": true }));
    assert_eq!(frame(&mut ada).await["data"]["code"], "full", "an item that fails is the end");
    assert_eq!(ada.request_error("lines", false).await.code, "missing");
}

#[tokio::test]
async fn a_stream_ends_where_its_client_cancels_it() {
    let app = TestApp::of::<StreamsModule>().listen().await;
    let journal = app.resolve::<Journal>();
    let mut ada = app.connect("/streams").await;
    ada.send_text(r#"{"event":"for ever","id":"f"}"#).await;
    let first: Value = serde_json::from_str(&ada.expect_text().await).unwrap();
    assert_eq!(first, json!({ "event": "for ever", "id": "f", "data": 1, "more": true }));
    ada.send_text(r#"{"cancel":"f"}"#).await;
    let end: Value = serde_json::from_str(&ada.expect_text().await).unwrap();
    assert_eq!((&end["id"], end.get("more")), (&json!("f"), None), "{end}");
    assert_eq!(journal.take(), ["item", "dropped"]);
    assert_eq!(ada.request_error("lines", false).await.code, "missing", "the connection goes on");

    ada.send_text(r#"{"event":"for ever","id":"g"}"#).await;
    ada.expect_text().await;
    ada.close().await;
    app.expect_empty().await;
    assert_eq!(journal.take(), ["item", "dropped"], "and where it leaves");
}

/// Whoever mounts a gateway by hand does not lose what stands on its struct.
#[tokio::test]
async fn what_stands_on_the_struct_holds_by_hand_too() {
    struct Nobody;
    impl Guard for Nobody {
        fn message(&self, _: &MessageContext<'_>) -> Result<(), Error> {
            Err(Error::forbidden("Nobody"))
        }
    }
    #[gateway]
    #[use_guards(Nobody {})]
    struct Club;
    #[messages]
    impl Club {
        #[subscribe_message("enter")]
        async fn enter(&self) -> &'static str {
            "in"
        }
    }
    let app = TestApp::new(App::new().gateway("/club", Gateway::of(Club)));
    let mut client = app.connect("/club").await;
    assert_eq!(client.request_error("enter", ()).await.code, "forbidden");
    // Nor does one that includes it: its guards cannot be taken over, and are not dropped.
    let whole = Gateway::functions().include_shared(Arc::new(Club));
    let error = App::new().gateway("/ws", whole).into_router().unwrap_err();
    let told = error.problems()[0].message();
    assert!(told.contains("includes Club, which has guards or settings of its own"), "{told}");
}
