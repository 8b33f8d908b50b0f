//! Frames and text: docs/limits.md groups B and C.
mod closing;
mod fragments;
mod pings;
mod violations;
use crate::plain::{HEALTHY, Plain, plain};
use std::sync::Arc;
use std::time::Duration;
use switchboard::{Gateway, Limits};
use switchboard_core::ws::Violation;
use switchboard_rig::Stopwatch;
use switchboard_rig::{Got, Rig, Stack, masked, on};
use tokio::sync::Semaphore;

const MASK: [u8; 4] = [1, 2, 3, 4];

/// How long a closed connection is kept: short, because every test waits for it.
const LINGER: Duration = Duration::from_millis(400);

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    masked(first, payload, MASK)
}

/// Whether the on-connect hook has ended when the bytes come.
#[derive(Clone, Copy, Debug)]
enum Hook {
    Ended,
    Runs,
}

/// Its hook waits until the test lets it go on.
struct Slow(Arc<Semaphore>);

impl Slow {
    async fn joined(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

/// Each input on a connection of its own, beside one that asks all the time and must not notice: the code and reason on the
/// wire, and the end of the stream after `linger`, when nothing is left although no peer has gone.
fn closes(stack: Stack, hook: Hook, rows: Vec<(&'static str, Vec<u8>, u16, &'static str)>) {
    on(stack, |stack| {
        let rows = rows.clone();
        async move {
            let hooks = Arc::new(Semaphore::new(0));
            let slow = Gateway::new(Slow(hooks.clone())).on_connect(Slow::joined);
            let app = plain(Limits::default().linger(LINGER)).gateway("/slow", slow);
            let rig = Rig::start(stack, app).await;
            let mut healthy = rig.connect().await;
            let mut peers = Vec::new();
            for (row, bytes, code, reason) in &rows {
                let known = Violation::ALL.iter().any(|known| known.reason == *reason && known.code.get() == *code);
                assert!(known, "{row}: {code} {reason} is not on the fixed list");
                let mut peer = match hook {
                    Hook::Ended => rig.connect().await,
                    Hook::Runs => rig.connect_to("/slow").await,
                };
                peer.send_bytes(bytes).await;
                assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
                assert_eq!(peer.recv_close().await, (*code, (*reason).to_owned()), "{row} {stack:?} {hook:?}");
                peers.push(peer);
            }
            hooks.add_permits(rows.len());
            let watch = Stopwatch::start();
            rig.until(|stats| stats.connections == 1).await;
            watch.within(LINGER + Duration::from_millis(500));
            assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
            for peer in &mut peers {
                assert_eq!(peer.recv().await, Got::End);
            }
            drop((healthy, peers));
            rig.expect_empty().await;
        }
    });
}

fn everywhere(rows: Vec<(&'static str, Vec<u8>, u16, &'static str)>) {
    for stack in [Stack::Listen, Stack::Memory] {
        for hook in [Hook::Ended, Hook::Runs] {
            closes(stack, hook, rows.clone());
        }
    }
}
