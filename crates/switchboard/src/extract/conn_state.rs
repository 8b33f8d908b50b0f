//! State of one connection.
use crate::Error;
use crate::di::Making;
use crate::guarded::Guarded;
use crate::handler::{Context, FromMessage, MessageContext};
use crate::hub::{Client, Endpoint};
use crate::text::short_name;
use std::any::type_name;
use std::fmt;
use std::sync::Arc;

/// State of one connection, made by `Default` at the first use and dropped with the connection.
///
/// ```
/// use switchboard::ConnState;
/// #[derive(Default)]
/// struct Seen(u64);
/// struct Counter;
/// impl Counter {
///     async fn count(&self, seen: ConnState<Seen>) -> u64 {
///         seen.with(|seen| {
///             seen.0 += 1;
///             seen.0
///         })
///     }
/// }
/// ```
pub struct ConnState<T>(Arc<Guarded<T>>);

impl<T: Default + Send + 'static> ConnState<T> {
    pub(crate) fn of(conn: &Endpoint) -> ConnState<T> {
        let known = conn.extras(|extras| extras.state.get::<ConnState<T>>().cloned()).flatten();
        known.unwrap_or_else(|| {
            // The application's `Default` runs outside of the lock; the first one that is put in wins.
            let made: ConnState<T> = ConnState(Arc::new(Guarded::new(Self::make())));
            // After the end of the connection nothing is kept: a state that held the client would hold itself.
            conn.extras(|extras| extras.state.get_or_insert(made.clone()).clone()).unwrap_or(made)
        })
    }

    fn make() -> T {
        let Ok(_making) = Making::begin() else {
            panic!("`{}::default` asks for the state that it makes", type_name::<T>());
        };
        T::default()
    }
}

impl Client {
    /// The gateway's state of this connection, made by `Default` at the first use. The parameter
    /// [`ConnState<T>`](crate::ConnState) is this state too.
    pub fn state<T: Default + Send + 'static>(&self) -> ConnState<T> {
        ConnState::of(self.endpoint())
    }
}

impl<T> ConnState<T> {
    /// Works on the state. Other uses of it wait meanwhile; it cannot be held over an `.await`.
    ///
    /// # Panics
    /// Where it would wait for ever: inside of itself, or of `with` of another state that is waited for by who has this one. So do
    /// [`set`](ConnState::set) and [`get`](ConnState::get).
    #[track_caller]
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.lock())
    }

    /// Replaces the state; returns what it was.
    #[track_caller]
    pub fn set(&self, value: T) -> T {
        std::mem::replace(&mut *self.0.lock(), value)
    }

    /// A copy of the state.
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.0.lock().clone()
    }
}

impl<T> Clone for ConnState<T> {
    fn clone(&self) -> ConnState<T> {
        ConnState(self.0.clone())
    }
}

impl<T: Default + Send + 'static> FromMessage for ConnState<T> {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<ConnState<T>, Error> {
        Ok(ConnState::of(cx.endpoint()))
    }
}

/// Names the state, and shows nothing of it.
impl<T> fmt::Debug for ConnState<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnState({})", short_name(type_name::<T>()))
    }
}
