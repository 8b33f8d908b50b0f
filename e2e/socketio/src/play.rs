//! [`Play`]: every form in which a client can send, and be sent something.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use rmpv::Value;
use serde::{Deserialize, Serialize};
use switchboard::close::CloseCode;
use switchboard::{
    Ack, Args, Binary, Client, Close, ConnState, DisconnectReason, Error, Reply, Server, gateway, messages,
};

use crate::departures::Departures;

/// How long a client has for its ack.
const PATIENCE: Duration = Duration::from_millis(400);

#[derive(Deserialize, Serialize)]
struct Publication {
    room: String,
    text: String,
}

/// The numbers that a client has sent: it counts from 0.
#[derive(Default)]
struct Tally {
    received: u64,
    out_of_order: u64,
}

#[derive(Serialize)]
struct Report {
    received: u64,
    out_of_order: u64,
}

/// Bytes at different depths.
#[derive(Serialize)]
struct Picture {
    name: &'static str,
    parts: Vec<Binary>,
}

#[gateway(path = "/ws")]
pub(crate) struct Play {
    #[inject]
    server: Server,
    #[inject]
    departures: Arc<Departures>,
}

#[messages]
impl Play {
    #[on_connect]
    async fn arrived(&self, client: &Client) {
        client.emit("welcome", client.id().to_string());
    }

    #[on_disconnect]
    async fn left(&self, client: &Client, reason: DisconnectReason) {
        self.departures.add(client, &reason);
    }

    /// The arguments, whichever they are.
    #[subscribe_message("args")]
    async fn args(&self, Args(values): Args<Vec<Value>>) -> Args<Vec<Value>> {
        Args(values)
    }

    /// The payload, as a handler has it that knows nothing of arguments.
    #[subscribe_message("payload")]
    async fn payload(&self, payload: Value) -> Value {
        payload
    }

    /// A tuple is one argument.
    #[subscribe_message("pair")]
    async fn pair(&self) -> (u32, &'static str) {
        (1, "two")
    }

    #[subscribe_message("nothing")]
    async fn nothing(&self) {}

    #[subscribe_message("maybe")]
    async fn maybe(&self, is_there: bool) -> Option<u32> {
        is_there.then_some(7)
    }

    #[subscribe_message("fail")]
    async fn fail(&self) -> Result<(), Error> {
        Err(Error::conflict("It always fails"))
    }

    #[subscribe_message("number")]
    async fn number(&self, number: u32) -> u32 {
        number + 1
    }

    #[subscribe_message("count")]
    async fn count(&self, end: u32) -> impl Stream<Item = u32> + use<> {
        stream::iter(0..end)
    }

    #[subscribe_message("elsewhere")]
    async fn elsewhere(&self, text: String) -> Reply {
        Reply::event("there", text)
    }

    #[subscribe_message("late")]
    async fn late(&self, text: String, ack: Ack<String>) {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(30)).await;
            // The client may have left.
            let _ = ack.send(text);
        });
    }

    #[subscribe_message("picture")]
    async fn picture(&self, client: &Client) -> Binary {
        let part = |byte: u8| Binary(Bytes::from(vec![byte; 3]));
        client.emit("picture", Picture { name: "stripes", parts: vec![part(1), part(2)] });
        client.emit("plain", part(4));
        part(3)
    }

    /// Asks the client with two arguments, and tells what the ack had.
    #[subscribe_message("ask")]
    async fn ask(&self, client: &Client) -> Args<Vec<Value>> {
        let question = Args((1, "two"));
        match client.emit_with_ack::<Args<Vec<Value>>>("question", question, PATIENCE).await {
            Ok(Args(values)) => Args(values),
            Err(error) => Args(vec![Value::from("failed"), Value::from(error.code().as_str())]),
        }
    }

    #[subscribe_message("push")]
    async fn push(&self, count: u32, client: &Client) {
        for number in 0..count {
            client.emit("tick", number);
        }
    }

    /// Numbers for about two seconds, while the client does something else.
    #[subscribe_message("trickle")]
    async fn trickle(&self, count: u32, client: Client) {
        tokio::spawn(async move {
            for number in 0..count {
                client.emit("drop", number);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }

    #[subscribe_message("tally")]
    async fn tally(&self, number: u64, tally: ConnState<Tally>) {
        tally.with(|tally| {
            tally.out_of_order += u64::from(number != tally.received);
            tally.received += 1;
        });
    }

    #[subscribe_message("report")]
    async fn report(&self, tally: ConnState<Tally>) -> Report {
        tally.with(|tally| Report { received: tally.received, out_of_order: tally.out_of_order })
    }

    #[subscribe_message("join")]
    async fn join(&self, room: String, client: &Client) -> Result<(), Error> {
        client.join(&room).await?;
        client.emit("joined", &room);
        Ok(())
    }

    /// To every member, the sender too. The answer is the number of members.
    #[subscribe_message("publish")]
    async fn publish(&self, publication: Publication) -> usize {
        self.server.broadcast_to(&publication.room, "message", &publication).queued
    }

    #[subscribe_message("transport")]
    async fn transport(&self, client: &Client) -> String {
        format!("{:?}", client.transport())
    }

    #[subscribe_message("departure")]
    async fn departure(&self, id: String) -> Option<String> {
        self.departures.reason(&id)
    }

    /// For good: it does not come back by itself.
    #[subscribe_message("kick-me")]
    async fn kick_me(&self, client: &Client) {
        client.emit("last-words", "bye");
        client.disconnect();
    }

    /// For now: it comes back.
    #[subscribe_message("drop-me")]
    async fn drop_me(&self, client: &Client) {
        client.close(Close::new(CloseCode::TRY_AGAIN_LATER, "Come back"));
    }
}
