//! [`Gateway`]: the table of handlers of one struct.
mod functions;
mod include;
mod mount;
mod site;
mod table;

pub use functions::Function;
use include::Included;
pub(crate) use mount::ModuleGateway;
pub use mount::{HasSettings, Messages, Mount, NoSettings, SettingsProbe};
pub(crate) use site::Site;
use table::Note;
pub(crate) use table::{Entry, Frames, Group, Table};
use table::{Gate, NewEntry};

use crate::app::{Handle, Problem};
use crate::compression::Compression;
use crate::di::{BoxError, BoxFuture, Container, Dependency, FromContainer, Instance, NotProvided, When, late};
use crate::handler::{
    AtMostOnePayload, Calls, EachAllowedIn, Handler, HandlerDef, Handlers, HookDef, HookPlace, Hooks, IntoError,
    IntoOutcome, IntoReply, Needs, OnConnect, OnDisconnect, RawLoop, Shape,
};
use crate::limits::Limits;
use crate::namespace::Marker;
use crate::pipeline::{Declared, Filter, FilterDef, GuardDef, Implicit, Interceptor, InterceptorDef, Pipe, PipeDef};
use crate::text::short_name;
use crate::{Client, Error, Namespace, Origins, Root, Server};
use serde_json::Value;
use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use switchboard_core::{check_event, is_reserved};

/// The most messages of one client that may be handled at a time.
const MOST_AT_A_TIME: usize = 1024;

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
    /// None while it is described: a module gives it then.
    state: Option<Arc<S>>,
    events: Vec<(Cow<'static, str>, &'static Location<'static>, HandlerDef<S>)>,
    hooks: Hooks<S>,
    after_init: Vec<(&'static Location<'static>, AfterInit<S>)>,
    /// What handlers and hooks ask the container for.
    dependencies: Vec<Dependency>,
    limits: Option<Limits>,
    origins: Option<Origins>,
    /// The gateway's own choice.
    pub(crate) compression: Option<Option<Compression>>,
    hosts: Option<(Arc<[String]>, &'static Location<'static>)>,
    frames: Frames,
    cancel_on_disconnect: bool,
    namespace: Option<Chosen>,
    pub(crate) site: Site,
    declared: Declared,
    catch_all: Vec<(&'static Location<'static>, HandlerDef<S>)>,
    on_join: Vec<(&'static Location<'static>, JoinGate<S>)>,
    concurrency: Option<(usize, &'static Location<'static>)>,
    /// Other structs whose handlers are among its events.
    included: Vec<Included>,
}

type JoinGate<S> = Box<dyn Fn(&S, &Client, &str) -> Result<(), Error> + Send + Sync>;

/// A namespace, where it was chosen.
#[derive(Clone, Copy)]
struct Chosen {
    marker: Marker,
    place: &'static Location<'static>,
    server: Given,
}

/// An `Arc<Server<N>>`, which the container gives without a provider.
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

/// An after-init hook with its gateway.
pub(crate) type InitHook = Box<dyn FnOnce(Container) -> BoxFuture<Result<(), BoxError>> + Send>;

impl<S: Messages> Gateway<S> {
    /// A gateway with the handlers that `#[messages]` lists, over a state that is made by hand. What `#[gateway]` says on the struct
    /// (guards, origins, limits, …) holds; its path and its fields' `#[inject]` are a module's.
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
    /// A gateway without handlers. All connections share `state`.
    pub fn new(state: S) -> Gateway<S> {
        Gateway::shared(Arc::new(state))
    }

    /// A gateway over state that others hold too.
    pub fn shared(state: Arc<S>) -> Gateway<S> {
        Gateway { state: Some(state), ..Gateway::described() }
    }

