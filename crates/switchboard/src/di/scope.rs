//! [`Scope`]: how many there are of a service, and where those of a connection and of a message are kept.
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

/// How many there are of a provided type. What lives long cannot ask for what lives short: boot refuses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One, made at boot.
    #[default]
    Application,
    /// One a client, made at its first use, and dropped behind the on-disconnect hook.
    Connection,
    /// One a message, made at its first use. A hook, and the loop of a raw gateway, count as one message each.
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

/// A provider that is asked again and again.
pub(crate) struct Scoped {
    pub(crate) scope: Scope,
    pub(crate) make: MakeAgain<Instance>,
}

/// One instance among those of a connection or of a message. Its drop is the application's code.
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

/// What belongs to one message: nothing, before a service is asked for.
#[derive(Default)]
pub(crate) struct MessageScope(OnceLock<Arc<Store>>);

impl MessageScope {
    fn store(&self) -> Arc<Store> {
        self.0.get_or_init(Arc::default).clone()
    }

    /// For an owned copy of the message. Costs nothing where no provider has the scope of a message.
    pub(crate) fn share(&self, container: Option<&Container>) -> MessageScope {
        let shared = MessageScope::default();
        if container.is_some_and(Container::has_message_scope) {
            let _ = shared.0.set(self.store());
        }
        shared
    }
}

/// What a container sees besides the application: a connection, and perhaps a message.
pub(crate) struct View {
    /// The connection has the application that it belongs to: a service that kept this would keep itself.
    client: Weak<Endpoint>,
    /// None for what lives as long as the connection.
    message: Option<Arc<Store>>,
    /// A maker is lent it.
    lent: bool,
}

/// Makers that ask for each other without having declared it would never end.
const DEEPEST: u16 = 64;

thread_local! {
    static MAKERS: Calls = const { Calls::new(DEEPEST) };
}

/// A maker of the application's runs, until dropped: makers do not wait, so that those inside of it are on the same thread.
pub(crate) struct Making(#[expect(dead_code, reason = "held for its drop")] Nested);

impl Making {
    /// Errors: it is inside of too many others, or too many are inside of the outermost.
    pub(crate) fn begin() -> Result<Making, Refused> {
        let (nested, refused) = Nested::begin(&MAKERS);
        refused.map_or(Ok(Making(nested)), Err)
    }
}

impl View {
    /// Of a handler that takes a container.
    pub(super) fn of(cx: &MessageContext<'_>) -> View {
        View {
            client: Arc::downgrade(cx.caller.connected().endpoint_arc()),
            message: Some(cx.scope.store()),
            lent: false,
        }
    }

    /// What makers are lent is for the time of their call: a service that kept it would keep itself.
    pub(super) fn is_lent(&self) -> bool {
        self.lent
    }

    /// `None`: it has left, and nobody has it any more.
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

/// What is provided, for whoever has the message. Application services cost what they cost anywhere.
///
/// Errors: `internal`; the gateway has no container, nobody provides it, or it cannot be made.
pub(crate) fn resolve<T>(cx: &MessageContext<'_>) -> Result<Arc<T>, crate::Error>
where
    T: ?Sized + Send + Sync + 'static,
{
    Ok(resolve_for(cx.container.map(|container| &**container), cx.caller.connected(), cx.scope)?)
}

/// [`resolve`] for an owned copy of the message.
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

/// No lock is held over a maker. Where two are made at once, the one that is put in first is everybody's.
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

/// The one that is kept: this, unless there is one already. The other is dropped by whoever made it, not here.
fn keep<T: ?Sized + Send + Sync + 'static>(held: &mut http::Extensions, made: &Arc<T>) -> Arc<T> {
    known(held).unwrap_or_else(|| {
        held.insert(Held(Some(made.clone())));
        made.clone()
    })
}
