//! The payloads of the server's own frames.
use serde::Serialize;

use crate::{Detail, Error, TraceId};

/// The `data` of an `exception`, and the error of an acknowledgement, in every format: `{"status":"error","code","message",
/// "event"?,"details"?,"retryable","retry_after_ms"?}`.
#[derive(Debug, Serialize)]
pub struct ErrorBody<'a> {
    status: &'static str,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Detail]>::is_empty")]
    details: &'a [Detail],
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<TraceId>,
}

impl<'a> ErrorBody<'a> {
    /// The body of an error; `event` is that of the request, if it is known.
    pub fn new(error: &'a Error, event: Option<&'a str>) -> ErrorBody<'a> {
        ErrorBody {
            status: "error",
            code: error.code().as_str(),
            message: error.message(),
            event,
            details: error.details(),
            retryable: error.is_retryable(),
            retry_after_ms: error.retry_after_ms(),
            trace_id: error.trace(),
        }
    }
}

/// The `data` of `sys.goaway`, in every format.
#[derive(Debug, Serialize)]
pub struct GoAway<'a> {
    /// The code of the close frame that follows.
    pub code: u16,
    /// Its reason.
    pub reason: &'a str,
    /// True if the client should reconnect.
    pub retryable: bool,
    /// How long the client must wait before it reconnects, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u32>,
}
