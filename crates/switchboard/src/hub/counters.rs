//! What is counted.
use super::Node;
use crate::limits::Limits;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, LazyLock};

/// The state of an application on this node, over all its namespaces, from [`Handle::stats`](crate::Handle::stats).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections, until the on-disconnect hook has ended and the socket is closed.
    pub connections: usize,
    /// Rooms that have members.
    pub rooms: usize,
    /// Memberships: the members of all rooms together.
    pub memberships: usize,
    /// Bytes that wait for clients to read.
    pub queued_bytes: usize,
    /// Handlers that have begun and not ended.
    pub in_flight: usize,
    /// `emit_with_ack` calls that wait for an answer.
    pub pending_acks: usize,
    /// Messages to clients that were dropped, since the start.
    pub dropped: u64,
    /// Messages of clients that were dropped because the server closed the connection, since the start.
    pub dropped_inbound: u64,
    /// Malformed frames, unknown events, acks and cancels of nothing, failed joins that nobody awaited, and upgrades refused,
    /// since the start. Not payloads that do not fit, nor errors of handlers.
    pub rejected: u64,
    /// Handlers and hooks that a shutdown cut off.
    pub aborted: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) in_flight: AtomicUsize,
    pub(crate) pending_acks: AtomicUsize,
    admitted: AtomicUsize,
    dropped: AtomicU64,
    dropped_inbound: AtomicU64,
    rejected: AtomicU64,
    aborted: AtomicU64,
}

impl Counters {
    pub(crate) fn dropped(&self, messages: usize) {
        if messages > 0 {
            self.dropped.fetch_add(messages as u64, Relaxed);
        }
    }

    pub(crate) fn dropped_inbound(&self, messages: usize) {
        self.dropped_inbound.fetch_add(messages as u64, Relaxed);
    }

    pub(crate) fn rejected(&self, count: u64) {
        self.rejected.fetch_add(count, Relaxed);
    }

    pub(crate) fn aborted(&self) {
        self.aborted.fetch_add(1, Relaxed);
    }

    pub(crate) fn aborted_count(&self) -> u64 {
        self.aborted.load(Relaxed)
    }

    pub(crate) fn admitted(&self) -> usize {
        self.admitted.load(SeqCst)
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            in_flight: self.in_flight.load(Relaxed),
            pending_acks: self.pending_acks.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            dropped_inbound: self.dropped_inbound.load(Relaxed),
            rejected: self.rejected.load(Relaxed),
            aborted: self.aborted.load(Relaxed),
            ..Stats::default()
        }
    }
}

/// A handler that waits for something; counted until dropped.
pub(crate) struct InFlight(Arc<Node>);

impl InFlight {
    pub(crate) fn new(node: &Arc<Node>) -> InFlight {
        node.counters.in_flight.fetch_add(1, Relaxed);
        InFlight(node.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.counters.in_flight.fetch_sub(1, Relaxed);
    }
}

/// A place among the connections of this node; free again when dropped.
pub(crate) struct Permit(Arc<Node>);

impl Permit {
    /// `None` when the node is full.
    pub(crate) fn new(node: &Arc<Node>) -> Option<Permit> {
        let most = max_connections(node.limits());
        let admitted = &node.counters.admitted;
        if admitted.fetch_add(1, SeqCst) >= most {
            admitted.fetch_sub(1, SeqCst);
            return None;
        }
        Some(Permit(node.clone()))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.counters.admitted.fetch_sub(1, SeqCst);
        self.0.left.notify_waiters();
    }
}

/// Descriptors that are left for everything else.
const RESERVE: usize = 256;
/// The most HTTP connections that are not upgraded yet.
const HANDSHAKES: usize = 512;

/// How many descriptors connections may have. RLIMIT_NOFILE, where the system tells it in a file, less the reserve.
fn descriptors() -> usize {
    static OPEN_FILES: LazyLock<Option<usize>> = LazyLock::new(|| {
        let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
        line.split_whitespace().next()?.parse().ok()
    });
    OPEN_FILES.unwrap_or(usize::MAX).saturating_sub(RESERVE).max(2)
}

/// How many HTTP connections our listener has at once; WebSockets are not among them.
pub(crate) fn max_handshakes() -> usize {
    HANDSHAKES.min(descriptors() / 8).max(1)
}

/// The node's maximum of WebSockets: what is configured, and not more than the process may open beside the handshakes.
fn max_connections(limits: &Limits) -> usize {
    let possible = descriptors() - max_handshakes();
    limits.max_connections.map_or(possible, |most| most.min(possible))
}
