//! The application that these tests drive.
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::routing::{get, post};
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use switchboard::extract::Headers;
use switchboard::testing::TestApp;
use switchboard::{Ack, App, Client, Detail, Error, Gateway, Socket};

pub(super) struct Lab;

impl Lab {
    pub(super) async fn echo(&self, value: Value) -> Value {
        value
    }
    /// So many pushes, then the reply.
    pub(super) async fn count(&self, to: u32, client: &Client) -> u32 {
        for n in 1..=to {
            client.emit("tick", n);
        }
        to
    }
    pub(super) async fn push(&self, value: Value, client: &Client) {
        client.emit("pushed", value);
    }
    pub(super) async fn forbid(&self) -> Result<(), Error> {
        let error = Error::forbidden("Not here").retryable(true).retry_after(Duration::from_millis(20));
        Err(error.detail(Detail::new("/room", "closed", "It is closed")))
    }
    pub(super) async fn fail(&self) -> Result<(), Error> {
        Err(Error::internal("the disk is full"))
    }
    pub(super) async fn name(&self, client: &Client) -> Result<String, Error> {
        client.emit("before", ());
        let name: String = client.emit_with_ack("name?", "please", Duration::from_secs(60)).await?;
        Ok(format!("welcome, {name}"))
    }
    pub(super) async fn kick(&self, client: &Client) {
        client.disconnect();
    }
    pub(super) async fn wait(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    pub(super) async fn join(&self, room: String, client: &Client) -> Result<(), Error> {
        client.join(room).await
    }
    pub(super) async fn header(&self, name: String, headers: Headers) -> Option<String> {
        headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }
    pub(super) async fn address(&self, client: &Client) -> Option<String> {
        client.peer_addr().map(|address| address.ip().to_string())
    }
    pub(super) async fn numbers(&self, most: u32) -> impl Stream<Item = u32> + use<> {
        stream::iter(1..=most)
    }
    pub(super) async fn breaks_at(&self, at: u32) -> impl Stream<Item = Result<u32, Error>> + use<> {
        stream::iter(1..).map(move |number| if number == at { Err(Error::conflict("Here")) } else { Ok(number) })
    }
    /// One item a second.
    pub(super) async fn slowly(&self, most: u32) -> impl Stream<Item = u32> + use<> {
        stream::iter(1..=most).then(|number| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            number
        })
    }
    pub(super) async fn late(&self, ms: u64, ack: Ack<u64>) {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            // A test may not wait for it.
            let _ = ack.send(ms);
        });
    }
    pub(super) async fn raw(&self, mut socket: Socket) {
        while let Some(message) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
}

/// A handshake that is always refused, and says what it has seen.
async fn locked(uri: Uri, headers: HeaderMap) -> (StatusCode, [(header::HeaderName, &'static str); 1], String) {
    let cookie = headers.get("cookie").and_then(|cookie| cookie.to_str().ok());
    let problem = json!({
        "code": "unauthenticated", "detail": "Log in first", "query": uri.query(), "cookie": cookie,
    });
    (StatusCode::UNAUTHORIZED, [(header::CONTENT_TYPE, "application/problem+json")], problem.to_string())
}

pub(super) fn lab() -> App {
    let gateway = Gateway::new(Lab)
        .on("echo", Lab::echo)
        .on("count", Lab::count)
        .on("push", Lab::push)
        .on("forbid", Lab::forbid)
        .on("fail", Lab::fail)
        .on("name", Lab::name)
        .on("kick", Lab::kick)
        .on("wait", Lab::wait)
        .on("join", Lab::join)
        .on("header", Lab::header)
        .on("address", Lab::address)
        .on("numbers", Lab::numbers)
        .on("breaks_at", Lab::breaks_at)
        .on("slowly", Lab::slowly)
        .on("late", Lab::late);
    let routes = axum::Router::new()
        .route("/health", get(|| async { "well" }))
        .route("/locked", get(locked))
        .route("/echo", post(|body: String| async move { body }));
    App::new().gateway("/ws", gateway).gateway("/raw", Gateway::new(Lab).raw(Lab::raw)).mount(routes)
}

/// In memory.
pub(super) fn memory() -> TestApp {
    TestApp::new(lab())
}
