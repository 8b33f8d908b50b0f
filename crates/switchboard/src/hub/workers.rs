//! What writes to connections and wakes them: shards, each with a flusher and a sweep.
use super::memory;
use super::node::Node;
use super::pulse::Pulse;
use super::shard::Shard;
use crate::conn::{CloseRequest, Conn};
use std::sync::Arc;

/// Those of one namespace with a type, or of all that are named at run time, which are too many for tasks of their own. Its
/// tasks end when it is dropped.
pub(crate) struct Workers {
    shards: Arc<[Arc<Shard>]>,
}

impl Workers {
    pub(super) fn new() -> Arc<Workers> {
        let shards = std::thread::available_parallelism().map_or(1, |n| n.get().min(16));
        Arc::new(Workers { shards: (0..shards).map(|_| Arc::default()).collect() })
    }

    pub(super) fn shards(&self) -> &Arc<[Arc<Shard>]> {
        &self.shards
    }

    /// Starts the flushers and the sweeps, where they do not run. Called in the runtime that serves connections.
    pub(super) fn start(&self, node: &Arc<Node>) {
        node.clock.start();
        memory::watch(node);
        Pulse::start(node);
        for shard in &*self.shards {
            shard.start(node);
        }
    }

    /// Everyone for whom they work.
    pub(super) fn clients(&self) -> Vec<Arc<Conn>> {
        let mut clients = Vec::new();
        for shard in &*self.shards {
            shard.for_each(&mut |conn| clients.push(conn.clone()));
        }
        clients
    }

    pub(super) fn close_all(&self, request: &CloseRequest) {
        for conn in self.clients() {
            conn.close(request.clone());
        }
    }

    /// Ends the flushers and the sweeps.
    pub(super) fn stop(&self) {
        self.shards.iter().for_each(|shard| shard.stop());
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop();
    }
}
