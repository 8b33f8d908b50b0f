//! Catches panics of the application, where its code is called.
use crate::{Error, log};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code of the application; a panic becomes an internal error.
pub(crate) fn contained<T>(place: &str, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    contained_as(|| place, work)
}

/// [`contained`], with a name for the log that is only worked out after a panic.
pub(crate) fn contained_as<'a, T>(
    place: impl FnOnce() -> &'a str,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(place(), panic)))
}

/// Logs a panic. Returns the error that is answered for it.
#[cold]
pub(crate) fn panicked(place: &str, panic: Box<dyn Any + Send>) -> Error {
    let error = log::panic_error(log::panicked(place, &*panic));
    drop_contained(panic);
    error
}

/// Drops a value of the application, whose `Drop` may panic.
#[inline(always)]
pub(crate) fn drop_contained<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        drop_panicked(panic);
    }
}

#[cold]
fn drop_panicked(panic: Box<dyn Any + Send>) {
    log::panicked("drop", &*panic);
    log::discard(panic);
}
