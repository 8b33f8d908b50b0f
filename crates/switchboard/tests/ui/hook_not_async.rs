//! A hook is an `async fn`.
use switchboard::{Client, Gateway};

struct Chat;

impl Chat {
    fn joined(&self, client: &Client) {
        client.join("lobby");
    }
}

fn main() {
    let _ = Gateway::new(Chat).on_connect(Chat::joined);
}
