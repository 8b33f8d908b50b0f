//! Where a handler may be written: generic structs, traits, free functions, closures, shared state; kinds of payload.
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use switchboard::handler::{Context, FromMessage, MessageContext};
use switchboard::{App, Args, Client, ConnState, Error, Gateway, HandlerDef, Server, Valid};
use switchboard_rig::{Rig, Stack};

/// A generic gateway.
struct Chat<T> {
    said: parking_lot::Mutex<Vec<T>>,
}

impl<T> Chat<T>
where
    T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    async fn say(&self, message: T, client: &Client) -> T {
        client.join("lobby").await.unwrap();
        self.said.lock().push(message.clone());
        message
    }
    async fn history(&self) -> Vec<T> {
        tokio::task::yield_now().await;
        self.said.lock().clone()
    }
    async fn joined(&self, client: &Client) {
        client.join("lobby");
    }
    /// The table, made where `T` is not known.
    fn gateway() -> Gateway<Chat<T>> {
        Gateway::new(Chat { said: parking_lot::Mutex::default() })
            .on("say", Chat::<T>::say)
            .on("history", Self::history)
            .on_connect(Self::joined)
    }
}

/// With a lifetime parameter and a constant.
struct Static<'a, const N: usize>(PhantomData<&'a ()>);

impl<'a, const N: usize> Static<'a, N> {
    async fn n(&self) -> usize {
        N
    }
}

