//! What outlives its turn and is held against the memory: bytes of clients that nobody has handled yet, which are known, and what
//! handlers in flight have made of their payloads, which is estimated.
use crate::node::Node;
use crate::node::memory::percent;
use crate::node::memory::{Level, Limited, Memory};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};

/// With each such part of the limit that comes on top, the process is looked at: estimates may be far off, and the samples are
/// half a second apart.
const LOOK: usize = 128;
/// Up to this part of the limit may be estimated while the process is short of memory, so that it serves in a small way whatever the
/// allocator, or the application, keeps.
const FLOOR: usize = 128;

/// Up to this part of the limit may be unfinished, or wait, in a process that is nearly full, before nobody is read any more.
const UNREAD: usize = 20;

/// Changed by each message that waits, and each handler that does: on a line of the cache of its own.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Held {
    waiting: AtomicUsize,
    estimated: AtomicUsize,
    /// From this sum on the process is looked at again.
    next_look: AtomicUsize,
    /// Some give up what they hold, until there is room again.
    clearing: AtomicBool,
}

/// What is charged.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Bytes that wait to be handled, or to be whole.
    Waiting,
    /// What a handler keeps, as far as one can guess.
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

    /// It is so much now. [`Memory::notice`] is for the moment after it, without a lock.
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
    /// Bytes of clients that wait, and estimates of what handlers keep.
    pub(crate) fn held(&self) -> usize {
        self.held.sum()
    }

    /// All that is counted, of messages in both directions.
    pub(crate) fn counted(&self) -> usize {
        self.held.sum().saturating_add(self.queued())
    }

    /// True when no further message may begin, nor wait.
    #[inline]
    pub(crate) fn is_short(&self) -> bool {
        self.is_limited() && self.pressure() >= Level::Shed
    }

    /// How short memory is for what clients send.
    ///
    /// What is counted decides, and the samples only where estimates are a part of it: a process that is large for other reasons is not
    /// made smaller by refusing messages that are handled at once. Estimates alone do not stop everybody's reading, because they may
    /// be too high.
    #[inline(never)]
    pub(crate) fn pressure(&self) -> Level {
        let Some(limited) = self.limited() else { return Level::Normal };
        let Held { waiting, estimated, .. } = &self.held;
        let (estimated, known) = (estimated.load(Relaxed), waiting.load(Relaxed).saturating_add(self.queued()));
        let of = |bytes| Level::of(bytes, limited.limit);
        let sampled = match estimated > limited.limit / FLOOR {
            // Short of what they hold, clients are read on, so that they are told `overloaded`.
            true if known <= limited.limit / UNREAD => self.level().min(Level::Shed),
            true => self.level(),
            false => Level::Normal,
        };
        of(known).max(of(known.saturating_add(estimated)).min(Level::Shed)).max(sampled)
    }

    /// True when those who wait to be read have to go: what is known of the messages has become too much by itself, and is more
    /// than it may be still.
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

    /// Looks at the process, where much has come since it was looked at.
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
        // One of those that find it due.
        if self.held.next_look.compare_exchange(next, later, Relaxed, Relaxed).is_ok()
            && let Some(usage) = (limited.source)()
        {
            self.judge(limited, usage);
        }
    }

    /// After a sample, and where there is less: the next look is due when there is more again.
    pub(crate) fn lower_look(&self) {
        let Some(limited) = self.limited() else { return };
        let step = limited.limit / LOOK;
        let later = self.held.sum() + step;
        if self.held.next_look.load(Relaxed) > later + step {
            self.held.next_look.store(later, Relaxed);
        }
    }

    /// How much of the limit is used, by what was sampled or by what is counted: for those who come, and for volatile messages.
    pub(crate) fn fullness(&self) -> Level {
        match self.limited() {
            None => Level::Normal,
            Some(limited) => self.level().max(Level::of(self.counted(), limited.limit)),
        }
    }

    /// More is counted than may be.
    pub(crate) fn surplus(&self, limited: &Limited) -> usize {
        let known = self.held.waiting.load(Relaxed).saturating_add(self.queued());
        if known >= percent(limited.limit, 90) { known - percent(limited.limit, 80) } else { 0 }
    }
}

#[cfg(test)]
#[path = "held_tests.rs"]
mod tests;
