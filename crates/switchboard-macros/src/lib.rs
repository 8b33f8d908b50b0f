//! The attributes of Switchboard. Each expands to calls of the public builder that a person could type; each attribute's
//! documentation says which.
//!
//! They are re-exported by `switchboard`, which is what applications depend on. Every attribute is built the same way: parse →
//! model → validate → expand. What is wrong is told all at once, on the tokens that it concerns, and the item itself is always
//! emitted, so that one mistake does not become many.
#![warn(missing_debug_implementations)]

mod emit;
mod fields;
mod gateway;
mod generics;
mod helper;
mod injectable;
mod keys;
mod messages;
mod misplaced;
mod module;
mod stages;
mod wire_error;

use proc_macro::TokenStream;

/// A struct that is a gateway: how it is made, and where it is mounted.
///
/// | key | meaning |
/// |---|---|
/// | `path = "/ws"` | where it is mounted; `/ws` by default |
/// | `version = "1"`, `version = ["1", "2"]` | `/v1` in front of the path, or each of several |
/// | `port = 3006` | listens there, and not on the application's port |
/// | `namespace = Admin` | the marker type of its namespace |
/// | `namespace_by = function` | names the namespace of each client by its request, as the builder's method of this name |
/// | `handlers(Moderation, Votes)` | other providers with [`messages`](macro@messages), whose handlers this gateway has too |
/// | `concurrency = 4` | how many messages of one client are handled at a time |
/// | `public` | no guard is meant to be here, for `App::require_posture(true)` |
/// | `patterns` | frames of message patterns are taken too: see `Gateway::patterns` |
/// | `protocols = ["ocpp1.6"]`, `require_protocol` | the subprotocols of a raw loop, and that there has to be one of them |
/// | `default_format = "switchboard.v1.msgpack"` | the format of clients that offer no subprotocol |
/// | `limits = expr`, `origins = expr`, `compression = expr` | as the builder's methods of these names (the last one behind the feature `deflate`) |
/// | `cancel_on_disconnect` | a handler in flight is dropped when its client disconnects |
/// | `on_init = method`, `on_shutdown = method` | as in [`injectable`](macro@injectable) |
/// | `crate = path` | where `switchboard` is, if not there |
///
/// Fields with `#[inject]` come from the container, the others from `Default`. The handlers are listed by
/// [`messages`](macro@messages).
///
/// ```
/// # use std::sync::{Arc, atomic::AtomicU64};
/// # use switchboard::{gateway, messages};
/// # struct RoomService;
/// #[gateway(path = "/ws")]
/// struct Chat { #[inject] rooms: Arc<RoomService>, seen: AtomicU64 }
/// # #[messages] impl Chat {}
/// ```
/// expands to the struct without `#[inject]`, and
/// ```
/// # use std::sync::{Arc, atomic::AtomicU64};
/// # use switchboard::{di::{Injectable, Provider}, gateway::Mount, messages};
/// # struct RoomService;
/// # struct Chat { rooms: Arc<RoomService>, seen: AtomicU64 }
/// # #[messages] impl Chat {}
/// impl Injectable for Chat {
///     fn provider() -> Provider<Chat> {
///         Provider::fields(|fields| {
///             let rooms = fields.inject::<Arc<RoomService>>("rooms");
///             let seen = fields.defaulted::<AtomicU64>("seen");
///             move |container| Ok(Chat { rooms: rooms.get(container)?, seen: seen.get(container)? })
///         })
///     }
/// }
/// impl Mount for Chat {
///     const PATH: &'static str = "/ws";
/// }
/// ```
///
/// # Stages
/// Below `#[gateway]` may stand `#[use_guards(..)]`, `#[use_interceptors(..)]`, `#[use_pipes(..)]`, `#[use_filters(..)]`, `#[skip(..)]`
/// and `#[public]`, for all messages of the gateway; of a guard its half before the upgrade, too. What they take is said at
/// [`messages`](macro@messages#stages).
///
/// ```
/// # use switchboard::{Error, Handshake, gateway, injectable, messages};
/// # use switchboard::handler::MessageContext;
/// # use switchboard::pipeline::{ConnectGuard, Guard, Trim};
/// # #[injectable] struct Auth;
/// # impl ConnectGuard for Auth { async fn connect(&self, _: &mut Handshake) -> Result<(), Error> { Ok(()) } }
/// # impl Guard for Auth { fn message(&self, _: &MessageContext<'_>) -> Result<(), Error> { Ok(()) } }
/// #[gateway(path = "/ws", version = "1", concurrency = 4)]
/// #[use_guards(Auth)]
/// #[use_pipes(Trim {})]
/// struct Chat;
/// # #[messages] impl Chat {}
/// ```
/// expands to the struct, and
/// ```
/// # use switchboard::{Error, Gateway, Handshake, injectable, messages};
/// # use switchboard::gateway::Mount;
/// # use switchboard::handler::MessageContext;
/// # use switchboard::pipeline::{ConnectGuard, Guard, GuardDef, PipeDef, Trim};
/// # #[injectable] struct Auth;
/// # impl ConnectGuard for Auth { async fn connect(&self, _: &mut Handshake) -> Result<(), Error> { Ok(()) } }
/// # impl Guard for Auth { fn message(&self, _: &MessageContext<'_>) -> Result<(), Error> { Ok(()) } }
/// # #[injectable] struct Chat;
/// # #[messages] impl Chat {}
/// impl Mount for Chat {
///     const PATH: &'static str = "/ws";
///     fn settings(gateway: Gateway<Chat>) -> Gateway<Chat> {
///         gateway
///             .version("1")
///             .concurrency(4)
///             .guard(GuardDef::<Auth>::injected().message().connect()) // the halves that it has
///             .pipe(PipeDef::of(Trim {}))
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn gateway(arguments: TokenStream, item: TokenStream) -> TokenStream {
    gateway::expand(arguments.into(), item.into()).into()
}

