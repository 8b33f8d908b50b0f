//! An error says what the client is told: `impl From<Full> for switchboard::Error`.
use switchboard::Gateway;

#[derive(Debug)]
struct Full;

struct Chat;

impl Chat {
    async fn join(&self) -> Result<u32, Full> {
        Err(Full)
    }
    async fn joined(&self) -> Result<(), Full> {
        Err(Full)
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("join", Chat::join);
    let _ = Gateway::new(Chat).on_connect(Chat::joined);
}
