//! A handler takes `&self`, also when it needs nothing else.
use switchboard::Gateway;

struct Chat;

impl Chat {
    async fn message() {}
}

fn main() {
    let _ = Gateway::new(Chat).on("message", Chat::message);
}
