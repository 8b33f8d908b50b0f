//! An `Ack` answers: what the handler returns besides would be lost.
use switchboard::{Ack, Error, Gateway, HandlerDef};

struct Jobs;

impl Jobs {
    async fn value(&self, ack: Ack<u8>) -> u8 {
        ack.send(1).map_or(0, |()| 2)
    }
    async fn result(&self, page: u32, ack: Ack<u32>) -> Result<u32, Error> {
        ack.send(page)?;
        Ok(page)
    }
    async fn joined(&self, ack: Ack<u8>) {
        drop(ack);
    }
}

fn main() {
    let _ = Gateway::new(Jobs).on("value", Jobs::value);
    let _ = Gateway::new(Jobs).on("result", Jobs::result);
    let _ = Gateway::new(Jobs).on_connect(Jobs::joined);
    let _ = Gateway::functions().on_fn("value", |ack: Ack<u8>| async move { ack.send(1).is_ok() });
    let _ = HandlerDef::<()>::function(|ack: Ack<u8>| async move { ack.send(1).is_ok() });
}
