//! The recipients of an event, as plain data.

/// The recipients of an event. Rooms form a union; each client gets the event once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The rooms whose members get the event. If it is empty and `all` is false, no client gets it.
    pub rooms: Vec<String>,
    /// Every client in the namespace gets it, whatever `rooms` contains.
    pub all: bool,
    /// Members of these rooms do not get it.
    pub except: Vec<String>,
    /// The client with this id does not get it.
    pub sender: Option<String>,
}

impl Target {
    /// Everyone.
    pub fn all() -> Target {
        Target { all: true, ..Target::default() }
    }

    /// The members of one room.
    pub fn room(room: impl Into<String>) -> Target {
        Target { rooms: vec![room.into()], ..Target::default() }
    }
}
