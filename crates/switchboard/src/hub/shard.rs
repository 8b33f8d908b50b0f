//! [`Shard`]: a part of the connections of a namespace, indexed by their ids.
use crate::client_id::ClientId;
use crate::hub::Endpoint;
use crate::hub::conns::Conns;
use crate::hub::prefetch;
use parking_lot::RwLock;
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct Shard(RwLock<Conns>);

impl Shard {
    pub(crate) fn insert(&self, conn: Arc<Endpoint>) {
        self.0.write().insert(conn);
    }

    pub(crate) fn remove(&self, id: ClientId) {
        let mut conns = self.0.write();
        conns.remove(id);
        conns.shrink();
    }

    pub(crate) fn get(&self, id: ClientId) -> Option<Arc<Endpoint>> {
        self.0.read().get(id).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.read().len()
    }

    pub(crate) fn for_each(&self, work: &mut dyn FnMut(&Arc<Endpoint>)) {
        prefetch::for_each(self.0.read().as_slice(), work);
    }
}
