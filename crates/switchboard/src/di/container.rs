//! [`Container`]: everything that was made at boot.
use super::dependency::{Dependency, Strength};
use super::provider::BoxError;
use super::scope::{Scope, Scoped, View};
use crate::app::{Handle, WeakHandle};
use crate::client::Client;
use crate::handler::MessageContext;
use crate::hub::Space;
use crate::namespace::{Dynamic, Namespace};
use crate::namespaces::Namespaces;
use crate::server::Server;
use crate::{BootError, Error};
use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::error::Error as StdError;
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
pub struct Container {
    inner: Arc<Inner>,
    /// The connection and the message that it was taken for, where any provider has such a scope.
    view: Option<Arc<View>>,
}

struct Inner {
    /// Each is set once, at boot; afterwards there is nothing to lock.
    slots: HashMap<TypeId, OnceLock<Instance>>,
    /// What there is of more than one.
    scoped: HashMap<TypeId, Scoped>,
    has_message_scope: bool,
    /// Not a handle, which has the shutdown hooks, which have the container.
    application: WeakHandle,
}

impl Container {
    pub(crate) fn new(
        types: impl Iterator<Item = TypeId>,
        scoped: HashMap<TypeId, Scoped>,
        handle: &Handle,
    ) -> Container {
        let slots = types.map(|type_id| (type_id, OnceLock::new())).collect();
        let has_message_scope = scoped.values().any(|service| service.scope == Scope::Message);
        let inner = Inner { slots, scoped, has_message_scope, application: handle.downgrade() };
        Container { inner: Arc::new(inner), view: None }
    }

    /// Keeps what was made. True unless nobody provides this type, or it is kept already.
    pub(super) fn keep(&self, type_id: TypeId, instance: Instance) -> bool {
        self.inner.slots.get(&type_id).is_some_and(|slot| slot.set(instance).is_ok())
    }

    /// It is made already.
    pub(super) fn has(&self, type_id: TypeId) -> bool {
        self.inner.slots.get(&type_id).is_some_and(|slot| slot.get().is_some())
    }

    /// True where somebody gives what a gateway asks for.
    pub(crate) fn answers(&self, asked: &Dependency) -> bool {
        match asked.strength {
            Strength::Optional => true,
            Strength::Client => true,
            _ => self.has(asked.type_id) || self.inner.scoped.contains_key(&asked.type_id),
        }
    }

    /// The scope of what a gateway asks for.
    pub(crate) fn scope_of(&self, asked: &Dependency) -> Scope {
        match asked.strength {
            Strength::Client => Scope::Connection,
            _ => self.inner.scoped.get(&asked.type_id).map_or(Scope::Application, |scoped| scoped.scope),
        }
    }

    pub(super) fn has_message_scope(&self) -> bool {
        self.inner.has_message_scope
    }

    /// The one `T`, whichever module provides it: of the application; or, in a container that a handler or a hook took as a
    /// parameter, of its connection or its message.
    ///
    /// Errors: nobody provides it; it is not made yet (in a factory); it belongs to a connection or a message, and this is not the
    /// container of one; or it cannot be made. In a handler `?` answers `internal`.
    pub fn resolve<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, NotProvided> {
        if let Some(found) = self.of_application::<T>() {
            return found;
        }
        let Some(service) = self.scoped::<T>() else { return Err(NotProvided::of::<T>()) };
        match &self.view {
            Some(view) => view.resolve(self, service),
            None => Err(NotProvided::out_of_scope::<T>(service.scope)),
        }
    }

    /// The one `T` of the application; `None` where there is none, or more than one.
    pub(super) fn of_application<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Result<Arc<T>, NotProvided>> {
        let slot = self.inner.slots.get(&TypeId::of::<T>())?;
        let instance = slot.get().and_then(|instance| instance.downcast_ref::<Arc<T>>());
        Some(instance.cloned().ok_or_else(|| NotProvided::early::<T>()))
    }

