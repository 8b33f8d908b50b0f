//! A parameter is a payload, `&Client` or an extractor.
use switchboard::{Client, Gateway};

struct Say {
    text: String,
}

struct Chat;

impl Chat {
    async fn say(&self, say: Say) -> String {
        say.text
    }
    async fn say_to(&self, client: &Client, say: Say) {
        client.emit("said", say.text);
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("say", Chat::say);
    let _ = Gateway::new(Chat).on("say_to", Chat::say_to);
}
