//! What the log says when an application starts.
use garde::Validate;
use serde::Deserialize;
use std::sync::Arc;
use switchboard::testing::TestApp;
use switchboard::{
    Client, EventName, Namespace, Server, Socket, Unchecked, Valid, gateway, injectable, messages, module,
};

#[derive(Deserialize, Validate)]
struct SendMessage {
    #[garde(skip)]
    text: String,
}

#[injectable]
struct RoomService;

#[gateway(path = "/ws")]
struct ChatGateway {
    #[inject]
    _rooms: Arc<RoomService>,
}

#[messages]
impl ChatGateway {
    #[on_connect]
    async fn joined(&self, _client: &Client) {}
    #[on_disconnect]
    async fn left(&self) {}
    #[after_init]
    async fn ready(&self, _server: Server) {}
    #[subscribe_message("message")]
    async fn message(&self, message: SendMessage, _client: &Client) -> usize {
        message.text.len()
    }
    #[subscribe_message("edit")]
    async fn edit(&self, _event: EventName, _message: Valid<SendMessage>) {}
    #[subscribe_message("import")]
    async fn import(&self, _message: Unchecked<SendMessage>) {}
    #[subscribe_message("rename")]
    async fn rename(&self, _names: Option<Vec<String>>) {}
    #[subscribe_message("history")]
    async fn history(&self) {}
}

enum Admin {}
impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

#[gateway(path = "admin/feed", namespace = Admin)]
struct Feed;

#[messages]
impl Feed {
    #[on_connect]
    async fn came(&self) {}
    #[raw]
    async fn run(&self, _socket: Socket) {}
}

#[module(providers(RoomService), exports(RoomService))]
struct RoomModule;

#[module(imports(RoomModule), gateways(ChatGateway, Feed))]
struct ChatModule;

#[tokio::test(start_paused = true)]
async fn what_was_made_and_what_is_served() {
    let app = TestApp::of::<ChatModule>().start().await;
    let lines: Vec<String> = app.logs().lines().iter().map(|line| format!("{} {}", line.level, line.message)).collect();
    assert_eq!(
        lines,
        [
            "INFO module ChatModule: ChatGateway, Feed; imports RoomModule",
            "INFO module RoomModule: RoomService",
            "INFO GET /ws → ChatGateway (5 messages, 3 hooks)",
            "INFO     message: SendMessage (validated)",
            "INFO     edit: SendMessage (validated)",
            "INFO     import: SendMessage (unchecked)",
            "INFO     rename: Option<Vec<String>>",
            "INFO     history",
            "INFO     (on connect)",
            "INFO     (on disconnect)",
            "INFO     (after init)",
            "INFO GET /admin/feed → Feed (raw, 1 hook, namespace /admin)",
            "INFO     (on connect)",
        ]
    );
}
