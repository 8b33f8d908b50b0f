//! All connections share the gateway, on several threads.
use std::cell::Cell;
use switchboard::Gateway;

struct Chat {
    count: Cell<u32>,
}

impl Chat {
    async fn count(&self) -> u32 {
        self.count.get()
    }
}

fn main() {
    let _ = Gateway::new(Chat { count: Cell::new(0) }).on("count", Chat::count);
}
