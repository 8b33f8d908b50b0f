//! A parameter is `&Client`, a payload or an extractor.
use switchboard::{Client, messages};

struct Say {
    text: String,
}

struct Chat;

#[messages]
impl Chat {
    #[subscribe_message("say")]
    async fn say(&self, say: Say) -> String {
        say.text
    }
    #[subscribe_message("whisper")]
    async fn whisper(&self, text: &str) -> usize {
        text.len()
    }
    #[subscribe_message("by value")]
    async fn by_value(&self, client: Client) {
        client.emit("x", ());
    }
}

fn main() {}
