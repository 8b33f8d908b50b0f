//! The client is borrowed.
use switchboard::{Client, Gateway};

struct Chat;

impl Chat {
    async fn message(&self, client: Client) {
        client.join("lobby");
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("message", Chat::message);
}
