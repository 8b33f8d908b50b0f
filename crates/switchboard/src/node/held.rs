//! The memory that is charged for messages of clients that outlive a turn: bytes that are not handled yet, which are known, and
//! what handlers in flight have made of their payloads, which is estimated.
use crate::node::Node;
use crate::node::memory::percent;
use crate::node::memory::{Level, Limited, Memory};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};

/// Each time this fraction of the limit (1/128) was added, the memory of the process is sampled: estimates may be far off, and
/// the regular samples are half a second apart.
const LOOK: usize = 128;
/// While estimates are at most this fraction of the limit (1/128), samples of the process do not count. So it still serves a
/// little, whatever the allocator or the application keeps.
const FLOOR: usize = 128;

/// In a process that is nearly full, clients are still read while at most this fraction of the limit (1/20) is unfinished or
/// waits.
const UNREAD: usize = 20;

/// Changed by each message that waits, and by each handler that waits, so it has a cache line of its own.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Held {
    waiting: AtomicUsize,
    estimated: AtomicUsize,
    /// Above this sum the process is sampled again.
    next_look: AtomicUsize,
    /// Connections give up what they hold, until there is room again.
    clearing: AtomicBool,
}

/// What a charge is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Bytes of unfinished messages, and of messages that wait to be handled.
    Waiting,
    /// An estimate of what a handler keeps.
    Estimated,
}

impl Held {
    fn of(&self, kind: Kind) -> &AtomicUsize {
        match kind {
            Kind::Waiting => &self.waiting,
            Kind::Estimated => &self.estimated,
        }
    }

    fn sum(&self) -> usize {
        self.waiting.load(Relaxed) + self.estimated.load(Relaxed)
    }
}

/// Bytes that a node's memory is charged with, until dropped.
pub(crate) struct Charge {
    node: Arc<Node>,
    kind: Kind,
    bytes: usize,
}

impl Charge {
    /// `None` where memory is not limited.
    pub(crate) fn new(node: &Arc<Node>, kind: Kind) -> Option<Charge> {
        node.memory.is_limited().then(|| Charge { node: node.clone(), kind, bytes: 0 })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Changes the charge to `bytes`. The caller calls [`Memory::notice`] afterwards, without holding a lock.
    pub(crate) fn set(&mut self, bytes: usize) {
        let held = &self.node.memory.held;
        if bytes > self.bytes {
            held.of(self.kind).fetch_add(bytes - self.bytes, Relaxed);
        } else if bytes < self.bytes {
            held.of(self.kind).fetch_sub(self.bytes - bytes, Relaxed);
            self.node.memory.lower_look();
        }
        self.bytes = bytes;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Memory {
    /// Bytes of messages that wait, and estimates of what handlers keep.
    pub(crate) fn held(&self) -> usize {
        self.held.sum()
    }

    /// All bytes that are counted, of messages in both directions.
    pub(crate) fn counted(&self) -> usize {
        self.held.sum().saturating_add(self.queued())
    }

    /// True if no further message may begin or wait.
    #[inline]
    pub(crate) fn is_short(&self) -> bool {
        self.is_limited() && self.pressure() >= Level::Shed
    }

    /// How short memory is for what clients send.
    ///
    /// What is counted decides. Samples of the process decide only if estimates are a part of the count: a process that is large
    /// for other reasons does not become smaller if messages are refused that are handled at once. Estimates alone do not stop
    /// reading, because they may be too high.
    #[inline(never)]
    pub(crate) fn pressure(&self) -> Level {
        let Some(limited) = self.limited() else { return Level::Normal };
        let Held { waiting, estimated, .. } = &self.held;
        let (estimated, known) = (estimated.load(Relaxed), waiting.load(Relaxed).saturating_add(self.queued()));
        let of = |bytes| Level::of(bytes, limited.limit);
        let sampled = match estimated > limited.limit / FLOOR {
            // While little is known to wait, clients are still read, so that they are told `overloaded`.
            true if known <= limited.limit / UNREAD => self.level().min(Level::Shed),
            true => self.level(),
            false => Level::Normal,
        };
        of(known).max(of(known.saturating_add(estimated)).min(Level::Shed)).max(sampled)
    }

    /// True if connections that wait to be read have to be evicted: what is known to wait has reached [`Level::Evict`] by itself,
    /// and has not fallen below [`Level::Shed`] since.
    pub(crate) fn is_exhausted(&self) -> bool {
        let Some(limited) = self.limited() else { return false };
        let known = self.held.waiting.load(Relaxed).saturating_add(self.queued());
        let is_exhausted = match Level::of(known, limited.limit) {
            Level::Normal | Level::NoNewConnections => false,
            Level::Shed => self.held.clearing.load(Relaxed),
            Level::Evict => true,
        };
        self.held.clearing.store(is_exhausted, Relaxed);
        is_exhausted
    }

    /// Samples the process if much was added since the last sample.
    #[inline]
    pub(crate) fn notice(&self) {
        let next = self.held.next_look.load(Relaxed);
        if self.held.sum() > next
            && let Some(limited) = self.limited()
        {
            self.look(limited, next);
        }
    }

    #[cold]
    fn look(&self, limited: &Limited, next: usize) {
        let later = self.held.sum() + limited.limit / LOOK;
        // Only one of the threads that find it due takes the sample.
        if self.held.next_look.compare_exchange(next, later, Relaxed, Relaxed).is_ok()
            && let Some(usage) = (limited.source)()
        {
            self.judge(limited, usage);
        }
    }

    /// Called after a sample, and when a charge becomes less: lowers the sum at which the next sample is due.
    pub(crate) fn lower_look(&self) {
        let Some(limited) = self.limited() else { return };
        let step = limited.limit / LOOK;
        let later = self.held.sum() + step;
        if self.held.next_look.load(Relaxed) > later + step {
            self.held.next_look.store(later, Relaxed);
        }
    }

    /// How much of the limit is used, by the last sample or by the count, whichever is more. Decides about new connections and
    /// volatile messages.
    pub(crate) fn fullness(&self) -> Level {
        match self.limited() {
            None => Level::Normal,
            Some(limited) => self.level().max(Level::of(self.counted(), limited.limit)),
        }
    }

    /// How many bytes have to go: 0 while what is known to wait is below 90 % of the limit, else what is above 80 %.
    pub(crate) fn surplus(&self, limited: &Limited) -> usize {
        let known = self.held.waiting.load(Relaxed).saturating_add(self.queued());
        if known >= percent(limited.limit, 90) { known - percent(limited.limit, 80) } else { 0 }
    }
}

#[cfg(test)]
#[path = "held_tests.rs"]
mod tests;
