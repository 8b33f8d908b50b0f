//! [`Refused`]: the response to a handshake that the server refused.
use super::failure::Failure;
use super::logs::Logs;
use super::received::Cut;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::panic::Location;

/// The response to a handshake that was refused: [`Connecting::refused`](super::Connecting::refused).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refused {
    /// The status, which is not 101. `assert_eq!(refused.status, 403)` works.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, with invalid UTF-8 replaced.
    pub body: String,
    /// The error code for programs: `code` of a `problem+json`; "" if the body is not one.
    pub code: String,
    /// The error message for people: `detail` of a `problem+json`; "" if the body is not one.
    pub message: String,
}

/// The fields of a `problem+json` (RFC 9457) that are read.
#[derive(Default, Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

impl Refused {
    pub(super) fn new(status: StatusCode, headers: HeaderMap, body: String) -> Refused {
        let Problem { code, detail } = serde_json::from_str(&body).unwrap_or_default();
        Refused { status, headers, body, code, message: detail }
    }

    /// Deserialises the body as a `T`.
    ///
    /// # Panics
    /// If it is not a `T`; the message has the body.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        let place = Location::caller();
        serde_json::from_str(&self.body).unwrap_or_else(|error| {
            let (body, wanted) = (Cut(&self.body), std::any::type_name::<T>());
            let failure = Failure { place, logs: &Logs::default() };
            failure.fail(format_args!("the body {body} is no {wanted}: {error}"))
        })
    }

    /// Returns a header's value; `None` if it is absent, or not a text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.code.is_empty() {
            return write!(f, "the server refused: {} {}, {}", self.status.as_u16(), self.code, self.message);
        }
        write!(f, "the server refused: {}", self.status)?;
        if self.body.is_empty() { Ok(()) } else { write!(f, ", {}", Cut(&self.body)) }
    }
}

impl std::error::Error for Refused {}
