//! [`Gateway`]: the handlers of one struct.
mod build;
mod check;
mod compiled;
mod functions;
mod include;
pub(crate) mod mount;
#[cfg(feature = "socketio")]
mod name_patterns;
mod protocols;
mod reach;
mod seat;
mod settings;
mod site;
mod stages;
#[cfg(feature = "socketio")]
mod union;
#[cfg(feature = "socketio")]
mod union_hooks;

pub(crate) use compiled::{CompiledGateway, Entry, Group, NamespaceBy};
pub use functions::Function;
use include::Included;
pub(crate) use mount::ModuleGateway;
pub use mount::{Messages, Mount};
pub(crate) use protocols::Protocols;
#[cfg(feature = "socketio")]
pub(crate) use reach::Reach;
pub(crate) use seat::NoSeat;
pub(crate) use site::{Site, after};
#[cfg(feature = "socketio")]
pub(crate) use union::{Candidate, Unions};

use crate::codec::Frames;
use crate::compression::Compression;
use crate::di::{BoxError, BoxFuture, Container, Dependency, FromContainer, Instance, When, late};
use crate::handler::{
    AtMostOnePayload, Calls, EachAllowedIn, EachBeside, Handler, HandlerDef, Handlers, HookDef, HookPlace, Hooks,
    IntoError, IntoOutcome, IntoReply, OnConnect, OnDisconnect, RawLoop, Requirements, Shape,
};
use crate::hub::Handle;
use crate::limits::GatewayLimits;
use crate::namespace::Marker;
use crate::pipeline::Declared;
use crate::text::short_name;
use crate::{Client, Error, Namespace, Origins, Server};
use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

/// The handlers, hooks and settings of one struct.
///
/// ```
/// use switchboard::{Client, Gateway};
///
/// #[derive(Default)]
/// struct Chat;
///
/// impl Chat {
///     async fn joined(&self, client: &Client) {
///         client.join("lobby");
///     }
///     async fn shout(&self, text: String, client: &Client) -> usize {
///         client.broadcast_to("lobby", "shout", &text).queued
///     }
/// }
///
/// let chat = Gateway::new(Chat::default()).on("shout", Chat::shout).on_connect(Chat::joined);
/// ```
#[must_use = "a gateway serves nobody before it is mounted with `App::gateway`"]
pub struct Gateway<S> {
    /// `None` for a gateway that a module describes: the state comes from the container.
    state: Option<Arc<S>>,
    events: Vec<(Cow<'static, str>, &'static Location<'static>, HandlerDef<S>)>,
    hooks: Hooks<S>,
    after_init: Vec<(&'static Location<'static>, AfterInit<S>)>,
    /// What handlers and hooks need from the container.
    dependencies: Vec<Dependency>,
    limits: Option<GatewayLimits>,
    origins: Option<Origins>,
    /// The gateway's own setting; `None` uses the application's.
    pub(crate) compression: Option<Option<Compression>>,
    hosts: Option<(Arc<[String]>, &'static Location<'static>)>,
    frames: Frames,
    protocols: Protocols,
    patterns: bool,
    cancel_on_disconnect: bool,
    namespace: Option<Chosen>,
    namespace_by: Option<(NamespaceBy, &'static Location<'static>)>,
    pub(crate) site: Site,
    declared: Declared,
    catch_all: Vec<(&'static Location<'static>, HandlerDef<S>)>,
    on_join: Vec<(&'static Location<'static>, JoinGate<S>)>,
    concurrency: Option<(usize, &'static Location<'static>)>,
    /// Other structs whose handlers are included in `events`.
    included: Vec<Included>,
}

type JoinGate<S> = Box<dyn Fn(&S, &Client, &str) -> Result<(), Error> + Send + Sync>;

/// A namespace that was set on the gateway, and where.
#[derive(Clone, Copy)]
struct Chosen {
    marker: Marker,
    place: &'static Location<'static>,
    server: Given,
}

/// An `Arc<Server<N>>`, which the container provides without a provider.
#[derive(Clone, Copy)]
pub(crate) struct Given {
    pub(crate) type_id: TypeId,
    pub(crate) make: fn(&Handle) -> Instance,
}

impl Given {
    pub(crate) fn server_of<N: Namespace>() -> Given {
        Given {
            type_id: TypeId::of::<Server<N>>(),
            make: |handle| Box::new(Arc::new(handle.server_of::<N>())) as Instance,
        }
    }
}

type AfterInit<S> = Box<dyn FnOnce(Arc<S>, Container) -> BoxFuture<Result<(), BoxError>> + Send>;

/// An after-init hook, bound to its gateway.
pub(crate) type InitHook = Box<dyn FnOnce(Container) -> BoxFuture<Result<(), BoxError>> + Send>;

impl<S: Messages> Gateway<S> {
    /// Returns a gateway with the handlers that `#[messages]` lists, over a state made by hand. The settings of
    /// `#[gateway]` on the struct (guards, origins, limits, …) apply; its path and the `#[inject]` of its fields apply
    /// only in a module.
    ///
    /// ```
    /// use switchboard::{App, Gateway, messages};
    /// #[derive(Default)]
    /// struct Echo;
    /// #[messages]
    /// impl Echo {
    ///     #[subscribe_message("echo")]
    ///     async fn echo(&self, text: String) -> String {
    ///         text
    ///     }
    /// }
    /// let app: axum::Router = axum::Router::new().merge(App::new().gateway("/ws", Gateway::of(Echo::default())));
    /// ```
    pub fn of(state: S) -> Gateway<S> {
        S::settled(Gateway::new(state))
    }
}

impl<S: Send + Sync + 'static> Gateway<S> {
    /// Returns a gateway without handlers. All connections share `state`.
    pub fn new(state: S) -> Gateway<S> {
        Gateway::shared(Arc::new(state))
    }

