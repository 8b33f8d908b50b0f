//! Who gets an event, as plain data.

/// Whom an event is for. Rooms form a union; each client gets the event once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The rooms whose members get it. Empty, and not `all`: nobody.
    pub rooms: Vec<String>,
    /// Everyone in the namespace, whatever `rooms` says.
    pub all: bool,
    /// Members of these rooms do not get it.
    pub except: Vec<String>,
    /// This client, by its id, does not get it.
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
