//! The rooms that there are, and who may enter them.
use crate::error::RoomError;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};

/// Where everybody is.
pub const LOBBY: &str = "lobby";

/// Who is a member of what. The rooms are fixed, and only accounts that there are become members: it does not grow beyond them.
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

    /// Whether this user may enter.
    pub fn is_open_to(&self, room: &str, user: &str) -> bool {
        self.0.lock().get(room).is_some_and(|access| access.admits(user))
    }

    /// The rooms that this user may enter.
    pub fn of(&self, user: &str) -> Vec<&'static str> {
        self.0.lock().iter().filter(|(_, access)| access.admits(user)).map(|(room, _)| *room).collect()
    }

    /// Makes a user a member of a private room.
    ///
    /// Errors: whoever invites is no member; everybody may enter.
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
