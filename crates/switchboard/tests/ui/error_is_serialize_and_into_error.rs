//! An `Err` that is `Serialize` and `Into<Error>` is ambiguous: it does not become a success in silence.
use switchboard::{Error, Gateway};

#[derive(serde::Serialize)]
struct Full;

impl From<Full> for Error {
    fn from(_: Full) -> Error {
        Error::overloaded("Full")
    }
}

struct Chat;

impl Chat {
    async fn join(&self) -> Result<u32, Full> {
        Err(Full)
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("join", Chat::join);
}
