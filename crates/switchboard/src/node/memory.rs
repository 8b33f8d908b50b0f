//! [`Memory`]: how much of its limit the process uses, how much of that waits for clients to read, and which clients are evicted
//! when memory is short.
//!
//! The level is sampled, and read with one atomic load. Bytes that wait are counted only where a socket has refused them: a
//! client that reads costs nothing here. Messages from clients that are not handled yet are counted in
//! [`held`](crate::node::held).
use crate::log;
use crate::node::held::Held;
use crate::node::queues::{Blocked, Queue, Queues};
use crate::node::{Node, cgroup};
use parking_lot::Mutex;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Time between samples.
const SAMPLE: Duration = Duration::from_millis(500);
/// With each sample, 1/29 of [`Kept`] is forgotten. After 20 samples that is half of it.
const DECAY: usize = 29;
/// When memory is short, a queue of at most this many bytes is left alone: it is not the cause.
const SMALL: usize = 16 << 10;
/// If at most this many bytes wait for one client alone, they do not count for the order of eviction.
const TRIFLE: usize = 1 << 10;

/// Percent of the limit that all compression windows together may have.
const WINDOWS: usize = 25;
/// A level is left when the usage is this many percent of the limit below the beginning of the level.
const HYSTERESIS: usize = 3;
/// From this percentage of the limit on, what the allocator may have kept is not taken off.
const LAST: usize = 93;

/// How much of the limit is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Normal,
    /// 70 %: no connection is admitted.
    NoNewConnections,
    /// 80 %: volatile messages are dropped.
    Shed,
    /// 90 %: the clients with the largest queues are evicted.
    Evict,
}

impl Level {
    pub(crate) fn of(usage: usize, limit: usize) -> Level {
        match usage {
            _ if usage >= percent(limit, 90) => Level::Evict,
            _ if usage >= percent(limit, 80) => Level::Shed,
            _ if usage >= percent(limit, 70) => Level::NoNewConnections,
            _ => Level::Normal,
        }
    }

    /// The level that follows this one. A higher level is entered at once, and left when the usage is well below it.
    fn next(self, usage: usize, limit: usize) -> Level {
        let left = Level::of(usage.saturating_add(percent(limit, HYSTERESIS)), limit);
        Level::of(usage, limit).max(self.min(left))
    }
}

pub(crate) fn percent(limit: usize, share: usize) -> usize {
    limit / 100 * share
}

/// Tells how many bytes the process uses; `None` if that cannot be found out.
pub(crate) type Source = Box<dyn Fn() -> Option<usize> + Send + Sync>;

/// Changed by every put into a queue whose socket refuses bytes, so it has a cache line of its own.
#[derive(Default)]
#[repr(align(128))]
struct Queued(AtomicUsize);

/// The memory of a node.
#[derive(Default)]
pub(crate) struct Memory {
    queued: Queued,
    pub(crate) held: Held,
    /// Bytes that are reserved for compression windows: messages of clients that later messages may refer back to.
    windows: AtomicUsize,
    level: AtomicU8,
    limited: OnceLock<Limited>,
    /// Registered by the floor that knows the connections.
    queues: OnceLock<Arc<dyn Queues>>,
    /// Notified when more bytes wait than may.
    over: Notify,
    watching: AtomicBool,
    samples: Mutex<Samples>,
}

pub(crate) struct Limited {
    pub(crate) limit: usize,
    pub(crate) source: Source,
}

impl Memory {
    /// Sets the limit, once: the one that is configured, or that of the cgroup.
    pub(crate) fn configure(&self, configured: Option<usize>) {
        let group = if configured.is_none() { cgroup::limit() } else { None };
        let Some(limit) = configured.filter(|limit| *limit != usize::MAX).or(group) else { return };
        self.limit_to(limit, Box::new(cgroup::usage));
    }

    pub(crate) fn limit_to(&self, limit: usize, source: Source) {
        // An application is built once.
        let _ = self.limited.set(Limited { limit, source });
    }

