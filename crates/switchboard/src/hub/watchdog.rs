//! The watchdog for blocked workers: a handler that blocks its thread must not delay other connections while another worker of the runtime
//! sleeps.
//!
//! The tokio worker that polls the I/O driver also runs the tasks that the driver wakes. While it runs them, no worker polls the driver,
//! unless another one is awake. The task that it woke last, which may be a flusher, cannot be stolen by other workers. So if a worker has
//! been busy for a while and another one sleeps, the watchdog wakes the sleeping one, which writes what is queued and then polls the
//! driver. (tokio's own remedy, `enable_eager_driver_handoff`, is unstable.)
use crate::hub::home::Home;
use crate::node::Node;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeMetrics};

/// The interval of the checks. A worker that was busy for one interval counts as blocked.
const BEAT: Duration = Duration::from_millis(10);
/// The interval of the checks while there are no connections.
const IDLE_BEAT: Duration = Duration::from_millis(100);

/// Starts the watchdog thread of a runtime that has several workers. The thread ends with the shutdown, with the node, or with the runtime.
pub(crate) fn start(home: &Arc<Home>, node: &Arc<Node>, runtime: &Handle, tick: Duration) {
    if runtime.metrics().num_workers() < 2 {
        return;
    }
    let (home, node, runtime) = (home.clone(), Arc::downgrade(node), runtime.clone());
    let started = thread::Builder::new().name("switchboard".into()).spawn(move || beat(&home, &node, &runtime, tick));
    if let Err(error) = started {
        tracing::warn!(target: "switchboard", %error, "no thread for the pulse: a handler that blocks stops others");
    }
}

fn beat(home: &Arc<Home>, node: &Weak<Node>, runtime: &Handle, tick: Duration) {
    let metrics = runtime.metrics();
    let mut before = Vec::new();
    // The home is stopped when its runtime ends.
    while !home.is_stopped()
        && let Some(node) = node.upgrade().filter(|node| !node.has_ended())
    {
        let now: Vec<u64> = counts(&metrics).collect();
        if needs_another(&before, &now) {
            let home = home.clone();
            runtime.spawn(async move { home.catch_up(tick).await });
        }
        before = now;
        let wait = if node.counters.admitted() > 0 { BEAT } else { IDLE_BEAT };
        drop(node);
        thread::sleep(wait);
    }
}

/// Returns the park count of each worker. It grows when the worker parks and when it unparks, so an odd count means that it sleeps.
fn counts(metrics: &RuntimeMetrics) -> impl Iterator<Item = u64> + '_ {
    (0..metrics.num_workers()).map(|worker| metrics.worker_park_unpark_count(worker))
}

/// True if one worker has been busy since the last check and another one sleeps.
fn needs_another(before: &[u64], now: &[u64]) -> bool {
    let sleeps = |count: u64| count % 2 == 1;
    let is_long_at_work = before.iter().zip(now).any(|(before, now)| before == now && !sleeps(*now));
    is_long_at_work && now.iter().any(|count| sleeps(*count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::home::Homes;

    #[test]
    fn another_is_needed_where_one_works_on_and_one_sleeps() {
        for (before, now, needed) in [
            ([4, 7], [4, 7], true),
            ([4, 7], [6, 7], false),
            ([4, 8], [4, 8], false),
            ([5, 7], [5, 7], false),
            ([4, 8], [4, 9], true),
        ] {
            assert_eq!(needs_another(&before, &now), needed, "{before:?} {now:?}");
        }
        assert!(!needs_another(&[], &[4, 7]));
    }

    #[test]
    fn the_thread_ends_with_the_shutdown_and_with_the_runtime() {
        let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (node, homes) = (Arc::new(Node::new()), Arc::new(Homes::default()));
        let begin = |runtime: &tokio::runtime::Runtime| {
            let home = runtime.block_on(async { homes.current(&node) });
            let (node, handle) = (Arc::downgrade(&node), runtime.handle().clone());
            thread::spawn(move || beat(&home, &node, &handle, Duration::from_millis(500)))
        };
        let first = runtime();
        let beating = begin(&first);
        thread::sleep(Duration::from_millis(50));
        assert!(!beating.is_finished());
        drop(first);
        beating.join().unwrap();
        let second = runtime();
        let beating = begin(&second);
        node.drain();
        beating.join().unwrap();
    }
}
