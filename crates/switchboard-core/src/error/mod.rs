//! The error that a client sees.
mod causes;
mod code;
mod convert;
mod detail;
#[cfg(test)]
mod tests;
mod trace;

pub use causes::{Cut, causes};
pub use code::Code;
pub use convert::OrInternal;
pub use detail::Detail;
pub use trace::TraceId;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use http::StatusCode;

use crate::Close;
use crate::retry::{as_milliseconds, from_milliseconds};

type Source = Box<dyn StdError + Send + Sync>;

/// An error that is sent to the client: as the `exception` event, or as an error acknowledgement.
///
/// A handler returns it, or its own error type with `impl From<MyError> for Error`, which `#[derive(WireError)]` generates. The usual
/// errors of std and serde (and of `anyhow`, with its feature) convert to an opaque [`internal`](Error::internal) error. Their cause
/// becomes its [`source`](StdError::source), which is logged and never sent. Convert any other error with
/// [`or_internal`](OrInternal::or_internal).
///
/// ```
/// use switchboard_core::Error;
///
/// enum BidError {
///     TooLow(u64),
///     Closed,
/// }
///
/// impl From<BidError> for Error {
///     fn from(error: BidError) -> Error {
///         match error {
///             BidError::TooLow(least) => Error::new("too_low", format!("Bid at least {least}")),
///             BidError::Closed => Error::not_found("The auction has ended"),
///         }
///     }
/// }
/// ```
///
/// It does not implement `serde::Serialize`, so a `Result` with it cannot be sent as a value by mistake.
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    message: Cow<'static, str>,
    details: Vec<Detail>,
    retryable: bool,
    retry_after_ms: Option<u32>,
    /// `None`: that of the code.
    status: Option<StatusCode>,
    close: Option<Close>,
    /// A filter has returned this error, so no other filter is asked.
    filtered: bool,
    source: Option<Source>,
    /// Set when the error is logged, unless the application has set it before.
    trace: OnceLock<TraceId>,
}

impl Error {
    /// The most details that an error carries; more are dropped.
    pub const MAX_DETAILS: usize = 8;

    /// The text that is sent instead of that of an internal error.
    const OPAQUE: &'static str = "Internal error";

    /// An error with a code of the table, or with a code of the application's own: `Error::new("insufficient_funds", "…")`.
    ///
    /// With [`Code::Internal`] the message is kept as the [`source`](StdError::source), for the log.
    pub fn new(code: impl Into<Code>, message: impl Into<Cow<'static, str>>) -> Error {
        // A custom code that spells a word of the table is that code: `internal` stays opaque under any spelling.
        match code.into() {
            Code::Custom(text) => Error::with_code(Code::from_text(text), message.into()),
            code => Error::with_code(code, message.into()),
        }
    }

    fn with_code(code: Code, message: Cow<'static, str>) -> Error {
        if code == Code::Internal {
            return Error::internal(message);
        }
        let retryable = code.is_retryable();
        Error(Box::new(Inner {
            code,
            message,
            details: Vec::new(),
            retryable,
            retry_after_ms: None,
            status: None,
            close: None,
            filtered: false,
            source: None,
            trace: OnceLock::new(),
        }))
    }

