//! [`LocalServer`]: the clients of this node.
use super::Space;
use crate::{Client, ClientId, RoomName};
use std::fmt;
use std::sync::Arc;

/// The clients of a namespace that are connected to this node. It comes from [`Server::local`](crate::Server::local),
/// and answers at once, because it asks no other node.
#[derive(Clone, Copy)]
pub struct LocalServer<'a> {
    space: &'a Arc<Space>,
}

impl<'a> LocalServer<'a> {
    pub(super) fn new(space: &'a Arc<Space>) -> LocalServer<'a> {
        LocalServer { space }
    }

    /// A client by its id, while it is connected.
    pub fn client(&self, id: ClientId) -> Option<Client> {
        self.space.local.client(id).filter(|conn| conn.is_open()).map(Client::new)
    }

    /// Every client, less those that are closing. A copy of the list, at one moment.
    pub fn clients(&self) -> Vec<Client> {
        self.space.local.clients().into_iter().filter(|conn| conn.is_open()).map(Client::new).collect()
    }

    /// How many clients there are, less those that are closing.
    pub fn client_count(&self) -> usize {
        self.space.local.open_count()
    }

    /// The members of a room, less those that are closing. A copy of the list, at one moment.
    pub fn clients_in(&self, room: impl RoomName) -> Vec<Client> {
        self.space.local.members(room.room_name()).into_iter().filter(|conn| conn.is_open()).map(Client::new).collect()
    }

    /// The connections of a user, less those that are closing. A copy of the list, at one moment.
    pub fn clients_of(&self, user: impl AsRef<str>) -> Vec<Client> {
        let clients = self.space.local.clients_of(user.as_ref());
        clients.into_iter().filter(|conn| conn.is_open()).map(Client::new).collect()
    }

    /// How many clients are in a room, less those that are closing: in its on-disconnect hook a client is not counted.
    pub fn count_in(&self, room: impl RoomName) -> usize {
        self.space.local.member_count(room.room_name())
    }

    /// The rooms that have members; not those that are a client's id.
    pub fn rooms(&self) -> Vec<Arc<str>> {
        self.space.local.room_names()
    }
}

impl fmt::Debug for LocalServer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalServer({}, {} clients)", self.space.name(), self.client_count())
    }
}
