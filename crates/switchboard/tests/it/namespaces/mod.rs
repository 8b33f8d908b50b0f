//! Namespaces know nothing of each other, and share the node.
mod node;
mod problems;
mod separation;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use switchboard::{App, Client, ClientId, Error, Gateway, Namespace};
use switchboard_rig::RawClient;
use tokio::sync::Notify;

enum Admin {}

impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

/// No gateway is ever in it.
struct Nobody;

impl Namespace for Nobody {
    const NAME: &'static str = "/nobody";
}

/// One of each pair reaches something, so that silence means isolation.
#[derive(Default)]
struct Talk {
    started: Notify,
    go: Notify,
}

impl Talk {
    async fn id(&self, client: &Client) -> String {
        client.id().to_string()
    }
    async fn join(&self, room: String, client: &Client) -> Result<(), Error> {
        client.join(room).await
    }
    async fn say(&self, room: String, client: &Client) -> usize {
        client.broadcast_to(room, "said", "by a client").queued
    }
    async fn shout(&self, client: &Client) -> usize {
        client.broadcast("shouted", "by a client").queued
    }
    async fn wait(&self) {
        self.started.notify_one();
        self.go.notified().await;
    }
    async fn ask(&self, client: &Client) -> Result<String, Error> {
        client.emit_with_ack("name?", (), Duration::from_secs(20)).await
    }
}

fn talk() -> Gateway<Talk> {
    shared(&Arc::default())
}

fn shared(state: &Arc<Talk>) -> Gateway<Talk> {
    Gateway::shared(state.clone())
        .on("id", Talk::id)
        .on("join", Talk::join)
        .on("say", Talk::say)
        .on("shout", Talk::shout)
        .on("wait", Talk::wait)
        .on("ask", Talk::ask)
}

fn two() -> App {
    App::new().gateway("/ws", talk()).gateway("/admin", talk().namespace::<Admin>())
}

/// The data of the reply, which is the next that comes: all that was sent before is read already.
async fn ask(peer: &mut RawClient, event: &str, data: &str) -> String {
    let reply = peer.request(&format!(r#"{{"event":"{event}","data":"{data}"}}"#)).await;
    let data = reply.strip_prefix(&format!(r#"{{"event":"{event}","data":"#)).and_then(|data| data.strip_suffix('}'));
    data.unwrap_or_else(|| panic!("{event} {data:?} is answered by {reply}")).trim_matches('"').to_owned()
}

async fn join(peer: &mut RawClient, room: &str) -> ClientId {
    peer.send(&format!(r#"{{"event":"join","data":"{room}"}}"#)).await;
    ask(peer, "id", "").await.parse().unwrap()
}

fn ids(clients: Vec<Client>) -> BTreeSet<String> {
    clients.iter().map(|client| client.id().to_string()).collect()
}

fn set<const N: usize>(ids: [ClientId; N]) -> BTreeSet<String> {
    ids.iter().map(ClientId::to_string).collect()
}
