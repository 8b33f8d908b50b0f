//! Handlers: none to four parameters, of every kind, in every order.
use crate::peer::Served;
use garde::Validate;
use serde::Deserialize;
use switchboard::{
    App, Client, ConnState, DisconnectReason, EventName, Ext, Gateway, Handle, Headers, Socket, Valid,
};
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
        word("client", self.id().to_string().len() == 22)
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
        word("reason", *self == DisconnectReason::Client(Some(1000)))
    }
}

impl Seen for Socket {
    fn seen(&self) -> String {
        word("socket", self.client().is_connected())
    }
}

/// The state of the gateways: handlers borrow it over their awaits.
pub(crate) struct Trace {
    pub(crate) hooks: mpsc::UnboundedSender<String>,
}

impl Trace {
    pub(crate) fn new() -> (Trace, mpsc::UnboundedReceiver<String>) {
        let (hooks, seen) = mpsc::unbounded_channel();
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
pub(crate) async fn serve_with_tenant(app: App) -> (Served, Handle) {
    let handle = app.handle();
    let router = axum::Router::new().merge(app).layer(axum::Extension(Tenant("acme")));
    (Served::router(router).await, handle)
}

macro_rules! on {
    ($all:ident, $($kind:ident)*) => {
        fn add(gateway: Gateway<Trace>) -> Gateway<Trace> {
            traced!(|handler| gateway.on(concat!("on", $(" ", stringify!($kind)),*), handler),
                [$($kind)*] -> String, |trace, said| said.join(" "))
        }
        $all.push((concat!("on", $(" ", stringify!($kind)),*), add));
    };
}
