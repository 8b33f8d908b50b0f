//! All connections share the gateway: it is never borrowed mutably.
use switchboard::Gateway;

struct Chat;

impl Chat {
    async fn message(&mut self, text: String) -> String {
        text
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("message", Chat::message);
}
