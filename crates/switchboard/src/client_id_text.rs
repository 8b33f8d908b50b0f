//! A client's id as text.
use std::fmt;
use std::ops::Deref;

/// The text of a [`ClientId`](crate::ClientId): 23 characters of ASCII on the stack, usable as a `&str`.
///
/// ```
/// # fn of(id: switchboard::ClientId) {
/// let text = id.as_text();
/// assert!(text.starts_with('~') && text.len() == 23);
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientIdText([u8; ClientIdText::LEN]);

impl ClientIdText {
    pub(crate) const LEN: usize = 23;

    /// `ascii` has ASCII characters only.
    pub(crate) fn new(ascii: [u8; ClientIdText::LEN]) -> ClientIdText {
        ClientIdText(ascii)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Checked again at each call, because `unsafe` is forbidden: a few nanoseconds for 23 bytes.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Deref for ClientIdText {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for ClientIdText {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for ClientIdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for ClientIdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
