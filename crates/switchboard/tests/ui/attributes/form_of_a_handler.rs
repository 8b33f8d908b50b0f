//! A handler is an `async fn(&self, ..)`, not generic. All that is wrong is told at once.
use switchboard::{Client, messages};

struct Chat;

#[messages]
impl Chat {
    #[subscribe_message("one")]
    fn not_async(&self, text: String) -> String {
        text
    }
    #[subscribe_message("two")]
    async fn without_self(text: String) -> String {
        text
    }
    #[subscribe_message("three")]
    async fn changing(&mut self, client: &Client) {}
    #[subscribe_message("four")]
    async fn generic<T>(&self, value: T) {}
    #[subscribe_message("five")]
    async fn opaque(&self, value: impl Send) {}
    #[subscribe_message("six")]
    async fn lent(&self, text: &mut String) {}
    #[on_connect]
    fn joined(&self) {}
}

fn main() {}
