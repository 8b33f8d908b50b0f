//! A hook has no message, so no payload.
use switchboard::{Client, Gateway, Socket, Valid};

#[derive(serde::Deserialize, garde::Validate)]
struct Name(#[garde(skip)] String);

struct Chat;

impl Chat {
    async fn joined(&self, client: &Client, room: String) {
        client.join(room);
    }
    async fn left(&self, name: Valid<Name>) {
        drop(name);
    }
    async fn run(&self, socket: Socket, name: String) {
        drop((socket, name));
    }
}

fn main() {
    let _ = Gateway::new(Chat).on_connect(Chat::joined);
    let _ = Gateway::new(Chat).on_disconnect(Chat::left);
    let _ = Gateway::new(Chat).raw(Chat::run);
}