    /// A gateway whose state a module gives.
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
            cancel_on_disconnect: false,
            namespace: None,
            site: Site::default(),
            declared: Declared::default(),
            catch_all: Vec::new(),
            on_join: Vec::new(),
            concurrency: None,
            included: Vec::new(),
        }
    }

    /// Answers an event with an `async fn(&S, ..)`: see [`Handler`].
    ///
    /// A connection's messages are handled one at a time, in the order of their arrival. An `id` must be unused among those in
    /// flight, else the request is answered `conflict`.
    ///
    /// The payload is not validated by itself, as it is under `#[messages]`: write [`Valid<T>`](crate::Valid) where its type derives
    /// garde's `Validate`.
    ///
    /// "Cannot infer type for `Via`" means that the handler returns a `Result` whose both sides are `Serialize`, such as
    /// `Result<T, String>`: return `Result<T, switchboard::Error>`, so that an `Err` is never sent as a success.
    #[track_caller]
    pub fn on<H, Args, Via: 'static>(self, event: impl Into<Cow<'static, str>>, handler: H) -> Gateway<S>
    where
        H: Handler<S, Args>,
        H::Call: Calls<H, S, H::Shape, H::Reply>,
        H::Reply: IntoReply<Via>,
        <H::Reply as IntoReply<Via>>::Err: IntoError,
        <H::Shape as Shape>::Kinds: EachAllowedIn<Handlers> + AtMostOnePayload,
        Args: 'static,
    {
        self.handler(event, HandlerDef::new(handler))
    }

    /// Registers a handler that is made already.
    #[track_caller]
    pub fn handler(mut self, event: impl Into<Cow<'static, str>>, handler: HandlerDef<S>) -> Gateway<S> {
        let (event, place) = (event.into(), Location::caller());
        self.ask(&handler.needs, &format!("`{event}`"), place);
        self.events.push((event, place, handler));
        self
    }

    /// Answers every event that has no handler of its own. [`EventName`](crate::EventName) is its name.
    #[track_caller]
    pub fn catch_all(mut self, handler: HandlerDef<S>) -> Gateway<S> {
        let place = Location::caller();
        self.ask(&handler.needs, "the handler of all other events", place);
        self.catch_all.push((place, handler));
        self
    }

    /// Says who may join a room: asked for every [`Client::join`] of this gateway's clients, whoever calls it. It must not wait:
    /// a join takes effect in order with all else that happens to a connection.
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

    /// Puts a guard on the gateway: its connect half is asked before a client connects, its message half before each message.
    pub fn guard<G: Send + Sync + 'static>(mut self, guard: impl Into<GuardDef<G>>) -> Gateway<S> {
        self.declared.guards.push(guard.into().stage());
        self
    }

    /// Puts an interceptor around every handler, and the on-connect hook.
    pub fn interceptor<I: Interceptor>(mut self, interceptor: impl Into<InterceptorDef<I>>) -> Gateway<S> {
        self.declared.interceptors.push(interceptor.into().stage());
        self
    }

    /// Puts a pipe in front of every payload.
    pub fn pipe<P: Pipe<Value, From = Value>>(mut self, pipe: impl Into<PipeDef<P>>) -> Gateway<S> {
        self.declared.pipes.push(pipe.into().stage());
        self
    }

    /// Asks a filter about the errors of every handler, and of those who connect.
    pub fn filter<F: Filter>(mut self, filter: impl Into<FilterDef<F>>) -> Gateway<S> {
        self.declared.filters.push(filter.into().stage());
        self
    }

    /// Leaves out the application's stages of this type.
    #[track_caller]
    pub fn skip<T: 'static>(mut self) -> Gateway<S> {
        self.declared.skip::<T>();
        self
    }

    /// Says that anybody may send its messages: see [`App::require_posture`](crate::App::require_posture).
    #[track_caller]
    pub fn public(mut self) -> Gateway<S> {
        self.declared.public = Some(Location::caller());
        self
    }

    /// Lets up to `most` messages of one client be handled at a time. Their replies leave as they are ready, so that a client tells
    /// them apart by their `id`. Default: one by one.
    #[track_caller]
    pub fn concurrency(mut self, most: usize) -> Gateway<S> {
        self.concurrency = Some((most, Location::caller()));
        self
    }

    /// Registers a hook, or the loop of a raw gateway, that is made already.
    #[track_caller]
    pub fn hook<Place: HookPlace>(mut self, hook: HookDef<S, Place>) -> Gateway<S> {
        let place = Location::caller();
        self.ask(&hook.needs, "a hook", place);
        Place::put(hook, &mut self.hooks, place);
        self
    }

    fn ask(&mut self, needs: &Needs, who: &str, place: &'static Location<'static>) {
        let asked = needs.dependencies.iter().cloned();
        self.dependencies.extend(asked.map(|asked| Dependency {
            label: who.to_owned().into(),
            place,
            when: When::Serving,
            ..asked
        }));
    }

    /// Runs once, when the application starts: after everything is made, before anybody connects.
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
    /// An error keeps the application from starting. It is awaited by `App::create`, [`App::bind`](crate::App::bind) and
    /// [`App::init`](crate::App::init); an application that is merged without one of these does not boot.
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

    /// Declares what an after-init hook asks the container for, so that boot can tell what is missing.
    #[track_caller]
    pub fn asks_for<T: FromContainer>(mut self) -> Gateway<S> {
        late::<T>(&mut self.dependencies, "the after-init hook", Location::caller());
        self
    }

    /// Runs for every new connection, before its first message is handled. Messages wait for it.
    ///
    /// An error refuses the connection: the client gets it as `exception`, and a close code that belongs to it
    /// ([`Error::closing`](crate::Error::closing) chooses another). Then the on-disconnect hook does not run.
    ///
    /// | error | close code |
    /// |---|---|
    /// | `internal`, `timeout`, a panic | 1011 |
    /// | `unauthenticated` | 4501 |
    /// | `bad_request`, `validation_failed` | 4500 |
    /// | `rate_limited` | 4003 |
    /// | `overloaded`, `broker_unavailable` | 1013 |
    /// | `draining` | 1012 |
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

    /// Runs once for every connection whose on-connect hook succeeded, when it has ended: the handler in flight has
    /// finished, and the rooms are still there. It may take the [`DisconnectReason`](crate::DisconnectReason).
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

    /// Gives the socket to the gateway, which writes its own loop over a [`Socket`](crate::Socket). There are no events
    /// then; the hooks run as in any gateway, and the loop begins after on-connect.
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

    /// The names of the events that have a handler, in the order of their registration.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        self.events.iter().map(|(event, _, _)| &**event)
    }

    /// Limits of this gateway, instead of the application's. Those of the node stay the application's: `handlers`,
    /// `pending_acks_node`, `max_connections`, `http_connections`, `accept_rate`, `address_connections`, `address_rate`, `memory`, `shutdown_timeout`.
    pub fn limits(mut self, limits: Limits) -> Gateway<S> {
        self.limits = Some(limits);
        self
    }

    /// Who may connect from a browser, instead of the application's choice.
    pub fn origins(mut self, origins: Origins) -> Gateway<S> {
        self.origins = Some(origins);
        self
    }

    /// The hosts that a client may ask for, instead of the application's: see [`App::allowed_hosts`](crate::App::allowed_hosts).
    #[track_caller]
    pub fn allowed_hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Gateway<S> {
        self.hosts = Some((hosts.into_iter().map(Into::into).collect(), Location::caller()));
        self
    }

    /// Takes text frames only; a binary one closes with 1003. Default: both, with the JSON envelope in either.
    pub fn text_only(mut self) -> Gateway<S> {
        self.frames = Frames::Text;
        self
    }

    /// Takes binary frames only; a text one closes with 1003. Default: both, with the JSON envelope in either.
    pub fn binary_only(mut self) -> Gateway<S> {
        self.frames = Frames::Binary;
        self
    }

    /// A handler in flight is dropped when its client disconnects. Default: it finishes.
    pub fn cancel_on_disconnect(mut self, cancel: bool) -> Gateway<S> {
        self.cancel_on_disconnect = cancel;
        self
    }

    /// Which clients and rooms this gateway's clients are among; the last call counts. Default: [`Root`].
    #[track_caller]
    pub fn namespace<N: Namespace>(mut self) -> Gateway<S> {
        let (marker, place, server) = (Marker::of::<N>(), Location::caller(), Given::server_of::<N>());
        self.namespace = Some(Chosen { marker, place, server });
        self
    }

    /// The namespace that was chosen, and where.
    pub(crate) fn namespace_at(&self) -> Option<(Marker, &'static Location<'static>)> {
        self.namespace.map(|chosen| (chosen.marker, chosen.place))
    }

    /// The server of the namespace that was chosen.
    pub(crate) fn server(&self) -> Option<Given> {
        self.namespace.map(|chosen| chosen.server)
    }

    /// What handlers, hooks and stages ask the container for, and which structs are included, each with who asks.
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

    /// The struct's.
    pub(crate) fn name(&self) -> String {
        if TypeId::of::<S>() == TypeId::of::<()>() {
            return "functions".to_owned();
        }
        short_name(type_name::<S>())
    }

    /// Adds what is wrong.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        let name = self.name();
        self.site.check(&name, problems);
        if let (Some((at, _)), Some((_, raw, _))) = (self.hooks.raw.first(), self.events.first()) {
            problems.push(Problem::new(
                format!("the gateway {name} has a raw loop and events; a raw gateway owns its socket alone"),
                &[at, raw],
            ));
        }
        for (at, (event, place, _)) in self.events.iter().enumerate() {
            if let Err(why) = check_event(event) {
                problems.push(Problem::new(format!("the event name {event:?} of {name} is refused: {why}"), &[place]));
            } else if is_reserved(event) {
                let message = format!("the event name {event:?} of {name} belongs to the server; choose another");
                problems.push(Problem::new(message, &[place]));
            }
            if let Some((_, first, _)) = self.events[..at].iter().find(|(known, _, _)| known == event) {
                let message = format!("the event {event:?} of {name} has two handlers; remove one");
                problems.push(Problem::new(message, &[first, place]));
            }
        }
        let mut one = |places: Vec<&'static Location<'static>>, what: &str| {
            if let [first, second, ..] = places[..] {
                problems.push(Problem::new(format!("{name} has two {what}; remove one"), &[first, second]));
            }
        };
        one(self.hooks.on_connect.iter().map(|(at, _)| *at).collect(), "on-connect hooks");
        one(self.hooks.on_disconnect.iter().map(|(at, _)| *at).collect(), "on-disconnect hooks");
        one(self.hooks.raw.iter().map(|(at, _)| *at).collect(), "raw loops");
        one(self.on_join.iter().map(|(at, _)| *at).collect(), "join hooks");
        one(self.catch_all.iter().map(|(at, _)| *at).collect(), "handlers of all other events");
        one(self.after_init.iter().map(|(at, _)| *at).collect(), "after-init hooks");
        self.check_concurrency(&name, problems);
        problems.extend(self.included.iter().flat_map(|included| included.problems()).cloned());
        for (event, _, handler) in &self.events {
            handler.declared.check_message(&format!("`{event}` of {name}"), problems);
        }
        if let Some((hosts, place)) = &self.hosts {
            problems.extend(crate::app::wrong_host(hosts).map(|why| Problem::new(format!("{name}: {why}"), &[place])));
        }
        if let Some(limits) = &self.limits {
            let place = self.events.first().map(|(_, at, _)| *at);
            for why in limits.problems() {
                problems.push(Problem::new(format!("the limits of {name}: {why}"), place.as_slice()));
            }
        }
    }

    fn check_concurrency(&self, name: &str, problems: &mut Vec<Problem>) {
        let own = self.events.iter().map(|(event, place, handler)| (&**event, *place, handler.concurrency));
        let other = self.catch_all.iter().map(|(place, handler)| ("*", *place, handler.concurrency));
        let wrong = |most: usize| most == 0 || most > MOST_AT_A_TIME;
        for (event, place, _) in own.chain(other).filter(|(_, _, most)| most.is_some_and(wrong)) {
            let message = format!("the concurrency of `{event}` of {name} must be 1 to {MOST_AT_A_TIME}");
            problems.push(Problem::new(message, &[place]));
        }
        if let Some((_, place)) = self.concurrency.filter(|(most, _)| wrong(*most)) {
            let message = format!("the concurrency of {name} must be 1 to {MOST_AT_A_TIME}");
            problems.push(Problem::new(message, &[place]));
        }
    }

    /// What its stages, and those of its messages, ask the container for.
    pub(crate) fn implicit(&self) -> Vec<Implicit> {
        let own = self.events.iter().map(|(_, _, handler)| handler);
        let other = self.catch_all.iter().map(|(_, handler)| handler);
        let inner = own.chain(other).flat_map(|handler| handler.declared.implicit());
        self.declared.implicit().chain(inner).collect()
    }

    /// Erases the type, over the gateway's own state or the one that is given. Errors: a stage that nobody provides; `Ok(None)`: there
    /// is no state.
    pub(crate) fn build(
        self,
        state: Option<Arc<S>>,
        container: Option<&Container>,
    ) -> Result<Option<(Table, Option<InitHook>)>, NotProvided> {
        let mut needs = Needs::default();
        let namespace = self.namespace.map_or_else(Marker::of::<Root>, |chosen| chosen.marker);
        let mut table = Table::new(self.name(), namespace, self.cancel_on_disconnect, self.limits, self.origins);
        table.choose_compression(self.compression);
        table.hosts = self.hosts.map(|(hosts, _)| hosts);
        table.frames = self.frames;
        let Some(state) = self.state.or(state) else { return Ok(None) };
        table.level = self.declared.make(container)?;
        for included in self.included {
            included.take(container)?;
        }
        // The gateway's group is the first.
        let shared = self.concurrency.filter(|(most, _)| *most > 1).map(|(most, _)| Group { index: 0, most });
        let mut groups = 0;
        let mut entry = |place, handler: HandlerDef<S>, needs: &mut Needs| {
            let reads_payload = handler.needs.payload.is_some();
            needs.merge(handler.needs);
            let own = handler.concurrency.map(|most| {
                groups += 1;
                Group { index: groups, most }
            });
            let (group, level) = (own.or(shared), handler.declared.make(container)?);
            Ok(NewEntry { reads_payload, start: (handler.bind)(state.clone()), group, level, place })
        };
        for (event, place, handler) in self.events {
            table.note(Note::event(&event, handler.needs.payload));
            let made = entry(place, handler, &mut needs)?;
            table.insert(&event, made);
        }
        if let Some((place, handler)) = self.catch_all.into_iter().next() {
            table.note(Note::event("*", handler.needs.payload));
            let made = entry(place, handler, &mut needs)?;
            table.catch_all(made);
        }
        if let Some((_, gate)) = self.on_join.into_iter().next() {
            table.note(Note::hook("on join"));
            let state = state.clone();
            table.on_join = Some(Box::new(move |client: &Client, room: &str| gate(&state, client, room)) as Gate);
        }
        if let Some((_, hook)) = self.hooks.on_connect.into_iter().next() {
            table.note(Note::hook("on connect"));
            needs.merge(hook.needs);
            table.on_connect = Some((hook.bind)(state.clone()));
        }
        if let Some((_, hook)) = self.hooks.on_disconnect.into_iter().next() {
            table.note(Note::hook("on disconnect"));
            needs.merge(hook.needs);
            table.on_disconnect = Some((hook.bind)(state.clone()));
        }
        if let Some((_, hook)) = self.hooks.raw.into_iter().next() {
            needs.merge(hook.needs);
            table.raw = Some((hook.bind)(state.clone()));
        }
        table.needs = needs;
        let after_init = self.after_init.into_iter().next().map(|(_, hook)| {
            table.note(Note::hook("after init"));
            Box::new(move |container| hook(state, container)) as InitHook
        });
        Ok(Some((table, after_init)))
    }
}
