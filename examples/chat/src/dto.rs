//! The payloads.
use garde::Validate;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The room that every client joins when it connects, and the default where no room is named.
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

/// The name of a user: 1 to 64 characters. Users choose their own names, which are not checked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, Validate)]
#[garde(transparent)]
pub struct Author(#[garde(length(chars, min = 1, max = 64))] String);

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The data of `join`: `"garden"`, or `{"room":"garden","author":"ada"}` to appear there with a name.
#[derive(Debug, Deserialize, Validate)]
#[serde(from = "JoinForm")]
pub struct Join {
    /// The room.
    #[garde(dive)]
    pub room: Room,
    /// The name.
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

/// The data of `message`. The default room is the lobby.
#[derive(Debug, Deserialize, Validate)]
pub struct SendMessage {
    /// The name of the sender.
    #[garde(dive)]
    pub author: Author,
    /// The text: 1 to 500 characters.
    #[garde(length(chars, min = 1, max = 500))]
    pub text: String,
    /// The room.
    #[garde(dive)]
    pub room: Option<Room>,
}

/// The data of `say`, pushed unchanged to others as `said`. Without a room it is sent to all rooms of the sender.
#[derive(Debug, Deserialize, Serialize, Validate)]
pub struct Say {
    /// The name of the sender.
    #[garde(dive)]
    pub author: Author,
    /// The text: 1 to 500 characters.
    #[garde(length(chars, min = 1, max = 500))]
    pub text: String,
    /// The room.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
}

/// The data of `typing`, pushed unchanged to others. Without a room it is sent to all rooms of the sender.
#[derive(Debug, Deserialize, Serialize, Validate)]
pub struct Typing {
    /// The name of the sender.
    #[garde(dive)]
    pub author: Author,
    /// The unfinished text, if the client shares it: at most 500 characters.
    #[garde(length(chars, max = 500))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The room.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
}

/// One entry of a room's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    /// The name of the sender.
    pub author: Author,
    /// The text.
    pub text: String,
    /// The time, in UTC as RFC 3339.
    pub at: String,
}

/// The push `message`: a new entry and its room.
#[derive(Debug, Serialize)]
pub struct Told<'a> {
    /// The room.
    pub room: &'a Room,
    /// The entry.
    #[serde(flatten)]
    pub message: &'a ChatMessage,
}

/// The push `people`: the members of a room, and the change.
#[derive(Debug, Serialize)]
pub struct People<'a> {
    /// The room.
    pub room: &'a str,
    /// The number of members, with or without a name.
    pub count: usize,
    /// The first names, in alphabetical order, of members who have one.
    pub names: Vec<Author>,
    /// The change; absent if only the number has changed.
    #[serde(flatten)]
    pub change: Option<Change>,
}

/// A change of the members of a room.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum Change {
    /// A user entered, or now has a name.
    Joined {
        /// The name.
        author: Author,
    },
    /// A user has changed the name.
    Renamed {
        /// The new name.
        author: Author,
        /// The old name.
        was: Author,
    },
    /// A user has left.
    Left {
        /// The name.
        author: Author,
        /// `left` the room, `closed` the page, or the connection is `lost`.
        reason: &'static str,
    },
}

/// The push `welcome`, the first event of each connection: how to use the chat.
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

/// The same for every client.
pub const WELCOME: Welcome = Welcome {
    room: LOBBY,
    events: ["join", "leave", "message", "history", "presence", "typing", "say"],
    example: Example { event: "message", data: ExampleData { author: "ada", text: "hi" } },
    hint: "whatever has an id is answered",
};

/// The push `tick`, sent to the lobby every 30 seconds.
#[derive(Debug, Serialize)]
pub struct Tick {
    /// The uptime of the server in seconds.
    pub uptime_s: u64,
    /// The number of connected clients.
    pub clients: usize,
}

/// The body of `POST /announce`.
#[derive(Debug, Deserialize, Validate)]
pub struct Announcement {
    /// The announcement: 1 to 500 characters.
    #[garde(length(chars, min = 1, max = 500))]
    pub text: String,
}

/// The response to `POST /announce`.
#[derive(Debug, Serialize)]
pub struct Announced {
    /// The number of clients that it was sent to.
    pub sent: usize,
}

/// One element of the response to `GET /rooms`.
#[derive(Debug, Serialize)]
pub struct OpenRoom {
    /// The name of the room.
    pub room: String,
    /// The number of members.
    pub count: usize,
}
