//! `DisconnectReason` belongs to `on_disconnect`, `Socket` to `raw`.
use switchboard::{DisconnectReason, Gateway, Socket};

struct Chat;

impl Chat {
    async fn why(&self, reason: DisconnectReason) {
        drop(reason);
    }
    async fn own(&self, socket: Socket) {
        drop(socket);
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("why", Chat::why);
    let _ = Gateway::new(Chat).on_connect(Chat::own);
}
