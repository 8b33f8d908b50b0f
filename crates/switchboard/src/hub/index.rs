//! [`Index`]: connections indexed by a name that they share.
//!
//! Locks are taken in this order: a connection's membership, then a shard of an index, then a connection's writer.
use crate::client_id::ClientId;
use crate::hub::Endpoint;
use crate::hub::conns::Conns;
use crate::hub::prefetch;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

const SHARDS: usize = 16;

type Groups = HashMap<Arc<str>, Conns>;

/// Connections indexed by a name that several may share: the members of rooms, the connections of users. A name is
/// removed with its last connection.
#[derive(Default)]
pub(crate) struct Index {
    shards: [RwLock<Groups>; SHARDS],
    /// Randomly keyed, because clients may choose the names: they must not be able to direct all names to one shard.
    hasher: RandomState,
}

impl Index {
    fn shard(&self, name: &str) -> &RwLock<Groups> {
        &self.shards[self.hasher.hash_one(name) as usize % SHARDS]
    }

    /// Adds a connection under a name. Returns the stored name, so that the caller can share it.
    pub(crate) fn insert(&self, name: &str, conn: &Arc<Endpoint>) -> Arc<str> {
        let mut shard = self.shard(name).write();
        let name = match shard.get_key_value(name) {
            Some((name, _)) => name.clone(),
            None => Arc::from(name),
        };
        shard.entry(name.clone()).or_default().insert(conn.clone());
        name
    }

    /// Removes a connection from a name, and the name itself with its last connection.
    pub(crate) fn remove(&self, name: &str, id: ClientId) {
        let mut shard = self.shard(name).write();
        if let Some(conns) = shard.get_mut(name) {
            conns.remove(id);
            match conns.is_empty() {
                true => drop(shard.remove(name)),
                false => conns.shrink(),
            }
        }
    }

    pub(crate) fn for_each(&self, name: &str, work: &mut dyn FnMut(&Arc<Endpoint>)) {
        if let Some(conns) = self.shard(name).read().get(name) {
            prefetch::for_each(conns.as_slice(), work);
        }
    }

    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        self.shards.iter().flat_map(|shard| shard.read().keys().cloned().collect::<Vec<_>>()).collect()
    }

    /// Returns the number of names, and the sum of the connections of all names.
    pub(crate) fn count(&self) -> (usize, usize) {
        let of = |shard: &RwLock<Groups>| {
            let shard = shard.read();
            (shard.len(), shard.values().map(Conns::len).sum::<usize>())
        };
        self.shards.iter().map(of).fold((0, 0), |sum, (names, conns)| (sum.0 + names, sum.1 + conns))
    }
}
