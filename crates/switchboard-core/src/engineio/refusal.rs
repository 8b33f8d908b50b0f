//! The answers to a request that is not served, as a table.
use std::fmt;

use http::StatusCode;

use super::Violation;

/// The reason why a request is not served, and the answer to it, which is that of the reference implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// The body of the answer: `{"code","message"}` as `application/json`, or nothing. It never repeats anything of the
    /// request.
    pub body: &'static str,
    /// A word of a fixed list, the label of a metric.
    pub reason: &'static str,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $reason:literal $(, $code:literal $message:literal)?;)*) => {
        impl Refusal {
            $($(#[$doc])* pub const $name: Refusal = Refusal {
                status: StatusCode::$status,
                body: concat!("" $(, "{\"code\":", $code, ",\"message\":\"", $message, "\"}")?),
                reason: $reason,
            };)*

            /// Every refusal.
            pub const ALL: &[Refusal] = &[$(Refusal::$name),*];
        }
    };
}

refusals! {
    /// No `transport`, an unknown one, or several.
    UNKNOWN_TRANSPORT = BAD_REQUEST, "transport", 0 "Transport unknown";
    /// A `sid` of no session, or several.
    UNKNOWN_SID = BAD_REQUEST, "sid", 1 "Session ID unknown";
    /// A new session by another method than GET.
    HANDSHAKE_METHOD = BAD_REQUEST, "method", 2 "Bad handshake method";
    /// Anything else that is wrong with a request.
    BAD_REQUEST = BAD_REQUEST, "bad_request", 3 "Bad request";
    /// The request may not open a session.
    FORBIDDEN = FORBIDDEN, "forbidden", 4 "Forbidden";
    /// No `EIO`, another one than 4, or several.
    UNSUPPORTED_VERSION = BAD_REQUEST, "version", 5 "Unsupported protocol version";
    /// Another method than GET and POST for a session that there is; the answer needs `Allow: GET, POST`.
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED, "method";
    /// A body longer than `maxPayload`.
    TOO_LARGE = PAYLOAD_TOO_LARGE, "payload_too_long";
}

impl Refusal {
    /// The body with a message of the application's own, for [`Refusal::FORBIDDEN`]: `{"code":4,"message":…}`.
    pub fn forbidden_body(message: &str) -> String {
        let message = serde_json::Value::from(message);
        format!(r#"{{"code":4,"message":{message}}}"#)
    }
}

/// Returns the answer to the POST whose payload has the violation.
impl From<Violation> for Refusal {
    fn from(violation: Violation) -> Refusal {
        if violation == Violation::PAYLOAD_TOO_LONG { Refusal::TOO_LARGE } else { Refusal::BAD_REQUEST }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.reason)
    }
}

impl std::error::Error for Refusal {}
