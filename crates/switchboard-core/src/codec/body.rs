//! What the server's own frames hold.
use serde::Serialize;

use crate::{Detail, Error, TraceId};

/// The `data` of an `exception`, and the error of an acknowledgement, in every format.
#[derive(Serialize)]
pub(super) struct ErrorBody<'a> {
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
    pub(super) fn new(error: &'a Error, event: Option<&'a str>) -> ErrorBody<'a> {
        ErrorBody {
            status: "error",
            code: error.code().as_str(),
            message: error.message(),
            event,
            details: error.details(),
            retryable: error.is_retryable(),
            retry_after_ms: error.retry_after(),
            trace_id: error.trace(),
        }
    }
}

/// The `data` of `sys.goaway`, in every format.
#[derive(Serialize)]
pub(super) struct GoAway<'a> {
    pub(super) code: u16,
    pub(super) reason: &'a str,
    pub(super) retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_ms: Option<u32>,
}
