//! A payload belongs to a message, a reason to the end of a connection, a socket to a raw gateway.
use switchboard::{DisconnectReason, Socket, messages};

struct Chat;

#[messages]
impl Chat {
    #[on_connect]
    async fn joined(&self, name: String) {
        drop(name);
    }
    #[subscribe_message("why")]
    async fn why(&self, reason: DisconnectReason) {
        drop(reason);
    }
    #[on_disconnect]
    async fn left(&self, socket: Socket) {
        drop(socket);
    }
    #[after_init]
    async fn ready(&self, text: String) {
        drop(text);
    }
}

fn main() {}
