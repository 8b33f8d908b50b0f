//! A handler is an `async fn`.
use switchboard::Gateway;

struct Chat;

impl Chat {
    fn message(&self, text: String) -> String {
        text
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("message", Chat::message);
}
