//! What is on the wire.
use garde::Validate;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The room that everybody joins on arrival, and that is meant where none is named.
pub const LOBBY: &str = "lobby";

/// The name of a room: 1 to 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, Validate)]
#[garde(transparent)]
pub struct Room(#[garde(length(chars, min = 1, max = 64))] String);

impl Default for Room {
    fn default() -> Room {
        Room(LOBBY.to_owned())
    }
}

impl AsRef<str> for Room {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// The name of a person: 1 to 64 characters. Whoever speaks chooses it; nobody checks it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, Validate)]
#[garde(transparent)]
pub struct Author(#[garde(length(chars, min = 1, max = 64))] String);

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The data of `join`: `"garden"`, or `{"room":"garden","author":"ada"}` to be seen there by name.
#[derive(Debug, Deserialize, Validate)]
#[serde(from = "JoinForm")]
pub struct Join {
    /// Where to.
    #[garde(dive)]
    pub room: Room,
    /// Who.
    #[garde(dive)]
    pub author: Option<Author>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JoinForm {
    Room(Room),
    Named { room: Option<Room>, author: Option<Author> },
}

impl From<JoinForm> for Join {
    fn from(form: JoinForm) -> Join {
        match form {
            JoinForm::Room(room) => Join { room, author: None },
            JoinForm::Named { room, author } => Join { room: room.unwrap_or_default(), author },
        }
    }
}

/// The data of `message`. Without a room it is for the lobby.
#[derive(Debug, Deserialize, Validate)]
pub struct SendMessage {
    /// Who speaks.
    #[garde(dive)]
    pub author: Author,
    /// What they say: 1 to 500 characters.
    #[garde(length(chars, min = 1, max = 500))]
    pub text: String,
    /// Where.
    #[garde(dive)]
    pub room: Option<Room>,
}

/// The data of `say`, pushed to others as `said` as it is. Without a room it is for all rooms of the speaker.
#[derive(Debug, Deserialize, Serialize, Validate)]
pub struct Say {
    /// Who speaks.
    #[garde(dive)]
    pub author: Author,
    /// What they say: 1 to 500 characters.
    #[garde(length(chars, min = 1, max = 500))]
    pub text: String,
    /// Where.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
}

/// The data of `typing`, pushed to others as it is. Without a room it is for all rooms of the writer.
#[derive(Debug, Deserialize, Serialize, Validate)]
pub struct Typing {
    /// Who writes.
    #[garde(dive)]
    pub author: Author,
    /// What stands there so far, for those who want it seen: at most 500 characters.
    #[garde(length(chars, max = 500))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
}

/// One entry of a room's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    /// Who spoke.
    pub author: Author,
    /// What they said.
    pub text: String,
    /// When, in UTC as RFC 3339.
    pub at: String,
}

/// The push `message`: a new entry, and the room that it is in.
#[derive(Debug, Serialize)]
pub struct Told<'a> {
    /// Where.
    pub room: &'a Room,
    /// The entry.
    #[serde(flatten)]
    pub message: &'a ChatMessage,
}

/// The push `people`: who is in a room, and what has changed.
#[derive(Debug, Serialize)]
pub struct People<'a> {
    /// The room.
    pub room: &'a str,
    /// How many are in it, with or without a name.
    pub count: usize,
    /// The first names of those who have one, in order.
    pub names: Vec<Author>,
    /// Who came or left; absent where only the number has changed.
    #[serde(flatten)]
    pub change: Option<Change>,
}

/// A change of who is in a room.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum Change {
    /// Somebody entered, or is now known by name.
    Joined {
        /// Who.
        author: Author,
    },
    /// Somebody has another name.
    Renamed {
        /// The new name.
        author: Author,
        /// The one before.
        was: Author,
    },
    /// Somebody is gone.
    Left {
        /// Who.
        author: Author,
        /// `left` the room, `closed` the page, or the connection is `lost`.
        reason: &'static str,
    },
}

/// The push `welcome`, the first that everybody gets: how to speak.
#[derive(Debug, Serialize)]
pub struct Welcome {
    room: &'static str,
    events: [&'static str; 7],
    example: Example,
    hint: &'static str,
}

#[derive(Debug, Serialize)]
struct Example {
    event: &'static str,
    data: ExampleData,
}

#[derive(Debug, Serialize)]
struct ExampleData {
    author: &'static str,
    text: &'static str,
}

/// The same for everybody.
pub const WELCOME: Welcome = Welcome {
    room: LOBBY,
    events: ["join", "leave", "message", "history", "presence", "typing", "say"],
    example: Example { event: "message", data: ExampleData { author: "ada", text: "hi" } },
    hint: "whatever has an id is answered",
};

/// The push `tick`, every half a minute to the lobby.
#[derive(Debug, Serialize)]
pub struct Tick {
    /// For how many seconds the server has been up.
    pub uptime_s: u64,
    /// How many clients are connected.
    pub clients: usize,
}

/// The body of `POST /announce`.
#[derive(Debug, Deserialize, Validate)]
pub struct Announcement {
    /// What is announced: 1 to 500 characters.
    #[garde(length(chars, min = 1, max = 500))]
    pub text: String,
}

/// The answer to `POST /announce`.
#[derive(Debug, Serialize)]
pub struct Announced {
    /// How many clients it was sent to.
    pub sent: usize,
}

/// One element of the answer to `GET /rooms`.
#[derive(Debug, Serialize)]
pub struct OpenRoom {
    /// Its name.
    pub room: String,
    /// How many are in it.
    pub count: usize,
}
