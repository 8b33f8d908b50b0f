//! A payload is owned: `String`, not `&str`.
use switchboard::Gateway;

struct Chat;

impl Chat {
    async fn say(&self, text: &str) -> usize {
        text.len()
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("say", Chat::say);
}
