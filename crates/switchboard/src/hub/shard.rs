//! A part of the connections of a namespace, found by their ids.
use super::ahead;
use super::conns::Conns;
use crate::client::ClientId;
use crate::conn::Conn;
use parking_lot::RwLock;
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct Shard(RwLock<Conns>);

impl Shard {
    pub(super) fn insert(&self, conn: Arc<Conn>) {
        self.0.write().insert(conn);
    }

    pub(super) fn remove(&self, id: ClientId) {
        let mut conns = self.0.write();
        conns.remove(id);
        conns.shrink();
    }

    pub(super) fn get(&self, id: ClientId) -> Option<Arc<Conn>> {
        self.0.read().get(id).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.0.read().len()
    }

    pub(super) fn for_each(&self, work: &mut dyn FnMut(&Arc<Conn>)) {
        ahead::for_each(self.0.read().as_slice(), work);
    }
}
