//! Rooms: who is in which. Two indexes, room → members here, member → rooms in the connection.
//!
//! Locks are taken in this order: a connection's membership, then a shard of rooms, then a connection's lane.
use crate::Error;
use crate::client_id::ClientId;
use crate::hub::Endpoint;
use crate::hub::conns::Conns;
use crate::hub::prefetch;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use switchboard_core::check_room;

const SHARDS: usize = 16;

type Members = HashMap<Arc<str>, Conns>;

#[derive(Default)]
pub(crate) struct Rooms {
    shards: [RwLock<Members>; SHARDS],
    /// Names come from clients: the choice of a shard is keyed too.
    hasher: RandomState,
}

impl Rooms {
    fn shard(&self, room: &str) -> &RwLock<Members> {
        &self.shards[self.hasher.hash_one(room) as usize % SHARDS]
    }

    fn insert(&self, room: &str, conn: &Arc<Endpoint>) -> Arc<str> {
        let mut shard = self.shard(room).write();
        let name = match shard.get_key_value(room) {
            Some((name, _)) => name.clone(),
            None => Arc::from(room),
        };
        shard.entry(name.clone()).or_default().insert(conn.clone());
        name
    }

    fn remove(&self, room: &str, id: ClientId) {
        let mut shard = self.shard(room).write();
        if let Some(members) = shard.get_mut(room) {
            members.remove(id);
            match members.is_empty() {
                true => drop(shard.remove(room)),
                false => members.shrink(),
            }
        }
    }

    pub(crate) fn for_each(&self, room: &str, work: &mut dyn FnMut(&Arc<Endpoint>)) {
        if let Some(members) = self.shard(room).read().get(room) {
            prefetch::for_each(members.as_slice(), work);
        }
    }

    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        self.shards.iter().flat_map(|shard| shard.read().keys().cloned().collect::<Vec<_>>()).collect()
    }

    /// Rooms and memberships.
    pub(crate) fn count(&self) -> (usize, usize) {
        let of = |shard: &RwLock<Members>| {
            let shard = shard.read();
            (shard.len(), shard.values().map(Conns::len).sum::<usize>())
        };
        self.shards.iter().map(of).fold((0, 0), |sum, (rooms, members)| (sum.0 + rooms, sum.1 + members))
    }
}

/// True when the connection was not in the room before.
pub(crate) fn join(conn: &Arc<Endpoint>, room: &str) -> Result<bool, Error> {
    check_room(room).map_err(Error::validation_failed)?;
    // Also when that client has left: who sends to its id means nobody else.
    match ClientId::parse(room) {
        Some(id) if id == conn.id => return Ok(false),
        Some(_) => return Err(Error::forbidden("This room belongs to another client")),
        None => {}
    }
    let mut membership = conn.rooms.lock();
    if membership.is_over() {
        return Err(Error::not_found("The client has left"));
    }
    if membership.iter().any(|name| **name == *room) {
        return Ok(false);
    }
    if membership.len() >= conn.profile.limits.rooms {
        return Err(Error::rate_limited("The client is in too many rooms").retryable(false));
    }
    membership.push(conn.space.local.rooms.insert(room, conn));
    Ok(true)
}

pub(crate) fn leave(conn: &Arc<Endpoint>, room: &str) -> bool {
    let mut membership = conn.rooms.lock();
    let Some(at) = membership.iter().position(|name| **name == *room) else { return false };
    membership.remove(at);
    conn.space.local.rooms.remove(room, conn.id);
    true
}

/// Leaves every room, and joins none any more.
pub(crate) fn leave_all(conn: &Arc<Endpoint>) {
    let mut membership = conn.rooms.lock();
    for name in &*membership.end() {
        conn.space.local.rooms.remove(name, conn.id);
    }
}
