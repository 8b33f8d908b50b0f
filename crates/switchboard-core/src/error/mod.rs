//! The error that a client sees.
mod causes;
mod code;
mod convert;
mod detail;
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
/// A handler returns it, or an error of its own with `impl From<MyError> for Error`, which `#[derive(WireError)]` writes. The usual errors of
/// std and serde (and `anyhow`, by feature) convert to an opaque [`internal`](Error::internal) one with the cause as
/// [`source`](StdError::source), which is logged and never sent; anything else converts by
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

    /// What is sent in place of the text of an internal error.
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
    /// Of equal errors within a second, only one is logged, together with the number of the others.
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

    /// Whether the same request may succeed later; the default is that of the code.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Error {
        self.0.retryable = retryable;
        self
    }

    /// Makes the error retryable, but not before this time has passed. [`retry_delay`](Error::retry_delay) reads it back.
    ///
    /// It is sent in whole milliseconds, rounded up, and at most `u32::MAX` of them (49 days). If the error also closes the connection, with a
    /// code after which clients reconnect, then `sys.goaway` has it too, unless the [`Close`] has a time of its own.
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
    /// Only the status of an error counts, 400 to 599: any other one would report a refused connection as a success. It is ignored, and the
    /// status stays what it was.
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

    /// The trace id; `make` makes one if there is none yet.
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

    /// Whether a filter has returned this error.
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

    /// What went wrong, as a word for programs.
    pub fn code(&self) -> &Code {
        &self.0.code
    }

    /// What went wrong, as a sentence for people; it is sent.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What is wrong in the payload, each with its path.
    pub fn details(&self) -> &[Detail] {
        &self.0.details
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// How long to wait before a retry: what [`retry_after`](Error::retry_after) has set, in whole milliseconds.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.0.retry_after_ms.map(from_milliseconds)
    }

    /// The number on the wire.
    #[doc(hidden)]
    pub fn retry_after_ms(&self) -> Option<u32> {
        self.0.retry_after_ms
    }

    /// Whether it is a fault of the server, whose cause is logged.
    pub fn is_internal(&self) -> bool {
        self.0.code == Code::Internal
    }

    /// Whether the payload does not fit what the handler takes.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_error_never_shows_its_cause() {
        let cause = "password for db is hunter2";
        for error in [
            Error::internal(cause),
            Error::new(Code::Internal, cause),
            Error::new("internal", cause),
            Error::new(Code::Custom("internal".into()), cause),
            std::io::Error::other(cause).into(),
            Err::<(), _>(cause).or_internal().unwrap_err(),
        ] {
            assert!(error.is_internal());
            assert_eq!(error.message(), "Internal error");
            assert_eq!(error.to_string(), "internal: Internal error");
            assert_eq!(error.source().expect("a source").to_string(), cause);
        }
        assert!(Error::internal(cause).detail(Detail::new("", "x", cause)).details().is_empty());
    }

    #[test]
    fn an_error_that_went_through_a_box_keeps_its_code() {
        fn inner() -> Result<(), Box<dyn StdError + Send + Sync>> {
            Err(Error::not_found("No such room"))?
        }
        fn outer() -> Result<(), Error> {
            Ok(inner()?)
        }
        assert_eq!(outer().unwrap_err().code(), &Code::NotFound);
    }

    #[cfg(feature = "anyhow")]
    #[test]
    fn an_error_that_went_through_anyhow_keeps_its_code() {
        let through = anyhow::Error::from(Error::not_found("No such room")).context("while joining");
        assert_eq!(Error::from(through).code(), &Code::NotFound);
        let other = Error::from(anyhow::anyhow!("secret"));
        assert_eq!((other.is_internal(), other.message()), (true, "Internal error"));
    }

    #[test]
    fn codes_have_words_and_defaults() {
        assert_eq!(Code::from("rate_limited"), Code::RateLimited);
        assert_eq!(Code::from("mine").as_str(), "mine");
        assert!(Error::overloaded("x").is_retryable());
        assert!(!Error::conflict("x").is_retryable());
        assert!(!Error::overloaded("x").retryable(false).is_retryable());
        let later = Error::conflict("x").retry_after(Duration::from_millis(50));
        assert_eq!((later.is_retryable(), later.retry_delay()), (true, Some(Duration::from_millis(50))));
    }

    #[test]
    fn statuses_are_those_of_the_codes_unless_said_otherwise() {
        let statuses = [
            (Error::unauthenticated("x"), 401),
            (Error::forbidden("x"), 403),
            (Error::not_found("x"), 404),
            (Error::validation_failed("x"), 422),
            (Error::rate_limited("x"), 429),
            (Error::overloaded("x"), 503),
            (Error::new(Code::Cancelled, "x"), 499),
            (Error::internal("x"), 500),
            (Error::new("too_low", "x"), 400),
            (Error::new("too_low", "x").status(StatusCode::CONFLICT), 409),
            (Error::internal("x").status(StatusCode::SERVICE_UNAVAILABLE), 503),
        ];
        for (error, status) in statuses {
            assert_eq!(error.http_status(), status, "{error}");
        }
    }

    #[test]
    fn a_status_that_is_not_of_an_error_is_ignored() {
        for status in [StatusCode::CONTINUE, StatusCode::OK, StatusCode::FOUND] {
            assert_eq!(Error::forbidden("x").status(status).http_status(), StatusCode::FORBIDDEN, "{status}");
            let chosen = Error::forbidden("x").status(StatusCode::CONFLICT).status(status);
            assert_eq!(chosen.chosen_status(), Some(StatusCode::CONFLICT), "{status}");
        }
        let unusual = StatusCode::from_u16(600).expect("three digits");
        assert_eq!(Error::forbidden("x").status(unusual).http_status(), StatusCode::FORBIDDEN);
    }

    #[test]
    fn what_is_set_can_be_read() {
        let error = Error::conflict("No")
            .retryable(true)
            .retry_after(Duration::from_micros(1500))
            .detail(Detail::new("", "x", "y"))
            .with_source("cause")
            .closing(crate::CloseCode::KICKED)
            .status(StatusCode::GONE)
            .trace_id(7);
        assert!(error.is_retryable());
        assert_eq!(error.retry_delay(), Some(Duration::from_millis(2)), "rounded up: not before");
        assert_eq!(Error::conflict("").retry_after(Duration::MAX).retry_after_ms(), Some(u32::MAX));
        assert_eq!(error.details().len(), 1);
        assert_eq!(error.source_chain(), "cause");
        assert_eq!(error.close().map(|close| close.code), Some(crate::CloseCode::KICKED));
        assert_eq!(error.http_status(), StatusCode::GONE);
        assert_eq!(error.trace(), Some(TraceId::from(7)));
    }

    #[test]
    fn a_trace_id_is_set_once() {
        let error = Error::internal("x");
        assert_eq!(error.trace(), None);
        assert_eq!(error.trace_or_set(|| TraceId::from(7)), TraceId::from(7));
        assert_eq!(error.trace_or_set(|| TraceId::from(8)), TraceId::from(7));
        let mut bytes = [0; 16];
        bytes[0] = 0x4b;
        let own = Error::internal("x").trace_id(bytes);
        assert_eq!(own.trace_or_set(|| TraceId::from(8)).to_string(), format!("4b{}", "0".repeat(30)));
        assert_eq!(own.trace(), Some(TraceId::from(bytes)));
    }

    #[test]
    fn d14_at_most_eight_details() {
        let error =
            (0..20).fold(Error::validation_failed("x"), |error, n| error.detail(Detail::new("", "x", "y").max(n)));
        assert_eq!(error.details().len(), Error::MAX_DETAILS);
    }

    #[test]
    fn it_is_send_and_sync_and_not_a_value() {
        fn shared<T: Send + Sync + 'static>() {}
        shared::<Error>();

        // Two candidates, so ambiguous, as soon as `Error: Serialize`.
        trait NotSerialize<A> {
            fn holds() {}
        }
        struct Serializable;
        impl<T: ?Sized> NotSerialize<()> for T {}
        impl<T: ?Sized + serde::Serialize> NotSerialize<Serializable> for T {}
        <Error as NotSerialize<_>>::holds();
    }
}
