//! [`Container`]: everything that was created at boot.
use super::dependency::{Dependency, Strength};
use super::provider::BoxError;
use super::scope::{Scope, Scoped, View};
use crate::handler::MessageContext;
use crate::hub::Client;
use crate::hub::Handle;
use crate::hub::Namespaces;
use crate::hub::Server;
use crate::hub::Space;
use crate::namespace::{Dynamic, Namespace};
use crate::{BootError, Error};
use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock, Weak};

pub(crate) type Instance = Box<dyn Any + Send + Sync>;

/// The services of an application, by type. It is cheap to clone, and can be a parameter of handlers, hooks, raw loops
/// and services.
///
/// A container does not keep the services alive: they are dropped with their application, however many containers are
/// left. After that, [`resolve`](Container::resolve) returns an error that says so.
///
/// ```
/// use switchboard::raw::Message;
/// use switchboard::{Error, Socket, di::Container};
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
    inner: Reach,
    /// Has no shutdown hooks: those own the container.
    application: Handle,
    /// The connection and the message it was taken for, if any provider has such a scope.
    view: Option<Arc<View>>,
}

impl Reach {
    fn seen(&self) -> Reach {
        Reach::Seen(match self {
            Reach::Kept(inner) => Arc::downgrade(inner),
            Reach::Seen(inner) => inner.clone(),
        })
    }
}

/// A reference to the services, for the duration of a call.
pub(super) enum Reached<'a> {
    Here(&'a Inner),
    There(Arc<Inner>),
}

impl Deref for Reached<'_> {
    type Target = Inner;

    #[inline]
    fn deref(&self) -> &Inner {
        match self {
            Reached::Here(inner) => inner,
            Reached::There(inner) => inner,
        }
    }
}

enum Reach {
    /// The application's own reference.
    Kept(Arc<Inner>),
    /// The reference of all others: a service that owned its container would keep itself alive.
    Seen(Weak<Inner>),
}

pub(super) struct Inner {
    /// Each is set once, at boot, and read without a lock afterwards.
    slots: HashMap<TypeId, OnceLock<Instance>>,
    /// The providers of connection and message scope.
    scoped: HashMap<TypeId, Scoped>,
    has_message_scope: bool,
}

impl Container {
    /// Returns the application's own container, still empty.
    pub(crate) fn new(
        types: impl Iterator<Item = TypeId>,
        scoped: HashMap<TypeId, Scoped>,
        application: Handle,
    ) -> Container {
        let slots = types.map(|type_id| (type_id, OnceLock::new())).collect();
        let has_message_scope = scoped.values().any(|service| service.scope == Scope::Message);
        let inner = Inner { slots, scoped, has_message_scope };
        Container { inner: Reach::Kept(Arc::new(inner)), application, view: None }
    }

    /// Returns another container that keeps the services alive, for the application's own parts. (A clone does not.)
    pub(crate) fn kept(&self) -> Container {
        let inner = match &self.inner {
            Reach::Kept(inner) => Reach::Kept(inner.clone()),
            Reach::Seen(inner) => Reach::Seen(inner.clone()),
        };
        Container { inner, application: self.application.clone(), view: None }
    }

