//! Handlers: none to four parameters, of every kind, in every order.
use garde::Validate;
use serde::Deserialize;
use switchboard::extract::Headers;
use switchboard::{App, Client, ConnState, DisconnectReason, EventName, Ext, Gateway, Handle, Socket, Valid};
use switchboard_rig::{Offer, Rig};
use tokio::sync::mpsc;

#[derive(Deserialize, Validate)]
pub(crate) struct Data {
    #[garde(range(max = 100))]
    n: u8,
}

/// State of a connection.
#[derive(Default)]
pub(crate) struct Count(u32);

/// A request extension.
#[derive(Clone)]
pub(crate) struct Tenant(&'static str);

/// What a parameter says of itself when it holds the right value.
pub(crate) trait Seen: Sync {
    fn seen(&self) -> String;
}

fn word(word: &str, right: bool) -> String {
    if right { word.to_owned() } else { format!("a wrong {word}") }
}

impl Seen for Data {
    fn seen(&self) -> String {
        word("payload", self.n == 7)
    }
}

impl Seen for Valid<Data> {
    fn seen(&self) -> String {
        word("valid", self.n == 7)
    }
}

impl Seen for &Client {
    fn seen(&self) -> String {
        word("client", self.id().to_string().len() == 23)
    }
}

impl Seen for ConnState<Count> {
    fn seen(&self) -> String {
        let count = self.with(|count| {
            count.0 += 1;
            count.0
        });
        word("state", count > 0)
    }
}

impl Seen for Ext<Tenant> {
    fn seen(&self) -> String {
        word("ext", self.0.0 == "acme")
    }
}

impl Seen for Headers {
    fn seen(&self) -> String {
        word("headers", self.get("x-test").is_some_and(|value| value == "yes"))
    }
}

impl Seen for EventName {
    fn seen(&self) -> String {
        word("event", self.is_empty() || self.starts_with("on "))
    }
}

impl Seen for DisconnectReason {
    fn seen(&self) -> String {
        word("reason", matches!(self, DisconnectReason::Client { code: Some(1000), .. }))
    }
}

impl Seen for Socket {
    fn seen(&self) -> String {
        word("socket", self.client().peer_addr().is_some())
    }
}

/// The state of the gateways: handlers borrow it over their awaits.
pub(crate) struct Trace {
    pub(crate) hooks: mpsc::Sender<String>,
}

impl Trace {
    pub(crate) fn new() -> (Trace, mpsc::Receiver<String>) {
        let (hooks, seen) = mpsc::channel(1 << 12);
        (Trace { hooks }, seen)
    }

    pub(crate) async fn pause(&self) {
        tokio::task::yield_now().await;
    }

    pub(crate) async fn note(&self, parameter: &dyn Seen) -> String {
        tokio::task::yield_now().await;
        parameter.seen()
    }
}

/// Serves as axum does, below a layer that sets the extension.
pub(crate) async fn serve_with_tenant(app: App) -> (Rig, Handle) {
    let handle = app.handle();
    let router = axum::Router::new().merge(app).layer(axum::Extension(Tenant("acme")));
    (Rig::start_router(router, handle.clone()).await, handle)
}

type Add = fn(Gateway<Trace>) -> Gateway<Trace>;

macro_rules! on {
    ($all:ident, $($kind:ident)*) => {
        {
            const NAME: &str = concat!("on", $(" ", stringify!($kind)),*);
            traced!(handler, [$($kind)*] -> String, |trace, said| said);
            fn add(gateway: Gateway<Trace>) -> Gateway<Trace> {
                gateway.on(NAME, handler)
            }
            $all.push((NAME, add));
        }
    };
}

/// One of each kind at most; `payload` and `valid` exclude each other.
fn every_order() -> Vec<(&'static str, Add)> {
    let mut all: Vec<(&'static str, Add)> = Vec::new();
    orders!(on, all, [] [payload valid client state ext headers event] [1 2 3 4]);
    all
}

/// Every handler is registered, called over a WebSocket, and given the right values at the right places.
#[tokio::test]
async fn every_order_of_none_to_four_parameters() {
    let all = every_order();
    // None; 7 of one; 40, 180 and 600 of two, three and four.
    assert_eq!(all.len(), 1 + 7 + 40 + 180 + 600);
    let gateway = all.iter().fold(Gateway::new(Trace::new().0), |gateway, (_, add)| add(gateway));
    let (rig, _) = serve_with_tenant(App::new().gateway("/ws", gateway)).await;
    let mut peer = rig.connect_with(Offer::to("/ws").header("x-test", "yes")).await;
    for (name, _) in all {
        let said = name["on".len()..].trim_start();
        let reply = peer.request(&format!(r#"{{"event":"{name}","data":{{"n":7}},"id":1}}"#)).await;
        assert_eq!(reply, format!(r#"{{"event":"{name}","data":"{said}","id":1}}"#));
    }
}

struct Repeats;

impl Repeats {
    async fn four_states(&self, a: ConnState<u8>, b: ConnState<u16>, c: ConnState<u32>, d: ConnState<u8>) -> u32 {
        a.set(1);
        b.set(2);
        c.set(3);
        u32::from(a.get()) + u32::from(b.get()) + c.get() + u32::from(d.get())
    }
    async fn two_extensions(&self, a: Ext<Tenant>, n: u8, b: Ext<Tenant>) -> String {
        format!("{}{n}{}", a.0.0, b.0.0)
    }
    async fn missing(&self, Ext(missing): Ext<u128>) -> String {
        missing.to_string()
    }
    async fn patterns(&self, Valid(Data { n }): Valid<Data>, Ext(Tenant(tenant)): Ext<Tenant>) -> String {
        format!("{tenant}{n}")
    }
}

/// A kind of extractor may be there more than once, and parameters may be patterns.
#[tokio::test]
async fn the_same_kind_again() {
    let gateway = Gateway::new(Repeats)
        .on("states", Repeats::four_states)
        .on("extensions", Repeats::two_extensions)
        .on("missing", Repeats::missing)
        .on("patterns", Repeats::patterns);
    let (rig, _) = serve_with_tenant(App::new().gateway("/ws", gateway)).await;
    let mut peer = rig.connect_with(Offer::to("/ws").header("x-test", "yes")).await;
    peer.expect_request(r#"{"event":"states"}"#, r#"{"event":"states","data":7}"#).await;
    peer.expect_request(r#"{"event":"extensions","data":5}"#, r#"{"event":"extensions","data":"acme5acme"}"#).await;
    peer.expect_request(r#"{"event":"patterns","data":{"n":9}}"#, r#"{"event":"patterns","data":"acme9"}"#).await;
    peer.expect_request(
        r#"{"event":"missing"}"#,
        r#"{"event":"exception","data":{"status":"error","code":"internal","message":"Internal error","event":"missing","retryable":false}}"#,
    )
    .await;
    let refused = peer.request(r#"{"event":"patterns","data":{"n":101}}"#).await;
    assert!(refused.contains(r#""code":"validation_failed""#) && refused.contains(r#""path":"/n""#), "{refused}");
}
