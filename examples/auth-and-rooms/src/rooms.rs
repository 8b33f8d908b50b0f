//! The rooms, and the users who may enter them.
use crate::error::RoomError;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};

/// The room that every client joins.
pub const LOBBY: &str = "lobby";

/// The members of each room. The rooms are fixed, and only existing accounts become members, so this is bounded.
pub struct Rooms(Mutex<BTreeMap<&'static str, Access>>);

enum Access {
    Everybody,
    Members(BTreeSet<String>),
}

impl Rooms {
    /// The rooms of this example.
    pub fn demo() -> Rooms {
        let members = |names: [&str; 2]| Access::Members(names.map(str::to_owned).into());
        let rooms = [
            (LOBBY, Access::Everybody),
            ("garden", members(["ada", "grace"])),
            ("workshop", members(["grace", "linus"])),
        ];
        Rooms(Mutex::new(rooms.into()))
    }

    /// Whether this user may enter the room.
    pub fn is_open_to(&self, room: &str, user: &str) -> bool {
        self.0.lock().get(room).is_some_and(|access| access.admits(user))
    }

    /// The rooms that this user may enter.
    pub fn of(&self, user: &str) -> Vec<&'static str> {
        self.0.lock().iter().filter(|(_, access)| access.admits(user)).map(|(room, _)| *room).collect()
    }

    /// Makes a user a member of a private room.
    ///
    /// Errors: the inviting user is not a member; the room is open to everyone.
    pub fn invite(&self, room: &str, by: &str, user: &str) -> Result<(), RoomError> {
        match self.0.lock().get_mut(room) {
            Some(Access::Members(members)) if members.contains(by) => {
                members.insert(user.to_owned());
                Ok(())
            }
            Some(Access::Everybody) => Err(RoomError::NotPrivate { room: room.to_owned() }),
            _ => Err(RoomError::NotAMember { room: room.to_owned() }),
        }
    }
}

impl Access {
    fn admits(&self, user: &str) -> bool {
        match self {
            Access::Everybody => true,
            Access::Members(members) => members.contains(user),
        }
    }
}
