//! [`Flusher`]: writes to a part of the connections of one runtime, and wakes them when their alarms are due.
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

/// The number of connections that are written to before the flusher yields to other tasks.
const SLICE: usize = 64;
/// The number of connections whose alarms are examined under one lock.
const SWEPT: usize = 1024;
/// The largest capacity of a list of connections that is kept for reuse: 64 KiB.
const KEPT: usize = 8 << 10;

/// Each flusher has its own clock, which only its own runtime advances. If that runtime stalls, data from the peers waits unread in the
/// socket buffers. A clock advanced by another runtime would time those peers out before their data is read.
#[derive(Default)]
pub(crate) struct Flusher {
    clock: Clock,
    /// The connections that this flusher serves. The writer of each one stores its index here.
    conns: Mutex<Vec<Arc<Endpoint>>>,
    /// Connections to which something was pushed.
    dirty: Mutex<Vec<Arc<Endpoint>>>,
    wake: Notify,
    /// The time of the last sweep over the alarms, on this flusher's clock.
    swept: AtomicU64,
    /// True once the tasks of this flusher must end, or have ended with their runtime. Set under the lock of `dirty`.
    stopped: AtomicBool,
}

impl Flusher {
    /// Creates a flusher and starts its clock. Called in the runtime that it will serve.
    pub(crate) fn new() -> Arc<Flusher> {
        let flusher = Flusher::default();
        flusher.clock.start();
        Arc::new(flusher)
    }

    /// Creates the flusher of a connection without a runtime. Its clock is not started.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn of_nobody() -> Arc<Flusher> {
        Arc::default()
    }

    /// The cached time of the connection's runtime, in milliseconds. It moves only when the clock is advanced, so it may lag behind the
    /// real time; see `exact`.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Advances the clock to the real time and returns it, in milliseconds. Deadlines start from it, so that a stall of the runtime before
    /// the start does not use them up.
    pub(crate) fn present(&self) -> u64 {
        self.clock.advance()
    }

    /// The real time in milliseconds, read without advancing the clock. Used for rate limits.
    pub(crate) fn exact(&self) -> u64 {
        self.clock.exact()
    }

    pub(crate) fn insert(&self, conn: &Arc<Endpoint>) {
        let mut conns = self.conns.lock();
        // More connections than `u32::MAX` do not fit into memory.
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

    /// Schedules a write to a connection. It includes everything that is pushed to the connection until then.
    pub(crate) fn flush_later(&self, conn: Arc<Endpoint>) {
        let first = {
            let mut dirty = self.dirty.lock();
            if self.is_stopped() {
                // The connection has ended or is about to end. An entry added now would never be dropped.
                return;
            }
            dirty.push(conn);
            dirty.len() == 1
        };
        if first {
            self.wake.notify_one();
        }
    }

    /// Writes what was pushed. Called by the flusher's own task, and by the watchdog if a blocking handler keeps that task from running.
    async fn flush(&self) {
        let mut batch = Batch { flusher: self, conns: std::mem::take(&mut *self.dirty.lock()) };
        while let Some(conn) = batch.next() {
            conn.flush_scheduled();
            if batch.conns.len().is_multiple_of(SLICE) {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Advances the clock, and wakes the connections whose alarm is due.
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

    /// Adds to `due` the connections from index `from` on whose alarm is due, at most `SWEPT` of them examined. Returns the index to
    /// continue from, if any connections are left.
    fn due(&self, from: usize, now: u64, due: &mut Vec<Arc<Endpoint>>) -> Option<usize> {
        let conns = self.conns.lock();
        let end = conns.len().min(from + SWEPT);
        due.extend(conns.get(from..end)?.iter().filter(|conn| conn.alarm_is_due(now)).cloned());
        (end < conns.len()).then_some(end)
    }

    /// Does what the flusher's tasks could not do because a blocking handler keeps them from running.
    pub(crate) async fn catch_up(&self, tick: Duration) {
        self.flush().await;
        let since = self.clock.exact().saturating_sub(self.swept.load(Ordering::Relaxed));
        if u128::from(since) >= tick.as_millis() {
            self.sweep().await;
        }
    }

    /// Ends the flusher's tasks, and drops the list of connections to write to.
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

/// The connections that a flush is writing to. If the flush is dropped before its end, the remaining connections go back to the `dirty`
/// list.
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

/// Runs the task that writes what was pushed. It yields once before it writes, so that all tasks that are ready can push first and their
/// frames are written together.
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

/// Runs the task that sweeps once per tick. After a stall there is one late tick, not a burst of missed ones.
pub(crate) async fn sweep(flusher: Arc<Flusher>, node: Weak<Node>, tick: Duration, _running: Running) {
    let mut ticks = tokio::time::interval(tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(node) = node.upgrade().filter(|_| !flusher.is_stopped()) else { return };
        memory::watch(&node);
        drop(node);
        // The yield lets tokio's driver report data that peers sent during a stall, so that they are not timed out before it is read.
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
