//! Payloads that are not validated.
use crate::Error;
use crate::handler::{Checks, Decided, FromMessage, MessageContext, Requirements};
use serde::de::DeserializeOwned;
use std::ops::{Deref, DerefMut};

/// A payload that is not validated, although its type could be.
///
/// The attributes validate every payload whose type implements garde's `Validate` with context `()`. Use `Unchecked`
/// for payloads that must not be validated, or cannot be: a type with another context, or a generic parameter.
#[derive(Clone, Copy, Debug)]
pub struct Unchecked<T>(pub T);

impl<T> Deref for Unchecked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Unchecked<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: serde::Serialize> serde::Serialize for Unchecked<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<T: DeserializeOwned + Send + 'static> FromMessage for Unchecked<T> {
    type Kind = Decided;

    fn requirements(requirements: &mut Requirements) {
        requirements.note_payload::<T>(Checks::Unchecked);
    }

    fn from_message(cx: &MessageContext<'_>) -> Result<Unchecked<T>, Error> {
        cx.payload().map(Unchecked)
    }
}
