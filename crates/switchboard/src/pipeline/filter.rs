//! Filters decide what a client is told of an error.
use super::stage::{Source, Stage, sources};
use crate::handler::MessageContext;
use crate::{Client, Error};
use std::any::{Any, TypeId};
use std::panic::Location;
use std::sync::Arc;

/// Decides what a client is told of errors of one type.
///
/// A filter of your own error type catches the `Err` that a handler returns, before it is converted to a
/// [`switchboard::Error`](Error). A filter of `switchboard::Error` catches all errors just before they are sent, also
/// those of guards, payloads and panics.
/// ```
/// use std::time::Duration;
/// use switchboard::pipeline::{Caught, Filter};
/// use switchboard::Error;
/// struct DbError { table: &'static str }
/// struct Database;
/// impl Filter for Database {
///     type Error = DbError;
///     fn catch(&self, error: DbError, caught: &Caught<'_>) -> Error {
///         Error::overloaded("Try again in a moment").retry_after(Duration::from_millis(500))
///     }
/// }
/// ```
/// Each error is caught by one filter at most: the first whose type fits, of the message's, then the gateway's, then
/// the application's.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a filter",
    label = "does not implement `Filter`",
    note = "write `impl Filter for {Self}` with `type Error` and `fn catch(&self, error: Self::Error, caught: &Caught<'_>) -> Error`"
)]
pub trait Filter: Send + Sync + 'static {
    /// The type of the errors that it catches.
    type Error: 'static;

    /// Returns the error that the client is told.
    fn catch(&self, error: Self::Error, caught: &Caught<'_>) -> Error;
}

/// The client and event of an error that was caught.
#[derive(Debug)]
pub struct Caught<'a> {
    pub(super) client: Option<&'a Client>,
    pub(super) event: &'a str,
}

impl<'a> Caught<'a> {
    pub(crate) fn of(cx: &MessageContext<'a>) -> Caught<'a> {
        Caught { client: cx.client(), event: cx.event }
    }

    pub(crate) fn new(client: Option<&'a Client>, event: &'a str) -> Caught<'a> {
        Caught { client, event }
    }

    /// Returns the client; `None` if a guard has refused the connection before the upgrade.
    pub fn client(&self) -> Option<&'a Client> {
        self.client
    }

    /// Returns the event's name; "" when the client connects.
    pub fn event(&self) -> &'a str {
        self.event
    }
}

pub(crate) trait ErasedFilter: Send + Sync {
    fn catches(&self) -> TypeId;
    /// `error` is an `Option` of the type that the filter catches; the error is taken out of it.
    fn catch(&self, error: &mut dyn Any, caught: &Caught<'_>) -> Option<Error>;
}
impl<F: Filter> ErasedFilter for F {
    fn catches(&self) -> TypeId {
        TypeId::of::<F::Error>()
    }

    fn catch(&self, error: &mut dyn Any, caught: &Caught<'_>) -> Option<Error> {
        let error = error.downcast_mut::<Option<F::Error>>()?.take()?;
        Some(Filter::catch(self, error, caught))
    }
}

/// A filter to register: a given instance, or one that the container makes.
#[must_use = "a filter does nothing before it is put on a message, a gateway or an application"]
pub struct FilterDef<T> {
    source: Source<T>,
    place: &'static Location<'static>,
}

sources!(FilterDef, Filter, "A filter");

impl<F: Filter> FilterDef<F> {
    pub(crate) fn stage(self) -> Stage<Arc<dyn ErasedFilter>> {
        Stage::new(self.source, self.place, |it| it as Arc<dyn ErasedFilter>)
    }
}

impl<F: Filter> From<F> for FilterDef<F> {
    #[track_caller]
    fn from(filter: F) -> FilterDef<F> {
        FilterDef::of(filter)
    }
}
