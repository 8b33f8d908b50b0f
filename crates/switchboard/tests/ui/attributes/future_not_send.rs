//! A handler may move between threads while it waits.
use std::rc::Rc;
use switchboard::messages;

struct Chat;

#[messages]
impl Chat {
    #[subscribe_message("wait")]
    async fn wait(&self, text: String) -> usize {
        let text = Rc::new(text);
        std::future::ready(()).await;
        text.len()
    }
}

fn main() {}
