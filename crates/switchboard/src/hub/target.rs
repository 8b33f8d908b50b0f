//! [`Target`]: the clients that an event, request or command is for.
use crate::ClientId;
use crate::room::Room;
use std::sync::Arc;

/// A group of clients of a namespace. A client's own room is kept as an id, so that it need not be formatted and parsed
/// again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// The members of a room.
    Room(Arc<str>),
    /// One client.
    Client(ClientId),
    /// The connections of a user.
    User(Arc<str>),
}

impl From<Room<'_>> for Group {
    fn from(room: Room<'_>) -> Group {
        match room {
            Room::Named(name) => Group::Room(name.into()),
            Room::Own(id) => Group::Client(id),
        }
    }
}

/// The union of groups without the excluded ones; each client once. It is plain data without references to connections,
/// so it is valid on any node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// True for all clients of the namespace, regardless of `groups`.
    pub(crate) all: bool,
    pub(crate) groups: Vec<Group>,
    pub(crate) except: Vec<Group>,
    /// One excluded client, usually the sender. It is skipped during delivery, so that no set of receivers need be
    /// built for it.
    pub(crate) but: Option<ClientId>,
}

impl Target {
    /// Returns the target of all clients.
    pub(crate) fn all() -> Target {
        Target { all: true, ..Target::default() }
    }

    /// Returns a target without groups that excludes this client.
    pub(crate) fn others_than(id: ClientId) -> Target {
        Target { but: Some(id), ..Target::default() }
    }

    /// The connections of a user.
    pub(crate) fn user(id: &str) -> Target {
        Target { groups: vec![Group::User(id.into())], ..Target::default() }
    }

    pub(crate) fn except(&mut self, group: Group) {
        match group {
            Group::Client(id) if self.but.is_none_or(|but| but == id) => self.but = Some(id),
            group => self.except.push(group),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(room: &str) -> Group {
        Room::of(room).into()
    }

    #[test]
    fn a_client_is_excepted_without_a_list() {
        let ids = ["~AAAAAAAAAAAAAAAAAAAAAA", "~AAAAAAAAAAAAAAAAAAAAAQ"];
        let [first, second] = ids.map(|id| id.parse::<ClientId>().unwrap());
        let mut target = Target::all();
        target.except(group(ids[0]));
        target.except(group(ids[0]));
        assert_eq!(target, Target { but: Some(first), ..Target::all() });
        target.except(group(ids[1]));
        target.except(group("lobby"));
        assert_eq!(target.but, Some(first));
        assert_eq!(target.except, [Group::Client(second), Group::Room("lobby".into())]);
    }
}
