//! The payloads.
use crate::accounts::Person;
use garde::Validate;
use serde::{Deserialize, Serialize};

/// The name of a room: 1 to 32 letters and digits.
#[derive(Clone, Debug, Deserialize, Serialize, Validate)]
#[garde(transparent)]
pub struct RoomName(#[garde(length(chars, min = 1, max = 32), alphanumeric)] pub String);

/// The data of `say`.
#[derive(Debug, Deserialize, Validate)]
pub struct Say {
    /// The room.
    #[garde(dive)]
    pub room: RoomName,
    /// The text: 1 to 500 characters.
    #[garde(length(chars, min = 1, max = 500))]
    pub text: String,
}

/// The data of `invite`.
#[derive(Debug, Deserialize, Validate)]
pub struct Invite {
    /// The room.
    #[garde(dive)]
    pub room: RoomName,
    /// The id of the user.
    #[garde(length(chars, min = 1, max = 32))]
    pub user: String,
}

/// The data of `mute`.
#[derive(Debug, Deserialize, Validate)]
pub struct Mute {
    /// The id of the user.
    #[garde(length(chars, min = 1, max = 32))]
    pub user: String,
    /// For how many minutes.
    #[garde(range(min = 1, max = 60))]
    pub minutes: u32,
}

/// The push `welcome`, the first event of each connection.
#[derive(Debug, Serialize)]
pub struct Welcome<'a> {
    /// The user.
    pub you: Person,
    /// The roles of the user.
    pub roles: Vec<&'a str>,
    /// The rooms that the user may enter.
    pub rooms: Vec<&'static str>,
}

/// The push `said`.
#[derive(Debug, Serialize)]
pub struct Said<'a> {
    /// The room.
    pub room: &'a str,
    /// The user.
    pub from: Person,
    /// The text.
    pub text: &'a str,
}

/// The push `people`, and the reply to `enter`: the members of a room.
#[derive(Debug, Serialize)]
pub struct People<'a> {
    /// The room.
    pub room: &'a str,
    /// The users, ordered by id.
    pub people: Vec<Person>,
}

/// The push `invited`.
#[derive(Debug, Serialize)]
pub struct Invited<'a> {
    /// The room.
    pub room: &'a str,
    /// The user who did it.
    pub by: Person,
}

/// The push `muted`.
#[derive(Debug, Serialize)]
pub struct Muted {
    /// The user who did it.
    pub by: Person,
    /// For how many minutes.
    pub minutes: u32,
}

/// The body of `POST /login`.
#[derive(Debug, Deserialize)]
pub struct Login {
    /// A bearer token.
    pub token: String,
}
