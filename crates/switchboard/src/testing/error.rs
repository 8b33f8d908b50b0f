//! [`WireError`]: the data of an `exception`.
use crate::Detail;
use serde::Deserialize;
use std::fmt;

/// An error as a client gets it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct WireError {
    /// What is wrong, as a word for programs.
    pub code: String,
    /// What is wrong, as a sentence for people.
    pub message: String,
    /// What is wrong at each place of the payload.
    #[serde(default)]
    pub details: Vec<Detail>,
    /// The same message may succeed later.
    pub retryable: bool,
    /// When to try again.
    pub retry_after_ms: Option<u32>,
    /// The event of the message that failed, where it is known.
    pub event: Option<String>,
    /// What the line in the log is found by, of an internal error: its field `trace_id`.
    pub trace_id: Option<String>,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for WireError {}
