//! A parameter is the client, a payload or an extractor.
use switchboard::messages;

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
}

fn main() {}
