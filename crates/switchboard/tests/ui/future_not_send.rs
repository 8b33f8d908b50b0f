//! What a handler holds over an `.await` is `Send`.
use std::rc::Rc;
use switchboard::Gateway;

struct Chat;

impl Chat {
    async fn count(&self, n: u32) -> u32 {
        let shared = Rc::new(n);
        std::future::ready(()).await;
        *shared
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("count", Chat::count);
}
