//! [`Counters`]: what a node counts, and [`Stats`], which the application sees of it.
use crate::node::Node;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU64, AtomicUsize};

/// The state of an application on this node, over all its namespaces, from [`Handle::stats`](crate::Handle::stats).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections. One counts until its on-disconnect hook has ended and its socket is closed.
    pub connections: usize,
    /// Rooms that have members.
    pub rooms: usize,
    /// Memberships: the members of all rooms together.
    pub memberships: usize,
    /// Bytes that wait for clients to read.
    pub queued_bytes: usize,
    /// Bytes of messages that are unfinished or wait to be handled, and an estimate of what handlers in flight keep of theirs.
    /// This is charged against [`Limits::memory`](crate::Limits::memory), and 0 if memory is not limited.
    pub held_bytes: usize,
    /// Handlers that have begun and not ended.
    pub in_flight: usize,
    /// `emit_with_ack` calls that wait for an answer.
    pub pending_acks: usize,
    /// Messages to clients that were dropped, since the start.
    pub dropped: u64,
    /// Messages of clients that were dropped because the server closed the connection, since the start.
    pub dropped_inbound: u64,
    /// Malformed frames, unknown events, acks and cancels that match nothing, failed joins that nobody awaited, messages over
    /// their rate, and refused upgrades, since the start. Payloads that do not fit their type, and errors of handlers, are not
    /// counted here.
    pub rejected: u64,
    /// Connections that were refused since the start because a limit was reached: of connections of the node, of an address or of
    /// a user; of the rate of new connections; of namespaces, memory or file descriptors. Also connections that were closed because
    /// they sent no request while others needed their place. They are among `rejected`.
    pub refused_connections: u64,
    /// Messages over one of the rates in the limits, which were answered `rate_limited` or closed their connection, since the
    /// start. They are among `rejected`.
    pub rate_limited: u64,
    /// Clients that were evicted (4008) because memory was short and much of it was held for them, since the start.
    pub evicted: u64,
    /// Handlers and hooks that a shutdown has cut off.
    pub aborted: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) in_flight: AtomicUsize,
    pub(crate) pending_acks: AtomicUsize,
    pub(crate) admitted: AtomicUsize,
    dropped: AtomicU64,
    dropped_inbound: AtomicU64,
    rejected: AtomicU64,
    aborted: AtomicU64,
    refused_connections: AtomicU64,
    rate_limited: AtomicU64,
    evicted: AtomicU64,
}

impl Counters {
    pub(crate) fn refused_connection(&self) {
        self.refused_connections.fetch_add(1, Relaxed);
    }

    pub(crate) fn rate_limited(&self) {
        self.rate_limited.fetch_add(1, Relaxed);
    }

    pub(crate) fn evicted(&self) {
        self.evicted.fetch_add(1, Relaxed);
    }

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
            refused_connections: self.refused_connections.load(Relaxed),
            rate_limited: self.rate_limited.load(Relaxed),
            evicted: self.evicted.load(Relaxed),
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
