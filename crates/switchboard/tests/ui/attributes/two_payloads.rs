//! A message has one payload.
use switchboard::{Client, messages};

struct Chat;

#[messages]
impl Chat {
    #[subscribe_message("rename")]
    async fn rename(&self, from: String, client: &Client, to: String) {
        client.emit(&from, to);
    }
}

fn main() {}