#[tokio::test]
async fn generic_gateways() {
    let app = App::new()
        .gateway("/text", Chat::<String>::gateway())
        .gateway("/numbers", Chat::<Vec<i64>>::gateway())
        .gateway("/static", Gateway::new(Static::<'static, 5>(PhantomData)).on("n", Static::n));
    let rig = Rig::start(Stack::Listen, app).await;
    let mut peer = rig.connect_to("/text").await;
    peer.expect_request(r#"{"event":"say","data":"hi"}"#, r#"{"event":"say","data":"hi"}"#).await;
    peer.expect_request(r#"{"event":"history"}"#, r#"{"event":"history","data":["hi"]}"#).await;
    let mut peer = rig.connect_to("/numbers").await;
    peer.expect_request(r#"{"event":"say","data":[1,-2]}"#, r#"{"event":"say","data":[1,-2]}"#).await;
    peer.expect_request(r#"{"event":"history"}"#, r#"{"event":"history","data":[[1,-2]]}"#).await;
    let mut peer = rig.connect_to("/static").await;
    peer.expect_request(r#"{"event":"n"}"#, r#"{"event":"n","data":5}"#).await;
}

struct State {
    base: u32,
}

/// Methods of a trait. `async fn` in a trait says nothing of `Send`; it is known where the type is.
trait Maths {
    async fn double(&self, n: u32) -> u32;
    fn add(&self, n: u32, client: &Client) -> impl Future<Output = u32> + Send;
}

impl Maths for State {
    async fn double(&self, n: u32) -> u32 {
        tokio::task::yield_now().await;
        n * 2
    }
    async fn add(&self, n: u32, client: &Client) -> u32 {
        tokio::task::yield_now().await;
        if client.is_connected() { self.base + n } else { 0 }
    }
}

async fn free(state: &State, n: u32) -> u32 {
    tokio::task::yield_now().await;
    state.base + n
}

async fn free_generic<T: Send + Sync + 'static>(_: &T, client: &Client, n: u32) -> u32 {
    client.join("lobby").await.unwrap();
    n
}

mod nested {
    pub(super) async fn ignores(_: &super::State) -> &'static str {
        "nested"
    }
}

impl State {
    /// An explicit lifetime.
    async fn lifetime<'a>(&'a self, n: u32, client: &'a Client) -> u32 {
        tokio::task::yield_now().await;
        let _ = client.id();
        self.base + n
    }
    /// A future spelled out, and a future in a box.
    #[expect(clippy::manual_async_fn, reason = "the spelled form is what is tested")]
    fn spelled<'a>(&'a self, n: u32, client: &'a Client) -> impl Future<Output = u32> + Send + 'a {
        async move { if client.is_connected() { self.base + n } else { 0 } }
    }
    fn boxed<'a>(&'a self, client: &'a Client) -> std::pin::Pin<Box<dyn Future<Output = u32> + Send + 'a>> {
        Box::pin(self.lifetime(4, client))
    }
    #[expect(clippy::manual_async_fn, reason = "the spelled form is what is tested")]
    fn elided(&self, n: u32) -> impl Future<Output = u32> {
        async move { self.base + n }
    }
    /// It looks at the state, and its future borrows nothing.
    fn ready(&self, n: u32) -> std::future::Ready<u32> {
        std::future::ready(self.base + n)
    }
    async fn mutable(&self, mut n: u32) -> u32 {
        n += 1;
        n
    }
    async fn generic<T: DeserializeOwned + Serialize + Send + 'static>(&self, value: T) -> T {
        value
    }
    /// Handlers may call handlers.
    async fn calls(&self, n: u32, client: &Client) -> u32 {
        let n = self.lifetime(n, client).await;
        Self::double(self, n).await
    }
}

#[tokio::test]
async fn methods_of_traits_free_functions_and_closures() {
    let total = Arc::new(AtomicUsize::new(0));
    let gateway = Gateway::new(State { base: 10 })
        .on("double", State::double)
        .on("add", <State as Maths>::add)
        .on("free", free)
        .on("free_generic", free_generic)
        .on("free_turbofish", free_generic::<State>)
        .on("nested", nested::ignores)
        .on("lifetime", State::lifetime)
        .on("spelled", State::spelled)
        .on("boxed", State::boxed)
        .on("elided", State::elided)
        .on("ready", State::ready)
        .on("mutable", State::mutable)
        .on("generic", State::generic::<u32>)
        .on("calls", State::calls)
        .on("async_closure", async |state: &State, n: u32| {
            tokio::task::yield_now().await;
            state.base + n
        })
        .on("async_closure_of_client", async |_: &State, client: &Client, n: u32| {
            client.join("lobby").await.map(|()| n + u32::from(client.is_connected()))
        })
        .on("closure", |_: &State, n: u32| async move { n + 2 })
        .on("closure_of_client", |_: &State, n: u32, client: &Client| {
            let client = client.clone();
            async move { client.join("lobby").await.map(|()| n) }
        })
        // It captures; an `async move` closure that does is not `Fn`.
        .on("capturing_closure", move |_: &State, n: usize| {
            let total = total.clone();
            async move { total.fetch_add(n, Ordering::Relaxed) }
        })
        .handler("def", HandlerDef::new(State::double));
    let rig = Rig::start(Stack::Listen, App::new().gateway("/ws", gateway)).await;
    let mut peer = rig.connect_to("/ws").await;
    for (event, data) in [
        ("double", "10"),
        ("add", "15"),
        ("free", "15"),
        ("free_generic", "5"),
        ("free_turbofish", "5"),
        ("nested", r#""nested""#),
        ("lifetime", "15"),
        ("spelled", "15"),
        ("boxed", "14"),
        ("elided", "15"),
        ("ready", "15"),
        ("mutable", "6"),
        ("generic", "5"),
        ("calls", "30"),
        ("async_closure", "15"),
        ("async_closure_of_client", "6"),
        ("closure", "7"),
        ("closure_of_client", "5"),
        ("capturing_closure", "0"),
        ("capturing_closure", "5"),
        ("def", "10"),
    ] {
        peer.expect_request(
            &format!(r#"{{"event":"{event}","data":5}}"#),
            &format!(r#"{{"event":"{event}","data":{data}}}"#),
        )
        .await;
    }
}

/// Others hold the state too; two gateways serve it.
#[derive(Default)]
struct Shared {
    calls: AtomicUsize,
}

impl Shared {
    async fn call(&self) -> usize {
        self.calls.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[tokio::test]
async fn shared_state() {
    let shared = Arc::new(Shared::default());
    let app = App::new()
        .gateway("a", Gateway::shared(shared.clone()).on("call", Shared::call))
        .gateway("b", Gateway::shared(shared.clone()).on("call", Shared::call));
    let rig = Rig::start(Stack::Listen, app).await;
    rig.connect_to("/a").await.expect_request(r#"{"event":"call"}"#, r#"{"event":"call","data":1}"#).await;
    rig.connect_to("/b").await.expect_request(r#"{"event":"call"}"#, r#"{"event":"call","data":2}"#).await;
    assert_eq!(shared.calls.load(Ordering::Relaxed), 2);
}

/// Without a state.
async fn ping(_: &()) -> &'static str {
    "pong"
}

/// State that is a pointer, and a trait's object behind one.
trait Store: Send + Sync {
    fn name(&self) -> String;
}

impl Store for &'static str {
    fn name(&self) -> String {
        (*self).to_owned()
    }
}

async fn name(store: &Arc<dyn Store>) -> String {
    tokio::task::yield_now().await;
    store.name()
}

#[tokio::test]
async fn states_that_are_no_struct() {
    let store: Arc<dyn Store> = Arc::new("memory");
    let app = App::new()
        .gateway("unit", Gateway::new(()).on("ping", ping))
        .gateway("object", Gateway::new(store).on("name", name));
    let rig = Rig::start(Stack::Listen, app).await;
    rig.connect_to("/unit").await.expect_request(r#"{"event":"ping"}"#, r#"{"event":"ping","data":"pong"}"#).await;
    rig.connect_to("/object").await.expect_request(r#"{"event":"name"}"#, r#"{"event":"name","data":"memory"}"#).await;
}

#[derive(Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Tagged {
    Dot { x: u8 },
    Line(HashMap<String, u8>),
}

#[derive(Deserialize, Serialize)]
struct Newtype(String);

#[derive(Deserialize, Serialize)]
struct Page<T> {
    items: Vec<T>,
    #[serde(default)]
    next: Option<String>,
}

#[derive(Deserialize, Serialize, garde::Validate)]
struct Named {
    #[garde(length(chars, min = 2))]
    name: String,
}

/// An extractor of the application's own.
struct Loud(String);

impl FromMessage for Loud {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<Loud, Error> {
        if cx.event() == "refused" {
            return Err(Error::forbidden("Quiet"));
        }
        Ok(Loud(cx.event().to_uppercase()))
    }
}

struct Payloads;

macro_rules! echo {
    ($($name:ident: $type:ty),* $(,)?) => {
        impl Payloads {
            $(async fn $name(&self, data: $type) -> $type { data })*
        }
        fn payloads() -> Gateway<Payloads> {
            Gateway::new(Payloads)$(.on(stringify!($name), Payloads::$name))*
        }
    };
}
echo! {
    text: String,
    number: f64,
    long: u64,
    flag: bool,
    unit: (),
    tuple: (u8, String),
    list: Vec<u8>,
    option: Option<u8>,
    boxed: Box<Newtype>,
    tagged: Tagged,
    page: Page<Newtype>,
    json: serde_json::Value,
    raw: Box<serde_json::value::RawValue>,
    map: HashMap<String, u8>,
}

impl Payloads {
    async fn valid(&self, Valid(named): Valid<Named>) -> Named {
        named
    }
    async fn args(&self, Args((number, text)): Args<(u8, String)>) -> Args<(u8, String)> {
        Args((number, text))
    }
    async fn some_args(&self, args: Option<Args<Vec<u8>>>) -> Option<Args<Vec<u8>>> {
        args
    }
    async fn loud(&self, loud: Loud, data: String, Loud(again): Loud) -> String {
        format!("{data} {} {again}", loud.0)
    }
}

#[tokio::test]
async fn payloads_and_own_extractors() {
    let gateway = payloads()
        .on("valid", Payloads::valid)
        .on("args", Payloads::args)
        .on("some args", Payloads::some_args)
        .on("loud", Payloads::loud)
        .on("refused", Payloads::loud);
    let rig = Rig::start(Stack::Listen, App::new().gateway("/ws", gateway)).await;
    let mut peer = rig.connect_to("/ws").await;
    for (event, data) in [
        ("text", r#""hi""#),
        ("number", "0.1"),
        ("long", "18446744073709551615"),
        ("flag", "true"),
        ("tuple", r#"[1,"a"]"#),
        ("list", "[1,2]"),
        ("option", "3"),
        ("boxed", r#""new""#),
        ("tagged", r#"{"kind":"dot","x":1}"#),
        ("tagged", r#"{"kind":"line","a":1}"#),
        ("page", r#"{"items":["a","b"],"next":null}"#),
        ("json", r#"{"a":[1,{"b":null}]}"#),
        ("raw", r#"{ "as" : "written" }"#),
        ("map", r#"{"a":1}"#),
        ("valid", r#"{"name":"Al"}"#),
        ("args", r#"[1,"a"]"#),
        ("some args", "[1,2]"),
        ("some args", "null"),
    ] {
        peer.expect_request(
            &format!(r#"{{"event":"{event}","data":{data},"id":"x"}}"#),
            &format!(r#"{{"event":"{event}","data":{data},"id":"x"}}"#),
        )
        .await;
    }
    // A missing payload is null.
    for event in ["unit", "option", "json"] {
        peer.expect_request(
            &format!(r#"{{"event":"{event}","id":2}}"#),
            &format!(r#"{{"event":"{event}","data":null,"id":2}}"#),
        )
        .await;
    }
    peer.expect_request(r#"{"event":"loud","data":"say"}"#, r#"{"event":"loud","data":"say LOUD LOUD"}"#).await;
    peer.expect_request(
        r#"{"event":"refused","data":"say"}"#,
        r#"{"event":"exception","data":{"status":"error","code":"forbidden","message":"Quiet","event":"refused","retryable":false}}"#,
    )
    .await;
    for wrong in [
        r#"{"event":"text","data":1}"#,
        r#"{"event":"text"}"#,
        r#"{"event":"valid","data":{"name":"A"}}"#,
        r#"{"event":"args","data":1}"#,
    ] {
        let answer = peer.request(wrong).await;
        assert!(answer.contains(r#""code":"validation_failed""#), "{wrong}: {answer}");
    }
}

/// What a handler holds over its awaits: the state, the client, guards of the application's own, answers of its client.
struct Busy {
    gate: tokio::sync::Mutex<u32>,
    server: Server,
}

impl Busy {
    async fn ask(&self, question: String, client: &Client, count: ConnState<u32>) -> Result<String, Error> {
        let mut gate = self.gate.lock().await;
        *gate += 1;
        let answer: String = client.emit_with_ack("asked", &question, Duration::from_secs(5)).await?;
        let all: Vec<u32> = Vec::from_iter(futures_util::future::join_all((0..3).map(|n| self.part(n, client))).await);
        count.with(|count| *count += *gate);
        self.server.broadcast_to(client.id().to_string(), "noted", &answer);
        Ok(format!("{answer}{all:?}{}", count.get()))
    }

    async fn part(&self, n: u32, client: &Client) -> u32 {
        tokio::task::yield_now().await;
        n + u32::from(client.is_connected())
    }
}

#[tokio::test]
async fn awaits_over_what_is_borrowed() {
    let app = App::new();
    let busy = Busy { gate: tokio::sync::Mutex::new(0), server: app.server() };
    let rig = Rig::start(Stack::Listen, app.gateway("/ws", Gateway::new(busy).on("ask", Busy::ask))).await;
    let mut peer = rig.connect_to("/ws").await;
    peer.expect_request(r#"{"event":"ask","data":"why","id":1}"#, r#"{"event":"asked","data":"why","ack":1}"#).await;
    peer.expect_request(r#"{"ack":1,"data":"so"}"#, r#"{"event":"noted","data":"so"}"#).await;
    assert_eq!(peer.recv_text().await, r#"{"event":"ask","data":"so[1, 2, 3]1","id":1}"#);
}
