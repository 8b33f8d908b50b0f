//! Rooms: who is in which. Two indexes, room → members here, member → rooms in the connection.
//!
//! Locks are taken in this order: a connection's membership, then a shard of rooms, then a connection's lane.
use super::ahead;
use crate::Error;
use crate::client::{ClientId, IdMap};
use crate::conn::Conn;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use switchboard_core::check_room;

const SHARDS: usize = 16;

type Members = HashMap<Arc<str>, IdMap<Arc<Conn>>>;

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

    fn insert(&self, room: &str, conn: &Arc<Conn>) -> Arc<str> {
        let mut shard = self.shard(room).write();
        let name = match shard.get_key_value(room) {
            Some((name, _)) => name.clone(),
            None => Arc::from(room),
        };
        shard.entry(name.clone()).or_default().insert(conn.id, conn.clone());
        name
    }

    fn remove(&self, room: &str, id: ClientId) {
        let mut shard = self.shard(room).write();
        if let Some(members) = shard.get_mut(room) {
            members.swap_remove(&id);
            if members.is_empty() {
                shard.remove(room);
            } else if members.len() < members.capacity() / 4 {
                members.shrink_to_fit();
            }
        }
    }

    pub(super) fn for_each(&self, room: &str, work: &mut dyn FnMut(&Arc<Conn>)) {
        if let Some(members) = self.shard(room).read().get(room) {
            ahead::for_each(members.as_slice(), work);
        }
    }

    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.shards.iter().flat_map(|shard| shard.read().keys().cloned().collect::<Vec<_>>()).collect()
    }

    /// Rooms and memberships.
    pub(super) fn count(&self) -> (usize, usize) {
        let of = |shard: &RwLock<Members>| {
            let shard = shard.read();
            (shard.len(), shard.values().map(IdMap::len).sum::<usize>())
        };
        self.shards.iter().map(of).fold((0, 0), |sum, (rooms, members)| (sum.0 + rooms, sum.1 + members))
    }
}

/// True when the connection was not in the room before.
pub(crate) fn join(conn: &Arc<Conn>, room: &str) -> Result<bool, Error> {
    check_room(room).map_err(Error::validation_failed)?;
    // Also when that client has left: who sends to its id means nobody else.
    match ClientId::parse(room) {
        Some(id) if id == conn.id => return Ok(false),
        Some(_) => return Err(Error::forbidden("This room belongs to another client")),
        None => {}
    }
    let mut membership = conn.rooms.lock();
    let Some(names) = membership.as_mut() else { return Err(Error::not_found("The client has left")) };
    if names.iter().any(|name| **name == *room) {
        return Ok(false);
    }
    if names.len() >= conn.table.limits.rooms {
        return Err(Error::rate_limited("The client is in too many rooms").retryable(false));
    }
    let name = conn.space.local.rooms.insert(room, conn);
    // Most clients are in one room.
    if names.is_empty() {
        names.reserve_exact(1);
    }
    names.push(name);
    Ok(true)
}

pub(crate) fn leave(conn: &Arc<Conn>, room: &str) -> bool {
    let mut membership = conn.rooms.lock();
    let Some(names) = membership.as_mut() else { return false };
    let Some(at) = names.iter().position(|name| **name == *room) else { return false };
    names.remove(at);
    conn.space.local.rooms.remove(room, conn.id);
    true
}

/// Leaves every room, and joins none any more.
pub(super) fn leave_all(conn: &Arc<Conn>) {
    let mut membership = conn.rooms.lock();
    for name in membership.take().unwrap_or_default() {
        conn.space.local.rooms.remove(&name, conn.id);
    }
}
