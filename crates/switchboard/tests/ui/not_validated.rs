//! `Valid<T>` needs garde's `Validate`.
use switchboard::{Gateway, Valid};

#[derive(serde::Deserialize)]
struct Say {
    text: String,
}

struct Chat;

impl Chat {
    async fn say(&self, say: Valid<Say>) -> String {
        say.0.text
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("say", Chat::say);
}
