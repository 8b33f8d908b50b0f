//! Attributes of methods and fields stand in what they belong to, and the others on what they are for.
use switchboard::attributes::{on_connect, subscribe_message};
use switchboard::{gateway, injectable, messages, module};

struct Chat;

impl Chat {
    #[subscribe_message("say")]
    async fn say(&self) {}
    #[on_connect]
    async fn joined(&self) {}
}

trait Speaks {
    async fn speak(&self);
}

#[messages]
impl Speaks for Chat {
    async fn speak(&self) {}
}

#[messages]
struct NotABlock;

#[gateway]
enum NotAStruct {}

#[injectable]
fn not_a_struct() {}

#[module]
impl Chat {}

#[module]
struct Generic<T>(T);

fn main() {}
