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

/// State of one connection, created with `Default` at the first use and dropped with the connection.
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
            // The application's `Default` runs outside the lock. If two values are made at once, the first one stored
            // is kept.
            let made: ConnState<T> = ConnState(Arc::new(Guarded::new(Self::make())));
            // After the connection has ended nothing is stored: a state that holds the client would keep itself alive.
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
    /// Returns the gateway's state of this connection, created with `Default` at the first use. The parameter
    /// [`ConnState<T>`](crate::ConnState) is the same state.
    pub fn state<T: Default + Send + 'static>(&self) -> ConnState<T> {
        ConnState::of(self.endpoint())
    }
}

impl<T> ConnState<T> {
    /// Calls `work` with the state. Other uses of the state wait until it returns; the state cannot be held over an
    /// `.await`.
    ///
    /// # Panics
    /// If it would deadlock: inside another `with` of the same state, or while another thread that holds this state
    /// waits for one that is held here. [`set`](ConnState::set) and [`get`](ConnState::get) panic in the same cases.
    #[track_caller]
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.lock())
    }

    /// Replaces the state and returns the previous value.
    #[track_caller]
    pub fn set(&self, value: T) -> T {
        std::mem::replace(&mut *self.0.lock(), value)
    }

    /// Returns a copy of the state.
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

/// Shows the type's name, but not the state.
impl<T> fmt::Debug for ConnState<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnState({})", short_name(type_name::<T>()))
    }
}
