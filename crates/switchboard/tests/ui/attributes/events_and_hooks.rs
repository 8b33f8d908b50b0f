//! One handler an event, one hook of a kind, and names that are no one else's.
use switchboard::messages;

struct Chat;

#[messages]
impl Chat {
    #[subscribe_message("say")]
    async fn say(&self) {}
    #[subscribe_message("say")]
    async fn say_again(&self) {}
    #[subscribe_message("sys.close")]
    async fn reserved(&self) {}
    #[subscribe_message("")]
    async fn nameless(&self) {}
    #[subscribe_message]
    async fn which(&self) {}
    #[subscribe_message(event = "named")]
    async fn named(&self) {}
    #[subscribe_message(7)]
    async fn number(&self) {}
    #[on_connect]
    async fn joined(&self) {}
    #[on_connect]
    async fn joined_too(&self) {}
    #[on_disconnect("now")]
    async fn left(&self) {}
    #[on_connect]
    #[on_disconnect]
    async fn both(&self) {}
}

fn main() {}
