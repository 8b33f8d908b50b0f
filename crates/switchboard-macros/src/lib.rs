//! The attributes of Switchboard. Each expands to calls of the public builder; each attribute's documentation says
//! which. Where the builder would type-check a handler as a whole, they call `switchboard::__private`, which
//! type-checks each part once, on its own token.
//!
//! They are re-exported by `switchboard`, the crate that applications depend on. Every attribute is built in the same way: parse → model →
//! validate → expand. All errors are reported at once, each on the tokens that it concerns, and the item itself is always emitted, so that one
//! mistake does not cause other errors. The documentation of the larger attributes is in `docs/`.
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

#[doc = include_str!("../docs/gateway.md")]
#[proc_macro_attribute]
pub fn gateway(arguments: TokenStream, item: TokenStream) -> TokenStream {
    gateway::expand(arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/messages.md")]
#[proc_macro_attribute]
pub fn messages(arguments: TokenStream, item: TokenStream) -> TokenStream {
    messages::expand(arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/injectable.md")]
#[proc_macro_attribute]
pub fn injectable(arguments: TokenStream, item: TokenStream) -> TokenStream {
    injectable::expand(arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/module.md")]
#[proc_macro_attribute]
pub fn module(arguments: TokenStream, item: TokenStream) -> TokenStream {
    module::expand(arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/wire_error.md")]
#[proc_macro_derive(WireError, attributes(wire))]
pub fn wire_error(item: TokenStream) -> TokenStream {
    wire_error::expand(item.into()).into()
}

macro_rules! helpers {
    ($($(#[$doc:meta])* $name:ident, $home:literal;)*) => {
        $(
            $(#[$doc])*
            #[proc_macro_attribute]
            pub fn $name(_: TokenStream, item: TokenStream) -> TokenStream {
                misplaced::expand(stringify!($name), $home, item.into()).into()
            }
        )*
    };
}
helpers! {
    /// Makes a method the handler of an event: `#[subscribe_message("event")]`, inside of [`messages`](macro@messages).
    subscribe_message, "a method in an `impl` block with `#[messages]`";
    /// Makes a method the handler of every event without a handler of its own, inside of [`messages`](macro@messages).
    ///
    /// It takes the same parameters as any handler; `EventName` is the name of the event:
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
    /// Makes a method a hook that runs when a client has connected, before its first message, inside of [`messages`](macro@messages).
    ///
    /// An `Err` refuses the client: it gets the error as `exception`, and the close code of the error: 4501 for
    /// `Error::unauthenticated`, 4505 for an error of the application's own; the table is at `Gateway::on_connect`.
    on_connect, "a method in an `impl` block with `#[messages]`";
    /// Makes a method a hook that runs after a client has disconnected, inside of [`messages`](macro@messages).
    on_disconnect, "a method in an `impl` block with `#[messages]`";
    /// Makes a method a hook that decides which client may join which room, inside of [`messages`](macro@messages).
    ///
    /// It is not an `async fn`, because a join does not wait. An `Err` keeps the client out, and `client.join(..).await` returns it.
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
    /// Makes a method a hook that runs once, before any client connects, inside of [`messages`](macro@messages).
    after_init, "a method in an `impl` block with `#[messages]`";
    /// Makes a method the loop of a gateway that owns its socket, inside of [`messages`](macro@messages).
    raw, "a method in an `impl` block with `#[messages]`";
    /// Reads a parameter from one key of the payload: `#[key("id")]`, inside of [`messages`](macro@messages#parameters).
    key, "a parameter of a handler, in an `impl` block with `#[messages]`";
    /// Passes a parameter through pipes: `#[pipe(Trim)]`, inside of [`messages`](macro@messages#parameters).
    pipe, "a parameter of a handler, in an `impl` block with `#[messages]`";
    /// Fills a field from the container, inside of [`injectable`](macro@injectable) and [`gateway`](macro@gateway).
    inject, "a field of a struct with `#[injectable]` or `#[gateway]`";
    /// Sets how many of these messages of one client are handled at the same time: `#[concurrency(4)]` on a handler,
    /// inside of [`messages`](macro@messages#stages). A gateway has the key `concurrency = 4`. Replies are sent as they
    /// become ready.
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
    concurrency, "a handler in an `impl` block with `#[messages]`; for a gateway it is a key";
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
    /// Adds guards, which decide who may send a message, or connect: `#[use_guards(Auth, Role::new("admin"))]`.
    /// ```
    /// # use switchboard::{Error, injectable, messages};
    /// use switchboard::handler::MessageContext;
    /// use switchboard::pipeline::Guard;
    ///
    /// #[injectable]
    /// struct Awake;
    /// impl Guard for Awake {
    ///     fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
    ///         if cx.client().is_some_and(|client| client.is_in("asleep")) { Err(Error::forbidden("Wake up first")) } else { Ok(()) }
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
    /// Adds interceptors, which run around handlers: `#[use_interceptors(Timing)]`.
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
    /// Adds pipes, which payloads go through before they are parsed: `#[use_pipes(Shorten { to: 80 })]`.
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
    /// Adds filters, which decide what a client is told of errors: `#[use_filters(NotFound)]`.
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
    /// Leaves out stages of the gateway or the application, by their types: `#[skip(Auth)]`.
    ///
    /// Boot refuses to skip a stage that neither of them has.
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
    /// Marks a handler or gateway that has no guard on purpose, for `App::require_posture(true)`: `#[public]`.
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