/// The handlers and hooks of a gateway, on its `impl` block.
///
/// | on a method | meaning |
/// |---|---|
/// | `#[subscribe_message("event")]` | answers this event |
/// | `#[catch_all]` | answers every event that has no handler of its own |
/// | `#[on_join]` | says who may join which room: a plain `fn(&self, client: &Client, room: &str) -> Result<(), E>` |
/// | `#[on_connect]`, `#[on_disconnect]` | runs when a client comes, when it has gone |
/// | `#[after_init]` | runs once, before anybody connects; its parameters come from the container |
/// | `#[raw]` | the loop of a gateway that owns its socket |
///
/// The other methods are an `async fn(&self, ..)`. Its parameters come in any order: `&Client`, at most one payload (a type that derives
/// `Deserialize`), and extractors. A payload whose type implements garde's `Validate` with context `()` is validated.
///
/// ```
/// # use switchboard::{Client, messages};
/// # type Text = String;
/// # struct Chat;
/// #[messages]
/// impl Chat {
///     #[subscribe_message("shout")]
///     async fn shout(&self, text: Text, client: &Client) -> usize {
///         client.broadcast_to("lobby", "shout", &text).queued
///     }
/// }
/// ```
/// expands to the block without these attributes, and
/// ```
/// # use std::sync::Arc;
/// # use switchboard::handler::{HandlerDef, parts::*};
/// # use switchboard::{Client, Gateway, gateway::Messages};
/// # type Text = String;
/// # struct Chat;
/// # impl Chat {
/// #     async fn shout(&self, text: Text, client: &Client) -> usize { text.len() }
/// # }
/// impl Messages for Chat {
///     fn messages(gateway: Gateway<Chat>) -> Gateway<Chat> {
///         let gateway = gateway.handler("shout", {
///             let parameters = Parameters::of_handler();
///             let validation = (&&Probe::<Text>::new()).__switchboard_validation().without_context();
///             let (text, parameters) = parameters.checked::<Text, _, _, _>(validation);
///             HandlerDef::from_parts(parameters, move |this: Arc<Chat>, cx| {
///                 let (text, client) = (text.read(cx)?, lent::<Client>(cx));
///                 Ok(async move {
///                     let reply = Chat::shout(&this, text, client.get()).await;
///                     match (&&&&type_of(&reply)).__switchboard_shape().value().error().finish(reply) {
///                         Flow::Now(done) => done,
///                         Flow::Later(stream) => stream.await,
///                     }
///                 })
///             })
///         });
///         gateway
///     }
/// }
/// ```
///
/// # Stages
/// Beside `#[subscribe_message]` and `#[catch_all]`, in any order:
///
/// | on a handler | meaning |
/// |---|---|
/// | `#[use_guards(A, B::new(1))]` | whether the message is handled |
/// | `#[use_interceptors(..)]` | what runs around the handler |
/// | `#[use_pipes(..)]` | what the payload goes through before it is read |
/// | `#[use_filters(..)]` | what the client is told of errors |
/// | `#[skip(A, B)]` | leaves out stages of these types of the gateway and the application |
/// | `#[public]` | no guard is meant to be here, for `App::require_posture(true)` |
/// | `#[concurrency(4)]` | how many of these messages of one client are handled at a time |
///
/// A path is a type that the container gives, with its own `#[inject]` fields; it need not be listed in a module. Any other
/// expression is a value: `B::new(1)`, `B { most: 1 }`, `{ SOME_CONST }`.
///
/// ```
/// # use switchboard::{Error, injectable, messages};
/// # use switchboard::handler::MessageContext;
/// # use switchboard::pipeline::Guard;
/// # struct Chat;
/// # #[injectable] struct Auth;
/// # impl Guard for Auth { fn message(&self, _: &MessageContext<'_>) -> Result<(), Error> { Ok(()) } }
/// # struct Role(&'static str);
/// # impl Guard for Role { fn message(&self, _: &MessageContext<'_>) -> Result<(), Error> { Ok(()) } }
/// #[messages]
/// impl Chat {
///     #[subscribe_message("ban")]
///     #[use_guards(Auth, Role("admin"))]
///     async fn ban(&self, who: String) {
///         println!("{who} is out");
///     }
/// }
/// ```
/// expands to `.handler("ban", HandlerDef::from_parts(..).guard(GuardDef::<Auth>::injected().message()).guard(Role("admin")))`.
///
/// # Parameters
/// `#[key("id")]` on a parameter reads one key of the payload in place of the whole, and `#[pipe(A, B)]` lets it go through pipes,
/// from the left to the right; what comes out is validated as a payload is. The expressions are evaluated once.
///
/// ```
/// # use switchboard::messages;
/// # use switchboard::pipeline::{DefaultValue, Trim};
/// # struct Chat;
/// #[messages]
/// impl Chat {
///     #[subscribe_message("page")]
///     async fn page(&self, #[key("room")] #[pipe(Trim)] room: String, #[key("size")] #[pipe(DefaultValue(10))] size: u64) -> String {
///         format!("{size} lines of {room}")
///     }
/// }
/// ```
/// expands to `parameters.key_pipe::<String, ..>(validation, "room", Trim)` where there was `parameters.checked::<String, ..>(validation)`.
///
/// # Streams
/// A handler may return `impl Stream<Item = T>`, or a `Result` of one: each item is a frame. The stream may borrow the gateway.
#[proc_macro_attribute]
pub fn messages(arguments: TokenStream, item: TokenStream) -> TokenStream {
    messages::expand(arguments.into(), item.into()).into()
}

