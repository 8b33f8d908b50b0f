//! [`Scope`]: the lifetime of a service (application, connection or message), and the storage of connection- and
//! message-scoped instances.
use super::container::{Container, Instance, NotProvided};
use super::provider::MakeAgain;
use crate::contain::drop_contained;
use crate::handler::MessageContext;
use crate::hub::Client;
use crate::hub::Endpoint;
use crate::nested::{Calls, Nested, Refused};
use parking_lot::Mutex;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

/// The lifetime of a service. A service cannot depend on one with a shorter lifetime: boot refuses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One instance, created at boot.
    #[default]
    Application,
    /// One instance for each client, created at its first use, and dropped after the on-disconnect hook.
    Connection,
    /// One instance for each message, created at its first use. A hook, and the loop of a raw gateway, count as one
    /// message each.
    Message,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scope::Application => "application",
            Scope::Connection => "connection",
            Scope::Message => "message",
        })
    }
}

/// A provider that creates an instance for each connection or message.
pub(crate) struct Scoped {
    pub(crate) scope: Scope,
    pub(crate) make: MakeAgain<Instance>,
}

/// One stored instance of connection or message scope. Dropping it runs the application's code.
struct Held<T: ?Sized>(Option<Arc<T>>);

impl<T: ?Sized> Clone for Held<T> {
    fn clone(&self) -> Held<T> {
        Held(self.0.clone())
    }
}

impl<T: ?Sized> Drop for Held<T> {
    fn drop(&mut self) {
        drop_contained(self.0.take());
    }
}

/// The services of one message.
#[derive(Default)]
pub(crate) struct Store {
    services: Mutex<http::Extensions>,
}

/// The services of one message; allocated when the first one is resolved.
#[derive(Default)]
pub(crate) struct MessageScope(OnceLock<Arc<Store>>);

impl MessageScope {
    fn store(&self) -> Arc<Store> {
        self.0.get_or_init(Arc::default).clone()
    }

    /// Returns the scope for an owned copy of the message. Allocates nothing if no provider has message scope.
    pub(crate) fn share(&self, container: Option<&Container>) -> MessageScope {
        let shared = MessageScope::default();
        if container.is_some_and(Container::has_message_scope) {
            let _ = shared.0.set(self.store());
        }
        shared
    }
}

/// The connection, and perhaps the message, whose services a container resolves.
pub(crate) struct View {
    /// Weak, because the connection keeps its application alive: a service that kept this would keep itself alive.
    client: Weak<Endpoint>,
    /// `None` for services that live as long as the connection.
    message: Option<Arc<Store>>,
    /// True if the container is lent to a factory.
    lent: bool,
}

/// The most nested factories: undeclared cycles would never end.
const DEEPEST: u16 = 64;

thread_local! {
    static MAKERS: Calls = const { Calls::new(DEEPEST) };
}

/// Counts a running factory of the application, until dropped. Factories are synchronous, so those nested in it run on
/// the same thread.
pub(crate) struct Making(#[expect(dead_code, reason = "held for its drop")] Nested);

impl Making {
    /// Errors: if it is nested in too many others, or too many are nested in the outermost.
    pub(crate) fn begin() -> Result<Making, Refused> {
        let (nested, refused) = Nested::begin(&MAKERS);
        refused.map_or(Ok(Making(nested)), Err)
    }
}

impl View {
    /// Returns the view of a handler that takes a container.
    pub(super) fn of(cx: &MessageContext<'_>) -> View {
        View {
            client: Arc::downgrade(cx.caller.connected().endpoint_arc()),
            message: Some(cx.scope.store()),
            lent: false,
        }
    }

    /// True if the container is lent to a factory for the duration of its call: a service that kept the view would keep
    /// itself alive.
    pub(super) fn is_lent(&self) -> bool {
        self.lent
    }

    /// `None` if the client has left and nothing owns it any more.
    pub(super) fn client(&self) -> Option<Client> {
        self.client.upgrade().map(Client::new)
    }

    pub(super) fn resolve<T>(&self, container: &Container, service: &Scoped) -> Result<Arc<T>, NotProvided>
    where
        T: ?Sized + Send + Sync + 'static,
    {
        let Some(client) = self.client() else { return Err(NotProvided::ended::<T>()) };
        resolve_scoped(container, service, &client, || self.message.clone())
    }
}

/// Returns a service for the handler of a message. Application-scoped services cost the same as elsewhere.
///
/// Errors: `internal` if the gateway has no container, no module provides the service, or it cannot be created.
pub(crate) fn resolve<T>(cx: &MessageContext<'_>) -> Result<Arc<T>, crate::Error>
where
    T: ?Sized + Send + Sync + 'static,
{
    Ok(resolve_for(cx.container.map(|container| &**container), cx.caller.connected(), cx.scope)?)
}

/// Like [`resolve`], for an owned copy of the message.
pub(crate) fn resolve_for<T>(
    container: Option<&Container>,
    client: &Client,
    scope: &MessageScope,
) -> Result<Arc<T>, NotProvided>
where
    T: ?Sized + Send + Sync + 'static,
{
    let Some(container) = container else { return Err(NotProvided::unmounted::<T>()) };
    container.find(|service| resolve_scoped(container, service, client, || Some(scope.store())))
}

/// Holds no lock while the factory runs. If two instances are created at the same time, the first one stored is used by
/// all.
fn resolve_scoped<T>(
    container: &Container,
    service: &Scoped,
    client: &Client,
    message: impl FnOnce() -> Option<Arc<Store>>,
) -> Result<Arc<T>, NotProvided>
where
    T: ?Sized + Send + Sync + 'static,
{
    let make = |message| {
        let Ok(_making) = Making::begin() else { return Err(NotProvided::endless::<T>()) };
        let view = View { client: Arc::downgrade(client.endpoint_arc()), message, lent: true };
        let made = (service.make)(&container.seeing(view)).map_err(NotProvided::failed::<T>)?;
        // A provider of `T` makes an `Arc<T>`.
        made.downcast::<Arc<T>>().map(|made| *made).map_err(|_| NotProvided::of::<T>())
    };
    match service.scope {
        Scope::Message => {
            let Some(store) = message() else { return Err(NotProvided::out_of_scope::<T>(Scope::Message)) };
            if let Some(known) = known::<T>(&store.services.lock()) {
                return Ok(known);
            }
            let made = make(Some(store.clone()))?;
            let kept = keep(&mut store.services.lock(), &made);
            Ok(kept)
        }
        _ => {
            let conn = client.endpoint();
            let ended = || NotProvided::ended::<T>();
            if let Some(known) = conn.extras(|extras| known::<T>(&extras.state)).ok_or_else(ended)? {
                return Ok(known);
            }
            let made = make(None)?;
            conn.extras(|extras| keep(&mut extras.state, &made)).ok_or_else(ended)
        }
    }
}

fn known<T: ?Sized + Send + Sync + 'static>(held: &http::Extensions) -> Option<Arc<T>> {
    held.get::<Held<T>>().and_then(|held| held.0.clone())
}

/// Stores `made` unless an instance is stored already, and returns the stored one. The other is dropped by the caller,
/// after the lock.
fn keep<T: ?Sized + Send + Sync + 'static>(held: &mut http::Extensions, made: &Arc<T>) -> Arc<T> {
    known(held).unwrap_or_else(|| {
        held.insert(Held(Some(made.clone())));
        made.clone()
    })
}
