//! [`Conns`]: a set of connections.
use crate::client_id::{ClientId, IdHasher};
use crate::hub::Endpoint;
use indexmap::IndexSet;
use indexmap::set::Slice;
use std::borrow::Borrow;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

/// A set of connections that can be looked up by id and iterated contiguously. The ids are stored only in the connections, because a map
/// from ids would need entries of twice the size, in every room.
#[derive(Default)]
pub(crate) struct Conns(IndexSet<ById, BuildHasherDefault<IdHasher>>);

/// A connection that is hashed and compared by its id.
pub(crate) struct ById(Arc<Endpoint>);

impl ById {
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.0
    }
}

impl Borrow<ClientId> for ById {
    fn borrow(&self) -> &ClientId {
        &self.0.id
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &ById) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

impl Conns {
    pub(crate) fn insert(&mut self, conn: Arc<Endpoint>) {
        self.0.insert(ById(conn));
    }

    pub(crate) fn remove(&mut self, id: ClientId) {
        self.0.swap_remove(&id);
    }

    /// Shrinks the allocation if less than a quarter of it is used.
    pub(crate) fn shrink(&mut self) {
        if self.0.len() < self.0.capacity() / 4 {
            self.0.shrink_to_fit();
        }
    }

    pub(crate) fn get(&self, id: ClientId) -> Option<&Arc<Endpoint>> {
        self.0.get(&id).map(ById::endpoint)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_slice(&self) -> &Slice<ById> {
        self.0.as_slice()
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = Arc<Endpoint>> {
        self.0.into_iter().map(|conn| conn.0)
    }
}
