//! A guard with another half than that of `Guard` says which.
use switchboard::pipeline::{AsyncGuard, Call, ConnectGuard};
use switchboard::{App, Error, Gateway, Handshake};

struct Waits;
impl AsyncGuard for Waits {
    async fn message(&self, _: &Call) -> Result<(), Error> {
        Ok(())
    }
}

struct Door;
impl ConnectGuard for Door {
    async fn connect(&self, _: &mut Handshake) -> Result<(), Error> {
        Ok(())
    }
}

struct Chat;
impl Chat {
    async fn say(&self, text: String) -> usize {
        text.len()
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("say", Chat::say).guard(Waits);
    let _ = Gateway::new(Chat).on("say", Chat::say).guard(Door);
    let _ = App::new().guard(Door);
}
