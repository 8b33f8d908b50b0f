//! Memory: how much of its limit the process has, what waits for clients of all that, and who makes room.
//!
//! A level is sampled, and read for the price of a load. What waits is counted where a socket has refused bytes, and nowhere
//! else: whoever reads costs nothing here. What clients have sent, and nobody has handled, is counted in [`held`](crate::node::held).
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
/// Of what is kept this part is forgotten with each sample: half of it in 20.
const DECAY: usize = 29;
/// A queue below this is left alone when memory is short: it is not the reason.
const SMALL: usize = 16 << 10;
/// What waits for one client alone, and is less than this, is not the reason either.
const TRIFLE: usize = 1 << 10;

/// Percent of the limit that windows which are kept may have.
const WINDOWS: usize = 25;
/// Percent of the limit by which the usage has to fall below where a level begins before that is left.
const HYSTERESIS: usize = 3;
/// Percent of the limit from which on it does not matter what the allocator may have kept.
const LAST: usize = 93;

/// How much of the limit is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Normal,
    /// 70 %: nobody is admitted.
    NoNewConnections,
    /// 80 %: volatile messages are dropped.
    Shed,
    /// 90 %: the largest queues go.
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

    /// The level after this one: entered at once, and left when the usage is well below.
    fn next(self, usage: usize, limit: usize) -> Level {
        let left = Level::of(usage.saturating_add(percent(limit, HYSTERESIS)), limit);
        Level::of(usage, limit).max(self.min(left))
    }
}

pub(crate) fn percent(limit: usize, share: usize) -> usize {
    limit / 100 * share
}

/// Tells how many bytes the process has.
pub(crate) type Source = Box<dyn Fn() -> Option<usize> + Send + Sync>;

/// Changed by every put into a queue that is blocked: on a line of the cache of its own.
#[derive(Default)]
#[repr(align(128))]
struct Queued(AtomicUsize);

/// The memory of a node.
#[derive(Default)]
pub(crate) struct Memory {
    queued: Queued,
    pub(crate) held: Held,
    /// What is kept of clients' messages for those that refer back to them, at most.
    windows: AtomicUsize,
    level: AtomicU8,
    limited: OnceLock<Limited>,
    /// Registered by the floor that has the connections.
    queues: OnceLock<Arc<dyn Queues>>,
    /// More waits than may.
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

    /// Bytes that wait in front of sockets that refuse them; what several wait for counts once. 0 where there is no limit.
    pub(crate) fn queued(&self) -> usize {
        self.queued.0.load(Relaxed)
    }

    /// Something waits that had `before` bytes and has `after`.
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

    /// Notes how much the process has. Returns the level that this makes.
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

    /// Reserves memory that stays for as long as a connection. False where there would be more of that than may be: whatever else
    /// is counted goes again, and this does not.
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

    /// True when what waits is counted.
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

/// What the allocator keeps of queues that have become short again, as far as one can guess: it is in use for the system, and
/// free for us. Half of the guess is forgotten in 10 s.
///
/// It is the reason not to cut further queues before what was cut shows, and for nothing else: the system counts it.
#[derive(Default)]
struct Kept {
    bytes: usize,
    usage: usize,
    queued: usize,
}

impl Kept {
    /// What is used, less what is kept. Called for each sample.
    fn correct(&mut self, usage: usize, queued: usize) -> usize {
        self.bytes -= self.bytes / DECAY;
        self.bytes += self.queued.saturating_sub(queued);
        self.bytes = self.bytes.saturating_sub(queued.saturating_sub(self.queued));
        // What the system got back is kept no more.
        self.bytes = self.bytes.saturating_sub(self.usage.saturating_sub(usage)).min(usage);
        (self.usage, self.queued) = (usage, queued);
        usage - self.bytes
    }
}

/// What the samples have told.
#[derive(Default)]
struct Samples {
    kept: Kept,
    /// When the last one was taken, by a clock that is never paused.
    last: Option<Instant>,
}

/// Looks at the memory in the current runtime, unless somebody does; once, where the one who does is late: their runtime is blocked.
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

/// Another one may begin when it is dropped, with its runtime perhaps.
struct Watching(Weak<Node>);

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(node) = self.0.upgrade() {
            node.memory.watching.store(false, Release);
        }
    }
}

impl Watching {
    /// Until the node is gone, or has ended.
    async fn run(self) {
        let mut ticks = tokio::time::interval(SAMPLE);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while let Some(node) = self.0.upgrade().filter(|node| !node.has_ended())
            && let Some(limited) = node.memory.limited.get()
        {
            tokio::select! {
                _ = ticks.tick() => node.sample_memory(limited, &mut node.memory.samples.lock()),
                () = node.memory.over.notified() => node.hold_queues(limited),
                // Nothing is left of a shutdown.
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

    /// No more waits than may.
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
            // What clients have sent is given up by their own tasks.
            surplus => self.evict(memory.queued().saturating_sub(surplus), SMALL),
        }
    }

    /// Closes the clients for which most waits, largest first, until no more than `target` bytes wait: those that are about to
    /// end before all others, and those for which most waits alone before those that wait for what others wait for, too, whose
    /// end frees nothing before the last of them.
    fn evict(&self, target: usize, smallest: usize) {
        let memory = &self.memory;
        let mut queues: Vec<(Blocked, Arc<dyn Queue>)> = memory.queues.get().map_or_else(Vec::new, |all| all.blocked());
        queues.retain(|(blocked, _)| blocked.bytes > smallest);
        // Who alone waits for little is not worth the first pass.
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
