//! A value or a codec that sends while it is sent.
use super::INSIDE;
use parking_lot::Mutex;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use switchboard::testing::TestApp;
use switchboard::{App, Client, Gateway, Server};
use switchboard_rig::{ChattyCodec, CodecStep};

/// Sends itself while it is serialised, or while it is dropped, so often at each time.
struct Itself {
    to: Arc<Sender>,
    serialised: usize,
    dropped: usize,
}

struct Sender {
    client: Client,
    server: Option<Server>,
    sent: AtomicUsize,
}

impl Sender {
    fn send(self: &Arc<Self>, serialised: usize, dropped: usize) {
        let again = || Itself { to: self.clone(), serialised, dropped };
        let sent = self.sent.fetch_add(1, Ordering::Relaxed);
        match (&self.server, sent % 4) {
            (Some(server), _) => drop(server.broadcast("again", again())),
            (None, 0) => drop(self.client.emit("again", again())),
            (None, 1) => drop(self.client.emit_volatile("again", again())),
            (None, 2) => drop(self.client.emit_with_ack::<()>("again", again(), Duration::from_secs(1))),
            (None, _) => drop(self.client.to(self.client.id()).emit_with_ack::<()>("again", again(), Duration::ZERO)),
        }
    }
}

impl Serialize for Itself {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (0..self.serialised).for_each(|_| self.to.send(self.serialised, self.dropped));
        serializer.serialize_u64(1)
    }
}

impl Drop for Itself {
    fn drop(&mut self) {
        (0..self.dropped).for_each(|_| self.to.send(self.serialised, self.dropped));
    }
}

struct Mirror;

impl Mirror {
    async fn emit(&self, (serialised, dropped): (usize, usize), client: &Client) -> usize {
        Mirror::send(client, None, serialised, dropped)
    }
    async fn broadcast(&self, (serialised, dropped): (usize, usize), client: &Client, server: Server) -> usize {
        Mirror::send(client, Some(server), serialised, dropped)
    }
    async fn reply(&self, client: &Client) -> Itself {
        let to = Arc::new(Sender { client: client.clone(), server: None, sent: AtomicUsize::new(0) });
        Itself { to, serialised: 1, dropped: 1 }
    }
    fn send(client: &Client, server: Option<Server>, serialised: usize, dropped: usize) -> usize {
        let to = Arc::new(Sender { client: client.clone(), server, sent: AtomicUsize::new(0) });
        to.send(serialised, dropped);
        to.sent.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn what_sends_itself_is_stopped_and_the_log_says_why() {
    let mirror =
        Gateway::new(Mirror).on("emit", Mirror::emit).on("broadcast", Mirror::broadcast).on("reply", Mirror::reply);
    let app = TestApp::new(App::new().gateway("/ws", mirror));
    for event in ["emit", "broadcast"] {
        for (serialised, dropped) in [(1, 0), (0, 1), (1, 1), (16, 0), (0, 16), (3, 3)] {
            let mut ada = app.connect("/ws").await;
            ada.send_text(format!(r#"{{"event":"{event}","data":[{serialised},{dropped}],"id":"i"}}"#)).await;
            let sent = loop {
                let text: Value = serde_json::from_str(&ada.expect_text().await).unwrap();
                if text["event"] == event {
                    break text["data"].as_u64().unwrap() as usize;
                }
            };
            assert!((2..3 * INSIDE).contains(&sent), "{event} {serialised} {dropped}: {sent}");
        }
    }
    assert!(app.logs().contains("as it is serialised or dropped, more than 8 deep"));
    let mut ada = app.connect("/ws").await;
    ada.send("reply", ()).await;
    assert_eq!(ada.skip_until::<u64>("reply").await, 1);
}

struct Keeper(Arc<Mutex<Option<Client>>>);

impl Keeper {
    async fn keep(&self, client: &Client) -> u64 {
        *self.0.lock() = Some(client.clone());
        7
    }
}

#[tokio::test]
async fn a_codec_that_sends_is_stopped() {
    let kept: Arc<Mutex<Option<Client>>> = Arc::default();
    let (sender, sent) = (Arc::clone(&kept), AtomicUsize::new(0));
    // It sends, and joins a room that cannot be joined, whenever it encodes.
    let codec = ChattyCodec::new(move |step| {
        let client = sender.lock().clone().filter(|_| step == CodecStep::Encode);
        if let Some(client) = client {
            match sent.fetch_add(1, Ordering::Relaxed) % 2 {
                0 => drop(client.emit("again", 1)),
                _ => drop(client.join("no*room")),
            }
        }
    });
    let app = TestApp::new(App::new().codec(codec).gateway("/ws", Gateway::new(Keeper(kept)).on("keep", Keeper::keep)));
    let mut ada = app.connecting("/ws").protocol("chatty").connect().await;
    ada.send("keep", ()).await;
    assert_eq!(ada.skip_until::<u64>("keep").await, 7);
}
