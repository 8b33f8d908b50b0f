//! The connections of an application on this node: their rooms and users, and delivery to them.
pub(crate) mod acks;
pub(crate) mod answers;
pub(crate) mod broadcast;
pub(crate) mod client;
pub(crate) mod conns;
pub(crate) mod deferred;
pub(crate) mod delivery;
pub(crate) mod endpoint;
pub(crate) mod everywhere;
pub(crate) mod flusher;
pub(crate) mod handle;
pub(crate) mod home;
pub(crate) mod index;
pub(crate) mod local;
pub(crate) mod local_server;
pub(crate) mod membership;
pub(crate) mod namespaces;
pub(crate) mod outlet;
pub(crate) mod owner;
pub(crate) mod port;
pub(crate) mod prefetch;
pub(crate) mod profile;
pub(crate) mod reply_to;
pub(crate) mod rooms;
pub(crate) mod runtime;
pub(crate) mod server;
pub(crate) mod shard;
pub(crate) mod space;
pub(crate) mod target;
pub(crate) mod watchdog;

pub(crate) use acks::{Acks, left};
pub use answers::{Answering, Answers};
pub use broadcast::Broadcast;
pub use client::{Answer, Client, Joined, Joining, Transport};
pub use delivery::Delivery;
pub(crate) use endpoint::{Endpoint, Extras, Kept, Turn, kicked, peer};
pub use everywhere::Everywhere;
pub(crate) use flusher::Flusher;
pub(crate) use handle::{Accepting, Control, Hooks};
pub use handle::{Handle, ShutdownReport};
pub(crate) use home::Homes;
pub use local_server::LocalServer;
pub(crate) use membership::Membership;
pub use namespaces::Namespaces;
pub(crate) use owner::Owner;
pub(crate) use port::Port;
pub use port::{Message, SendError};
pub(crate) use profile::{Gate, Profile};
pub(crate) use reply_to::ReplyTo;
pub(crate) use runtime::Runtime;
pub use server::Server;
pub(crate) use space::{Lease, Space};

use crate::namespace::{Marker, Namespace, Root};
use crate::node::{ConnectionPermit, Full, Node, Stats, memory};
use crate::outbound::CloseRequest;
use parking_lot::RwLock;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The node and the namespaces in use. A connection has a reference to its own namespace, but none to the hub.
pub(crate) struct Hub {
    pub(crate) node: Arc<Node>,
    homes: Arc<Homes>,
    /// At most one for each marker type.
    spaces: RwLock<Vec<Arc<Space>>>,
    /// The namespaces that are named at run time. Set on first use.
    runtime: OnceLock<Arc<Runtime>>,
}

impl Hub {
    pub(crate) fn new() -> Arc<Hub> {
        let (node, homes) = (Arc::new(Node::new()), Arc::<Homes>::default());
        node.memory.cuts(homes.clone());
        Arc::new(Hub { node, homes, spaces: RwLock::default(), runtime: OnceLock::new() })
    }

    /// Returns the namespace of a marker type. The first call creates it.
    pub(crate) fn space(&self, marker: Marker) -> Arc<Space> {
        let find = |spaces: &[Arc<Space>]| spaces.iter().find(|space| space.marker() == Some(marker)).cloned();
        if let Some(space) = find(&self.spaces.read()) {
            return space;
        }
        let made = Arc::new(Space::new(marker, self.node.clone(), self.homes.clone()));
        let namesake = {
            let mut spaces = self.spaces.write();
            if let Some(space) = find(&spaces) {
                return space;
            }
            spaces.push(made.clone());
            spaces.iter().filter_map(|space| space.marker()).find(|other| other.name == marker.name && *other != marker)
        };
        if let Some(other) = namesake {
            tracing::warn!("{} and {} are both named {}, and are two namespaces", other.path, marker.path, marker.name);
        }
        made
    }

    /// Returns the namespaces that are named at run time.
    pub(crate) fn runtime(&self) -> &Arc<Runtime> {
        self.runtime.get_or_init(|| Arc::new(Runtime::new(&self.node, &self.homes)))
    }