/// A struct that the container makes: fields with `#[inject]` come from the container, the others from `Default`.
///
/// | key | meaning |
/// |---|---|
/// | `scope = "connection"`, `scope = "message"` | one for each client, or for each message, and not one for all |
/// | `on_init = method` | an `async fn(&self)`, or one that returns a `Result`: runs before anybody connects, after the hooks of what is injected |
/// | `on_shutdown = method` | the same, when the application has shut down |
/// | `crate = path` | where `switchboard` is, if not there |
///
/// ```
/// # use std::sync::Mutex;
/// # use switchboard::{Server, injectable};
/// #[injectable]
/// struct Rooms { #[inject] server: Server, history: Mutex<Vec<String>> }
/// ```
/// expands to the struct without `#[inject]`, and
/// ```
/// # use std::sync::Mutex;
/// # use switchboard::{Server, di::{Injectable, Provider}};
/// # struct Rooms { server: Server, history: Mutex<Vec<String>> }
/// impl Injectable for Rooms {
///     fn provider() -> Provider<Rooms> {
///         Provider::fields(|fields| {
///             let server = fields.inject::<Server>("server");
///             let history = fields.defaulted::<Mutex<Vec<String>>>("history");
///             move |container| Ok(Rooms { server: server.get(container)?, history: history.get(container)? })
///         })
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn injectable(arguments: TokenStream, item: TokenStream) -> TokenStream {
    injectable::expand(arguments.into(), item.into()).into()
}