    /// Registers the queues that are cut when memory is short, once.
    pub(crate) fn cuts(&self, queues: Arc<dyn Queues>) {
        // A node has one hub.
        let _ = self.queues.set(queues);
    }

    pub(crate) fn level(&self) -> Level {
        match self.level.load(Relaxed) {
            0 => Level::Normal,
            1 => Level::NoNewConnections,
            2 => Level::Shed,
            _ => Level::Evict,
        }
    }

    /// Bytes that wait for sockets that refuse them. Bytes that several connections share count once. 0 if there is no limit.
    pub(crate) fn queued(&self) -> usize {
        self.queued.0.load(Relaxed)
    }

    /// Adjusts the count for something of which `before` bytes waited, and `after` bytes wait now.
    pub(crate) fn recharge(&self, before: usize, after: usize) {
        let Some(limited) = self.limited.get() else { return };
        if after < before {
            self.queued.0.fetch_sub(before - after, Relaxed);
        } else if self.queued.0.fetch_add(after - before, Relaxed) + (after - before) > limited.most_queued() {
            self.over.notify_one();
        }
    }

    pub(crate) fn limited(&self) -> Option<&Limited> {
        self.limited.get()
    }

    /// Notes that the process uses `usage` bytes. Returns the level that follows.
    pub(crate) fn judge(&self, limited: &Limited, usage: usize) -> Level {
        let before = self.level();
        let level = before.next(usage, limited.limit);
        self.level.store(level as u8, Relaxed);
        if level != before {
            let (mib, percent) = (usage >> 20, usage as u128 * 100 / limited.limit.max(1) as u128);
            log::limited!(warn, level as u8, ?level, mib, percent, "memory");
        }
        level
    }

    /// Reserves memory for a compression window, which stays as long as its connection. False if all windows would exceed their
    /// part of the limit: unlike everything else that is counted, they are never freed while their connections live.
    pub(crate) fn reserve_window(&self, bytes: usize) -> bool {
        let most = self.limited().map_or(usize::MAX, |limited| percent(limited.limit, WINDOWS));
        if self.windows.fetch_add(bytes, Relaxed).saturating_add(bytes) <= most {
            return true;
        }
        self.release_window(bytes);
        false
    }

    pub(crate) fn release_window(&self, bytes: usize) {
        self.windows.fetch_sub(bytes, Relaxed);
    }

    /// True if there is a limit, so that what waits is counted.
    #[inline]
    pub(crate) fn is_limited(&self) -> bool {
        self.limited.get().is_some()
    }
}

impl Limited {
    fn most_queued(&self) -> usize {
        percent(self.limit, 25)
    }
}

/// An estimate of what the allocator keeps of queues that have become shorter: in use for the system, but free for us. Half of it
/// is forgotten in 10 s.
///
/// It only delays further cuts, until the first one can show in the samples. For everything else, what the system counts is the
/// usage.
#[derive(Default)]
struct Kept {
    bytes: usize,
    usage: usize,
    queued: usize,
}

impl Kept {
    /// The usage without what is kept. Called for each sample.
    fn correct(&mut self, usage: usize, queued: usize) -> usize {
        self.bytes -= self.bytes / DECAY;
        // Queues that have become shorter leave their memory with the allocator; queues that grow use it again.
        self.bytes += self.queued.saturating_sub(queued);
        self.bytes = self.bytes.saturating_sub(queued.saturating_sub(self.queued));
        // What the allocator has returned to the system is not kept any more.
        self.bytes = self.bytes.saturating_sub(self.usage.saturating_sub(usage)).min(usage);
        (self.usage, self.queued) = (usage, queued);
        usage - self.bytes
    }
}

/// What is remembered from one sample to the next.
#[derive(Default)]
struct Samples {
    kept: Kept,
    /// When the last sample was taken, by a clock that is never paused.
    last: Option<Instant>,
}

