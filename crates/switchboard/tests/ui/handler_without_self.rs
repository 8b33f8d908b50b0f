//! A handler takes `&self` first.
use switchboard::Gateway;

struct Chat;

impl Chat {
    async fn message(text: String) -> String {
        text
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("message", Chat::message);
}
