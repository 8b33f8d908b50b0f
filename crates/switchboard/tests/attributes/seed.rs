//! The chat of the nestrs documents, in the words of their users: handlers, rooms, a push from a service, a namespace.
//! Nothing is changed but the names of the crate and of its types.
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use switchboard::testing::TestApp;
use switchboard::{Client, Namespace, Server, gateway, injectable, messages, module};

#[derive(Debug, Clone, Deserialize, Serialize, garde::Validate)]
struct SendMessage {
    #[garde(length(chars, min = 1, max = 64))]
    author: String,
    #[garde(length(chars, min = 1, max = 500))]
    text: String,
}

#[derive(Debug, Clone, Serialize)]
struct ChatMessage {
    author: String,
    text: String,
}

#[injectable]
struct RoomService {
    history: Mutex<Vec<ChatMessage>>,
    present: Mutex<usize>,
}

impl RoomService {
    fn connected(&self) {
        *self.present.lock() += 1;
    }
    fn disconnected(&self) {
        *self.present.lock() -= 1;
    }
    fn present(&self) -> usize {
        *self.present.lock()
    }
    fn record(&self, message: SendMessage) {
        self.history.lock().push(ChatMessage { author: message.author, text: message.text });
    }
    fn history(&self) -> Vec<ChatMessage> {
        self.history.lock().clone()
    }
}

#[gateway(path = "/ws")]
struct ChatGateway {
    #[inject]
    room: Arc<RoomService>,
}

#[messages]
impl ChatGateway {
    #[on_connect]
    async fn joined(&self, client: &Client) {
        client.join("lobby");
        self.room.connected();
    }

    #[on_disconnect]
    async fn left(&self) {
        self.room.disconnected();
    }

    #[subscribe_message("message")]
    async fn on_message(&self, message: SendMessage) {
        self.room.record(message);
    }

    #[subscribe_message("history")]
    async fn history(&self) -> Vec<ChatMessage> {
        self.room.history()
    }

    #[subscribe_message("presence")]
    async fn presence(&self) -> usize {
        self.room.present()
    }

    #[subscribe_message("typing")]
    async fn typing(&self, message: SendMessage, client: &Client) {
        let _ = client.broadcast("typing", &message);
    }

    #[subscribe_message("join")]
    async fn join_room(&self, room: String, client: &Client) {
        client.join(&room);
    }

    #[subscribe_message("leave")]
    async fn leave_room(&self, room: String, client: &Client) {
        client.leave(&room);
    }

    #[subscribe_message("say")]
    async fn say(&self, message: SendMessage, client: &Client) {
        client.broadcast("said", &message); // every other client in every room this client is in
        client.broadcast_to("lobby", "said", &message); // only "lobby"
    }
}

#[injectable]
struct NotifyService {
    #[inject]
    ws: Arc<Server>,
    #[inject]
    admin: Arc<Server<Admin>>,
}

impl NotifyService {
    fn announce(&self, text: String) {
        self.ws.broadcast_to("lobby", "announce", &text);
        self.admin.broadcast("announced", &text);
    }
}

enum Admin {}

impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

#[gateway(path = "/admin", namespace = Admin)]
struct AdminGateway {
    #[inject]
    notify: Arc<NotifyService>,
}

#[messages]
impl AdminGateway {
    #[subscribe_message("announce")]
    async fn announce(&self, text: String) {
        self.notify.announce(text);
    }
}

#[module(providers(RoomService, NotifyService), gateways(ChatGateway, AdminGateway))]
struct ChatModule;

#[tokio::test]
async fn the_seed_serves_its_clients() {
    let app = TestApp::of::<ChatModule>().start().await;
    let (mut ada, mut bob) = (app.connect("/ws").await, app.connect("/ws").await);
    assert_eq!(ada.request::<usize>("presence", ()).await, 2);

    let hi = json!({ "author": "ada", "text": "hi" });
    ada.request::<()>("message", &hi).await;
    assert_eq!(bob.request::<Value>("history", ()).await, json!([hi]));
    let refused = ada.request_error("message", json!({ "author": "", "text": "hi" })).await;
    assert_eq!(refused.code, "validation_failed", "validated without a wrapper");

    ada.send("typing", &hi).await;
    assert_eq!(bob.expect::<Value>("typing").await, hi);
    bob.request::<()>("join", "garden").await;
    ada.request::<()>("join", "garden").await;
    ada.request::<()>("say", &hi).await;
    // Once for all rooms that they share, once for the lobby.
    assert_eq!(bob.expect::<Value>("said").await, hi);
    assert_eq!(bob.expect::<Value>("said").await, hi);

    let mut admin = app.connect("/admin").await;
    admin.request::<()>("announce", "tea").await;
    assert_eq!(admin.expect::<String>("announced").await, "tea");
    assert_eq!(ada.expect::<String>("announce").await, "tea");
    assert_eq!(bob.expect::<String>("announce").await, "tea");
    assert_eq!((app.server().local().client_count(), app.server_of::<Admin>().local().client_count()), (2, 1));

    ada.close().await;
    bob.request::<()>("leave", "garden").await;
    while bob.request::<usize>("presence", ()).await != 1 {}
    bob.expect_silence(Duration::from_millis(20)).await;
}