    /// Returns a gateway without handlers, over state that is shared with other code.
    pub fn shared(state: Arc<S>) -> Gateway<S> {
        Gateway { state: Some(state), ..Gateway::described() }
    }

    /// Returns a gateway without state: a module provides it.
    fn described() -> Gateway<S> {
        Gateway {
            state: None,
            events: Vec::new(),
            hooks: Hooks::default(),
            after_init: Vec::new(),
            dependencies: Vec::new(),
            limits: None,
            origins: None,
            compression: None,
            hosts: None,
            frames: Frames::Any,
            protocols: Protocols::default(),
            patterns: false,
            cancel_on_disconnect: false,
            namespace: None,
            namespace_by: None,
            site: Site::default(),
            declared: Declared::default(),
            catch_all: Vec::new(),
            on_join: Vec::new(),
            concurrency: None,
            included: Vec::new(),
        }
    }

    /// Handles an event with an `async fn(&self, ..)`: see [`Handler`].
    ///
    /// The messages of a connection are handled one at a time, in the order of their arrival. The `id` of a request
    /// must differ from those of its client's requests in flight, otherwise it is answered with `conflict`.
    ///
    /// Unlike under `#[messages]`, the payload is not validated automatically: use [`Valid<T>`](crate::Valid) if its
    /// type derives garde's `Validate`.
    ///
    /// The error "cannot infer type for `Via`" means that the handler returns a `Result` whose sides both implement
    /// `Serialize`, such as `Result<T, String>`. Return `Result<T, switchboard::Error>`, so that an `Err` is never sent
    /// as a success.
    #[track_caller]
    pub fn on<H, Args, Via: 'static>(self, event: impl Into<Cow<'static, str>>, handler: H) -> Gateway<S>
    where
        H: Handler<S, Args>,
        H::Call: Calls<H, S, H::Shape, H::Reply>,
        H::Reply: IntoReply<Via>,
        <H::Reply as IntoReply<Via>>::Err: IntoError,
        <H::Shape as Shape>::Kinds: EachAllowedIn<Handlers> + AtMostOnePayload + EachBeside<H::Reply>,
        Args: 'static,
    {
        self.handler(event, HandlerDef::new(handler))
    }

    /// Registers a handler that was built as a [`HandlerDef`].
    #[track_caller]
    pub fn handler(mut self, event: impl Into<Cow<'static, str>>, handler: HandlerDef<S>) -> Gateway<S> {
        let (event, place) = (event.into(), Location::caller());
        self.ask(&handler.requirements, &format!("`{event}`"), place);
        self.events.push((event, place, handler));
        self
    }

    /// Handles every event that has no handler of its own. Take [`EventName`](crate::EventName) for the name of the
    /// event.
    #[track_caller]
    pub fn catch_all(mut self, handler: HandlerDef<S>) -> Gateway<S> {
        let place = Location::caller();
        self.ask(&handler.requirements, "the handler of all other events", place);
        self.catch_all.push((place, handler));
        self
    }

    /// Decides who may join a room. Called for every [`Client::join`] of this gateway's clients, wherever it is called
    /// from. It is synchronous, because a join takes effect in order with everything else that happens to a connection.
    ///
    /// ```
    /// use switchboard::{Client, Error, Gateway};
    /// struct Chat;
    /// let chat = Gateway::new(Chat).on_join(|_: &Chat, _: &Client, room: &str| {
    ///     if room.starts_with("staff.") { Err(Error::forbidden("For the staff")) } else { Ok(()) }
    /// });
    /// ```
    #[track_caller]
    pub fn on_join<F, E>(mut self, gate: F) -> Gateway<S>
    where
        F: Fn(&S, &Client, &str) -> Result<(), E> + Send + Sync + 'static,
        E: IntoError,
    {
        let gate: JoinGate<S> =
            Box::new(move |state, client, room| gate(state, client, room).map_err(IntoError::into_error));
        self.on_join.push((Location::caller(), gate));
        self
    }

    /// Registers a hook, or the loop of a raw gateway, that was built as a [`HookDef`].
    #[track_caller]
    pub fn hook<Place: HookPlace>(mut self, hook: HookDef<S, Place>) -> Gateway<S> {
        let place = Location::caller();
        self.ask(&hook.requirements, "a hook", place);
        Place::put(hook, &mut self.hooks, place);
        self
    }

    fn ask(&mut self, requirements: &Requirements, who: &str, place: &'static Location<'static>) {
        let asked = requirements.dependencies.iter().cloned();
        self.dependencies.extend(asked.map(|asked| Dependency {
            label: who.to_owned().into(),
            place,
            when: When::Serving,
            ..asked
        }));
    }

    /// Registers a hook that runs once when the application starts: after everything is created, before any client
    /// connects.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use switchboard::{Gateway, Server, di::Container};
    /// struct Chat;
    /// impl Chat {
    ///     async fn ready(&self, server: Server) { server.broadcast("hello", ()); }
    /// }
    /// let chat = Gateway::new(Chat).after_init(|this: Arc<Chat>, container: Container| async move {
    ///     this.ready(container.server()).await;
    /// });
    /// ```
    ///
    /// An error keeps the application from starting. The hook is awaited by `App::create`,
    /// [`App::bind`](crate::App::bind) and [`App::init`](crate::App::init); merging an application without one of these
    /// is reported as a problem.
    #[track_caller]
    pub fn after_init<F, Fut>(mut self, hook: F) -> Gateway<S>
    where
        F: FnOnce(Arc<S>, Container) -> Fut + Send + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: IntoOutcome,
        <Fut::Output as IntoOutcome>::Err: IntoError,
    {
        let hook: AfterInit<S> = Box::new(move |state, container| {
            let future = hook(state, container);
            Box::pin(async move { future.await.into_outcome().map_err(|error| error.into_error().into()) })
        });
        self.after_init.push((Location::caller(), hook));
        self
    }

    /// Declares what an after-init hook resolves from the container, so that a missing provider is reported at boot.
    #[track_caller]
    pub fn asks_for<T: FromContainer>(mut self) -> Gateway<S> {
        late::<T>(&mut self.dependencies, "the after-init hook", Location::caller());
        self
    }

    /// Registers a hook that runs for every new connection, before its first message is handled. Messages wait for it.
    ///
    /// An error refuses the connection: the client gets it as `exception`, and then the close code below, unless
    /// [`Error::closing`](crate::Error::closing) has chosen another. The on-disconnect hook does not run then.
    ///
    /// | error | close code |
    /// |---|---|
    /// | `internal`, `timeout`, a panic | 1011 |
    /// | `unauthenticated` | 4501 |
    /// | `bad_request`, `validation_failed` | 4500 |
    /// | `rate_limited` | 4003 |
    /// | `overloaded`, `broker_unavailable` | 4008 |
    /// | `draining` | 1001 |
    /// | any other | 4505 |
    #[track_caller]
    pub fn on_connect<H, Args>(self, hook: H) -> Gateway<S>
    where
        H: Handler<S, Args>,
        H::Call: Calls<H, S, H::Shape, H::Reply>,
        H::Reply: IntoOutcome,
        <H::Reply as IntoOutcome>::Err: IntoError,
        <H::Shape as Shape>::Kinds: EachAllowedIn<OnConnect>,
    {
        self.hook(HookDef::<S, OnConnect>::new(hook))
    }

    /// Registers a hook that runs once for every connection whose on-connect hook succeeded, after it has ended: the
    /// handler in flight has finished, and the client is still in its rooms. The hook may take the
    /// [`DisconnectReason`](crate::DisconnectReason).
    #[track_caller]
    pub fn on_disconnect<H, Args>(self, hook: H) -> Gateway<S>
    where
        H: Handler<S, Args>,
        H::Call: Calls<H, S, H::Shape, H::Reply>,
        H::Reply: IntoOutcome,
        <H::Reply as IntoOutcome>::Err: IntoError,
        <H::Shape as Shape>::Kinds: EachAllowedIn<OnDisconnect>,
    {
        self.hook(HookDef::<S, OnDisconnect>::new(hook))
    }

    /// Makes this a raw gateway: `run` is its own loop over a [`Socket`](crate::Socket). A raw gateway has no events;
    /// its hooks run as in any gateway, and the loop starts after the on-connect hook.
    ///
    /// ```
    /// use switchboard::{Gateway, Socket};
    /// struct Echo;
    /// impl Echo {
    ///     async fn run(&self, mut socket: Socket) {
    ///         while let Some(message) = socket.recv().await {
    ///             if socket.send(message).await.is_err() {
    ///                 return;
    ///             }
    ///         }
    ///     }
    /// }
    /// let echo = Gateway::new(Echo).raw(Echo::run);
    /// ```
    #[track_caller]
    pub fn raw<H, Args>(self, run: H) -> Gateway<S>
    where
        H: Handler<S, Args>,
        H::Call: Calls<H, S, H::Shape, H::Reply>,
        H::Reply: IntoOutcome,
        <H::Reply as IntoOutcome>::Err: IntoError,
        <H::Shape as Shape>::Kinds: EachAllowedIn<RawLoop>,
    {
        self.hook(HookDef::<S, RawLoop>::new(run))
    }

    /// Returns the names of the events that have a handler, in the order of their registration.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        self.events.iter().map(|(event, _, _)| &**event)
    }

    /// Returns the namespace that was set, and where.
    pub(crate) fn namespace_at(&self) -> Option<(Marker, &'static Location<'static>)> {
        self.namespace.map(|chosen| (chosen.marker, chosen.place))
    }

    /// Returns the server of the namespace that was set.
    pub(crate) fn server(&self) -> Option<Given> {
        self.namespace.map(|chosen| chosen.server)
    }

    /// Returns what handlers, hooks, stages and includes need from the container, each with the name of the struct that
    /// needs it.
    pub(crate) fn asks(&self) -> Vec<(String, Dependency)> {
        let stages = self.implicit().into_iter().map(|implicit| implicit.dependency("a stage"));
        let own = self.dependencies.iter().cloned().chain(stages).chain(include::asked(&self.included));
        let own = own.map(|asked| (self.name(), asked));
        let included = self
            .included
            .iter()
            .flat_map(|included| included.dependencies.iter().map(|asked| (included.name.clone(), asked.clone())));
        own.chain(included).collect()
    }

    /// Returns the name of the struct.
    pub(crate) fn name(&self) -> String {
        if TypeId::of::<S>() == TypeId::of::<()>() {
            return "functions".to_owned();
        }
        short_name(type_name::<S>())
    }
}

impl<S> fmt::Debug for Gateway<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events: Vec<&str> = self.events.iter().map(|(event, _, _)| &**event).collect();
        f.debug_struct("Gateway")
            .field("of", &short_name(type_name::<S>()))
            .field("events", &events)
            .finish_non_exhaustive()
    }
}
