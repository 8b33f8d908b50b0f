//! Finds out at compile time whether a payload's type can be validated; the attributes expand to this. Without the
//! feature `garde`, no type can.
#![allow(missing_debug_implementations, reason = "only expansions name these types")]
#[cfg(not(feature = "garde"))]
mod disabled;
#[cfg(feature = "garde")]
mod enabled;

#[cfg(not(feature = "garde"))]
pub use disabled::ByValidate;
#[cfg(feature = "garde")]
pub use enabled::{ByValidate, NeedsContext, NoContext};

use crate::Error;
use std::marker::PhantomData;

/// Returns an error for a value that is not valid.
pub(super) type Check<T> = fn(&T) -> Result<(), Error>;

/// Finds out whether `T` can be validated: `(&&Probe::<T>::new()).__switchboard_validation()` resolves to
/// [`ByValidate`] if `T` implements garde's `Validate`, otherwise to [`ByNothing`]. The method's name is unlikely to
/// collide with a blanket trait of an application.
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// Returns a probe.
    #[allow(clippy::new_without_default, reason = "a probe is not a value")]
    pub fn new() -> Probe<T> {
        Probe(PhantomData)
    }
}

/// How a `T` is validated, with a context `C`; `C` is `()` for a type that is not validated.
pub struct Validation<T, C> {
    pub(super) check: Option<Check<T>>,
    marker: PhantomData<fn() -> C>,
}

/// See [`Probe`].
pub trait ByNothing {
    /// The type that is not validated.
    type Value;
    /// Returns the validation, which does nothing.
    fn __switchboard_validation(&self) -> Unvalidated<Self::Value>;
}
impl<T> ByNothing for Probe<T> {
    type Value = T;

    fn __switchboard_validation(&self) -> Unvalidated<T> {
        Unvalidated(PhantomData)
    }
}

/// No validation.
pub struct Unvalidated<T>(PhantomData<fn() -> T>);

impl<T> Unvalidated<T> {
    /// Returns the validation, which does nothing.
    pub fn without_context(self) -> Validation<T, ()> {
        Validation { check: None, marker: PhantomData }
    }
}
