//! Handlers assembled from parts, which the attributes expand to. Each part is type-checked once, where it is created,
//! so a mistake is one error at the token that caused it.
//!
//! ```
//! use std::sync::Arc;
//! use switchboard::__private::parts::{Flow, Parameters, PlainShape as _, ResultShape as _, handler, type_of};
//! use switchboard::handler::FromMessage;
//! use switchboard::{Client, Gateway};
//!
//! struct Chat;
//! impl Chat {
//!     async fn shout(&self, text: String, client: &Client) -> usize {
//!         client.broadcast_to("lobby", "shout", &text).queued
//!     }
//! }
//!
//! let (text, parameters) = Parameters::of_handler().with::<String, _, _>();
//! let shout = handler(parameters, move |this: Arc<Chat>, cx| {
//!     let text = text.read(cx)?;
//!     let client = Client::from_message(cx)?;
//!     Ok(async move {
//!         let reply = this.shout(text, &client).await;
//!         match (&&&&type_of(&reply)).__switchboard_shape().value().error().finish(reply) {
//!             Flow::Now(done) => done,
//!             Flow::Later(stream) => stream.await,
//!         }
//!     })
//! });
//! let chat = Gateway::new(Chat).handler("shout", shout);
//! ```
#![allow(missing_debug_implementations, reason = "only expansions name these types")]
use super::Checks;
use super::argument::{
    AllowedIn, Beside, Context, Decided, FromMessage, Handlers, Kind, Late, MessageContext, OnConnect, OnDisconnect,
    OwnedSocket, Payload, RawLoop, Reason, Requirements,
};
pub use super::hook::hook;
pub use super::invocation::handler;
pub use super::returned::*;
pub use super::returned_shape::*;
pub use super::validation::*;
use crate::di::{Container, FromContainer};
use crate::pipeline::parts::Makes;
use crate::{Client, Error};
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// No parameter has read the message's `data` yet.
pub enum Unread {}
/// A parameter has read the message's `data`.
pub enum Whole {}
/// Parameters have read keys of the message's `data`.
pub enum Read {}
/// As `Data`, and an [`Ack`](crate::Ack) replies.
pub struct Answered<Data>(PhantomData<Data>);

impl<R> Beside<R> for Unread {}
impl<R> Beside<R> for Whole {}
impl<R> Beside<R> for Read {}
impl<Data> Beside<()> for Answered<Data> {}
impl<Data, E> Beside<Result<(), E>> for Answered<Data> {}

/// A marker for whether the returned value or an `Ack` is the reply.
pub struct Answers<Data>(PhantomData<fn() -> Data>);

impl<Data> Clone for Answers<Data> {
    fn clone(&self) -> Answers<Data> {
        *self
    }
}
impl<Data> Copy for Answers<Data> {}

/// Rejects a return value that would be lost because an `Ack` replies.
pub fn beside<R, Data: Beside<R>>(_: &R, _: Answers<Data>) {}

/// Implemented for types that can be read from one key of the message's `data`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a key of the message's `data`",
    label = "not a part of a payload",
    note = "derive `serde::Deserialize` for it; an extractor is read from elsewhere, and stands without a key"
)]
pub trait KeyValue: DeserializeOwned + Send + 'static {}
#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Send + 'static> KeyValue for T {}

/// Implemented if a key of the message's `data` can be read after the parameters so far. Further keys can follow.
#[diagnostic::on_unimplemented(
    message = "a handler takes a payload, or keys of it",
    label = "another parameter of this handler takes the message's whole `data`",
    note = "put a field for it into the payload's struct"
)]
pub trait BeforeKey {
    /// The state after it.
    type Next;
}
impl BeforeKey for Unread {
    type Next = Read;
}
impl BeforeKey for Read {
    type Next = Read;
}
impl<Data: BeforeKey> BeforeKey for Answered<Data> {
    type Next = Answered<Data::Next>;
}

/// Implemented for a parameter that may follow the previous ones: at most one reads the message's `data`.
#[diagnostic::on_unimplemented(
    message = "a handler takes at most one payload",
    label = "this is the second parameter that is read from the message's `data`",
    note = "put both into one struct that derives `Deserialize`; extractors such as `ConnState<T>` do not count"
)]
pub trait Follows<Data> {
    /// The state after it.
    type Next;
}
impl Follows<Unread> for Payload {
    type Next = Whole;
}
impl Follows<Unread> for Decided {
    type Next = Whole;
}
impl<Data> Follows<Answered<Data>> for Payload
where
    Payload: Follows<Data>,
{
    type Next = Answered<<Payload as Follows<Data>>::Next>;
}
impl<Data> Follows<Answered<Data>> for Decided
where
    Decided: Follows<Data>,
{
    type Next = Answered<<Decided as Follows<Data>>::Next>;
}
impl<Data> Follows<Data> for Late {
    type Next = Answered<Data>;
}
macro_rules! free {
    ($($kind:ident)*) => { $(impl<Data> Follows<Data> for $kind { type Next = Data; })* };
}
free! { Context Reason OwnedSocket }

