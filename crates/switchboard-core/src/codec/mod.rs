//! Codecs of the native protocol: bytes to [`Incoming`](crate::Incoming), and answers and events to bytes.
use serde::Serialize;

use crate::{Detail, Error};

pub mod json;

/// The `data` of an `exception`, and the error of an acknowledgement, in every format.
#[derive(Serialize)]
pub(crate) struct ErrorBody<'a> {
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
}

impl<'a> ErrorBody<'a> {
    pub(crate) fn new(error: &'a Error, event: Option<&'a str>) -> ErrorBody<'a> {
        ErrorBody {
            status: "error",
            code: error.code().as_str(),
            message: error.message(),
            event,
            details: error.details(),
            retryable: error.is_retryable(),
            retry_after_ms: error.retry_after(),
        }
    }
}
