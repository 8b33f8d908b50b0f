//! [`LocalServer`]: the clients of this node.
use super::Space;
use crate::{Client, ClientId, RoomName};
use std::fmt;
use std::sync::Arc;

/// A view of the clients of a namespace that are connected to this node, from [`Server::local`](crate::Server::local).
/// Its methods are synchronous, because they ask no other node.
#[derive(Clone, Copy)]
pub struct LocalServer<'a> {
    space: &'a Arc<Space>,
}

impl<'a> LocalServer<'a> {
    pub(super) fn new(space: &'a Arc<Space>) -> LocalServer<'a> {
        LocalServer { space }
    }

    /// Returns the client with this id; `None` if it is not connected or is closing.
    pub fn client(&self, id: ClientId) -> Option<Client> {
        self.space.local.client(id).filter(|conn| conn.is_open()).map(Client::new)
    }

    /// Returns all clients, without those that are closing. The list is a snapshot.
    pub fn clients(&self) -> Vec<Client> {
        self.space.local.clients().into_iter().filter(|conn| conn.is_open()).map(Client::new).collect()
    }

    /// Counts the clients, without those that are closing.
    pub fn client_count(&self) -> usize {
        self.space.local.open_count()
    }

    /// Returns the members of a room, without those that are closing. The list is a snapshot.
    pub fn clients_in(&self, room: impl RoomName) -> Vec<Client> {
        self.space.local.members(room.room_name()).into_iter().filter(|conn| conn.is_open()).map(Client::new).collect()
    }

    /// Returns the connections of a user, without those that are closing. The list is a snapshot.
    pub fn clients_of(&self, user: impl AsRef<str>) -> Vec<Client> {
        let clients = self.space.local.clients_of(user.as_ref());
        clients.into_iter().filter(|conn| conn.is_open()).map(Client::new).collect()
    }

    /// Counts the members of a room, without those that are closing. While its on-disconnect hook runs, a client is not
    /// counted.
    pub fn count_in(&self, room: impl RoomName) -> usize {
        self.space.local.member_count(room.room_name())
    }

    /// Returns the names of the rooms that have members, without the own rooms of clients, whose names are their ids.
    pub fn rooms(&self) -> Vec<Arc<str>> {
        self.space.local.room_names()
    }
}

impl fmt::Debug for LocalServer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalServer({}, {} clients)", self.space.name(), self.client_count())
    }
}
