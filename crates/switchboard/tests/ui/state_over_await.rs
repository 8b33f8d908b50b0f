//! State of a connection is not held over an `.await`: it is lent to a closure.
use switchboard::{ConnState, Gateway};

#[derive(Default)]
struct Seen(Vec<String>);

struct Chat;

impl Chat {
    async fn inside(&self, seen: ConnState<Seen>) -> usize {
        seen.with(|seen| {
            std::future::ready(()).await;
            seen.0.len()
        })
    }
    async fn outside(&self, seen: ConnState<Seen>) -> usize {
        let held = seen.with(|seen| seen);
        std::future::ready(()).await;
        held.0.len()
    }
    async fn future(&self, seen: ConnState<Seen>) -> usize {
        seen.with(|seen| async move { seen.0.len() }).await
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("inside", Chat::inside).on("outside", Chat::outside).on("future", Chat::future);
}
