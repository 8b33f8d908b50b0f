//! Tests of gateways at the level of the protocol: what a client sends, and what it must receive.
//!
//! ```toml
//! [dev-dependencies]
//! switchboard = { path = "switchboard/crates/switchboard", features = ["testing"] }
//! serde_json = "1"
//! tokio = { version = "1", features = ["macros", "rt"] }
//! ```
//!
//! ```
//! use serde_json::json;
//! use std::time::Duration;
//! use switchboard::testing::TestApp;
//! use switchboard::{App, Client, Error, Gateway};
//!
//! struct Chat;
//!
//! impl Chat {
//!     async fn join(&self, room: String, client: &Client) -> Result<(), Error> {
//!         client.join(&room).await
//!     }
//!     async fn say(&self, text: String, client: &Client) -> Result<usize, Error> {
//!         if text.is_empty() {
//!             return Err(Error::new("empty", "Say something"));
//!         }
//!         Ok(client.broadcast_to("lobby", "said", &text).queued)
//!     }
//! }
//!
//! # fn main() {
//! #     tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(said());
//! # }
//! # const TEST: &str = stringify! {
//! #[tokio::test(start_paused = true)]
//! # };
//! async fn said() {
//!     let chat = Gateway::new(Chat).on("join", Chat::join).on("say", Chat::say);
//!     let app = TestApp::new(App::new().gateway("/ws", chat));
//!
//!     let mut ada = app.connect("/ws").await;
//!     let mut bob = app.connect("/ws").await;
//!     bob.request::<()>("join", "lobby").await;
//!
//!     let reached: usize = ada.request("say", "hi").await;
//!     assert_eq!(reached, 1);
//!     assert_eq!(bob.expect::<String>("said").await, "hi");
//!
//!     assert_eq!(ada.request_error("say", "").await.code, "empty");
//!     ada.send("nonsense", json!({ "any": "data" })).await;
//!     ada.expect_exception("unknown_event").await;
//!     bob.expect_silence(Duration::from_millis(50)).await;
//!
//!     ada.close().await;
//!     bob.close().await;
//!     app.expect_empty().await;
//! }
//! ```
//!
//! # Tests without an application
//! A guard, a pipe, an interceptor, a filter or an extractor can be tested by itself: on a [`message()`], for a
//! [`client()`] without a real connection; a guard's connect half on an [`upgrade()`].
//!
//! # Clients of Socket.IO
//! With the feature `socketio`, `TestApp::socketio` connects a client of Socket.IO, by HTTP polling or a WebSocket, whose
//! methods have the names and the meaning of those of a [`TestClient`].
//!
//! # What a test can rely on
//! - **Order.** A client's messages are queued in the order in which they arrived. An `expect…` takes the next one, and
//!   panics if it is a different one. [`TestClient::request`] takes its own answer and leaves earlier messages to later
//!   `expect…`s. A [`TestClient::stream`] takes its own items; as long as it exists, `expect…`s do not see them.
//! - **Panics** say what was expected, what came instead, where in the test, and the last warnings and errors of the
//!   log.
//! - **Patience.** Every wait ends, after 5 s unless [`TestApp::patience`] sets another time.
//! - **Pings** are answered by a task of each client, whatever the test is doing.
//! - **Bounds.** A client queues at most 1,024 messages, or 64 MiB, that the test has not taken; then it stops reading,
//!   as after [`TestClient::stop_reading`]. The log keeps its last 10,000 lines.
//!
//! # Time
//! With `#[tokio::test(start_paused = true)]` the clock does not move while any task can run, and jumps to the next
//! timer when none can. With [`TestApp::advance`] an hour passes at once, and a wait for something that never comes
//! also ends at once. This works only for applications in memory, [`TestApp::new`]: a clock that jumps does not wait
//! for a socket, so [`TestApp::listen`] needs a running clock.
//!
//! # The log
//! [`TestApp::logs`] has the `tracing` events of the thread that made the `TestApp`, from then until it is dropped.
//! With `#[tokio::test]` everything runs on that thread. With `flavor = "multi_thread"`, the events of other threads
//! are missing, and the `TestApp` must be dropped on the thread that made it. A subscriber that the test has set still
//! gets all its events.
mod app;
mod call;
mod capture;
mod client;
mod connecting;
mod detached;
mod error;
mod expect;
mod failure;
mod handshake;
mod head;
mod inbox;
mod logs;
mod message;
mod reach;
mod received;
mod refused;
mod several;
#[cfg(feature = "socketio")]
mod socketio;
mod speech;
mod starting;
mod stream;
mod wire;

pub use app::TestApp;
pub use call::{Call, ServerRequest};
pub use client::TestClient;
pub use connecting::Connecting;
pub use detached::{DetachedClient, Emitted, client};
pub use error::WireError;
pub use handshake::{TestHandshake, upgrade};
pub use logs::{LogLine, Logs};
pub use message::{TestMessage, message};
pub use refused::Refused;
pub use several::{expect_all, expect_nobody};
#[cfg(feature = "socketio")]
pub use socketio::{ConnectError, SocketIoConnecting, SocketIoRequest, TestSocketIo};
pub use starting::Starting;
pub use stream::TestStream;
