//! A connection answers while its handlers run, and ends well whatever they do.
mod blocking;
mod handlers;
mod panics;
mod shutdown;
mod write_timeout;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::{Client, DisconnectReason, Error, Gateway};
use tokio::sync::Notify;

/// What happened, in order.
#[derive(Clone, Default)]
struct Story(Arc<Mutex<Vec<String>>>);

impl Story {
    fn tell(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    async fn expect(&self, whole: &[&str]) {
        for _ in 0..500 {
            if *self.0.lock().unwrap() == whole {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(*self.0.lock().unwrap(), whole);
    }
}

#[derive(Default)]
struct Slow {
    story: Story,
    go: Arc<Notify>,
    dropped: Arc<AtomicUsize>,
}

struct CountsDrop(Arc<AtomicUsize>);

impl Drop for CountsDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Slow {
    async fn wait(&self) -> &'static str {
        let _drop = CountsDrop(self.dropped.clone());
        self.story.tell("begins");
        self.go.notified().await;
        self.story.tell("ends");
        "done"
    }
    async fn hang(&self) {
        let _drop = CountsDrop(self.dropped.clone());
        std::future::pending().await
    }
    async fn ask(&self, client: &Client) -> Result<String, Error> {
        let answer: String = client.emit_with_ack("question", "name?", Duration::from_secs(5)).await?;
        Ok(format!("you are {answer}"))
    }
    async fn echo(&self, text: String) -> String {
        text
    }
    async fn left(&self, reason: DisconnectReason, client: &Client) {
        self.story.tell(format!("left {reason:?} {:?}", client.rooms()));
    }
    async fn joined(&self, client: &Client) {
        client.join("room");
    }
}

fn gateway(slow: Slow) -> Gateway<Slow> {
    Gateway::new(slow)
        .on("wait", Slow::wait)
        .on("hang", Slow::hang)
        .on("ask", Slow::ask)
        .on("echo", Slow::echo)
        .on_connect(Slow::joined)
        .on_disconnect(Slow::left)
}

const ECHO: &str = r#"{"event":"echo","data":"on"}"#;