    pub(super) fn scoped<T: ?Sized + 'static>(&self) -> Option<&Scoped> {
        self.inner.scoped.get(&TypeId::of::<T>())
    }

    /// The same one, for a connection and perhaps a message.
    pub(super) fn seeing(&self, view: View) -> Container {
        Container { inner: self.inner.clone(), view: Some(Arc::new(view)) }
    }

    /// For whoever takes it as a parameter.
    pub(super) fn seen_by(&self, cx: &MessageContext<'_>) -> Container {
        if self.inner.scoped.is_empty() { self.clone() } else { self.seeing(View::of(cx)) }
    }

    /// Without connection and message.
    pub(super) fn whole(&self) -> Container {
        Container { inner: self.inner.clone(), view: None }
    }

    pub(super) fn client(&self) -> Result<Client, NotProvided> {
        let view = self.view.as_ref().ok_or_else(|| NotProvided::out_of_scope::<Client>(Scope::Connection))?;
        Ok(view.client().clone())
    }

    /// The clients of a namespace.
    pub fn server<N: Namespace>(&self) -> Server<N> {
        self.inner.application.server_of()
    }

    /// The namespaces that are named at run time.
    pub fn namespaces(&self) -> Namespaces {
        self.inner.application.namespaces()
    }

    /// The clients of a namespace that somebody has.
    pub(crate) fn server_in(&self, space: Arc<Space>) -> Server<Dynamic> {
        self.inner.application.server_in(space)
    }

    /// Shutdown and numbers. When nothing of the application is left, there is nothing that it could end.
    pub fn handle(&self) -> Handle {
        self.inner.application.upgrade()
    }
}

/// What the maker of a service is lent belongs to its connection for the time of the call; a clone of it is the application's.
impl Clone for Container {
    fn clone(&self) -> Container {
        Container { inner: self.inner.clone(), view: self.view.clone().filter(|view| !view.is_lent()) }
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Container({} providers)", self.inner.slots.len() + self.inner.scoped.len())
    }
}

/// The container does not give a type. Becomes an opaque `internal` error in a handler, and a [`BootError`] in `main`.
#[derive(Clone)]
pub struct NotProvided {
    name: &'static str,
    why: Why,
}

#[derive(Clone)]
enum Why {
    Nobody,
    /// Somebody does, but it is not made yet.
    Early,
    /// There is one a connection, or one a message, and this is neither.
    OutOfScope(Scope),
    /// It belongs to a connection that has ended.
    Ended,
    /// It asks for itself, in a way that was not declared.
    Endless,
    Unmounted,
    /// Its maker failed.
    Failed(Arc<dyn StdError + Send + Sync>),
}

impl NotProvided {
    pub(crate) fn of<T: ?Sized>() -> NotProvided {
        NotProvided::because::<T>(Why::Nobody)
    }

    fn because<T: ?Sized>(why: Why) -> NotProvided {
        NotProvided { name: type_name::<T>(), why }
    }

    fn early<T: ?Sized>() -> NotProvided {
        NotProvided::because::<T>(Why::Early)
    }

    pub(super) fn out_of_scope<T: ?Sized>(scope: Scope) -> NotProvided {
        NotProvided::because::<T>(Why::OutOfScope(scope))
    }

    pub(super) fn ended<T: ?Sized>() -> NotProvided {
        NotProvided::because::<T>(Why::Ended)
    }

    pub(super) fn endless<T: ?Sized>() -> NotProvided {
        NotProvided::because::<T>(Why::Endless)
    }

    pub(super) fn unmounted<T: ?Sized>() -> NotProvided {
        NotProvided::because::<T>(Why::Unmounted)
    }

    pub(super) fn failed<T: ?Sized>(why: BoxError) -> NotProvided {
        NotProvided::because::<T>(Why::Failed(why.into()))
    }
}

impl fmt::Display for NotProvided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match &self.why {
            Why::Nobody => write!(f, "nobody provides {name}; add it to the providers of a module"),
            Why::Early => write!(f, "{name} is not made yet: let the factory ask for it as a parameter"),
            Why::OutOfScope(scope) => write!(
                f,
                "there is one {name} per {scope}, and none outside of one: take it as a parameter of a handler or a hook, \
                 `Inject<_>`"
            ),
            Why::Ended => write!(f, "there is one {name} per connection, and this connection has ended"),
            Why::Endless => write!(f, "{name} asks for itself while it is made"),
            Why::Unmounted => write!(f, "there is no container that could give {name}: the gateway is not mounted"),
            Why::Failed(_) => write!(f, "{name} cannot be made"),
        }
    }
}

impl fmt::Debug for NotProvided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for NotProvided {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.why {
            Why::Failed(why) => Some(&**why),
            _ => None,
        }
    }
}

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