/// Starts a task in the current runtime that samples the memory, unless there is one. If that one is late, because its runtime is
/// blocked, takes one sample instead.
pub(crate) fn watch(node: &Arc<Node>) {
    let memory = &node.memory;
    let Some(limited) = memory.limited.get() else { return };
    if node.has_ended() {
        return;
    }
    if !memory.watching.load(Acquire) && !memory.watching.swap(true, AcqRel) {
        let watching = Watching(Arc::downgrade(node));
        tokio::spawn(async move { watching.run().await });
    } else if let Some(mut samples) = memory.samples.try_lock()
        && samples.last.is_none_or(|last| last.elapsed() > SAMPLE * 2)
    {
        node.sample_memory(limited, &mut samples);
    }
}

/// The task that samples. When it is dropped, perhaps with its runtime, another one may start.
struct Watching(Weak<Node>);

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(node) = self.0.upgrade() {
            node.memory.watching.store(false, Release);
        }
    }
}

impl Watching {
    /// Samples until the node is gone or has ended.
    async fn run(self) {
        let mut ticks = tokio::time::interval(SAMPLE);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while let Some(node) = self.0.upgrade().filter(|node| !node.has_ended())
            && let Some(limited) = node.memory.limited.get()
        {
            tokio::select! {
                _ = ticks.tick() => node.sample_memory(limited, &mut node.memory.samples.lock()),
                () = node.memory.over.notified() => node.hold_queues(limited),
                // The shutdown is complete.
                () = node.ended() => return,
            }
        }
    }
}

impl Node {
    fn sample_memory(&self, limited: &Limited, samples: &mut Samples) {
        samples.last = Some(Instant::now());
        self.sample(limited, &mut samples.kept);
        self.hold_queues(limited);
    }

    /// Evicts clients if more bytes wait than may.
    fn hold_queues(&self, limited: &Limited) {
        if self.memory.queued() > limited.most_queued() {
            self.evict(limited.most_queued() / 4 * 3, 0);
        }
    }

    fn sample(&self, limited: &Limited, kept: &mut Kept) {
        let memory = &self.memory;
        let Some(usage) = (limited.source)() else { return };
        let unkept = kept.correct(usage, memory.queued());
        memory.judge(limited, usage);
        memory.lower_look();
        let counted = if usage >= percent(limited.limit, LAST) { usage } else { unkept };
        if Level::of(counted, limited.limit) == Level::Evict {
            let surplus = counted - percent(limited.limit, 80);
            self.evict(memory.queued().saturating_sub(surplus), SMALL);
        }
        match memory.surplus(limited) {
            0 => {}
            // This cuts outboxes only. What clients have sent is given up by their own tasks.
            surplus => self.evict(memory.queued().saturating_sub(surplus), SMALL),
        }
    }

    /// Evicts clients until no more than `target` bytes wait. Clients for which much waits alone come first: what others wait
    /// for, too, is freed only when the last of them is evicted. Among these, connections that are closing come first, then those
    /// with the most bytes.
    fn evict(&self, target: usize, smallest: usize) {
        let memory = &self.memory;
        let mut queues: Vec<(Blocked, Arc<dyn Queue>)> = memory.queues.get().map_or_else(Vec::new, |all| all.blocked());
        queues.retain(|(blocked, _)| blocked.bytes > smallest);
        // A client for which little waits alone is not among the first.
        let least = smallest.max(TRIFLE);
        let own = |blocked: &Blocked| if blocked.own > least { blocked.own } else { 0 };
        queues.sort_unstable_by_key(|(blocked, _)| {
            let own = own(blocked);
            std::cmp::Reverse((own > 0, blocked.closing, own, blocked.bytes))
        });
        for (Blocked { own, bytes, .. }, queue) in queues {
            if memory.queued() <= target {
                return;
            }
            if queue.cut() {
                self.counters.evicted();
                let client = queue.client();
                log::limited!(warn, (), %client, bytes, own, "evicted: memory is short, and most waits for this client");
            }
        }
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
