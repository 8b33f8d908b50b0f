//! [`Index`]: connections by a name that they share.
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

/// Connections by a name that several of them share: the members of rooms, the connections of users. A name is there
/// while it has any.
#[derive(Default)]
pub(crate) struct Index {
    shards: [RwLock<Groups>; SHARDS],
    /// Names come from clients: the choice of a shard is keyed too.
    hasher: RandomState,
}

impl Index {
    fn shard(&self, name: &str) -> &RwLock<Groups> {
        &self.shards[self.hasher.hash_one(name) as usize % SHARDS]
    }

    /// Adds a connection. Returns the name as it is kept here, to be shared.
    pub(crate) fn insert(&self, name: &str, conn: &Arc<Endpoint>) -> Arc<str> {
        let mut shard = self.shard(name).write();
        let name = match shard.get_key_value(name) {
            Some((name, _)) => name.clone(),
            None => Arc::from(name),
        };
        shard.entry(name.clone()).or_default().insert(conn.clone());
        name
    }

    /// Removes a connection, and the name with the last one.
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

    /// How many names there are, and how many connections they have together.
    pub(crate) fn count(&self) -> (usize, usize) {
        let of = |shard: &RwLock<Groups>| {
            let shard = shard.read();
            (shard.len(), shard.values().map(Conns::len).sum::<usize>())
        };
        self.shards.iter().map(of).fold((0, 0), |sum, (names, conns)| (sum.0 + names, sum.1 + conns))
    }
}