    /// An opaque error: the client reads "Internal error" and a [`trace`](Error::trace) id; the log has the cause with the same id.
    ///
    /// Equal errors within a second are logged once, with the number of the others.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        Error(Box::new(Inner {
            code: Code::Internal,
            message: Cow::Borrowed(Self::OPAQUE),
            details: Vec::new(),
            retryable: Code::Internal.is_retryable(),
            retry_after_ms: None,
            status: None,
            close: None,
            filtered: false,
            source: Some(cause.into()),
            trace: OnceLock::new(),
        }))
    }

    /// Sets whether the same request may succeed later. The default is that of the code.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Error {
        self.0.retryable = retryable;
        self
    }

    /// Makes the error retryable, but not before this time has passed. [`retry_delay`](Error::retry_delay) reads it back.
    ///
    /// The time is sent in whole milliseconds, rounded up, at most `u32::MAX` (49 days). If the error also closes the connection with a
    /// code after which clients reconnect, `sys.goaway` carries the time too, unless the [`Close`] has its own.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Error {
        self.0.retryable = true;
        self.0.retry_after_ms = Some(as_milliseconds(delay));
        self
    }

    /// Adds what is wrong at one path of the payload. At most [`Error::MAX_DETAILS`] details are kept; an internal error
    /// keeps none.
    #[must_use]
    pub fn detail(mut self, detail: Detail) -> Error {
        if !self.is_internal() && self.0.details.len() < Self::MAX_DETAILS {
            self.0.details.push(detail);
        }
        self
    }

    /// Prepends this key of the payload to the path of each detail.
    #[must_use]
    pub fn at_key(mut self, key: &str) -> Error {
        for detail in &mut self.0.details {
            detail.at_key(key);
        }
        self
    }

    /// Sets the cause. It is logged, and never sent; `source` of [`std::error::Error`] reads it back.
    #[must_use]
    pub fn with_source(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.0.source = Some(cause.into());
        self
    }

    /// Also closes the connection, after the error is sent. [`close`](Error::close) reads it back.
    #[must_use]
    pub fn closing(mut self, close: impl Into<Close>) -> Error {
        self.0.close = Some(close.into());
        self
    }

    /// Sets the status of the error over HTTP, for instance when it refuses a connection. Without it the status is that of the code.
    /// [`http_status`](Error::http_status) reads it back.
    ///
    /// Only 400 to 599 are accepted, because any other status would report a refused connection as a success. Another value is ignored, and
    /// the status is unchanged.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Error {
        if status.is_client_error() || status.is_server_error() {
            self.0.status = Some(status);
        }
        self
    }

    /// Sets a trace id of the application's own. It is sent, and logged with the cause. [`trace`](Error::trace) reads it back.
    ///
    /// An internal error without a trace id gets a random one when it is logged.
    #[must_use]
    pub fn trace_id(mut self, id: impl Into<TraceId>) -> Error {
        self.0.trace = OnceLock::from(id.into());
        self
    }

    /// The trace id, if there is one yet: the application's own, or that of the error's line in the log.
    pub fn trace(&self) -> Option<TraceId> {
        self.0.trace.get().copied()
    }

    /// Returns the trace id. If there is none yet, `make` creates it.
    #[doc(hidden)]
    pub fn trace_or_set(&self, make: impl FnOnce() -> TraceId) -> TraceId {
        *self.0.trace.get_or_init(make)
    }

    /// The status of the error over HTTP: the one that [`status`](Error::status) has set, else [`Code::http_status`].
    pub fn http_status(&self) -> StatusCode {
        self.0.status.unwrap_or_else(|| self.0.code.http_status())
    }

    /// The status that [`status`](Error::status) has set.
    #[doc(hidden)]
    pub fn chosen_status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// Marks the error as returned by a filter.
    #[doc(hidden)]
    #[must_use]
    pub fn filtered(mut self) -> Error {
        self.0.filtered = true;
        self
    }

    /// True if a filter has returned this error.
    #[doc(hidden)]
    pub fn is_filtered(&self) -> bool {
        self.0.filtered
    }

    /// How the connection is closed after this error, if [`Error::closing`] was called.
    pub fn close(&self) -> Option<&Close> {
        self.0.close.as_ref()
    }

    /// The chain of causes, `a: b: c`, for the log; "" if there is none. It has at most 32 causes and 8 KiB.
    pub fn source_chain(&self) -> String {
        StdError::source(self).map_or_else(String::new, causes)
    }

    /// Returns the code: what went wrong, as a word for programs.
    pub fn code(&self) -> &Code {
        &self.0.code
    }

    /// Returns the message: what went wrong, as a sentence for people. It is sent.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the details of what is wrong in the payload, each with its path.
    pub fn details(&self) -> &[Detail] {
        &self.0.details
    }

    /// True if the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// How long to wait before a retry: what [`retry_after`](Error::retry_after) has set, in whole milliseconds.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.0.retry_after_ms.map(from_milliseconds)
    }

    /// The retry delay in milliseconds, as it is sent.
    #[doc(hidden)]
    pub fn retry_after_ms(&self) -> Option<u32> {
        self.0.retry_after_ms
    }

    /// True if it is a fault of the server, whose cause is logged.
    pub fn is_internal(&self) -> bool {
        self.0.code == Code::Internal
    }

    /// True if the payload does not fit what the handler takes.
    pub fn is_validation(&self) -> bool {
        self.0.code == Code::ValidationFailed
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// `code: message`, without the source.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("code", &self.0.code.as_str()).field("message", &self.0.message);
        if !self.0.details.is_empty() {
            out.field("details", &self.0.details);
        }
        out.field("retryable", &self.0.retryable);
        if let Some(delay) = self.retry_delay() {
            out.field("retry_after", &delay);
        }
        if let Some(trace) = self.trace() {
            out.field("trace_id", &trace);
        }
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}
