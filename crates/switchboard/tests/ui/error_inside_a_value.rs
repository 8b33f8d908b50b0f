//! An `Err` deeper in the reply is not sent as a success either.
use switchboard::{Error, Gateway};

struct Chat;

impl Chat {
    async fn all(&self) -> Vec<Result<u32, Error>> {
        vec![Err(Error::forbidden("No"))]
    }
    async fn twice(&self) -> Result<Result<u32, Error>, Error> {
        Ok(Err(Error::forbidden("No")))
    }
    async fn maybe(&self) -> Option<Result<u32, Error>> {
        Some(Err(Error::forbidden("No")))
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("all", Chat::all);
    let _ = Gateway::new(Chat).on("twice", Chat::twice);
    let _ = Gateway::new(Chat).on("maybe", Chat::maybe);
}
