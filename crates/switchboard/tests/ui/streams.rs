//! A stream owns what it needs, and its items are replies.
use futures_util::{Stream, stream};
use switchboard::Gateway;

struct Tick;

struct Clock;

impl Clock {
    async fn borrows(&self) -> impl Stream<Item = u8> {
        stream::iter([1])
    }
    async fn owns(&self) -> impl Stream<Item = u8> + use<> {
        stream::iter([1])
    }
    async fn items(&self) -> impl Stream<Item = Tick> + use<> {
        stream::iter([Tick])
    }
}

fn main() {
    let _ = Gateway::new(Clock).on("owns", Clock::owns);
    let _ = Gateway::new(Clock).on("borrows", Clock::borrows);
    let _ = Gateway::new(Clock).on("items", Clock::items);
}
