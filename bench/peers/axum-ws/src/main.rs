//! WebSockets of axum. `TUNED=1`: small read buffers (the default is 128 KiB a connection), and ready messages
//! answered together.

use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use axum::serve::ListenerExt as _;
use axum::{Error, Router};
use common::{Request, Rooms, handle, next};
use futures_util::{FutureExt as _, SinkExt as _};
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;

/// The most messages that are answered with one flush.
const BATCH: usize = 32;

#[derive(Default)]
struct App {
    rooms: Rooms<Utf8Bytes>,
    tuned: bool,
}

async fn upgrade(upgrade: WebSocketUpgrade, State(app): State<Arc<App>>) -> Response {
    let upgrade = if app.tuned { upgrade.read_buffer_size(4096) } else { upgrade };
    // An error is a client that is gone.
    upgrade.on_upgrade(|socket| async move { serve(socket, app).await.unwrap_or_default() })
}

async fn serve(mut socket: WebSocket, app: Arc<App>) -> Result<(), Error> {
    let mut room = None;
    loop {
        tokio::select! {
            message = socket.recv() => {
                let Some(message) = message else { return Ok(()) };
                answer(&mut socket, &app, &mut room, message?).await?;
                for _ in 1..if app.tuned { BATCH } else { 1 } {
                    let Some(message) = socket.recv().now_or_never() else { break };
                    let Some(message) = message else { return Ok(()) };
                    answer(&mut socket, &app, &mut room, message?).await?;
                }
                socket.flush().await?;
            }
            message = next(&mut room) => {
                let Some(message) = message else { return Ok(()) };
                socket.send(Message::Text(message)).await?;
            }
        }
    }
}

async fn answer(
    socket: &mut WebSocket,
    app: &App,
    joined: &mut Option<Receiver<Utf8Bytes>>,
    message: Message,
) -> Result<(), Error> {
    let Message::Text(text) = message else { return Ok(()) };
    let reply = match handle(&text) {
        Some(Request::Reply(reply)) => reply,
        Some(Request::Join { room, reply }) => {
            *joined = Some(app.rooms.join(&room));
            reply
        }
        Some(Request::Publish { room, message }) => {
            app.rooms.publish(&room, message.into());
            return Ok(());
        }
        None => return Ok(()),
    };
    socket.feed(Message::Text(reply.into())).await
}

fn main() {
    common::run(async {
        let app = Arc::new(App { tuned: std::env::var_os("TUNED").is_some(), ..App::default() });
        let router = Router::new().route("/ws", any(upgrade)).with_state(app);
        let listener = common::listen().await.tap_io(|socket| socket.set_nodelay(true).unwrap_or_default());
        axum::serve(listener, router).await.expect("it serves for ever");
    });
}
