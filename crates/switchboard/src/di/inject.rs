//! [`Inject`]: a service as a parameter of a handler.
use super::{Container, scope};
use crate::Error;
use crate::handler::{Context, FromMessage, MessageContext, Requirements};
use crate::text::short_name;
use std::any::type_name;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A service as a parameter of a handler or a hook: the application's instance or, depending on the provider's
/// [`Scope`](super::Scope), that of this connection or of this message. Boot fails if it is not provided. It
/// dereferences to the service; [`Inject::arc`] and [`Inject::into_inner`] return the `Arc`.
///
/// ```
/// use switchboard::Inject;
/// struct Rooms { names: Vec<String> }
/// struct Chat;
/// impl Chat {
///     async fn rooms(&self, rooms: Inject<Rooms>) -> Vec<String> {
///         rooms.names.clone()
///     }
/// }
/// ```
pub struct Inject<T: ?Sized>(Arc<T>);

/// Associated functions instead of methods, so that they hide none of the service's methods.
impl<T: ?Sized> Inject<T> {
    /// Returns the shared service.
    pub fn arc(this: &Inject<T>) -> &Arc<T> {
        &this.0
    }

    /// Returns the shared service, to keep it.
    pub fn into_inner(this: Inject<T>) -> Arc<T> {
        this.0
    }
}

impl<T: ?Sized> Deref for Inject<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> Clone for Inject<T> {
    fn clone(&self) -> Inject<T> {
        Inject(self.0.clone())
    }
}

impl<T: ?Sized + Send + Sync + 'static> FromMessage for Inject<T> {
    type Kind = Context;

    fn requirements(requirements: &mut Requirements) {
        requirements.injected::<Arc<T>>();
    }

    fn from_message(cx: &MessageContext<'_>) -> Result<Inject<T>, Error> {
        scope::resolve(cx).map(Inject)
    }
}

impl FromMessage for Container {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<Container, Error> {
        Ok(cx.container()?.seen_by(cx))
    }
}

/// Shows the type of the service, but not its content.
impl<T: ?Sized> fmt::Debug for Inject<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inject({})", short_name(type_name::<T>()))
    }
}
