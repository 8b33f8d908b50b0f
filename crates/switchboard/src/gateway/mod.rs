//! [`Gateway`]: the table of handlers of one struct.
mod table;

pub(crate) use table::Table;

use crate::app::Problem;
use crate::handler::{
    AtMostOnePayload, Calls, EachAllowedIn, Handler, HandlerDef, Handlers, HookDef, IntoError, IntoOutcome, IntoReply,
    Needs, OnConnect, OnDisconnect, RawLoop, Shape, Start,
};
use crate::limits::Limits;
use crate::namespace::Marker;
use crate::{Namespace, Origins, Root};
use std::borrow::Cow;
use std::panic::Location;
use std::sync::Arc;
use switchboard_core::{check_event, is_reserved};

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
    state: Arc<S>,
    events: Vec<(Cow<'static, str>, &'static Location<'static>, HandlerDef<S>)>,
    on_connect: Vec<(&'static Location<'static>, HookDef<S>)>,
    on_disconnect: Vec<(&'static Location<'static>, HookDef<S>)>,
    raw: Vec<(&'static Location<'static>, HookDef<S>)>,
    limits: Option<Limits>,
    origins: Option<Origins>,
    cancel_on_disconnect: bool,
    namespace: Marker,
    named_at: Option<&'static Location<'static>>,
}

impl<S: Send + Sync + 'static> Gateway<S> {
    /// A gateway without handlers. All connections share `state`.
    pub fn new(state: S) -> Gateway<S> {
        Gateway::shared(Arc::new(state))
    }

    /// A gateway over state that others hold too.
    pub fn shared(state: Arc<S>) -> Gateway<S> {
        Gateway {
            state,
            events: Vec::new(),
            on_connect: Vec::new(),
            on_disconnect: Vec::new(),
            raw: Vec::new(),
            limits: None,
            origins: None,
            cancel_on_disconnect: false,
            namespace: Marker::of::<Root>(),
            named_at: None,
        }
    }

    /// Answers an event with an `async fn(&S, ..)`: see [`Handler`].
    ///
    /// A connection's messages are handled one at a time, in the order of their arrival. An `id` must be unused among those in
    /// flight, else the request is answered `conflict`.
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
        self.events.push((event.into(), Location::caller(), handler));
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
    pub fn on_connect<H, Args>(mut self, hook: H) -> Gateway<S>
    where
        H: Handler<S, Args>,
        H::Call: Calls<H, S, H::Shape, H::Reply>,
        H::Reply: IntoOutcome,
        <H::Reply as IntoOutcome>::Err: IntoError,
        <H::Shape as Shape>::Kinds: EachAllowedIn<OnConnect>,
    {
        self.on_connect.push((Location::caller(), HookDef::new(hook)));
        self
    }

    /// Runs once for every connection whose on-connect hook succeeded, when it has ended: the handler in flight has
    /// finished, and the rooms are still there. It may take the [`DisconnectReason`](crate::DisconnectReason).
    #[track_caller]
    pub fn on_disconnect<H, Args>(mut self, hook: H) -> Gateway<S>
    where
        H: Handler<S, Args>,
        H::Call: Calls<H, S, H::Shape, H::Reply>,
        H::Reply: IntoOutcome,
        <H::Reply as IntoOutcome>::Err: IntoError,
        <H::Shape as Shape>::Kinds: EachAllowedIn<OnDisconnect>,
    {
        self.on_disconnect.push((Location::caller(), HookDef::new(hook)));
        self
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
    pub fn raw<H, Args>(mut self, run: H) -> Gateway<S>
    where
        H: Handler<S, Args>,
        H::Call: Calls<H, S, H::Shape, H::Reply>,
        H::Reply: IntoOutcome,
        <H::Reply as IntoOutcome>::Err: IntoError,
        <H::Shape as Shape>::Kinds: EachAllowedIn<RawLoop>,
    {
        self.raw.push((Location::caller(), HookDef::new(run)));
        self
    }

    /// The names of the events that have a handler, in the order of their registration.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        self.events.iter().map(|(event, _, _)| &**event)
    }

    /// Limits of this gateway, instead of the application's. Those of the node stay the application's: `handlers`,
    /// `pending_acks_node`, `max_connections`, `shutdown_timeout`.
    pub fn limits(mut self, limits: Limits) -> Gateway<S> {
        self.limits = Some(limits);
        self
    }

    /// Who may connect from a browser, instead of the application's choice.
    pub fn origins(mut self, origins: Origins) -> Gateway<S> {
        self.origins = Some(origins);
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
        self.namespace = Marker::of::<N>();
        self.named_at = Some(Location::caller());
        self
    }

    /// Where the namespace was chosen, if it was.
    pub(crate) fn named_at(&self) -> Option<&'static Location<'static>> {
        self.named_at
    }

    /// Erases the type. What is wrong is added to `problems`.
    pub(crate) fn build(self, problems: &mut Vec<Problem>) -> Table {
        let name = short_name(std::any::type_name::<S>());
        let mut needs = Needs::default();
        let mut table = Table::new(name, self.namespace, self.cancel_on_disconnect, self.limits, self.origins);
        if let (Some((at, _)), Some((_, raw, _))) = (self.raw.first(), self.events.first()) {
            problems.push(Problem::new(
                format!("the gateway {name} has a raw loop and events; a raw gateway owns its socket alone"),
                &[at, raw],
            ));
        }
        let mut places: Vec<(Cow<'static, str>, &'static Location<'static>)> = Vec::new();
        for (event, place, handler) in self.events {
            if let Err(why) = check_event(&event) {
                problems.push(Problem::new(format!("the event name {event:?} of {name} is refused: {why}"), &[place]));
            } else if is_reserved(&event) {
                let message = format!("the event name {event:?} of {name} belongs to the server; choose another");
                problems.push(Problem::new(message, &[place]));
            }
            if let Some((_, first)) = places.iter().find(|(known, _)| *known == event) {
                let message = format!("the event {event:?} of {name} has two handlers; remove one");
                problems.push(Problem::new(message, &[first, place]));
            }
            places.push((event.clone(), place));
            needs.merge(handler.needs);
            let start: Box<dyn Start> = (handler.bind)(self.state.clone());
            table.insert(&event, start);
        }
        let mut hook = |hooks: Vec<(&'static Location<'static>, HookDef<S>)>, what: &str| {
            if let [(first, _), (second, _), ..] = &hooks[..] {
                problems.push(Problem::new(format!("{name} has two {what}; remove one"), &[first, second]));
            }
            hooks.into_iter().next().map(|(_, hook)| {
                needs.merge(hook.needs);
                (hook.bind)(self.state.clone())
            })
        };
        table.on_connect = hook(self.on_connect, "on-connect hooks");
        table.on_disconnect = hook(self.on_disconnect, "on-disconnect hooks");
        table.raw = hook(self.raw, "raw loops");
        table.needs = needs;
        table
    }
}

/// `crate::chat::Chat<u8>` → `Chat<u8>`.
fn short_name(full: &'static str) -> &'static str {
    let end = full.find('<').unwrap_or(full.len());
    full[..end].rfind("::").map_or(full, |at| &full[at + 2..])
}
