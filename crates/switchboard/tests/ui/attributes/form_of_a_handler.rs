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
    #[subscribe_message("seven")]
    async fn borrowing<'a>(&'a self, text: std::borrow::Cow<'a, str>) {}
    #[subscribe_message("eight")]
    async fn lifetimes_are_fine<'a>(&'a self, client: &'a Client) {
        client.emit("x", ());
    }
    #[on_connect]
    fn joined(&self) {}
}

fn main() {}