    /// Returns the namespace of this name, if its marker type is in use or, for one named at run time, if it has
    /// clients. If two types have the same name, it is the namespace of the first one; `space` logs a warning then.
    pub(crate) fn named(&self, name: &str) -> Option<Arc<Space>> {
        let by_type = self.spaces.read().iter().find(|space| space.name() == name).cloned();
        by_type.or_else(|| self.runtime.get()?.get(name))
    }

    /// Returns a seat in the run-time namespace of this name, which must have been validated. `None` if the name
    /// belongs to a namespace with a marker type. Fails if there are too many namespaces.
    pub(crate) fn lease(&self, name: &str) -> Result<Option<Lease>, Full> {
        if name == Root::NAME || self.named(name).is_some_and(|space| space.marker().is_some()) {
            return Ok(None);
        }
        self.runtime().lease(name).map(Some)
    }

    /// Starts watching the node's memory in the current runtime, if that is needed.
    pub(crate) fn watch_memory(&self) {
        memory::watch(&self.node);
    }

    /// Asks every connection to end after its handler in flight, waits for that until `out_of_patience` completes, then
    /// ends the rest. Returns how many handlers and hooks were cut off.
    pub(crate) async fn shutdown(&self, out_of_patience: impl Future<Output = ()>) -> u64 {
        let counters = &self.node.counters;
        let before = counters.aborted_count();
        // A connection takes its permit before it reads this flag. One that opens concurrently is either awaited below,
        // because it has its permit, or sees the flag and ends by itself. All connections of a runtime that becomes a
        // home after `close_all` has read the list of homes see the flag.
        self.node.drain();
        self.close_all(&CloseRequest::Shutdown);
        let in_time = tokio::select! {
            biased;
            () = self.node.emptied() => true,
            () = out_of_patience => false,
        };
        if !in_time {
            self.close_all(&CloseRequest::Kill);
            let grace = self.node.gateway_limits().websocket.linger.saturating_add(Duration::from_secs(1));
            if tokio::time::timeout(grace, self.node.emptied()).await.is_err() {
                tracing::error!(connections = self.stats().connections, "connections did not end");
            }
        }
        self.homes.stop();
        counters.aborted_count() - before
    }

    fn close_all(&self, request: &CloseRequest) {
        for conn in self.homes.clients() {
            conn.close(request.clone());
        }
    }

    /// Returns the statistics. They are exact without traffic; otherwise the counters may change while they are summed
    /// up.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.node.counters.stats();
        stats.held_bytes = self.node.memory.held();
        let mut spaces = self.spaces.read().clone();
        spaces.extend(self.runtime.get().into_iter().flat_map(|runtime| runtime.spaces()));
        spaces.iter().for_each(|space| space.local.add_to(&mut stats));
        stats
    }
}

/// Keeps a connection registered in its namespace and its flusher until dropped.
pub(crate) struct Registration {
    conn: Arc<Endpoint>,
    /// Dropped, and so free again, only after the connection is unregistered. `None`: a transport with several endpoints
    /// holds one permit for all of them, until the last of them is unregistered.
    _permit: Option<ConnectionPermit>,
}

impl Registration {
    /// Registers a connection in its namespace. `lease` is its seat there.
    pub(crate) fn new(conn: Arc<Endpoint>, permit: Option<ConnectionPermit>, lease: Lease) -> Registration {
        conn.flusher.insert(&conn);
        owner::enter(&conn);
        conn.space.local.insert(&conn);
        lease.hand_over();
        // A shutdown that begins concurrently either finds the connection, or is noticed here.
        if conn.node().is_draining() {
            conn.close(CloseRequest::Shutdown);
        }
        Registration { conn, _permit: permit }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.conn
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.conn.clone())
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.conn.writer.gone(self.conn.node());
        // Held until the end of this function: the user's place may be taken by another connection only once this one
        // is unregistered.
        let _place = rooms::leave_all(&self.conn);
        self.conn.end();
        self.conn.space.local.remove(self.conn.id);
        self.conn.flusher.remove(&self.conn);
        Lease::give_back(&self.conn.space);
    }
}
