//! What handlers take and return: each case over the attributes, over `Gateway::of`, and over the builder.
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use switchboard::di::Container;
use switchboard::extract::Headers;
use switchboard::testing::TestApp;
use switchboard::{
    App, Client, ConnState, Error, EventName, Ext, Gateway, Inject, OrInternal, Reply, Unchecked, Valid, gateway,
    injectable, messages, module,
};

#[derive(Clone, Debug, Deserialize, Serialize, Validate)]
struct Say {
    #[garde(length(chars, min = 1, max = 5))]
    text: String,
}

#[derive(Serialize)]
struct Config {
    name: &'static str,
}

static CONFIG: Config = Config { name: "static" };

struct Full;

impl From<Full> for Error {
    fn from(_: Full) -> Error {
        Error::new("full", "The room is full")
    }
}

type Outcome<T> = Result<T, Full>;

#[derive(Clone)]
struct Peer(&'static str);

/// The application around the gateway: a layer sets the extension.
fn layered(app: App) -> TestApp {
    let router: axum::Router = app.into_router().unwrap().layer(tower::layer::layer_fn(|inner| SetPeer { inner }));
    TestApp::new(App::new().mount(router))
}

#[derive(Clone)]
struct SetPeer<S> {
    inner: S,
}

impl<S: tower::Service<axum::extract::Request>> tower::Service<axum::extract::Request> for SetPeer<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: axum::extract::Request) -> S::Future {
        request.extensions_mut().insert(Peer("layer"));
        self.inner.call(request)
    }
}

const COUNT: &str = "count";

#[gateway]
struct Lab {
    seen: AtomicUsize,
}

#[messages]
impl Lab {
    const NAMED: &'static str = "named";

    #[subscribe_message("nothing")]
    async fn nothing(&self) {}

    #[subscribe_message("payload first")]
    async fn payload_first(&self, text: String, client: &Client, event: EventName) -> String {
        client.emit("pushed", &text);
        format!("{event}: {text}")
    }

    #[subscribe_message("client first")]
    async fn client_first(&self, client: &Client, text: String, event: EventName) -> String {
        client.emit("pushed", &text);
        format!("{event}: {text}")
    }

    #[subscribe_message("payload last")]
    async fn payload_last(&self, event: EventName, client: &Client, text: String) -> String {
        client.emit("pushed", &text);
        format!("{event}: {text}")
    }

    #[subscribe_message(COUNT)]
    async fn count(&self, state: ConnState<usize>, by: usize) -> usize {
        self.seen.fetch_add(1, Ordering::Relaxed);
        state.with(|count| {
            *count += by;
            *count
        })
    }

    #[subscribe_message(Self::NAMED)]
    async fn named(&self) -> &'static str {
        "a constant of the struct"
    }

    #[subscribe_message("surroundings")]
    async fn surroundings(&self, headers: Headers, Ext(peer): Ext<Peer>) -> (String, &'static str) {
        (headers["x-lab"].to_str().unwrap_or_default().to_owned(), peer.0)
    }

    #[subscribe_message("valid")]
    async fn valid(&self, Valid(say): Valid<Say>) -> String {
        say.text
    }

    #[subscribe_message("unchecked")]
    async fn unchecked(&self, say: Unchecked<Say>) -> String {
        say.0.text
    }

    #[subscribe_message("patterns")]
    async fn patterns(&self, Unchecked(Say { text }): Unchecked<Say>, _: EventName) -> usize {
        text.len()
    }

    #[subscribe_message("mutable")]
    async fn mutable(&self, mut list: Vec<u8>, _client: &Client) -> Vec<u8> {
        list.reverse();
        list
    }

    #[subscribe_message("option")]
    async fn option(&self, name: Option<String>) -> Option<String> {
        name
    }

    #[subscribe_message("result")]
    async fn result(&self, fine: bool) -> Result<&'static str, Full> {
        if fine { Ok("fine") } else { Err(Full) }
    }

    #[subscribe_message("alias")]
    async fn alias(&self, fine: bool) -> Outcome<Option<u8>> {
        if fine { Ok(None) } else { Err(Full) }
    }

    #[subscribe_message("unit result")]
    async fn unit_result(&self, fine: bool) -> Result<(), Error> {
        if fine { Ok(()) } else { Err(Error::forbidden("Not here").retryable(true)) }
    }

    #[subscribe_message("internal")]
    async fn internal(&self, text: String) -> Result<u8, Error> {
        text.parse().or_internal()
    }

    #[subscribe_message("reply")]
    async fn reply(&self, event: String) -> Reply {
        if event.is_empty() { Reply::none() } else { Reply::event(event, 7) }
    }

    #[subscribe_message("reply result")]
    async fn reply_result(&self, fine: bool) -> Result<Reply, Full> {
        if fine { Ok(Reply::value("fine")) } else { Err(Full) }
    }

    #[subscribe_message("borrowed for ever")]
    async fn borrowed(&self) -> &'static Config {
        &CONFIG
    }

    #[subscribe_message("panic")]
    async fn panic(&self) -> u8 {
        panic!("the secret is 42")
    }

    #[subscribe_message("lifetimes")]
    async fn lifetimes<'a>(&'a self, client: &'a Client, text: String) -> usize {
        client.emit("pushed", &text);
        text.len()
    }
}

