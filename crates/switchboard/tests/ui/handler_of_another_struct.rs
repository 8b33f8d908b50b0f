//! A handler is a method of the gateway's own struct.
use switchboard::Gateway;

struct Chat;
struct Room;

impl Room {
    async fn message(&self, text: String) -> String {
        text
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("message", Room::message);
}
