//! All connections of an application on this node: who is there, in which rooms, and what reaches them.
mod clock;
mod counters;
mod event;
mod local;
mod rooms;
mod shard;
mod sweep;

pub use counters::Stats;
pub(crate) use counters::{Counters, InFlight, Permit, max_handshakes};
pub(crate) use event::{Event, check_name};
pub(crate) use local::Local;
pub(crate) use rooms::{join, leave};

use crate::client::{Client, ClientId};
use crate::conn::{CloseRequest, Conn};
use crate::limits::Limits;
use crate::log;
use clock::Clock;
use shard::Shard;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;
use tokio::sync::Notify;

pub(crate) struct Hub {
    pub(crate) local: Local,
    pub(crate) counters: Counters,
    limits: OnceLock<Limits>,
    /// The step of the clock in milliseconds: that of the gateway with the shortest limits.
    tick: AtomicU64,
    clock: Arc<Clock>,
    draining: AtomicBool,
    /// A permit became free.
    left: Notify,
}

impl Hub {
    pub(crate) fn new() -> Arc<Hub> {
        Arc::new(Hub {
            local: Local::new(),
            counters: Counters::default(),
            limits: OnceLock::new(),
            tick: AtomicU64::new(u64::MAX),
            clock: Arc::default(),
            draining: AtomicBool::new(false),
            left: Notify::new(),
        })
    }

    /// Sets the limits, once.
    pub(crate) fn configure(&self, limits: Limits) {
        // An application is built once.
        let _ = self.limits.set(limits);
    }

    pub(crate) fn limits(&self) -> &Limits {
        static DEFAULT: LazyLock<Limits> = LazyLock::new(Limits::default);
        self.limits.get().unwrap_or(&DEFAULT)
    }

    /// Holds the clock to the deadlines of a gateway.
    pub(crate) fn keep_time_for(&self, limits: &Limits) {
        let tick = u64::try_from(limits.tick().as_millis()).unwrap_or(u64::MAX);
        self.tick.fetch_min(tick, Ordering::Relaxed);
    }

    fn tick(&self) -> Duration {
        self.limits().tick().min(Duration::from_millis(self.tick.load(Ordering::Relaxed)))
    }

    /// Milliseconds at this moment: where a deadline begins that a stall of the runtime must not use up.
    pub(crate) fn present(&self) -> u64 {
        self.clock.advance()
    }

    /// Milliseconds, in steps.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    pub(crate) fn shard(&self, id: ClientId) -> &Arc<Shard> {
        self.local.shard(id)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// True when no further handler may start.
    pub(crate) fn is_busy(&self, most: usize) -> bool {
        self.counters.in_flight.load(Ordering::Relaxed) >= most
    }

    /// Counts something that was refused.
    pub(crate) fn rejected(&self, stage: &'static str, reason: &'static str) {
        self.counters.rejected(1);
        log::limited!(debug, (stage, reason), stage, reason, "rejected");
    }

    /// Starts the flushers and the sweep, where they do not run. Called in the runtime that serves connections.
    fn start(self: &Arc<Self>) {
        self.clock.start();
        for shard in self.local.shards() {
            shard.start(&self.clock, self.tick());
        }
    }

    /// Asks every connection to end after its handler in flight, waits for that at most `patience`, then ends the rest.
    /// Returns how many handlers and hooks were cut off.
    pub(crate) async fn shutdown(self: &Arc<Self>, patience: Duration) -> u64 {
        let before = self.counters.aborted_count();
        // A permit is taken before this is read: a connection that comes now is seen below, or sees it and turns back.
        self.draining.store(true, Ordering::SeqCst);
        self.close_all(&CloseRequest::Shutdown);
        if tokio::time::timeout(patience, self.emptied()).await.is_err() {
            self.close_all(&CloseRequest::Kill);
            let grace = self.limits().linger + Duration::from_secs(1);
            if tokio::time::timeout(grace, self.emptied()).await.is_err() {
                tracing::error!(connections = self.local.client_count(), "connections did not end");
            }
        }
        for shard in self.local.shards() {
            shard.stop();
        }
        self.counters.aborted_count() - before
    }

    fn close_all(&self, request: &CloseRequest) {
        for conn in self.local.clients() {
            conn.close(request.clone());
        }
    }

    async fn emptied(&self) {
        loop {
            let left = self.left.notified();
            if self.counters.admitted() == 0 {
                return;
            }
            left.await;
        }
    }

    /// Exact at a moment without traffic; a sum over moving parts otherwise.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.counters.stats();
        self.local.add_to(&mut stats);
        stats
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        for shard in self.local.shards() {
            shard.stop();
        }
    }
}

/// A connection that is known to the hub, until dropped.
pub(crate) struct Registration {
    conn: Arc<Conn>,
    /// Free again when the connection is not registered any more.
    _permit: Permit,
}

impl Registration {
    pub(crate) fn new(conn: Arc<Conn>, permit: Permit) -> Registration {
        conn.hub.start();
        conn.hub.shard(conn.id).insert(conn.clone());
        // A shutdown that begins now either sees the connection, or is seen here.
        if conn.hub.is_draining() {
            conn.close(CloseRequest::Shutdown);
        }
        Registration { conn, _permit: permit }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.conn.clone())
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.conn.lane.gone();
        rooms::leave_all(&self.conn);
        self.conn.end();
        self.conn.hub.shard(self.conn.id).remove(self.conn.id);
    }
}
