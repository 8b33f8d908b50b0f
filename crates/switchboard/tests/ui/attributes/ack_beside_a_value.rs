//! An `Ack` answers: what the handler returns besides would be lost.
use futures_util::stream;
use serde_json::Value;
use switchboard::{Ack, Error, Reply, messages};

struct Jobs;

#[messages]
impl Jobs {
    #[subscribe_message("value")]
    async fn value(&self, ack: Ack<u8>) -> u8 {
        ack.send(1).map_or(0, |()| 2)
    }
    #[subscribe_message("result")]
    async fn result(&self, page: u32, ack: Ack<u32>) -> Result<u32, Error> {
        ack.send(page)?;
        Ok(page)
    }
    #[subscribe_message("before the payload")]
    async fn before_the_payload(&self, ack: Ack<u32>, page: u32) -> Option<u32> {
        ack.send(page).ok().map(|()| page)
    }
    #[subscribe_message("before keys")]
    async fn before_keys(&self, #[key("a")] a: u32, ack: Ack<u32>, #[key("b")] b: u32) -> Reply {
        let _ = ack.send(a + b);
        Reply::none()
    }
    #[subscribe_message("stream")]
    async fn stream(&self, ack: Ack<u32>) -> impl futures_util::Stream<Item = u32> {
        let _ = ack.send(1);
        stream::iter([2])
    }
    #[catch_all]
    async fn other(&self, ack: Ack<u32>) -> Vec<u8> {
        let _ = ack.send(1);
        Vec::new()
    }
}

struct Twice;

#[messages]
impl Twice {
    #[subscribe_message("two payloads")]
    async fn two_payloads(&self, text: String, ack: Ack<u8>, number: u8) {
        drop((text, ack, number));
    }
    #[subscribe_message("a key behind a payload")]
    async fn a_key_behind_a_payload(&self, all: Value, ack: Ack<u8>, #[key("b")] b: u8) {
        drop((all, ack, b));
    }
}

struct Hooked;

#[messages]
impl Hooked {
    #[on_connect]
    async fn joined(&self, ack: Ack<u8>) {
        drop(ack);
    }
}

fn main() {}