/// The same by hand.
fn by_hand() -> Gateway<Lab> {
    Gateway::new(Lab { seen: AtomicUsize::new(0) })
        .on("nothing", Lab::nothing)
        .on("payload first", Lab::payload_first)
        .on("client first", Lab::client_first)
        .on("payload last", Lab::payload_last)
        .on(COUNT, Lab::count)
        .on(Lab::NAMED, Lab::named)
        .on("surroundings", Lab::surroundings)
        .on("valid", Lab::valid)
        .on("unchecked", Lab::unchecked)
        .on("patterns", Lab::patterns)
        .on("mutable", Lab::mutable)
        .on("option", Lab::option)
        .on("result", Lab::result)
        .on("alias", Lab::alias)
        .on("unit result", Lab::unit_result)
        .on("internal", Lab::internal)
        .on("reply", Lab::reply)
        .on("reply result", Lab::reply_result)
        .on("borrowed for ever", Lab::borrowed)
        .on("panic", Lab::panic)
        .on("lifetimes", Lab::lifetimes)
}

#[module(gateways(Lab))]
struct LabModule;

async fn every_form() -> [TestApp; 3] {
    [
        layered(App::create::<LabModule>().await.unwrap()),
        layered(App::new().gateway("/ws", Gateway::of(Lab { seen: AtomicUsize::new(0) }))),
        layered(App::new().gateway("/ws", by_hand())),
    ]
}

#[tokio::test(start_paused = true)]
async fn parameters_in_several_orders() {
    for app in every_form().await {
        let mut ada = app.connecting("/ws").header("x-lab", "rats").connect().await;
        assert_eq!(ada.request::<Value>("nothing", json!({ "any": 1 })).await, Value::Null);
        for event in ["payload first", "client first", "payload last"] {
            assert_eq!(ada.request::<String>(event, "hi").await, format!("{event}: hi"));
            assert_eq!(ada.expect::<String>("pushed").await, "hi");
            assert_eq!(ada.request_error(event, 7).await.code, "validation_failed");
        }
        assert_eq!(ada.request::<usize>("count", 2).await, 2);
        assert_eq!(ada.request::<usize>("count", 3).await, 5);
        let mut bob = app.connect("/ws").await;
        assert_eq!(bob.request::<usize>("count", 1).await, 1, "the state of a connection is its own");
        assert_eq!(ada.request::<String>("named", ()).await, "a constant of the struct");
        assert_eq!(ada.request::<Value>("surroundings", ()).await, json!(["rats", "layer"]));
        assert_eq!(ada.request::<Vec<u8>>("mutable", [1, 2, 3]).await, [3, 2, 1]);
        assert_eq!(ada.request::<usize>("lifetimes", "four").await, 4);
        assert_eq!(ada.expect::<String>("pushed").await, "four");
    }
}

#[tokio::test(start_paused = true)]
async fn payloads_that_say_whether_they_are_validated() {
    for app in every_form().await {
        let mut ada = app.connect("/ws").await;
        let long = json!({ "text": "too long" });
        let refused = ada.request_error("valid", &long).await;
        assert_eq!((refused.code.as_str(), refused.details[0].path.as_str()), ("validation_failed", "/text"));
        assert_eq!(ada.request::<String>("valid", json!({ "text": "hi" })).await, "hi");
        assert_eq!(ada.request::<String>("unchecked", &long).await, "too long");
        assert_eq!(ada.request::<usize>("patterns", &long).await, 8);
        assert_eq!(ada.request::<Value>("option", "x").await, "x");
        assert_eq!(ada.request::<Value>("option", ()).await, Value::Null);
    }
}