/// Implemented for a parameter whose meaning does not depend on a generic parameter.
#[diagnostic::on_unimplemented(
    message = "whether this payload is validated cannot be decided: its type is generic",
    label = "a payload of a generic type",
    note = "write `Valid<T>` (where `T: garde::Validate<Context = ()>`) or `Unchecked<T>`"
)]
pub trait KnownKind: Kind {}
macro_rules! known {
    ($($kind:ident)*) => { $(impl KnownKind for $kind {})* };
}
known! { Decided Context Late Reason OwnedSocket }

/// Implemented for parameters that are allowed in a hook or a raw loop.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter in `{Place}`",
    label = "not a parameter of this hook",
    note = "`&Client` and extractors may stand everywhere: `ConnState<T>` (where `T: Default`), `Headers`, `Ext<T>`, `Inject<T>`; a \
            payload and `Ack` only in a handler, for hooks have no message; `DisconnectReason` only in `on_disconnect`; `Socket` \
            only in `raw`"
)]
pub trait StandsIn<Place>: FromMessage {}
#[diagnostic::do_not_recommend]
impl<T: FromMessage, Place> StandsIn<Place> for T where T::Kind: AllowedIn<Place> {}

/// The parameters of a function in `Place`, as far as they are added.
pub struct Parameters<Place, Data = Unread> {
    pub(super) requirements: Requirements,
    marker: PhantomData<fn() -> (Place, Data)>,
}

macro_rules! places {
    ($($name:ident $place:ident $doc:literal;)*) => {
        $(
            impl Parameters<$place> {
                #[doc = $doc]
                pub fn $name() -> Parameters<$place> {
                    Parameters { requirements: Requirements::default(), marker: PhantomData }
                }
            }
        )*
    };
}
places! {
    of_handler Handlers "Of a message's handler.";
    of_on_connect OnConnect "Of an on-connect hook.";
    of_on_disconnect OnDisconnect "Of an on-disconnect hook.";
    of_raw RawLoop "Of a raw gateway's loop.";
}

/// A parameter, and the list after it.
type With<T, Place, Next> = (Parameter<T>, Parameters<Place, Next>);

// The kinds are generic parameters instead of `T::Kind`, so that the compiler shows our own message for an error about
// `T`.
impl<Place, Data> Parameters<Place, Data> {
    /// Adds a parameter that owns its data. Not for `&Client`: see [`lent`].
    pub fn with<T, K, Next>(self) -> With<T, Place, Next>
    where
        T: FromMessage<Kind = K>,
        K: AllowedIn<Place> + Follows<Data, Next = Next>,
    {
        self.push(None)
    }

    /// Returns whether the returned value or an `Ack` replies, for [`beside`].
    pub fn answers(&self) -> Answers<Data> {
        Answers(PhantomData)
    }

    /// Like [`with`](Parameters::with), and validates `T` if it can be validated: see [`Probe`].
    pub fn checked<T, C, K, Next>(self, validation: Validation<T, C>) -> With<T, Place, Next>
    where
        T: FromMessage<Kind = K>,
        K: AllowedIn<Place> + Follows<Data, Next = Next>,
    {
        self.push(validation.check)
    }

    /// Like [`with`](Parameters::with), for a hook or a raw loop, which have no payload.
    pub fn in_hook<T: StandsIn<Place>>(self) -> With<T, Place, Data> {
        self.push(None)
    }

    /// Like [`with`](Parameters::with), for a `T` that depends on a generic parameter.
    pub fn generic<T, K, Next>(self) -> With<T, Place, Next>
    where
        T: FromMessage<Kind = K>,
        K: AllowedIn<Place> + Follows<Data, Next = Next> + KnownKind,
    {
        self.push(None)
    }

    /// Adds a parameter that is read from one key of the message's `data`. There may be several of them instead of a
    /// payload.
    pub fn key<T, C, Next>(mut self, validation: Validation<T, C>, key: &'static str) -> With<T, Place, Next>
    where
        T: KeyValue,
        Data: BeforeKey<Next = Next>,
        Payload: AllowedIn<Place>,
    {
        self.requirements.note_key::<T>(validation.check.is_some());
        let check = validation.check;
        let read = move |cx: &MessageContext<'_>| {
            let value = cx.key(key)?;
            checked(value, check).map_err(|error| error.at_key(key))
        };
        self.read(Box::new(read), None)
    }

