//! Joining and leaving rooms. It keeps two indexes in step: room → members in the namespace, and member → rooms in the
//! connection.
use crate::Error;
use crate::hub::Endpoint;
use crate::node::UserPlace;
use crate::room::Room;
use std::sync::Arc;
use switchboard_core::check_room;

/// Makes the connection join a room. Returns true if it was not in the room before.
pub(crate) fn join(conn: &Arc<Endpoint>, room: Room<'_>) -> Result<bool, Error> {
    let room = match room {
        Room::Named(name) => name,
        // Forbidden even after that client has left: messages to its id are for that client only.
        Room::Own(id) if id == conn.id => return Ok(false),
        Room::Own(_) => return Err(Error::forbidden("This room belongs to another client")),
    };
    check_room(room).map_err(Error::validation_failed)?;
    let mut membership = conn.membership.lock();
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

pub(crate) fn leave(conn: &Arc<Endpoint>, room: Room<'_>) -> bool {
    let Room::Named(room) = room else { return false };
    let mut membership = conn.membership.lock();
    let Some(at) = membership.iter().position(|name| **name == *room) else { return false };
    membership.remove(at);
    conn.space.local.rooms.remove(room, conn.id);
    true
}

/// Removes the connection from all rooms and from the connections of its user, and keeps it from joining rooms again.
/// Returns its place in the user's limit of connections, which is freed when dropped.
#[must_use]
pub(crate) fn leave_all(conn: &Arc<Endpoint>) -> Option<UserPlace> {
    let local = &conn.space.local;
    let mut membership = conn.membership.lock();
    for name in &*membership.end() {
        local.rooms.remove(name, conn.id);
    }
    let owner = membership.owner.as_mut()?;
    local.users().remove(owner.id(), conn.id);
    owner.place.take()
}
