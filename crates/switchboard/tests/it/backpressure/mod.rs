//! Backpressure: docs/limits.md "Backpressure and admission" 3 to 6, and the caps of the buffers.
mod counts;
mod inbound;
mod outbox;
mod slow_readers;

use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use switchboard::{App, Client, Delivery, Error, Gateway, Limits};
use switchboard_rig::{RawClient, Rig, Stack, settle};
use tokio::sync::Semaphore;

#[derive(Clone)]
struct Press {
    /// What `hold` waits for.
    gate: Arc<Semaphore>,
    /// How many times `numbered` was called.
    numbered: Arc<AtomicUsize>,
}

impl Press {
    fn new() -> Press {
        Press { gate: Arc::new(Semaphore::new(0)), numbered: Arc::default() }
    }

    async fn echo(&self, text: String) -> String {
        text
    }
    async fn hold(&self, n: u64) -> u64 {
        self.gate.acquire().await.unwrap().forget();
        n
    }
    async fn ask(&self, client: &Client, n: u64) -> Result<Value, Error> {
        client.emit_with_ack("question", n, Duration::from_secs(5)).await
    }
    async fn ask_late(&self, client: &Client, n: u64) -> Result<Value, Error> {
        self.gate.acquire().await.unwrap().forget();
        client.emit_with_ack("question", n, Duration::from_secs(5)).await
    }
    async fn join(&self, rooms: Vec<String>, client: &Client) -> Result<usize, Error> {
        for room in &rooms {
            client.join(room).await?;
        }
        Ok(rooms.len())
    }
    async fn big(&self, len: usize) -> String {
        "x".repeat(len)
    }
    async fn numbered(&self, (n, len): (usize, usize)) -> (usize, String) {
        self.numbered.fetch_add(1, Ordering::Relaxed);
        (n, "x".repeat(len))
    }
}

impl Press {
    /// Closed connections are kept for a short time only, because many tests wait for it.
    fn app(&self, limits: Limits) -> App {
        self.lingering(limits.linger(Duration::from_millis(250)))
    }

    fn lingering(&self, limits: Limits) -> App {
        let gateway = Gateway::new(self.clone())
            .on("echo", Press::echo)
            .on("hold", Press::hold)
            .on("ask", Press::ask)
            .on("ask_late", Press::ask_late)
            .on("join", Press::join)
            .on("big", Press::big)
            .on("numbered", Press::numbered);
        App::new().gateway("/ws", gateway).limits(limits)
    }
}

async fn start(stack: Stack, limits: Limits) -> Rig {
    Rig::start(stack, Press::new().app(limits)).await
}

const WELL: &str = r#"{"event":"echo","data":"well"}"#;

const MASK: [u8; 4] = [1, 2, 3, 4];

/// More than a socket and its peer take, when the peer does not read.
const FILL: usize = 1 << 20;

fn text(event: &str, data: impl serde::Serialize) -> String {
    format!(r#"{{"event":"{event}","data":{}}}"#, serde_json::to_string(&data).unwrap())
}

fn hold(n: u64) -> String {
    text("hold", n)
}

/// Joins `all`, so that this peer's client can be told from others.
async fn join(peer: &mut RawClient, room: &str) {
    assert_eq!(peer.request(&text("join", [room])).await, text("join", 1));
}

fn emit(rig: &Rig, room: &str, data: impl serde::Serialize) -> Delivery {
    rig.handle.server().broadcast_to(room, "e", data)
}

/// Fills the socket of the only client in `stopped`: it refuses bytes from then on.
async fn block(rig: &Rig) {
    assert_eq!(emit(rig, "stopped", "x".repeat(FILL)).queued, 1);
    for _ in 0..50 {
        settle().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(rig.handle.stats().queued_bytes > 0, "its socket takes everything");
}

async fn read_fill(peer: &mut RawClient) {
    assert_eq!(peer.recv_text().await.len(), text("e", "").len() + FILL);
}

fn roomy() -> Limits {
    Limits::default().outbound_bytes(4 << 20).outbound_soft_bytes(4 << 20)
}
