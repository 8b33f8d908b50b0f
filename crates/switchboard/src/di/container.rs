//! [`Container`]: everything that was made at boot.
use crate::app::{Handle, WeakHandle};
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
    /// Not a handle, which has the shutdown hooks, which have the container.
    application: WeakHandle,
}

impl Container {
    pub(crate) fn new(types: impl Iterator<Item = TypeId>, handle: &Handle) -> Container {
        let slots = types.map(|type_id| (type_id, OnceLock::new())).collect();
        Container(Arc::new(Inner { slots, application: handle.downgrade() }))
    }

    /// Keeps what was made. True unless nobody provides this type, or it is kept already.
    pub(super) fn keep(&self, type_id: TypeId, instance: Instance) -> bool {
        self.0.slots.get(&type_id).is_some_and(|slot| slot.set(instance).is_ok())
    }

    pub(crate) fn has(&self, type_id: TypeId) -> bool {
        self.0.slots.get(&type_id).is_some_and(|slot| slot.get().is_some())
    }

    /// The one `T` of the application, whichever module provides it.
    ///
    /// Errors: nobody provides it, or (in a factory) it is not made yet. In a handler `?` answers `internal`.
    pub fn resolve<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, NotProvided> {
        let Some(slot) = self.0.slots.get(&TypeId::of::<T>()) else { return Err(NotProvided::of::<T>()) };
        let instance = slot.get().and_then(|instance| instance.downcast_ref::<Arc<T>>());
        instance.cloned().ok_or(NotProvided { name: type_name::<T>(), early: true })
    }

    /// The clients of a namespace.
    pub fn server<N: Namespace>(&self) -> Server<N> {
        self.0.application.server_of()
    }

    /// Shutdown and numbers. When nothing of the application is left, there is nothing that it could end.
    pub fn handle(&self) -> Handle {
        self.0.application.upgrade()
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Container({} providers)", self.0.slots.len())
    }
}

/// Nobody provides a type. Becomes an opaque `internal` error in a handler, and a [`BootError`] in `main`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NotProvided {
    name: &'static str,
    /// Somebody does, but it is not made yet.
    early: bool,
}

impl NotProvided {
    pub(crate) fn of<T: ?Sized>() -> NotProvided {
        NotProvided { name: type_name::<T>(), early: false }
    }
}

impl fmt::Display for NotProvided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NotProvided { name, early } = self;
        if *early {
            return write!(f, "{name} is not made yet: let the factory ask for it as a parameter");
        }
        write!(f, "nobody provides {name}; add it to the providers of a module")
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
