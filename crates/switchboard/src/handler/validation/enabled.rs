//! Validation by garde.
use super::{Probe, Validation};
use crate::Error;
use crate::extract::validate;
use garde::Validate;
use std::marker::PhantomData;

/// See [`Probe`].
pub trait ByValidate {
    /// The type that is validated.
    type Value;
    /// The context that the validation needs.
    type Context;
    /// Returns the validation.
    fn __switchboard_validation(&self) -> NeedsContext<Self::Value, Self::Context>;
}
impl<T: Validate> ByValidate for &Probe<T> {
    type Value = T;
    type Context = T::Context;

    fn __switchboard_validation(&self) -> NeedsContext<T, T::Context> {
        NeedsContext(PhantomData)
    }
}

/// A validation that may need a context.
pub struct NeedsContext<T, C>(PhantomData<fn() -> (T, C)>);

/// Implemented for the only context that every payload can be validated with: `()`.
#[diagnostic::on_unimplemented(
    message = "the validation of this payload asks for a context `{Self}`, which nobody gives it",
    label = "this payload cannot be validated by itself",
    note = "take `Unchecked<T>` and validate it in the handler with its context, or let its `Validate` have the context `()`"
)]
pub trait NoContext: Sized {
    #[doc(hidden)]
    fn check<T: Validate<Context = Self>>(value: &T) -> Result<(), Error>;
}
impl NoContext for () {
    fn check<T: Validate<Context = ()>>(value: &T) -> Result<(), Error> {
        validate(value)
    }
}

impl<T: Validate<Context = C>, C> NeedsContext<T, C> {
    /// Type-checks that the context is `()`.
    pub fn without_context(self) -> Validation<T, C>
    where
        C: NoContext,
    {
        Validation { check: Some(C::check::<T>), marker: PhantomData }
    }
}
