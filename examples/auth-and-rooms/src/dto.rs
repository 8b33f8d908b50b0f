//! What is on the wire.
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
    /// Where.
    #[garde(dive)]
    pub room: RoomName,
    /// What: 1 to 500 characters.
    #[garde(length(chars, min = 1, max = 500))]
    pub text: String,
}

/// The data of `invite`.
#[derive(Debug, Deserialize, Validate)]
pub struct Invite {
    /// Where to.
    #[garde(dive)]
    pub room: RoomName,
    /// Whom, by id.
    #[garde(length(chars, min = 1, max = 32))]
    pub user: String,
}

/// The data of `mute`.
#[derive(Debug, Deserialize, Validate)]
pub struct Mute {
    /// Whom, by id.
    #[garde(length(chars, min = 1, max = 32))]
    pub user: String,
    /// For how long.
    #[garde(range(min = 1, max = 60))]
    pub minutes: u32,
}

/// The push `welcome`, the first that everybody gets.
#[derive(Debug, Serialize)]
pub struct Welcome<'a> {
    /// Who you are.
    pub you: Person,
    /// What you may do beside what everybody may.
    pub roles: Vec<&'a str>,
    /// Where you may enter.
    pub rooms: Vec<&'static str>,
}

/// The push `said`.
#[derive(Debug, Serialize)]
pub struct Said<'a> {
    /// Where.
    pub room: &'a str,
    /// Who.
    pub from: Person,
    /// What.
    pub text: &'a str,
}

/// The push `people`, and the answer to `enter`: who is in a room.
#[derive(Debug, Serialize)]
pub struct People<'a> {
    /// Where.
    pub room: &'a str,
    /// Who, in the order of their ids.
    pub people: Vec<Person>,
}

/// The push `invited`.
#[derive(Debug, Serialize)]
pub struct Invited<'a> {
    /// Where to.
    pub room: &'a str,
    /// By whom.
    pub by: Person,
}

/// The push `muted`.
#[derive(Debug, Serialize)]
pub struct Muted {
    /// By whom.
    pub by: Person,
    /// For how long.
    pub minutes: u32,
}

/// The body of `POST /login`.
#[derive(Debug, Deserialize)]
pub struct Login {
    /// A bearer token.
    pub token: String,
}
