//! What does nothing until it is used, unused.
#![deny(unused_must_use)]
use switchboard::{App, Client, Gateway, Server};

struct Chat;

impl Chat {
    async fn message(&self, client: &Client) {
        client.to("lobby");
        client.to("lobby").except("muted").volatile();
    }
}

fn everyone(server: &Server) {
    server.to("lobby");
    server.all();
    server.except("lobby").latest("stats");
}

fn main() {
    Gateway::new(Chat);
    Gateway::new(Chat).on("message", Chat::message);
    App::new();
    App::new().gateway("/ws", Gateway::new(Chat));
    App::new().listen(3005);
}
