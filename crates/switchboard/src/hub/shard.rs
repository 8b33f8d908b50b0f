//! A part of the connections, with a flusher and a sweep of its own.
use super::conns::{ById, Conns};
use super::{Node, ahead, sweep};
use crate::client::ClientId;
use crate::conn::Conn;
use parking_lot::{Mutex, RwLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// Connections that are written to before other tasks get their turn.
const SLICE: usize = 64;
/// The longest list of connections whose memory is kept for the next turn: 64 KiB.
const KEPT: usize = 8 << 10;

#[derive(Default)]
pub(crate) struct Shard {
    conns: RwLock<Conns>,
    /// Connections to which something was pushed.
    dirty: Mutex<Vec<Arc<Conn>>>,
    wake: Notify,
    flushing: AtomicBool,
    sweeping: AtomicBool,
    stopped: AtomicBool,
}

impl Shard {
    pub(super) fn insert(&self, conn: Arc<Conn>) {
        self.conns.write().insert(conn);
    }

    pub(super) fn remove(&self, id: ClientId) {
        let mut conns = self.conns.write();
        conns.remove(id);
        conns.shrink();
    }

    pub(super) fn get(&self, id: ClientId) -> Option<Arc<Conn>> {
        self.conns.read().get(id).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.conns.read().len()
    }

    pub(super) fn for_each(&self, work: &mut dyn FnMut(&Arc<Conn>)) {
        ahead::for_each(self.conns.read().as_slice(), work);
    }

    /// The connections `from..` whose alarm is due; the next place to look at, if there is one.
    pub(super) fn due(&self, from: usize, slice: usize, now: u64, due: &mut Vec<Arc<Conn>>) -> Option<usize> {
        let conns = self.conns.read();
        let end = conns.len().min(from + slice);
        let part = conns.as_slice().get_range(from..end)?;
        due.extend(part.iter().map(ById::conn).filter(|conn| conn.alarm_is_due(now)).cloned());
        (end < conns.len()).then_some(end)
    }

    /// Writes to a connection soon: together with all that is pushed to it until then.
    pub(crate) fn flush_later(&self, conn: Arc<Conn>) {
        let first = {
            let mut dirty = self.dirty.lock();
            dirty.push(conn);
            dirty.len() == 1
        };
        if first {
            self.wake.notify_one();
        }
    }

    /// Writes what was pushed. Its own flusher does, and the pulse where that one stands behind a handler that blocks.
    pub(super) async fn flush(&self) {
        let mut batch = Batch { shard: self, conns: std::mem::take(&mut *self.dirty.lock()) };
        while let Some(conn) = batch.next() {
            conn.flush_scheduled();
            if batch.conns.len().is_multiple_of(SLICE) {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Starts the flusher and the sweep in the current runtime, unless they run.
    pub(super) fn start(self: &Arc<Self>, node: &Arc<Node>) {
        if self.stopped.load(Ordering::Acquire) {
            return;
        }
        if !self.flushing.load(Ordering::Acquire) && !self.flushing.swap(true, Ordering::AcqRel) {
            tokio::spawn(flush(self.clone(), Running(self.clone(), |shard| &shard.flushing)));
            // For what one before it, whose runtime has ended, may have left.
            self.wake.notify_one();
        }
        if !self.sweeping.load(Ordering::Acquire) && !self.sweeping.swap(true, Ordering::AcqRel) {
            let running = Running(self.clone(), |shard| &shard.sweeping);
            tokio::spawn(sweep::run(self.clone(), node.clone(), running));
        }
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}

/// Says that a task of the shard runs; another may start when it has ended, with its runtime perhaps.
pub(super) struct Running(Arc<Shard>, fn(&Shard) -> &AtomicBool);

impl Drop for Running {
    fn drop(&mut self) {
        (self.1)(&self.0).store(false, Ordering::Release);
    }
}

/// What is being written to. What is left of it when the runtime ends is the next flusher's.
struct Batch<'a> {
    shard: &'a Shard,
    conns: Vec<Arc<Conn>>,
}

impl Batch<'_> {
    fn next(&mut self) -> Option<Arc<Conn>> {
        if self.conns.len().is_multiple_of(ahead::GROUP) {
            ahead::fetch(self.conns.last_chunk::<{ ahead::GROUP }>()?.iter());
        }
        self.conns.pop()
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut dirty = self.shard.dirty.lock();
        if !self.conns.is_empty() {
            dirty.append(&mut self.conns);
        } else if dirty.capacity() == 0 && self.conns.capacity() <= KEPT {
            *dirty = std::mem::take(&mut self.conns);
        }
    }
}

/// Writes what one turn of the event loop pushed: the yield lets every task that is ready now push first.
async fn flush(shard: Arc<Shard>, _running: Running) {
    loop {
        shard.wake.notified().await;
        tokio::task::yield_now().await;
        shard.flush().await;
        if shard.is_stopped() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_list_is_kept_for_the_next_one_unless_it_is_long() {
        let shard = Shard::default();
        let capacity = || shard.dirty.lock().capacity();
        let written = |room| drop(Batch { shard: &shard, conns: Vec::with_capacity(room) });
        written(KEPT + 1);
        assert_eq!(capacity(), 0);
        written(KEPT);
        assert_eq!(capacity(), KEPT);
        written(10);
        assert_eq!(capacity(), KEPT, "that of the next one is not thrown away");
    }
}
