//! The attributes of Switchboard. Each expands to calls of the public builder that a person could type; each attribute's
//! documentation says which.
//!
//! They are re-exported by `switchboard`, which is what applications depend on. Every attribute is built the same way: parse →
//! model → validate → expand. What is wrong is told all at once, on the tokens that it concerns, and the item itself is always
//! emitted, so that one mistake does not become many.
mod emit;
mod fields;
mod gateway;
mod generics;
mod injectable;
mod keys;
mod messages;
mod misplaced;
mod module;
mod wire_error;

use proc_macro::TokenStream;

/// A struct that is a gateway: how it is made, and where it is mounted.
///
/// | key | meaning |
/// |---|---|
/// | `path = "/ws"` | where it is mounted; `/ws` by default |
/// | `namespace = Admin` | the marker type of its namespace |
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
#[proc_macro_attribute]
pub fn gateway(arguments: TokenStream, item: TokenStream) -> TokenStream {
    gateway::expand(arguments.into(), item.into()).into()
}

/// The handlers and hooks of a gateway, on its `impl` block.
///
/// | on a method | meaning |
/// |---|---|
/// | `#[subscribe_message("event")]` | answers this event |
/// | `#[on_connect]`, `#[on_disconnect]` | runs when a client comes, when it has gone |
/// | `#[after_init]` | runs once, before anybody connects; its parameters come from the container |
/// | `#[raw]` | the loop of a gateway that owns its socket |
///
/// A method is an `async fn(&self, ..)`. Its parameters come in any order: `&Client`, at most one payload (a type that derives
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
///                     (&&type_of(&reply)).__switchboard_shape().value().error().finish(reply)
///                 })
///             })
///         });
///         gateway
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn messages(arguments: TokenStream, item: TokenStream) -> TokenStream {
    messages::expand(arguments.into(), item.into()).into()
}

/// A struct that the container makes: fields with `#[inject]` come from the container, the others from `Default`.
///
/// | key | meaning |
/// |---|---|
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
/// | `retry_after_ms = 500` | not before this time; also the name of a field that is a `u32` | |
/// | `close = 4001` | the connection is closed too, with this code; also a `CloseCode` or `Close` | |
/// | `internal` | the client is told nothing, the log has the error as the cause; with `message`, that text | |
/// | `transparent` | the only field is an error that is sent in its place | |
///
/// Where the type is a `std::error::Error` it is kept as the [`source`](std::error::Error::source) of what is sent, for filters
/// and the log. On the enum or struct, `#[wire(crate = path)]` says where `switchboard` is, if not there.
///
/// ```
/// use switchboard::WireError;
///
/// #[derive(Debug, WireError)]
/// enum BidError {
///     #[wire(message = "Bid at least {least}", status = 409)]
///     TooLow { least: u64 },
///     #[wire(code = "not_found", message = "The auction has ended")]
///     Closed,
///     #[wire(message = "Too many bids", retry_after_ms = wait)]
///     RateLimited { wait: u32 },
///     #[wire(internal, message = "the database: {0}")]
///     Database(std::io::Error),
///     #[wire(transparent)]
///     Other(switchboard::Error),
/// }
///
/// let error = switchboard::Error::from(BidError::TooLow { least: 50 });
/// assert_eq!((error.code().as_str(), error.message(), error.http_status()), ("too_low", "Bid at least 50", 409));
/// let error = switchboard::Error::from(BidError::Database(std::io::Error::other("disk on fire")));
/// assert_eq!((error.message(), &*error.source_chain()), ("Internal error", "the database: disk on fire"));
/// # assert_eq!(switchboard::Error::from(BidError::RateLimited { wait: 7 }).retry_after(), Some(7));
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
///                 switchboard::Error::new("too_low", format!("Bid at least {least}", least = least)).status(409)
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
    ($($name:ident, $place:literal, $doc:literal;)*) => {
        $(
            #[doc = $doc]
            #[proc_macro_attribute]
            pub fn $name(_: TokenStream, item: TokenStream) -> TokenStream {
                misplaced::expand(stringify!($name), $place, item.into()).into()
            }
        )*
    };
}
helpers! {
    subscribe_message, "a method in an `impl` block with `#[messages]`",
        "Answers an event: `#[subscribe_message(\"event\")]` on a method, inside of [`messages`](macro@messages).";
    on_connect, "a method in an `impl` block with `#[messages]`",
        "Runs when a client comes, before its first message: on a method, inside of [`messages`](macro@messages).\n\n\
         An `Err` refuses the client: it gets the error as `exception`, and a close code that belongs to it: 4501 for \
         `Error::unauthenticated`, 4505 for an error of the application's own; the table is at `Gateway::on_connect`.";
    on_disconnect, "a method in an `impl` block with `#[messages]`",
        "Runs when a client has gone: on a method, inside of [`messages`](macro@messages).";
    after_init, "a method in an `impl` block with `#[messages]`",
        "Runs once, before anybody connects: on a method, inside of [`messages`](macro@messages).";
    raw, "a method in an `impl` block with `#[messages]`",
        "The loop of a gateway that owns its socket: on a method, inside of [`messages`](macro@messages).";
    inject, "a field of a struct with `#[injectable]` or `#[gateway]`",
        "A field that the container gives: inside of [`injectable`](macro@injectable) and [`gateway`](macro@gateway).";
}