/// A struct that stands for a module: what belongs together, and what of it others may ask for.
///
/// | key | meaning |
/// |---|---|
/// | `imports(A, B)` | modules whose exports can be asked for here |
/// | `providers(..)` | types with `#[injectable]`; `value(expr)`, made at boot; functions of provided things: `factory(f)`, `try_factory(f)`, `async_factory(f)`, `try_async_factory(f)`, `shared(f)` for one that returns an `Arc<dyn Trait>` |
/// | `gateways(..)` | types with `#[gateway]` |
/// | `exports(..)` | providers, or imported modules, that those who import this module may ask for |
/// | `app_guards(..)`, `app_interceptors(..)`, `app_pipes(..)`, `app_filters(..)` | stages around every message of the application; what they take is said at [`messages`](macro@messages#stages) |
/// | `global` | what is exported can be asked for everywhere |
/// | `on_init = f`, `on_shutdown = f` | async functions of the `Container` |
/// | `crate = path` | where `switchboard` is, if not there |
///
/// ```
/// # use switchboard::{gateway, injectable, messages, module};
/// # #[module] struct Database;
/// # #[injectable] struct RoomService;
/// # struct Clock;
/// # impl Clock { fn system() -> Clock { Clock } }
/// # #[gateway] struct Chat;
/// # #[messages] impl Chat {}
/// #[module(imports(Database), providers(RoomService, value(Clock::system())), gateways(Chat), exports(RoomService))]
/// struct ChatModule;
/// ```
/// expands to the struct, and
/// ```
/// # use switchboard::{di::{Module, ModuleDef}, gateway, injectable, messages, module};
/// # #[module] struct Database;
/// # #[injectable] struct RoomService;
/// # struct Clock;
/// # impl Clock { fn system() -> Clock { Clock } }
/// # #[gateway] struct Chat;
/// # #[messages] impl Chat {}
/// # struct ChatModule;
/// impl Module for ChatModule {
///     fn module() -> ModuleDef {
///         ModuleDef::new("ChatModule")
///             .import::<Database>()
///             .provide::<RoomService>()
///             .value_with(|| Clock::system())
///             .gateway::<Chat>()
///             .export::<RoomService>()
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn module(arguments: TokenStream, item: TokenStream) -> TokenStream {
    module::expand(arguments.into(), item.into()).into()
}

