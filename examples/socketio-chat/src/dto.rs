//! The payloads.
use serde::{Deserialize, Serialize};
use switchboard::Binary;

/// The longest picture, in bytes.
const LONGEST_PICTURE: usize = 32 << 10;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A text of 1 to `MOST` characters, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct Short<const MOST: usize>(String);

/// The name of a person.
pub type Name = Short<24>;
/// The name of a room.
pub type Room = Short<24>;
/// What is said.
pub type Text = Short<500>;

impl<const MOST: usize> TryFrom<String> for Short<MOST> {
    type Error = String;

    fn try_from(text: String) -> Result<Short<MOST>, String> {
        let is_fitting = (1..=MOST).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if is_fitting { Ok(Short(text)) } else { Err(format!("expected 1 to {MOST} characters")) }
    }
}

impl<const MOST: usize> AsRef<str> for Short<MOST> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A small PNG. It is an attachment for a Socket.IO client, and base64 for a raw JSON client.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "Binary")]
pub struct Picture(Binary);

impl TryFrom<Binary> for Picture {
    type Error = &'static str;

    fn try_from(bytes: Binary) -> Result<Picture, &'static str> {
        let is_fitting = bytes.starts_with(PNG) && bytes.len() <= LONGEST_PICTURE;
        if is_fitting { Ok(Picture(bytes)) } else { Err("expected a PNG of at most 32 KiB") }
    }
}

/// The data of `draw`.
#[derive(Debug, Deserialize)]
pub struct Draw {
    /// Where it is shown.
    pub room: Room,
    /// The picture.
    pub picture: Picture,
}

/// The push `said`.
#[derive(Debug, Serialize)]
pub struct Said<'a> {
    /// The room.
    pub room: &'a Room,
    /// Who said it.
    pub name: Name,
    /// What was said.
    pub text: &'a Text,
}

/// The push `drawn`.
#[derive(Debug, Serialize)]
pub struct Drawn<'a> {
    /// The room.
    pub room: &'a Room,
    /// Who drew it.
    pub name: Name,
    /// The picture.
    pub picture: &'a Picture,
}

/// The push `typing`.
#[derive(Debug, Serialize)]
pub struct Typing<'a> {
    /// The room.
    pub room: &'a Room,
    /// Who types.
    pub name: Name,
}

/// The push `people`: who is in a room.
#[derive(Debug, Serialize)]
pub struct InRoom<'a> {
    /// The room.
    pub room: &'a str,
    /// Its members, by name.
    pub people: Vec<Member>,
    /// What has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub news: Option<String>,
}

/// One member of a room.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Member {
    /// The name.
    pub name: Name,
    /// `polling` or `websocket`.
    pub over: &'static str,
    /// Whether it is a client of Socket.IO.
    pub socketio: bool,
}
