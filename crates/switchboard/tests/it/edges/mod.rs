//! Combinations that are easy to forget: a close, a shutdown, a cancel or a fault in the middle of something else.
mod draining;
mod pace;
mod raw;
mod settings;
mod state;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::{Client, ConnState, DisconnectReason, Error, Gateway};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[derive(Clone, Default)]
struct Edges {
    ends: Arc<Mutex<Vec<String>>>,
    begun: Arc<AtomicUsize>,
}

/// Counts when it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Default)]
struct Partner {
    _held: Option<(Client, Counted)>,
}

#[derive(Default)]
struct Bomb(bool);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.0, "on purpose");
    }
}

#[derive(Debug)]
struct NoText;

impl std::fmt::Display for NoText {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("on purpose")
    }
}

impl std::error::Error for NoText {}

impl Edges {
    async fn echo(&self, text: String) -> String {
        text
    }
    async fn hang(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }
    async fn slow(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(ms(200)).await;
    }
    async fn burst(&self, client: &Client) {
        let text = "x".repeat(1024);
        for _ in 0..1200 {
            client.emit("push", &text);
        }
    }
    async fn no_text(&self) -> Result<(), Error> {
        Err(Error::internal(NoText))
    }
    async fn keep(&self, partner: ConnState<Partner>, client: &Client) {
        let held = (client.clone(), Counted(self.begun.clone()));
        partner.set(Partner { _held: Some(held) });
    }
    async fn arm(&self, bomb: ConnState<Bomb>) {
        bomb.set(Bomb(true));
    }
    async fn farewell(&self, client: &Client) {
        let text = "y".repeat(1000);
        for _ in 0..900 {
            client.emit("push", &text);
        }
        client.disconnect();
    }
    async fn left(&self, reason: DisconnectReason) {
        self.ends.lock().unwrap().push(format!("{reason:?}"));
    }
}

fn gateway(edges: Edges) -> Gateway<Edges> {
    Gateway::new(edges)
        .on("echo", Edges::echo)
        .on("hang", Edges::hang)
        .on("slow", Edges::slow)
        .on("burst", Edges::burst)
        .on("no_text", Edges::no_text)
        .on("keep", Edges::keep)
        .on("arm", Edges::arm)
        .on("farewell", Edges::farewell)
        .on_disconnect(Edges::left)
}

const ECHO: &str = r#"{"event":"echo","data":"here"}"#;

async fn begun(edges: &Edges) {
    while edges.begun.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
}