#[tokio::test(start_paused = true)]
async fn returns() {
    for app in every_form().await {
        let mut ada = app.connect("/ws").await;
        for event in ["result", "reply result"] {
            assert_eq!(ada.request::<String>(event, true).await, "fine");
            assert_eq!(ada.request_error(event, false).await.code, "full");
        }
        assert_eq!(ada.request::<Value>("alias", true).await, Value::Null);
        assert_eq!(ada.request_error("alias", false).await.code, "full");
        ada.request::<()>("unit result", true).await;
        let refused = ada.request_error("unit result", false).await;
        assert_eq!((refused.code.as_str(), refused.retryable), ("forbidden", true));
        let internal = ada.request_error("internal", "no number").await;
        assert_eq!(internal.code, "internal");
        assert!(!internal.message.contains("digit"), "{internal:?}");
        assert_eq!(ada.request::<Value>("borrowed for ever", ()).await, json!({ "name": "static" }));
        assert_eq!(ada.request_error("panic", ()).await.code, "internal");

        ada.send("reply", "other").await;
        assert_eq!(ada.expect::<u8>("other").await, 7);
        // Without an id, these three are silence.
        ada.send("reply", "").await;
        ada.send("nothing", ()).await;
        ada.send("option", ()).await;
        ada.send("named", ()).await;
        assert_eq!(ada.expect::<String>("named").await, "a constant of the struct");
    }
}

/// Attributes alone validate without a wrapper, and take more than four parameters.
#[gateway]
struct Strict {
    #[inject]
    log: Arc<Log>,
}

#[injectable]
struct Log {
    lines: parking_lot::Mutex<Vec<String>>,
}

#[messages]
impl Strict {
    #[subscribe_message("say")]
    async fn say(&self, Say { text }: Say) -> String {
        self.log.lines.lock().push(text.clone());
        text
    }

    #[subscribe_message("maybe")]
    async fn maybe(&self, say: Option<Say>) -> Option<String> {
        say.map(|say| say.text)
    }

    #[subscribe_message("list")]
    async fn list(&self, says: Vec<Say>) -> usize {
        says.len()
    }

    #[subscribe_message("chosen")]
    async fn chosen(&self, say: Unchecked<Say>) -> String {
        say.0.text
    }

    #[subscribe_message("seven")]
    #[allow(clippy::too_many_arguments)]
    async fn seven(
        &self,
        event: EventName,
        log: Inject<Log>,
        client: &Client,
        say: Say,
        state: ConnState<u8>,
        container: Container,
        headers: Headers,
    ) -> Result<Value, Error> {
        client.emit("pushed", &say);
        let same =
            Arc::ptr_eq(Inject::arc(&log), &container.resolve::<Log>()?) && Arc::ptr_eq(Inject::arc(&log), &self.log);
        Ok(json!([&*event, log.lines.lock().len(), say.text, state.get(), same, headers.contains_key("host")]))
    }

    #[subscribe_message("missing")]
    async fn missing(&self, container: Container) -> Result<usize, Error> {
        Ok(container.resolve::<Config>()?.name.len())
    }
}

#[module(providers(Log), gateways(Strict))]
struct StrictModule;

#[tokio::test(start_paused = true)]
async fn a_plain_payload_is_validated() {
    let app = TestApp::of::<StrictModule>().start().await;
    let mut ada = app.connect("/ws").await;
    let (fine, long) = (json!({ "text": "hi" }), json!({ "text": "too long" }));
    assert_eq!(ada.request::<String>("say", &fine).await, "hi");
    let refused = ada.request_error("say", &long).await;
    assert_eq!((refused.code.as_str(), refused.details[0].path.as_str()), ("validation_failed", "/text"));
    assert_eq!(*app.resolve::<Log>().lines.lock(), ["hi"], "the handler did not run");

    assert_eq!(ada.request::<Value>("maybe", ()).await, Value::Null);
    assert_eq!(ada.request::<String>("maybe", &fine).await, "hi");
    assert_eq!(ada.request_error("maybe", &long).await.code, "validation_failed");
    assert_eq!(ada.request::<usize>("list", [&fine, &fine]).await, 2);
    let refused = ada.request_error("list", [&fine, &long]).await;
    assert_eq!(refused.details[0].path.as_str(), "/1/text");
    assert_eq!(ada.request::<String>("chosen", &long).await, "too long");
}

#[tokio::test(start_paused = true)]
async fn more_than_four_parameters_and_injected_ones() {
    let app = TestApp::of::<StrictModule>().start().await;
    let mut ada = app.connect("/ws").await;
    let answer: Value = ada.request("seven", json!({ "text": "hi" })).await;
    assert_eq!(answer, json!(["seven", 0, "hi", 0, true, true]));
    assert_eq!(ada.expect::<Value>("pushed").await, json!({ "text": "hi" }));
    assert_eq!(ada.request_error("seven", json!({ "text": "" })).await.code, "validation_failed");
    assert_eq!(ada.request_error("missing", ()).await.code, "internal");
    assert!(app.logs().contains("nobody provides attributes::handlers::Config"), "{:?}", app.logs().warnings());
}
