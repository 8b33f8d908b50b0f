//! [`Container`]: everything that was made at boot.
use crate::app::Handle;
use crate::namespace::Namespace;
use crate::server::Server;
use crate::{BootError, Error};
use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

pub(crate) type Instance = Box<dyn Any + Send + Sync>;

/// What was provided, by type. Cheap to clone; a parameter of a handler, a hook or a raw loop.
///
/// ```
/// use switchboard::{Error, Message, Socket, di::Container};
/// struct Config { greeting: String }
/// struct Raw;
/// impl Raw {
///     async fn run(&self, container: Container, mut socket: Socket) -> Result<(), Error> {
///         let config = container.resolve::<Config>()?;
///         let _ = socket.send(Message::Text(config.greeting.clone())).await;
///         Ok(())
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Container(Arc<Inner>);

struct Inner {
    /// Each is set once, at boot; afterwards there is nothing to lock.
    slots: HashMap<TypeId, OnceLock<Instance>>,
    handle: Handle,
}

impl Container {
    pub(crate) fn new(types: impl Iterator<Item = TypeId>, handle: Handle) -> Container {
        Container(Arc::new(Inner { slots: types.map(|type_id| (type_id, OnceLock::new())).collect(), handle }))
    }

    /// Keeps what was made. True unless nobody provides this type, or it is kept already.
    pub(super) fn keep(&self, type_id: TypeId, instance: Instance) -> bool {
        self.0.slots.get(&type_id).is_some_and(|slot| slot.set(instance).is_ok())
    }

    pub(super) fn has(&self, type_id: TypeId) -> bool {
        self.0.slots.get(&type_id).is_some_and(|slot| slot.get().is_some())
    }

    /// The one `T` of the application, whichever module provides it.
    ///
    /// Errors: nobody provides it, or (in a factory) it is not made yet. In a handler `?` answers `internal`.
    pub fn resolve<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, NotProvided> {
        let slot = self.0.slots.get(&TypeId::of::<T>()).and_then(OnceLock::get);
        slot.and_then(|instance| instance.downcast_ref::<Arc<T>>()).cloned().ok_or(NotProvided(type_name::<T>()))
    }

    /// The clients of a namespace.
    pub fn server<N: Namespace>(&self) -> Server<N> {
        self.0.handle.server_of()
    }

    /// Shutdown and numbers.
    pub fn handle(&self) -> Handle {
        self.0.handle.clone()
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Container({} providers)", self.0.slots.len())
    }
}

/// Nobody provides a type. Becomes an opaque `internal` error in a handler, and a [`BootError`] in `main`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NotProvided(pub(crate) &'static str);

impl fmt::Display for NotProvided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nobody provides {}; add it to the providers of a module", self.0)
    }
}

impl fmt::Debug for NotProvided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for NotProvided {}

impl From<NotProvided> for Error {
    fn from(error: NotProvided) -> Error {
        Error::internal(error)
    }
}

impl From<NotProvided> for BootError {
    fn from(error: NotProvided) -> BootError {
        BootError::one(error.to_string())
    }
}
