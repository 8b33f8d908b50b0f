//! Filters: what a client is told of an error.
use super::stage::{Source, Stage, sources};
use crate::handler::MessageContext;
use crate::{Client, Error};
use std::any::{Any, TypeId};
use std::panic::Location;
use std::sync::Arc;

/// Says what a client is told of errors of one type.
///
/// A filter of a type of yours catches what handlers return as `Err`, before it becomes a [`switchboard::Error`](Error). A filter of
/// `switchboard::Error` catches all errors, as they are about to be sent: those of guards, payloads, panics too.
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
/// One filter catches an error: the first that fits, of the message's, then the gateway's, then the application's.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a filter",
    label = "does not implement `Filter`",
    note = "write `impl Filter for {Self}` with `type Error` and `fn catch(&self, error: Self::Error, caught: &Caught<'_>) -> Error`"
)]
pub trait Filter: Send + Sync + 'static {
    /// What it catches.
    type Error: 'static;

    /// What the client is told.
    fn catch(&self, error: Self::Error, caught: &Caught<'_>) -> Error;
}

/// Where an error was caught.
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

    /// The connection; `None` where a guard has refused it before the upgrade.
    pub fn client(&self) -> Option<&'a Client> {
        self.client
    }

    /// The event's name; "" when the client connects.
    pub fn event(&self) -> &'a str {
        self.event
    }
}

pub(crate) trait ErasedFilter: Send + Sync {
    fn catches(&self) -> TypeId;
    /// `error` is an `Option` of what it catches, and taken.
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

/// A filter, where it comes from.
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
