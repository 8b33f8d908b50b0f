//! [`Container`]: everything that was made at boot.
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

/// What was provided, by type. Cheap to clone; a parameter of a handler, a hook or a raw loop, and of services.
///
/// It does not keep what was provided: that goes with its application, however many containers are left. From then on
/// [`resolve`](Container::resolve) says that the application is gone.
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
    /// Without the shutdown hooks, which have the container.
    application: Handle,
    /// The connection and the message that it was taken for, where any provider has such a scope.
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

/// What a container reaches, for the time of a call.
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
    /// The application's own.
    Kept(Arc<Inner>),
    /// Everybody else's: a service that kept what it is in would keep itself.
    Seen(Weak<Inner>),
}

pub(super) struct Inner {
    /// Each is set once, at boot; afterwards there is nothing to lock.
    slots: HashMap<TypeId, OnceLock<Instance>>,
    /// What there is of more than one.
    scoped: HashMap<TypeId, Scoped>,
    has_message_scope: bool,
}

impl Container {
    /// The application's own.
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

    /// Another one that keeps what was provided: for the application's own parts. (A clone does not.)
    pub(crate) fn kept(&self) -> Container {
        let inner = match &self.inner {
            Reach::Kept(inner) => Reach::Kept(inner.clone()),
            Reach::Seen(inner) => Reach::Seen(inner.clone()),
        };
        Container { inner, application: self.application.clone(), view: None }
    }

    /// `None`: the application is gone.
    #[inline]
    fn inner(&self) -> Option<Reached<'_>> {
        match &self.inner {
            Reach::Kept(inner) => Some(Reached::Here(inner)),
            Reach::Seen(inner) => inner.upgrade().map(Reached::There),
        }
    }

    /// Keeps what was made. True unless nobody provides this type, or it is kept already.
    pub(super) fn keep(&self, type_id: TypeId, instance: Instance) -> bool {
        self.inner().is_some_and(|inner| inner.slots.get(&type_id).is_some_and(|slot| slot.set(instance).is_ok()))
    }

    /// It is made already.
    pub(super) fn has(&self, type_id: TypeId) -> bool {
        self.inner().is_some_and(|inner| inner.slots.get(&type_id).is_some_and(|slot| slot.get().is_some()))
    }

    fn scope(&self, type_id: TypeId) -> Option<Scope> {
        self.inner().and_then(|inner| inner.scoped.get(&type_id).map(|scoped| scoped.scope))
    }

    /// True where somebody gives what a gateway asks for.
    pub(crate) fn answers(&self, asked: &Dependency) -> bool {
        match asked.strength {
            Strength::Optional => true,
            Strength::Client => true,
            _ => self.has(asked.type_id) || self.scope(asked.type_id).is_some(),
        }
    }

    /// The scope of what a gateway asks for.
    pub(crate) fn scope_of(&self, asked: &Dependency) -> Scope {
        match asked.strength {
            Strength::Client => Scope::Connection,
            _ => self.scope(asked.type_id).unwrap_or(Scope::Application),
        }
    }

    pub(super) fn has_message_scope(&self) -> bool {
        self.inner().is_some_and(|inner| inner.has_message_scope)
    }

    /// The one `T`, whichever module provides it: of the application; or, in a container that a handler or a hook took as a
    /// parameter, of its connection or its message.
    ///
    /// Errors: nobody provides it; it is not made yet (in a factory); it belongs to a connection or a message, and this is not the
    /// container of one; it cannot be made; or the application is gone. In a handler `?` answers `internal`.
    pub fn resolve<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, NotProvided> {
        self.find(|service| match &self.view {
            Some(view) => view.resolve(self, service),
            None => Err(NotProvided::out_of_scope::<T>(service.scope)),
        })
    }

    /// The one `T` of the application; or what `make` makes where there is more than one.
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

    /// For a connection and perhaps a message.
    pub(super) fn seeing(&self, view: View) -> Container {
        Container { inner: self.inner.seen(), application: self.application.clone(), view: Some(Arc::new(view)) }
    }

    /// For whoever takes it as a parameter.
    pub(super) fn seen_by(&self, cx: &MessageContext<'_>) -> Container {
        let is_whole = self.inner().is_none_or(|inner| inner.scoped.is_empty());
        if is_whole { self.whole() } else { self.seeing(View::of(cx)) }
    }

    /// Without connection and message.
    pub(super) fn whole(&self) -> Container {
        Container { inner: self.inner.seen(), application: self.application.clone(), view: None }
    }

    pub(super) fn client(&self) -> Result<Client, NotProvided> {
        let view = self.view.as_ref().ok_or_else(|| NotProvided::out_of_scope::<Client>(Scope::Connection))?;
        view.client().ok_or_else(NotProvided::ended::<Client>)
    }

    /// The clients of a namespace.
    pub fn server<N: Namespace>(&self) -> Server<N> {
        self.application.server_of()
    }

    /// The namespaces that are named at run time.
    pub fn namespaces(&self) -> Namespaces {
        self.application.namespaces()
    }

    /// The clients of a namespace that somebody has.
    pub(crate) fn server_in(&self, space: Arc<Space>) -> Server<Dynamic> {
        self.application.server_in(space)
    }

    /// Shutdown and numbers. It does not keep the application: when nothing of that is left, there is nothing that it could end.
    pub fn handle(&self) -> Handle {
        self.application.clone()
    }
}

/// It keeps nothing of the application. What the maker of a service is lent belongs to its connection for the time of the call; a clone
/// of it is of the application.
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
    /// The application is gone.
    Gone,
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

    /// Who asks for what asks for itself is not told: they are many, and the log has an end.
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