/// What a client is told of an error of the application's own: `impl From<X> for switchboard::Error`, so that a handler may
/// return it, and `?` takes it.
///
/// `#[wire(..)]` stands on each variant of an enum, or on a struct; all keys may be left out.
///
/// | key | meaning | without it |
/// |---|---|---|
/// | `code = "too_low"` | the word for programs; also a `switchboard::Code` | the name in snake case: `TooLow` is `too_low`, `NotFound` the code of that name |
/// | `message = "Bid at least {least}"` | the sentence for people, with fields in braces (`{0}` of a tuple) as in `format!` | the error's `Display`, which `thiserror` writes |
/// | `status = 409` | the status over HTTP, where it refuses a connection | that of the code |
/// | `retryable`, `retryable = false` | whether the same request may succeed later | as the code says |
/// | `retry_after = Duration::from_millis(500)` | the client may retry, but not before this time has passed; also the name of a field that is a `Duration` | |
/// | `close = 4001` | the connection is closed too, with this code; also a `CloseCode` or `Close` | |
/// | `internal` | the client is told nothing, the log has the error as the cause; with `message`, that text | |
/// | `transparent` | the only field is an error that is sent in its place | |
///
/// Where the type is a `std::error::Error` it is kept as the [`source`](std::error::Error::source) of what is sent, for filters
/// and the log. On the enum or struct, `#[wire(crate = path)]` says where `switchboard` is, if not there.
///
/// ```
/// use std::time::Duration;
/// use switchboard::WireError;
///
/// #[derive(Debug, WireError)]
/// enum BidError {
///     #[wire(message = "Bid at least {least}", status = 409)]
///     TooLow { least: u64 },
///     #[wire(code = "not_found", message = "The auction has ended")]
///     Closed,
///     #[wire(message = "Too many bids", retry_after = wait)]
///     RateLimited { wait: Duration },
///     #[wire(internal, message = "the database: {0}")]
///     Database(std::io::Error),
///     #[wire(transparent)]
///     Other(switchboard::Error),
/// }
///
/// let error = switchboard::Error::from(BidError::TooLow { least: 50 });
/// assert_eq!((error.code().as_str(), error.message(), error.http_status().as_u16()), ("too_low", "Bid at least 50", 409));
/// let error = switchboard::Error::from(BidError::Database(std::io::Error::other("disk on fire")));
/// assert_eq!((error.message(), &*error.source_chain()), ("Internal error", "the database: disk on fire"));
/// # assert_eq!(switchboard::Error::from(BidError::RateLimited { wait: Duration::from_millis(7) }).retry_delay(), Some(Duration::from_millis(7)));
/// # assert!(!switchboard::Error::from(BidError::Closed).is_retryable());
/// # assert!(switchboard::Error::from(BidError::Other(switchboard::Error::overloaded("x"))).is_retryable());
/// ```
/// Its `TooLow` expands to
/// ```
/// # enum BidError { TooLow { least: u64 } }
/// impl From<BidError> for switchboard::Error {
///     fn from(error: BidError) -> Self {
///         match error {
///             BidError::TooLow { ref least, .. } => {
///                 switchboard::Error::new("too_low", format!("Bid at least {least}", least = least))
///                     .status(switchboard::axum::http::StatusCode::CONFLICT)
///             }
///         }
///     }
/// }
/// ```
#[proc_macro_derive(WireError, attributes(wire))]
pub fn wire_error(item: TokenStream) -> TokenStream {
    wire_error::expand(item.into()).into()
}

