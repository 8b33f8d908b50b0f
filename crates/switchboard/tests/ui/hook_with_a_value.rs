//! A hook answers nothing.
use switchboard::{Error, Gateway};

struct Chat;

impl Chat {
    async fn joined(&self) -> String {
        String::from("welcome")
    }
    async fn left(&self) -> Result<u32, Error> {
        Ok(1)
    }
    async fn maybe(&self) -> Option<()> {
        None
    }
}

fn main() {
    let _ = Gateway::new(Chat).on_connect(Chat::joined);
    let _ = Gateway::new(Chat).on_disconnect(Chat::left);
    let _ = Gateway::new(Chat).on_connect(Chat::maybe);
}
