//! Hooks of rooms, and several messages of one client at a time.
use super::Letter;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use switchboard::testing::{TestApp, TestClient};
use switchboard::{Ack, Client, Error, EventName, gateway, messages, module};
use tokio::sync::Notify;

/// A handler for what has none, and who may join.
#[gateway(path = "/rooms")]
struct Rooms {
    gate: Notify,
    running: AtomicUsize,
}

#[messages]
impl Rooms {
    #[catch_all]
    #[use_pipes(Letter('c'))]
    async fn other(&self, event: EventName, text: String) -> String {
        format!("{event}: {text}")
    }

    #[subscribe_message("known")]
    async fn known(&self) -> &'static str {
        "known"
    }

    #[on_join]
    fn may_join(&self, client: &Client, room: &str) -> Result<(), Error> {
        client.emit("asked", room);
        if room.starts_with("secret") { Err(Error::forbidden("A secret room")) } else { Ok(()) }
    }

    #[subscribe_message("join")]
    async fn join(&self, room: String, client: &Client) -> Result<usize, Error> {
        client.join(&room).await?;
        Ok(client.rooms().len())
    }

    /// Waits until as many run as it says.
    #[subscribe_message("meet")]
    #[concurrency(2)]
    async fn meet(&self, others: usize) -> usize {
        let running = self.running.fetch_add(1, SeqCst) + 1;
        if running == others {
            self.gate.notify_waiters();
        } else {
            self.gate.notified().await;
        }
        running
    }

    #[subscribe_message("late")]
    async fn late(&self, text: String, ack: Ack<String>) {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let _ = ack.send(text);
        });
    }
}

#[gateway(path = "/many", concurrency = 3)]
struct Many {
    gate: Notify,
    running: AtomicUsize,
}

#[messages]
impl Many {
    #[subscribe_message("meet")]
    async fn meet(&self, others: usize) -> usize {
        let running = self.running.fetch_add(1, SeqCst) + 1;
        if running == others {
            self.gate.notify_waiters();
        } else {
            self.gate.notified().await;
        }
        running
    }
}

#[module(gateways(Rooms, Many))]
struct RoomsModule;

#[tokio::test]
async fn a_handler_of_what_has_none() {
    let app = TestApp::of::<RoomsModule>().listen().await;
    let mut ada = app.connect("/rooms").await;
    assert_eq!(ada.request::<String>("known", ()).await, "known");
    assert_eq!(ada.request::<String>("unheard of", "hi").await, "unheard of: hic");
    let mut bob = app.connect("/many").await;
    assert_eq!(bob.request_error("unheard of", "hi").await.code, "unknown_event");
}

#[tokio::test]
async fn who_may_join() {
    let app = TestApp::of::<RoomsModule>().listen().await;
    let mut ada = app.connect("/rooms").await;
    let joined = ada.request::<usize>("join", "lobby").await;
    assert_eq!(ada.expect::<String>("asked").await, "lobby");
    assert_eq!(ada.request_error("join", "secret/1").await.code, "forbidden");
    assert_eq!(ada.expect::<String>("asked").await, "secret/1");
    assert_eq!(app.server().local().count_in("secret/1"), 0);
    assert_eq!(ada.request::<usize>("join", "hall").await, joined + 1);
}

async fn meet(client: &mut TestClient, others: usize) {
    let mut calls = Vec::new();
    for _ in 0..others {
        calls.push(client.begin("meet", others).await);
    }
    let mut answers = Vec::new();
    for call in calls {
        answers.push(client.expect_reply::<usize>(call).await);
    }
    answers.sort_unstable();
    assert_eq!(answers, (1..=others).collect::<Vec<_>>());
}

#[tokio::test]
async fn several_messages_at_a_time() {
    let app = TestApp::of::<RoomsModule>().listen().await;
    meet(&mut app.connect("/rooms").await, 2).await;
    meet(&mut app.connect("/many").await, 3).await;
}

#[tokio::test]
async fn an_answer_that_comes_later() {
    let app = TestApp::of::<RoomsModule>().listen().await;
    let mut ada = app.connect("/rooms").await;
    let late = ada.begin("late", "in a while").await;
    assert_eq!(ada.request::<String>("known", ()).await, "known", "the next message is handled meanwhile");
    assert_eq!(ada.expect_reply::<String>(late).await, "in a while");
}
