//! A flusher: writes to a part of the connections of one runtime, and wakes them when it is time.
use crate::hub::Endpoint;
use crate::hub::home::Running;
use crate::hub::prefetch;
use crate::node::clock::Clock;
use crate::node::{Node, memory};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

/// Connections that are written to before other tasks get their turn.
const SLICE: usize = 64;
/// Connections whose alarms are looked at under one lock.
const SWEPT: usize = 1024;
/// The longest list of connections whose memory is kept for the next turn: 64 KiB.
const KEPT: usize = 8 << 10;

/// It has a clock of its own, which only its own runtime moves: after a stall of that, what peers have sent meanwhile stands in
/// their sockets, and the clock of another runtime would judge them before it is read.
#[derive(Default)]
pub(crate) struct Flusher {
    clock: Clock,
    /// Those that live in its runtime, each at the place that its lane knows.
    conns: Mutex<Vec<Arc<Endpoint>>>,
    /// Connections to which something was pushed.
    dirty: Mutex<Vec<Arc<Endpoint>>>,
    wake: Notify,
    /// The last look at the alarms, on its clock.
    swept: AtomicU64,
    /// Its tasks shall end, or have ended with their runtime. Set under the lock of `dirty`.
    stopped: AtomicBool,
}

impl Flusher {
    /// In the runtime whose time it keeps.
    pub(crate) fn new() -> Arc<Flusher> {
        let flusher = Flusher::default();
        flusher.clock.start();
        Arc::new(flusher)
    }

    /// Of a connection without a runtime: it keeps no time.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn of_nobody() -> Arc<Flusher> {
        Arc::default()
    }

    /// Milliseconds, in steps.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Milliseconds at this moment: where a deadline begins that a stall of the runtime must not use up.
    pub(crate) fn present(&self) -> u64 {
        self.clock.advance()
    }

    /// Milliseconds at this moment, which moves nothing: for rates.
    pub(crate) fn exact(&self) -> u64 {
        self.clock.exact()
    }

    pub(crate) fn insert(&self, conn: &Arc<Endpoint>) {
        let mut conns = self.conns.lock();
        // More connections than that do not fit into any memory.
        conn.writer.place.store(u32::try_from(conns.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
        conns.push(conn.clone());
    }

    pub(crate) fn remove(&self, conn: &Endpoint) {
        let removed = {
            let mut conns = self.conns.lock();
            let place = conn.writer.place.load(Ordering::Relaxed);
            let at = place as usize;
            if !conns.get(at).is_some_and(|there| std::ptr::eq(&raw const **there, conn)) {
                return;
            }
            let removed = conns.swap_remove(at);
            if let Some(moved) = conns.get(at) {
                moved.writer.place.store(place, Ordering::Relaxed);
            }
            if conns.len() < conns.capacity() / 4 {
                conns.shrink_to_fit();
            }
            removed
        };
        drop(removed);
    }

    pub(crate) fn add_clients(&self, clients: &mut Vec<Arc<Endpoint>>) {
        clients.extend_from_slice(&self.conns.lock());
    }

    /// Writes to a connection soon: together with all that is pushed to it until then.
    pub(crate) fn flush_later(&self, conn: Arc<Endpoint>) {
        let first = {
            let mut dirty = self.dirty.lock();
            if self.is_stopped() {
                // The connection has ended too, or is about to; what is kept here would never be dropped.
                return;
            }
            dirty.push(conn);
            dirty.len() == 1
        };
        if first {
            self.wake.notify_one();
        }
    }

    /// Writes what was pushed. Its own task does, and the pulse where that one waits for a handler that blocks.
    async fn flush(&self) {
        let mut batch = Batch { flusher: self, conns: std::mem::take(&mut *self.dirty.lock()) };
        while let Some(conn) = batch.next() {
            conn.flush_scheduled();
            if batch.conns.len().is_multiple_of(SLICE) {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Moves the clock, and wakes the connections whose alarm is due.
    async fn sweep(&self) {
        let now = self.clock.advance();
        self.swept.store(now, Ordering::Relaxed);
        let (mut due, mut from) = (Vec::new(), Some(0));
        while let Some(at) = from {
            from = self.due(at, now, &mut due);
            for conn in due.drain(..) {
                conn.writer.wake();
            }
            if from.is_some() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// The connections from this place on whose alarm is due; the next place to look at, if there is one.
    fn due(&self, from: usize, now: u64, due: &mut Vec<Arc<Endpoint>>) -> Option<usize> {
        let conns = self.conns.lock();
        let end = conns.len().min(from + SWEPT);
        due.extend(conns.get(from..end)?.iter().filter(|conn| conn.alarm_is_due(now)).cloned());
        (end < conns.len()).then_some(end)
    }

    /// What its tasks have not done, because they wait for a handler that blocks.
    pub(crate) async fn catch_up(&self, tick: Duration) {
        self.flush().await;
        let since = self.clock.exact().saturating_sub(self.swept.load(Ordering::Relaxed));
        if u128::from(since) >= tick.as_millis() {
            self.sweep().await;
        }
    }

    /// Ends its tasks, and forgets what was pushed to connections that are gone with their runtime.
    pub(crate) fn stop(&self) {
        let forgotten = {
            let mut dirty = self.dirty.lock();
            self.stopped.store(true, Ordering::Release);
            std::mem::take(&mut *dirty)
        };
        drop(forgotten);
        self.wake.notify_one();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}

/// What is being written to. What is left of it when a task is dropped in the middle of it is written by another.
struct Batch<'a> {
    flusher: &'a Flusher,
    conns: Vec<Arc<Endpoint>>,
}

impl Batch<'_> {
    fn next(&mut self) -> Option<Arc<Endpoint>> {
        if self.conns.len().is_multiple_of(prefetch::GROUP) {
            prefetch::fetch(self.conns.last_chunk::<{ prefetch::GROUP }>()?.iter());
        }
        self.conns.pop()
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut dirty = self.flusher.dirty.lock();
        if !self.conns.is_empty() && !self.flusher.is_stopped() {
            dirty.append(&mut self.conns);
        } else if self.conns.is_empty() && dirty.capacity() == 0 && self.conns.capacity() <= KEPT {
            *dirty = std::mem::take(&mut self.conns);
        }
    }
}

/// Writes what one turn of the event loop pushed: the yield lets every task that is ready now push first.
pub(crate) async fn flush(flusher: Arc<Flusher>, _running: Running) {
    loop {
        flusher.wake.notified().await;
        tokio::task::yield_now().await;
        flusher.flush().await;
        if flusher.is_stopped() {
            return;
        }
    }
}

/// One step late is one step late: after a stall there is one tick, not a burst.
pub(crate) async fn sweep(flusher: Arc<Flusher>, node: Weak<Node>, tick: Duration, _running: Running) {
    let mut ticks = tokio::time::interval(tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(node) = node.upgrade().filter(|_| !flusher.is_stopped()) else { return };
        memory::watch(&node);
        drop(node);
        // After a stall, what peers have sent meanwhile is noticed before they are judged: a yield lets the driver look.
        tokio::task::yield_now().await;
        flusher.sweep().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_list_is_kept_for_the_next_one_unless_it_is_long() {
        let flusher = Flusher::default();
        let capacity = || flusher.dirty.lock().capacity();
        let written = |room| drop(Batch { flusher: &flusher, conns: Vec::with_capacity(room) });
        written(KEPT + 1);
        assert_eq!(capacity(), 0);
        written(KEPT);
        assert_eq!(capacity(), KEPT);
        written(10);
        assert_eq!(capacity(), KEPT, "that of the next one is not thrown away");
    }
}
