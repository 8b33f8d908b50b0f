//! [`Home`]: a runtime in which connections run. Each has its own tasks for its connections, so that a runtime which ends or is blocked
//! does not affect the others.
use crate::client_id::ClientId;
use crate::hub::Endpoint;
use crate::hub::flusher;
use crate::hub::flusher::Flusher;
use crate::hub::watchdog;
use crate::node::Node;
use crate::node::queues::{Blocked, Queue, Queues};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::runtime::{Handle, Id};

/// The largest number of flushers of one runtime.
const MOST: usize = 16;

/// One runtime in which connections run, and its flushers.
pub(crate) struct Home {
    runtime: Id,
    /// One for each worker of the runtime, at most [`MOST`].
    flushers: Box<[Arc<Flusher>]>,
}

/// All homes of a node: one for each live runtime in which the node has or had connections.
#[derive(Default)]
pub(crate) struct Homes(Mutex<Known>);

#[derive(Default)]
struct Known {
    homes: Vec<Arc<Home>>,
    /// True once the homes are stopped: a new home is then stopped at once.
    stopped: bool,
}

impl Home {
    fn new(runtime: &Handle) -> Home {
        let count = runtime.metrics().num_workers().clamp(1, MOST);
        Home { runtime: runtime.id(), flushers: (0..count).map(|_| Flusher::new()).collect() }
    }

    /// Returns the flusher that serves the connection with this id.
    pub(crate) fn flusher(&self, id: ClientId) -> &Arc<Flusher> {
        &self.flushers[(id.low() >> 48) as usize % self.flushers.len()]
    }

    fn start(self: &Arc<Self>, homes: &Arc<Homes>, node: &Arc<Node>, runtime: &Handle) {
        let tick = node.tick();
        for flusher in &self.flushers {
            let running = || Running { home: self.clone(), homes: Arc::downgrade(homes) };
            runtime.spawn(flusher::flush(flusher.clone(), running()));
            runtime.spawn(flusher::sweep(flusher.clone(), Arc::downgrade(node), tick, running()));
        }
        watchdog::start(self, node, runtime, tick);
    }

    /// Does what the tasks of the home could not do because a blocking handler keeps them from running.
    pub(crate) async fn catch_up(&self, tick: Duration) {
        for flusher in &self.flushers {
            flusher.catch_up(tick).await;
        }
    }

    fn stop(&self) {
        self.flushers.iter().for_each(|flusher| flusher.stop());
    }

    /// True if its tasks must end, or have ended with their runtime.
    pub(crate) fn is_stopped(&self) -> bool {
        self.flushers.iter().any(|flusher| flusher.is_stopped())
    }
}

impl Homes {
    fn forget(&self, home: &Arc<Home>) {
        self.0.lock().homes.retain(|known| !Arc::ptr_eq(known, home));
    }

    /// Ends the tasks of all homes. Homes that are created later are stopped at once.
    pub(crate) fn stop(&self) {
        let homes = {
            let mut known = self.0.lock();
            known.stopped = true;
            std::mem::take(&mut known.homes)
        };
        homes.iter().for_each(|home| home.stop());
    }

    /// Returns every connection of the node.
    pub(crate) fn clients(&self) -> Vec<Arc<Endpoint>> {
        let homes = self.0.lock().homes.clone();
        let mut clients = Vec::new();
        homes.iter().flat_map(|home| &home.flushers).for_each(|flusher| flusher.add_clients(&mut clients));
        clients
    }

    /// Returns the home of the current runtime. The first call in a runtime creates it and starts its tasks.
    ///
    /// # Panics
    /// If it is called outside of a runtime.
    pub(crate) fn current(self: &Arc<Self>, node: &Arc<Node>) -> Arc<Home> {
        let runtime = Handle::current();
        let id = runtime.id();
        let (home, stopped) = {
            let mut known = self.0.lock();
            // The id of a runtime that has ended may be reused, so a stopped home does not match.
            if let Some(home) = known.homes.iter().find(|home| home.runtime == id && !home.is_stopped()) {
                return home.clone();
            }
            let home = Arc::new(Home::new(&runtime));
            if !known.stopped {
                known.homes.push(home.clone());
            }
            (home, known.stopped)
        };
        // Not under the lock: if the runtime is shutting down, a spawned task is dropped at once, and dropping its `Running` takes the
        // lock.
        if stopped {
            home.stop()
        } else {
            home.start(self, node, &runtime)
        }
        home
    }
}

impl Drop for Homes {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Queues for Homes {
    fn blocked(&self) -> Vec<(Blocked, Arc<dyn Queue>)> {
        let blocked = |conn: Arc<Endpoint>| Some((conn.writer.blocked()?, conn as Arc<dyn Queue>));
        self.clients().into_iter().filter_map(blocked).collect()
    }
}

impl Queue for Endpoint {
    fn client(&self) -> ClientId {
        self.id
    }

    fn cut(&self) -> bool {
        self.evict()
    }
}

/// A running task of a home. When the task ends, alone or with its runtime, dropping this stops the whole home.
pub(crate) struct Running {
    home: Arc<Home>,
    homes: Weak<Homes>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.home.stop();
        if let Some(homes) = self.homes.upgrade() {
            homes.forget(&self.home);
        }
    }
}