    /// Adds a parameter that a pipe produces from the message's `data`.
    pub fn pipe<T, C, P, Next>(mut self, validation: Validation<T, C>, pipe: P) -> With<T, Place, Next>
    where
        T: Send + 'static,
        P: Makes<T>,
        Payload: AllowedIn<Place> + Follows<Data, Next = Next>,
    {
        self.requirements.note_payload::<T>(if validation.check.is_some() { Checks::Validated } else { Checks::None });
        let read = Box::new(move |cx: &MessageContext<'_>| pipe.transform(cx.payload()?, cx));
        self.read(read, validation.check)
    }

    /// Adds a parameter that a pipe produces from one key of the message's `data`.
    pub fn key_pipe<T, C, P, Next>(
        mut self,
        validation: Validation<T, C>,
        key: &'static str,
        pipe: P,
    ) -> With<T, Place, Next>
    where
        T: Send + 'static,
        P: Makes<T>,
        Data: BeforeKey<Next = Next>,
        Payload: AllowedIn<Place>,
    {
        self.requirements.note_key::<T>(validation.check.is_some());
        let check = validation.check;
        let read = move |cx: &MessageContext<'_>| {
            let value = pipe.transform(cx.key(key)?, cx).map_err(|error| error.at_key(key))?;
            checked(value, check).map_err(|error| error.at_key(key))
        };
        self.read(Box::new(read), None)
    }

    fn read<T, Next>(self, read: ReadBoxed<T>, check: Option<Check<T>>) -> With<T, Place, Next> {
        (
            Parameter { read: How::Boxed(read), check },
            Parameters { requirements: self.requirements, marker: PhantomData },
        )
    }

    fn push<T: FromMessage, Next>(mut self, check: Option<Check<T>>) -> With<T, Place, Next> {
        let before = self.requirements.payload.take();
        T::requirements(&mut self.requirements);
        if let (Some(_), Some(payload)) = (check, &mut self.requirements.payload) {
            payload.checks = Checks::Validated;
        }
        self.requirements.payload = self.requirements.payload.or(before);
        (
            Parameter { read: How::Plain(T::from_message), check },
            Parameters { requirements: self.requirements, marker: PhantomData },
        )
    }
}

/// One parameter.
pub struct Parameter<T> {
    read: How<T>,
    check: Option<Check<T>>,
}

fn checked<T>(value: T, check: Option<Check<T>>) -> Result<T, Error> {
    if let Some(check) = check {
        check(&value)?;
    }
    Ok(value)
}

type ReadBoxed<T> = Box<dyn Fn(&MessageContext<'_>) -> Result<T, Error> + Send + Sync>;

enum How<T> {
    Plain(fn(&MessageContext<'_>) -> Result<T, Error>),
    /// Reads a key, or runs a pipe.
    Boxed(ReadBoxed<T>),
}

impl<T> Parameter<T> {
    /// Reads the parameter, and validates it if it has a validation.
    pub fn read(&self, cx: &MessageContext<'_>) -> Result<T, Error> {
        let value = match &self.read {
            How::Plain(read) => read(cx)?,
            How::Boxed(read) => read(cx)?,
        };
        checked(value, self.check)
    }
}

/// Implemented for types that are lent to a handler for the duration of its call: only for [`Client`].
#[diagnostic::on_unimplemented(
    message = "`&{Self}` is not lent to handlers and hooks",
    label = "only `&Client` is lent",
    note = "a payload owns its data: `String`, not `&str`; extractors are taken by value"
)]
pub trait Lent {
    #[doc(hidden)]
    fn of(client: &Client) -> &Self;
}
impl Lent for Client {
    fn of(client: &Client) -> &Client {
        client
    }
}

/// A value that can be lent for the duration of a call.
pub struct Loan<T: ?Sized> {
    client: Client,
    lend: fn(&Client) -> &T,
}

/// Returns the loan for a message.
pub fn lent<T: Lent + ?Sized>(cx: &MessageContext<'_>) -> Loan<T> {
    Loan { client: cx.caller().connected().clone(), lend: T::of }
}

impl<T: ?Sized> Loan<T> {
    /// Returns the borrowed value.
    pub fn get(&self) -> &T {
        (self.lend)(&self.client)
    }
}

/// Resolves a parameter of an after-init hook from the container.
pub fn taken<T: FromContainer>(container: &Container) -> Result<T, Error> {
    Ok(T::from_container(container)?)
}
