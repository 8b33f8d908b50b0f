//! tokio-websockets, with ready messages answered together.

use common::{Request, Rooms, handle, next};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::broadcast::Receiver;
use tokio_websockets::{Error, Message, Payload, ServerBuilder, WebSocketStream};

/// The most messages that are answered with one flush.
const BATCH: usize = 32;

type App = Arc<Rooms<Message>>;

async fn serve(socket: TcpStream, app: App) -> Result<(), Error> {
    let (_, mut socket) = ServerBuilder::new().accept(socket).await?;
    let mut room = None;
    // Ready messages are taken first, for this stream's `next` flushes.
    let mut ready = Vec::with_capacity(1);
    loop {
        tokio::select! {
            message = socket.next() => {
                let Some(message) = message else { return Ok(()) };
                ready.push(message?);
                while ready.len() < BATCH {
                    let Some(message) = socket.next().now_or_never() else { break };
                    let Some(message) = message else { return Ok(()) };
                    ready.push(message?);
                }
                for message in ready.drain(..) {
                    answer(&mut socket, &app, &mut room, message).await?;
                }
                socket.flush().await?;
            }
            message = next(&mut room) => {
                let Some(message) = message else { return Ok(()) };
                socket.send(message).await?;
            }
        }
    }
}

async fn answer(
    socket: &mut WebSocketStream<TcpStream>,
    app: &App,
    joined: &mut Option<Receiver<Message>>,
    message: Message,
) -> Result<(), Error> {
    let reply = match message.as_text().and_then(handle) {
        Some(Request::Reply(reply)) => reply,
        Some(Request::Join { room, reply }) => {
            *joined = Some(app.join(&room));
            reply
        }
        Some(Request::Publish { room, message }) => {
            app.publish(&room, Message::text(Payload::from(message)));
            return Ok(());
        }
        None => return Ok(()),
    };
    socket.feed(Message::text(reply)).await
}

fn main() {
    common::run(async {
        let listener = common::listen().await;
        let app = App::default();
        loop {
            let Ok((socket, _)) = listener.accept().await else { continue };
            let app = app.clone();
            tokio::spawn(async move {
                socket.set_nodelay(true).unwrap_or_default();
                // An error is a client that is gone.
                serve(socket, app).await.unwrap_or_default();
            });
        }
    });
}