macro_rules! helpers {
    ($($(#[$doc:meta])* $name:ident, $place:literal;)*) => {
        $(
            $(#[$doc])*
            #[proc_macro_attribute]
            pub fn $name(_: TokenStream, item: TokenStream) -> TokenStream {
                misplaced::expand(stringify!($name), $place, item.into()).into()
            }
        )*
    };
}
helpers! {
    /// Answers an event: `#[subscribe_message("event")]` on a method, inside of [`messages`](macro@messages).
    subscribe_message, "a method in an `impl` block with `#[messages]`";
    /// Answers every event that has no handler of its own: on a method, inside of [`messages`](macro@messages).
    ///
    /// It takes what a handler takes, and the name as `EventName`:
    /// ```
    /// # use switchboard::{EventName, messages};
    /// # struct Proxy;
    /// #[messages]
    /// impl Proxy {
    ///     #[catch_all]
    ///     async fn forward(&self, event: EventName, text: String) -> String {
    ///         format!("{event}: {text}")
    ///     }
    /// }
    /// ```
    catch_all, "a method in an `impl` block with `#[messages]`";
    /// Runs when a client comes, before its first message: on a method, inside of [`messages`](macro@messages).
    ///
    /// An `Err` refuses the client: it gets the error as `exception`, and a close code that belongs to it: 4501 for
    /// `Error::unauthenticated`, 4505 for an error of the application's own; the table is at `Gateway::on_connect`.
    on_connect, "a method in an `impl` block with `#[messages]`";
    /// Runs when a client has gone: on a method, inside of [`messages`](macro@messages).
    on_disconnect, "a method in an `impl` block with `#[messages]`";
    /// Says who may join which room: on a method, inside of [`messages`](macro@messages).
    ///
    /// It is no `async fn`, for a join does not wait. An `Err` keeps the client out, and `client.join(..).await` returns it.
    /// ```
    /// # use switchboard::{Client, Error, messages};
    /// # struct Chat;
    /// #[messages]
    /// impl Chat {
    ///     #[on_join]
    ///     fn may_join(&self, client: &Client, room: &str) -> Result<(), Error> {
    ///         if room.starts_with("staff/") { Err(Error::forbidden("Staff only")) } else { Ok(()) }
    ///     }
    /// }
    /// ```
    on_join, "a method in an `impl` block with `#[messages]`";
    /// Runs once, before anybody connects: on a method, inside of [`messages`](macro@messages).
    after_init, "a method in an `impl` block with `#[messages]`";
    /// The loop of a gateway that owns its socket: on a method, inside of [`messages`](macro@messages).
    raw, "a method in an `impl` block with `#[messages]`";
    /// Reads one key of the payload: `#[key("id")]` on a parameter, inside of [`messages`](macro@messages#parameters).
    key, "a parameter of a handler, in an `impl` block with `#[messages]`";
    /// What a parameter goes through: `#[pipe(Trim)]` on a parameter, inside of [`messages`](macro@messages#parameters).
    pipe, "a parameter of a handler, in an `impl` block with `#[messages]`";
    /// A field that the container gives: inside of [`injectable`](macro@injectable) and [`gateway`](macro@gateway).
    inject, "a field of a struct with `#[injectable]` or `#[gateway]`";
    /// How many of these messages of one client are handled at a time: `#[concurrency(4)]` on a handler, inside of
    /// [`messages`](macro@messages#stages). Of a gateway it is the key `concurrency = 4`. Replies leave as they are ready.
    /// ```
    /// # use switchboard::messages;
    /// # struct Thumbnails;
    /// #[messages]
    /// impl Thumbnails {
    ///     #[subscribe_message("render")]
    ///     #[concurrency(4)]
    ///     async fn render(&self, page: u32) -> String {
    ///         format!("page {page}")
    ///     }
    /// }
    /// ```
    concurrency, "a handler in an `impl` block with `#[messages]`; of a gateway it is a key";
}

macro_rules! stages {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// On a handler inside of [`messages`](macro@messages#stages), or on a struct below [`gateway`](macro@gateway#stages).
            #[proc_macro_attribute]
            pub fn $name(_: TokenStream, item: TokenStream) -> TokenStream {
                misplaced::expand_stage(stringify!($name), item.into()).into()
            }
        )*
    };
}
stages! {
    /// Who may send a message, or connect: `#[use_guards(Auth, Role::new("admin"))]`.
    /// ```
    /// # use switchboard::{Error, injectable, messages};
    /// use switchboard::handler::MessageContext;
    /// use switchboard::pipeline::Guard;
    ///
    /// #[injectable]
    /// struct Awake;
    /// impl Guard for Awake {
    ///     fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
    ///         if cx.client().is_in("asleep") { Err(Error::forbidden("Wake up first")) } else { Ok(()) }
    ///     }
    /// }
    /// # struct Chat;
    /// #[messages]
    /// impl Chat {
    ///     #[subscribe_message("say")]
    ///     #[use_guards(Awake)]
    ///     async fn say(&self, text: String) -> usize { text.len() }
    /// }
    /// ```
    use_guards;
    /// What runs around handlers: `#[use_interceptors(Timing)]`.
    /// ```
    /// # use switchboard::{Error, Reply, injectable, messages};
    /// use switchboard::pipeline::{Call, Interceptor, Next};
    ///
    /// #[injectable]
    /// struct Boxed;
    /// impl Interceptor for Boxed {
    ///     async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error> {
    ///         next.run().await?.map(|data| [data])
    ///     }
    /// }
    /// # struct Chat;
    /// #[messages]
    /// impl Chat {
    ///     #[subscribe_message("length")]
    ///     #[use_interceptors(Boxed)]
    ///     async fn length(&self, text: String) -> usize { text.len() }
    /// }
    /// ```
    use_interceptors;
    /// What payloads go through before they are read: `#[use_pipes(Shorten { to: 80 })]`.
    /// ```
    /// # use switchboard::messages;
    /// use switchboard::pipeline::Trim;
    /// # struct Chat;
    /// #[messages]
    /// impl Chat {
    ///     #[subscribe_message("length")]
    ///     #[use_pipes(Trim {})]
    ///     async fn length(&self, text: String) -> usize { text.len() }
    /// }
    /// ```
    use_pipes;
    /// What a client is told of errors: `#[use_filters(NotFound)]`.
    /// ```
    /// # use switchboard::{Error, injectable, messages};
    /// use switchboard::pipeline::{Caught, Filter};
    ///
    /// struct NoSuchRoom;
    /// # impl From<NoSuchRoom> for Error { fn from(_: NoSuchRoom) -> Error { Error::not_found("No such room") } }
    /// #[injectable]
    /// struct NotFound;
    /// impl Filter for NotFound {
    ///     type Error = NoSuchRoom;
    ///     fn catch(&self, _: NoSuchRoom, caught: &Caught<'_>) -> Error {
    ///         Error::not_found(format!("{}: there is no such room", caught.event()))
    ///     }
    /// }
    /// # struct Chat;
    /// #[messages]
    /// impl Chat {
    ///     #[subscribe_message("enter")]
    ///     #[use_filters(NotFound)]
    ///     async fn enter(&self, room: String) -> Result<(), NoSuchRoom> { Err(NoSuchRoom) }
    /// }
    /// ```
    use_filters;
    /// Leaves out stages from further out, by their types: `#[skip(Auth)]`.
    ///
    /// Boot refuses to skip what stands nowhere around it.
    /// ```
    /// # use switchboard::{gateway, injectable, messages};
    /// # use switchboard::{Error, handler::MessageContext, pipeline::Guard};
    /// # #[injectable] struct Auth;
    /// # impl Guard for Auth { fn message(&self, _: &MessageContext<'_>) -> Result<(), Error> { Ok(()) } }
    /// #[gateway]
    /// #[use_guards(Auth)]
    /// struct Chat;
    ///
    /// #[messages]
    /// impl Chat {
    ///     #[subscribe_message("time")]
    ///     #[skip(Auth)]
    ///     async fn time(&self) -> u64 { 0 }
    /// }
    /// ```
    skip;
    /// Says that no guard is meant to be here, for `App::require_posture(true)`: `#[public]`.
    /// ```
    /// # use switchboard::messages;
    /// # struct Chat;
    /// #[messages]
    /// impl Chat {
    ///     #[subscribe_message("time")]
    ///     #[public]
    ///     async fn time(&self) -> u64 { 0 }
    /// }
    /// ```
    public;
}
