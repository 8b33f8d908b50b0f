//! The pulse: a handler that blocks its thread stops nobody else's I/O while another worker of the runtime is idle.
//!
//! The worker of tokio's that waits for the sockets also runs what they wake. While it does, nobody waits for them, unless
//! another worker is awake: a handler that blocks would stop everybody for as long. So when a worker has been at work for a
//! while and another one sleeps, that one is woken, finds nothing to do, and waits for the sockets.
use super::Node;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeMetrics};

/// How long a worker may be at work before another one is woken. A look costs a few microseconds.
const BEAT: Duration = Duration::from_millis(10);

/// Whether a node's runtime is looked after.
#[derive(Default)]
pub(super) struct Pulse(AtomicBool);

impl Pulse {
    /// Starts it in the current runtime, where that has several workers. Its thread ends with the shutdown, or with the node.
    pub(super) fn start(node: &Arc<Node>) {
        if node.pulse.0.load(Ordering::Relaxed) || node.pulse.0.swap(true, Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        if runtime.metrics().num_workers() < 2 {
            return;
        }
        let node = Arc::downgrade(node);
        let started = thread::Builder::new().name("switchboard-pulse".into()).spawn(move || beat(&node, &runtime));
        if let Err(error) = started {
            tracing::warn!(target: "switchboard", %error, "no thread for the pulse: a handler that blocks stops others");
        }
    }
}

fn beat(node: &Weak<Node>, runtime: &Handle) {
    let metrics = runtime.metrics();
    let mut before = Vec::new();
    while node.upgrade().is_some_and(|node| !node.has_ended()) {
        let now: Vec<u64> = counts(&metrics).collect();
        let (mut is_long_at_work, mut sleeps) = (false, false);
        for (now, before) in now.iter().zip(&before) {
            // Odd while it sleeps; counted at each beginning and end of it.
            sleeps |= now % 2 == 1;
            is_long_at_work |= now % 2 == 0 && now == before;
        }
        if is_long_at_work && sleeps {
            runtime.spawn(async {});
        }
        before = now;
        thread::sleep(BEAT);
    }
}

fn counts(metrics: &RuntimeMetrics) -> impl Iterator<Item = u64> + '_ {
    (0..metrics.num_workers()).map(|worker| metrics.worker_park_unpark_count(worker))
}
