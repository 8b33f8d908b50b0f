//! The handlers of a struct are in one block.
use switchboard::messages;

struct Chat;

#[messages]
impl Chat {
    #[subscribe_message("say")]
    async fn say(&self) {}
}

#[messages]
impl Chat {
    #[subscribe_message("shout")]
    async fn shout(&self) {}
}

fn main() {}
