//! [`Target`]: who is meant by what is sent, asked or commanded.
use crate::ClientId;
use crate::room::Room;
use std::sync::Arc;

/// Some clients of a namespace, by what they have in common. An id stays an id: it is neither written as text nor read
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

/// The union of groups, less exceptions: each client once. Plain data, which holds on any node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// Every client of the namespace, whatever `groups` has.
    pub(crate) all: bool,
    pub(crate) groups: Vec<Group>,
    pub(crate) except: Vec<Group>,
    /// One client that is excepted, for which no set of receivers has to be made: the sender of most broadcasts.
    pub(crate) but: Option<ClientId>,
}

impl Target {
    /// Everyone.
    pub(crate) fn all() -> Target {
        Target { all: true, ..Target::default() }
    }

    /// Nobody yet, and never this client.
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
