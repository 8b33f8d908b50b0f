//! [`WireError`]: the data of an `exception`.
use crate::Detail;
use serde::Deserialize;
use std::fmt;

/// An error as a client receives it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct WireError {
    /// The error code, for programs.
    pub code: String,
    /// The error message, for people.
    pub message: String,
    /// The errors at individual places of the payload.
    #[serde(default)]
    pub details: Vec<Detail>,
    /// True if the same message may succeed later.
    pub retryable: bool,
    /// The time to wait before a retry.
    pub retry_after_ms: Option<u32>,
    /// The event of the message that failed, if it is known.
    pub event: Option<String>,
    /// Identifies the log line of an internal error: the line's field `trace_id`.
    pub trace_id: Option<String>,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for WireError {}
