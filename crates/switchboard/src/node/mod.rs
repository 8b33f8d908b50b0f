//! What all namespaces of an application share on this node: its limits, memory, counters and clock.
mod addresses;
pub(crate) mod admission;
pub(crate) mod cgroup;
pub(crate) mod clock;
pub(crate) mod counters;
pub(crate) mod held;
pub(crate) mod memory;
pub(crate) mod queues;

pub(crate) use admission::{ConnectionPermit, Full, Handshaking, UserPlace, max_handshakes, max_http_connections};
pub(crate) use counters::InFlight;
pub use counters::Stats;
pub(crate) use held::{Charge, Kind};
pub(crate) use memory::Level;

use crate::limits::{GatewayLimits, Limits, NodeLimits};
use crate::log;
use crate::node::admission::{Admission, warn_of_few_descriptors};
use crate::node::clock::Clock;
use crate::node::counters::Counters;
use crate::node::memory::Memory;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;
use tokio::sync::Notify;

/// What all namespaces share. Connections know their node, but a node knows no connection: memory cuts their queues through
/// [`queues`].
pub(crate) struct Node {
    pub(crate) counters: Counters,
    pub(crate) memory: Memory,
    pub(crate) admission: Admission,
    limits: OnceLock<Limits>,
    /// The step of the clock in milliseconds: that of the gateway with the shortest limits.
    tick: AtomicU64,
    /// The least and the largest `max_message_out` of all gateways.
    max_message_out: (AtomicUsize, AtomicUsize),
    /// The clock of admission. Connections use the clock of their runtime instead.
    clock: Clock,
    draining: AtomicBool,
    /// Notified when a permit becomes free.
    pub(crate) left: Notify,
    /// Notified when a shutdown begins.
    drains: Notify,
}

impl Node {
    pub(crate) fn new() -> Node {
        Node {
            counters: Counters::default(),
            memory: Memory::default(),
            admission: Admission::default(),
            limits: OnceLock::new(),
            tick: AtomicU64::new(u64::MAX),
            max_message_out: (AtomicUsize::new(usize::MAX), AtomicUsize::new(0)),
            clock: Clock::default(),
            draining: AtomicBool::new(false),
            left: Notify::new(),
            drains: Notify::new(),
        }
    }

    /// Sets the limits, once.
    pub(crate) fn configure(&self, limits: Limits) {
        self.memory.configure(limits.node.memory);
        warn_of_few_descriptors(&limits.node);
        // An application is built once.
        let _ = self.limits.set(limits);
    }

    pub(crate) fn limits(&self) -> &NodeLimits {
        &self.configured().node
    }

    /// Those of the gateways that have none of their own.
    pub(crate) fn gateway_limits(&self) -> &GatewayLimits {
        &self.configured().gateway
    }

    fn configured(&self) -> &Limits {
        static DEFAULT: LazyLock<Limits> = LazyLock::new(Limits::default);
        self.limits.get().unwrap_or(&DEFAULT)
    }

    /// Takes the limits of one gateway into account: for the step of the clock, and for the longest message to clients.
    pub(crate) fn serves(&self, limits: &GatewayLimits) {
        let tick = u64::try_from(limits.tick().as_millis()).unwrap_or(u64::MAX);
        self.tick.fetch_min(tick, Ordering::Relaxed);
        let (least, largest) = &self.max_message_out;
        least.fetch_min(limits.max_message_out, Ordering::Relaxed);
        largest.fetch_max(limits.max_message_out, Ordering::Relaxed);
    }

    /// A message of at most this length may go to every client.
    pub(crate) fn least_message_out(&self) -> usize {
        self.max_message_out.0.load(Ordering::Relaxed)
    }

    /// A message that is longer than this may go to no client.
    pub(crate) fn largest_message_out(&self) -> usize {
        // Without a gateway there is no client. Then the application's own limit decides what is refused.
        match self.max_message_out.1.load(Ordering::Relaxed) {
            0 => self.gateway_limits().max_message_out,
            largest => largest,
        }
    }

    pub(crate) fn tick(&self) -> Duration {
        self.gateway_limits().tick().min(Duration::from_millis(self.tick.load(Ordering::Relaxed)))
    }

    /// Milliseconds at this moment, since the first call.
    pub(crate) fn exact(&self) -> u64 {
        self.clock.start();
        self.clock.exact()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.drains.notify_waiters();
    }

    /// Waits for the beginning of a shutdown.
    pub(crate) async fn drained(&self) {
        // Created before the check, so that a shutdown that begins in between is not missed.
        let drains = self.drains.notified();
        if !self.is_draining() {
            drains.await;
        }
    }

    /// True if no further handler may start.
    pub(crate) fn is_busy(&self, most: usize) -> bool {
        self.counters.in_flight.load(Ordering::Relaxed) >= most
    }

    /// Counts something that was refused.
    pub(crate) fn rejected(&self, stage: &'static str, reason: &'static str) {
        self.counters.rejected(1);
        log::limited!(debug, (stage, reason), stage, reason, "rejected");
    }

    /// Counts a connection that was not admitted.
    pub(crate) fn refused(&self, stage: &'static str, reason: &'static str) {
        self.counters.refused_connection();
        self.rejected(stage, reason);
    }

    /// True if a shutdown has begun and no connection is left.
    pub(crate) fn has_ended(&self) -> bool {
        self.is_draining() && self.counters.admitted() == 0
    }

    /// Waits until a shutdown has begun and no connection is left.
    pub(crate) async fn ended(&self) {
        self.drained().await;
        self.emptied().await;
    }

    /// Waits until no connection has a permit.
    pub(crate) async fn emptied(&self) {
        loop {
            // Created before the check, so that a permit that becomes free in between is not missed.
            let left = self.left.notified();
            if self.counters.admitted() == 0 {
                return;
            }
            left.await;
        }
    }
}
