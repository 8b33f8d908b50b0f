//! Support for the code that `#[derive(WireError)]` expands to.
//!
//! If an error's type implements `std::error::Error`, the error is kept as the cause of the error that is sent. In the
//! expansion the type is concrete, so method resolution finds out whether it does, as for `Validate` in
//! [`handler::parts`](crate::handler::parts).
#![allow(missing_debug_implementations, reason = "only expansions name these types")]
use crate::Error;
use http::StatusCode;
use std::error::Error as StdError;
use std::fmt::Display;
use std::marker::PhantomData;

/// An error without a `message`, whose text the client is told.
#[diagnostic::on_unimplemented(
    message = "there is no text that a client could be told of `{Self}`",
    label = "what is said of this?",
    note = "write `#[wire(message = \"…\")]` on it, or implement `Display` for `{Self}`, as `thiserror` does"
)]
pub trait Told {
    /// Returns the text that the client is told.
    fn told(&self) -> String;
}
#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> Told for T {
    fn told(&self) -> String {
        self.to_string()
    }
}

/// An internal error without a `message`, which is only logged.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error that the log could be told of",
    label = "what is the cause?",
    note = "an `internal` error is logged with its cause: implement `std::error::Error` for `{Self}`, as `thiserror` does, or write `message = \"…\"` beside `internal`: that text goes to the log alone"
)]
pub trait Cause {
    /// Returns an opaque error with this cause.
    fn opaque(self) -> Error;
}
#[diagnostic::do_not_recommend]
impl<T: StdError + Send + Sync + 'static> Cause for T {
    fn opaque(self) -> Error {
        Error::internal(self)
    }
}

/// An error that wraps another, which is sent in its place.
#[diagnostic::on_unimplemented(
    message = "`{Self}` says nothing of what a client is told",
    label = "this error does not become a `switchboard::Error`",
    note = "derive `WireError` for `{Self}`, or write `internal` in place of `transparent`"
)]
pub trait Inner {
    /// Returns the error that is sent.
    fn inner(self) -> Error;
}
#[diagnostic::do_not_recommend]
impl<T: Into<Error>> Inner for T {
    fn inner(self) -> Error {
        self.into()
    }
}

/// Converts the number of an error's status. The derive has validated that it is from 400 to 599.
pub fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Finds out whether a `T` can be a cause: `(&&Probe::<T>::new()).__switchboard_cause()`.
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// Returns a probe.
    #[allow(clippy::new_without_default, reason = "a probe is not a value")]
    pub fn new() -> Probe<T> {
        Probe(PhantomData)
    }
}

/// The type can be a cause.
pub struct Kept;
/// The type cannot be a cause.
pub struct Dropped;

/// See [`Probe`].
pub trait ByError {
    /// Returns the result of the probe.
    fn __switchboard_cause(&self) -> Kept;
}
impl<T: StdError + Send + Sync + 'static> ByError for &Probe<T> {
    fn __switchboard_cause(&self) -> Kept {
        Kept
    }
}

/// See [`Probe`].
pub trait ByNothing {
    /// Returns the result of the probe.
    fn __switchboard_cause(&self) -> Dropped;
}
impl<T> ByNothing for Probe<T> {
    fn __switchboard_cause(&self) -> Dropped {
        Dropped
    }
}

impl Kept {
    /// Returns the error with its cause.
    pub fn attach<T: StdError + Send + Sync + 'static>(self, error: Error, cause: T) -> Error {
        error.with_source(cause)
    }
}

impl Dropped {
    /// The error as it is.
    pub fn attach<T>(self, error: Error, _: T) -> Error {
        error
    }
}
