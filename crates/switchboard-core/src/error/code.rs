//! [`Code`]: the table of error codes.
use super::Error;
use http::StatusCode;
use std::borrow::Cow;
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, retryable: $retryable:literal, status: $status:literal $(, $(#[$attribute:meta])* fn $ctor:ident)?;)*) => {
        /// What went wrong, as a word for programs.
        ///
        /// | code | retryable by default | over HTTP |
        /// |---|---|---|
        $(#[doc = concat!("| `", $text, "` | ", $retryable, " | ", $status, " |")])*
        /// | an application's own | false | 400 |
        #[non_exhaustive]
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
            /// An application's own.
            Custom(Cow<'static, str>),
        }

        impl Code {
            /// The word on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Code::$name => $text,)*
                    Code::Custom(text) => text,
                }
            }

            /// The word as a label of a closed list: "custom" for an application's own.
            pub fn label(&self) -> &'static str {
                match self {
                    $(Code::$name => $text,)*
                    Code::Custom(_) => "custom",
                }
            }

            /// True if the same request may succeed later, unless the error says otherwise.
            pub fn is_retryable(&self) -> bool {
                match self {
                    $(Code::$name => $retryable,)*
                    Code::Custom(_) => false,
                }
            }

            /// The status of such an error over HTTP, for instance when it refuses a connection.
            pub fn http_status(&self) -> StatusCode {
                match self {
                    $(Code::$name => status($status),)*
                    Code::Custom(_) => StatusCode::BAD_REQUEST,
                }
            }

            /// The code of the table with this word, else one of the application's own.
            pub(super) fn from_text(text: Cow<'static, str>) -> Code {
                match &*text {
                    $($text => Code::$name,)*
                    _ => Code::Custom(text),
                }
            }
        }

        impl Error {
            $($(
                #[doc = concat!("An error with the code `", $text, "`.")]
                $(#[$attribute])*
                pub fn $ctor(message: impl Into<Cow<'static, str>>) -> Error {
                    Error::with_code(Code::$name, message.into())
                }
            )?)*
        }
    };
}

codes! {
    /// The frame or the request makes no sense.
    BadRequest = "bad_request", retryable: false, status: 400, fn bad_request;
    /// No handler has this event name.
    UnknownEvent = "unknown_event", retryable: false, status: 404, fn unknown_event;
    /// The payload does not fit what the handler takes.
    ValidationFailed = "validation_failed", retryable: false, status: 422, fn validation_failed;
    /// The client has not proved its identity.
    Unauthenticated = "unauthenticated", retryable: false, status: 401, #[doc(alias = "unauthorized")] fn unauthenticated;
    /// The user is known, and may not do this.
    Forbidden = "forbidden", retryable: false, status: 403, fn forbidden;
    /// The requested thing does not exist.
    NotFound = "not_found", retryable: false, status: 404, fn not_found;
    /// The request contradicts the present state, for instance an id that is still in flight.
    Conflict = "conflict", retryable: false, status: 409, fn conflict;
    /// The request is larger than allowed.
    PayloadTooLarge = "payload_too_large", retryable: false, status: 413, fn payload_too_large;
    /// The client sends requests more often than allowed.
    RateLimited = "rate_limited", retryable: true, status: 429, fn rate_limited;
    /// The server has no capacity for the request now.
    Overloaded = "overloaded", retryable: true, status: 503, fn overloaded;
    /// The request did not end in time. The work may have been done, so retry with the same id.
    Timeout = "timeout", retryable: true, status: 504, fn timeout;
    /// The node is shutting down.
    Draining = "draining", retryable: true, status: 503, fn draining;
    /// The broker between the nodes does not answer.
    BrokerUnavailable = "broker_unavailable", retryable: true, status: 503, fn broker_unavailable;
    /// The client cancelled the request.
    Cancelled = "cancelled", retryable: false, status: 499, fn cancelled;
    /// The request was already done.
    Duplicate = "duplicate", retryable: false, status: 409, fn duplicate;
    /// A fault of the server. The cause is not sent.
    Internal = "internal", retryable: false, status: 500;
}

/// A status of the table.
fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A word of the table gives its code; any other word is a code of the application's own.
impl From<&'static str> for Code {
    fn from(text: &'static str) -> Code {
        Code::from_text(Cow::Borrowed(text))
    }
}

/// A word of the table gives its code; any other word is a code of the application's own.
impl From<String> for Code {
    fn from(text: String) -> Code {
        Code::from_text(Cow::Owned(text))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