    /// `None` if the application is gone.
    #[inline]
    fn inner(&self) -> Option<Reached<'_>> {
        match &self.inner {
            Reach::Kept(inner) => Some(Reached::Here(inner)),
            Reach::Seen(inner) => inner.upgrade().map(Reached::There),
        }
    }

    /// Stores a service that was created. False if the type is not provided, or is stored already.
    pub(super) fn keep(&self, type_id: TypeId, instance: Instance) -> bool {
        self.inner().is_some_and(|inner| inner.slots.get(&type_id).is_some_and(|slot| slot.set(instance).is_ok()))
    }

    /// True if the service is created already.
    pub(super) fn has(&self, type_id: TypeId) -> bool {
        self.inner().is_some_and(|inner| inner.slots.get(&type_id).is_some_and(|slot| slot.get().is_some()))
    }

    fn scope(&self, type_id: TypeId) -> Option<Scope> {
        self.inner().and_then(|inner| inner.scoped.get(&type_id).map(|scoped| scoped.scope))
    }

    /// True if a gateway's dependency is provided.
    pub(crate) fn answers(&self, asked: &Dependency) -> bool {
        match asked.strength {
            Strength::Optional => true,
            Strength::Client => true,
            _ => self.has(asked.type_id) || self.scope(asked.type_id).is_some(),
        }
    }

    /// Returns the scope of a gateway's dependency.
    pub(crate) fn scope_of(&self, asked: &Dependency) -> Scope {
        match asked.strength {
            Strength::Client => Scope::Connection,
            _ => self.scope(asked.type_id).unwrap_or(Scope::Application),
        }
    }

    pub(super) fn has_message_scope(&self) -> bool {
        self.inner().is_some_and(|inner| inner.has_message_scope)
    }

    /// Returns the service of type `T`, whichever module provides it: the application's instance or, in a container
    /// that a handler or a hook took as a parameter, that of its connection or its message.
    ///
    /// Errors: if no module provides it; if it is not created yet (in a factory); if it belongs to a connection or a
    /// message, and this container does not; if its creation fails; if the application is gone. In a handler, `?`
    /// answers `internal`.
    pub fn resolve<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, NotProvided> {
        self.find(|service| match &self.view {
            Some(view) => view.resolve(self, service),
            None => Err(NotProvided::out_of_scope::<T>(service.scope)),
        })
    }

    /// Returns the application's instance of `T`, or the result of `make` if `T` has another scope.
    #[inline]
    pub(super) fn find<T: ?Sized + Send + Sync + 'static>(
        &self,
        make: impl FnOnce(&Scoped) -> Result<Arc<T>, NotProvided>,
    ) -> Result<Arc<T>, NotProvided> {
        let Some(inner) = self.inner() else { return Err(NotProvided::because::<T>(Why::Gone)) };
        if let Some(slot) = inner.slots.get(&TypeId::of::<T>()) {
            let instance = slot.get().and_then(|instance| instance.downcast_ref::<Arc<T>>());
            return instance.cloned().ok_or_else(|| NotProvided::because::<T>(Why::Early));
        }
        inner.scoped.get(&TypeId::of::<T>()).map_or_else(|| Err(NotProvided::of::<T>()), make)
    }

    /// Returns this container for a connection and perhaps a message.
    pub(super) fn seeing(&self, view: View) -> Container {
        Container { inner: self.inner.seen(), application: self.application.clone(), view: Some(Arc::new(view)) }
    }

    /// Returns the container for a handler or hook that takes it as a parameter.
    pub(super) fn seen_by(&self, cx: &MessageContext<'_>) -> Container {
        let is_whole = self.inner().is_none_or(|inner| inner.scoped.is_empty());
        if is_whole { self.whole() } else { self.seeing(View::of(cx)) }
    }

    /// Returns this container without a connection or message: it resolves application-scoped services only.
    pub(super) fn whole(&self) -> Container {
        Container { inner: self.inner.seen(), application: self.application.clone(), view: None }
    }

    pub(super) fn client(&self) -> Result<Client, NotProvided> {
        let view = self.view.as_ref().ok_or_else(|| NotProvided::out_of_scope::<Client>(Scope::Connection))?;
        view.client().ok_or_else(NotProvided::ended::<Client>)
    }

    /// Returns the [`Server`] of namespace `N`, which sends to its clients.
    pub fn server<N: Namespace>(&self) -> Server<N> {
        self.application.server_of()
    }

    /// Returns the namespaces that are named at run time.
    pub fn namespaces(&self) -> Namespaces {
        self.application.namespaces()
    }

    /// Returns the server of a namespace that exists.
    pub(crate) fn server_in(&self, space: Arc<Space>) -> Server<Dynamic> {
        self.application.server_in(space)
    }

    /// Returns a handle for shutdown and statistics. It does not keep the application alive; once that is gone, the
    /// handle has no effect.
    pub fn handle(&self) -> Handle {
        self.application.clone()
    }
}

/// A clone does not keep the application alive. The container that is lent to the factory of a scoped service belongs
/// to a connection only for the duration of the call; a clone of it resolves application-scoped services only.
impl Clone for Container {
    fn clone(&self) -> Container {
        Container { view: self.view.clone().filter(|view| !view.is_lent()), ..self.whole() }
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let providers = self.inner().map_or(0, |inner| inner.slots.len() + inner.scoped.len());
        write!(f, "Container({providers} providers)")
    }
}

/// The error if the container has no service of a type. It becomes an opaque `internal` error in a handler, and a
/// [`BootError`] in `main`.
#[derive(Clone)]
pub struct NotProvided {
    name: &'static str,
    why: Why,
}

#[derive(Clone)]
enum Why {
    Nobody,
    /// It is provided, but not created yet.
    Early,
    /// The application is gone.
    Gone,
    /// It has connection or message scope, and the container is of neither.
    OutOfScope(Scope),
    /// It belongs to a connection that has ended.
    Ended,
    /// It depends on itself, in a way that was not declared.
    Endless,
    Unmounted,
    /// Its factory failed.
    Failed(Arc<dyn StdError + Send + Sync>),
}

impl NotProvided {
    pub(crate) fn of<T: ?Sized>() -> NotProvided {
        NotProvided::because::<T>(Why::Nobody)
    }

    fn because<T: ?Sized>(why: Why) -> NotProvided {
        NotProvided { name: type_name::<T>(), why }
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

    /// Does not wrap an `Endless` error: the chain of services that depend on each other would fill the log.
    pub(super) fn failed<T: ?Sized>(why: BoxError) -> NotProvided {
        match why.downcast::<NotProvided>() {
            Ok(endless) if matches!(endless.why, Why::Endless) => *endless,
            Ok(why) => NotProvided::because::<T>(Why::Failed(Arc::from(why as BoxError))),
            Err(why) => NotProvided::because::<T>(Why::Failed(why.into())),
        }
    }
}

impl fmt::Display for NotProvided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match &self.why {
            Why::Nobody => write!(f, "nobody provides {name}; add it to the providers of a module"),
            Why::Early => write!(f, "{name} is not made yet: let the factory ask for it as a parameter"),
            Why::Gone => write!(f, "{name} is gone, and so is its application: its container does not keep it"),
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
