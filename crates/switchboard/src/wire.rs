//! What the expansion of `#[derive(WireError)]` calls.
//!
//! An error is kept as the cause of what is sent where its type is a `std::error::Error`. In the expansion the type is concrete,
//! so that a method call finds out, as it does for `Validate` in [`handler::parts`](crate::handler::parts).
#![allow(missing_debug_implementations, reason = "only expansions name these types")]
use crate::Error;
use http::StatusCode;
use std::error::Error as StdError;
use std::fmt::Display;
use std::marker::PhantomData;

/// What a client is told by an error that names no `message`.
#[diagnostic::on_unimplemented(
    message = "there is no text that a client could be told of `{Self}`",
    label = "what is said of this?",
    note = "write `#[wire(message = \"…\")]` on it, or implement `Display` for `{Self}`, as `thiserror` does"
)]
pub trait Told {
    /// The text.
    fn told(&self) -> String;
}
#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> Told for T {
    fn told(&self) -> String {
        self.to_string()
    }
}

/// What the log is told by an internal error that names no `message`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error that the log could be told of",
    label = "what is the cause?",
    note = "an `internal` error is logged with its cause: implement `std::error::Error` for `{Self}`, as `thiserror` does, or write `message = \"…\"` beside `internal`: that text goes to the log alone"
)]
pub trait Cause {
    /// An opaque error with this cause.
    fn opaque(self) -> Error;
}
#[diagnostic::do_not_recommend]
impl<T: StdError + Send + Sync + 'static> Cause for T {
    fn opaque(self) -> Error {
        Error::internal(self)
    }
}

/// An error inside of another one, which is sent in its place.
#[diagnostic::on_unimplemented(
    message = "`{Self}` says nothing of what a client is told",
    label = "this error does not become a `switchboard::Error`",
    note = "derive `WireError` for `{Self}`, or write `internal` in place of `transparent`"
)]
pub trait Inner {
    /// What is sent.
    fn inner(self) -> Error;
}
#[diagnostic::do_not_recommend]
impl<T: Into<Error>> Inner for T {
    fn inner(self) -> Error {
        self.into()
    }
}

/// The status of an error by its number, which the derive has checked to be 400 to 599.
pub fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Asks whether a `T` can be a cause: `(&&Probe::<T>::new()).__switchboard_cause()`.
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// A probe.
    #[allow(clippy::new_without_default, reason = "a probe is not a value")]
    pub fn new() -> Probe<T> {
        Probe(PhantomData)
    }
}

/// It can.
pub struct Kept;
/// It cannot.
pub struct Dropped;

/// See [`Probe`].
pub trait ByError {
    /// The answer.
    fn __switchboard_cause(&self) -> Kept;
}
impl<T: StdError + Send + Sync + 'static> ByError for &Probe<T> {
    fn __switchboard_cause(&self) -> Kept {
        Kept
    }
}

/// See [`Probe`].
pub trait ByNothing {
    /// The answer.
    fn __switchboard_cause(&self) -> Dropped;
}
impl<T> ByNothing for Probe<T> {
    fn __switchboard_cause(&self) -> Dropped {
        Dropped
    }
}

impl Kept {
    /// The error with its cause.
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
