//! The connections and rooms of one namespace on this node.
use super::local::Local;
use super::memory;
use super::node::Node;
use super::shard::Shard;
use crate::client::ClientId;
use crate::conn::CloseRequest;
use crate::namespace::Marker;
use std::sync::Arc;

pub(crate) struct Space {
    pub(crate) marker: Marker,
    pub(crate) local: Local,
    pub(crate) node: Arc<Node>,
}

impl Space {
    pub(super) fn new(marker: Marker, node: Arc<Node>) -> Space {
        Space { marker, local: Local::new(), node }
    }

    pub(crate) fn shard(&self, id: ClientId) -> &Arc<Shard> {
        self.local.shard(id)
    }

    /// Starts the flushers and the sweep, where they do not run. Called in the runtime that serves connections.
    pub(super) fn start(&self) {
        self.node.clock.start();
        memory::watch(&self.node);
        for shard in self.local.shards() {
            shard.start(&self.node);
        }
    }

    pub(super) fn close_all(&self, request: &CloseRequest) {
        for conn in self.local.clients() {
            conn.close(request.clone());
        }
    }
}
