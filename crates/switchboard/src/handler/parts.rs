//! A handler put together from parts: what attributes expand to. Each part is checked where it is made, once, so that a
//! mistake is one error on the token that it concerns.
//!
//! ```
//! use std::sync::Arc;
//! use switchboard::handler::HandlerDef;
//! use switchboard::handler::parts::{Parameters, PlainShape as _, ResultShape as _, type_of};
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
//! let shout = HandlerDef::from_parts(parameters, move |this: Arc<Chat>, cx| {
//!     let text = text.read(cx)?;
//!     let client = cx.client().clone();
//!     Ok(async move {
//!         let reply = this.shout(text, &client).await;
//!         (&&type_of(&reply)).__switchboard_shape().value().error().finish(reply)
//!     })
//! });
//! let chat = Gateway::new(Chat).handler("shout", shout);
//! ```
use super::argument::{
    AllowedIn, Context, Decided, FromMessage, Handlers, Kind, MessageContext, Needs, OnConnect, OnDisconnect,
    OwnedSocket, Payload, RawLoop, Reason,
};
use super::reply::{IntoReply, Plain, ReplySink};
use super::{Checks, IntoError};
use crate::di::{Container, FromContainer};
use crate::extract::validate;
use crate::{Client, Error};
use garde::Validate;
use std::convert::Infallible;
use std::marker::PhantomData;

/// No parameter has read the message's `data` yet.
pub enum Unread {}
/// A parameter has read the message's `data`.
pub enum Read {}

/// Holds for a parameter that may follow those before it: at most one reads the message's `data`.
#[diagnostic::on_unimplemented(
    message = "a handler takes at most one payload",
    label = "this is the second parameter that is read from the message's `data`",
    note = "put both into one struct that derives `Deserialize`; extractors such as `ConnState<T>` do not count"
)]
pub trait Follows<Data> {
    /// What holds behind it.
    type Next;
}
impl Follows<Unread> for Payload {
    type Next = Read;
}
impl Follows<Unread> for Decided {
    type Next = Read;
}
macro_rules! free {
    ($($kind:ident)*) => { $(impl<Data> Follows<Data> for $kind { type Next = Data; })* };
}
free! { Context Reason OwnedSocket }

/// Holds for a parameter whose meaning does not depend on what a generic parameter turns out to be.
#[diagnostic::on_unimplemented(
    message = "whether this payload is validated cannot be decided: its type is generic",
    label = "a payload of a generic type",
    note = "write `Valid<T>` (where `T: garde::Validate<Context = ()>`) or `Unchecked<T>`"
)]
pub trait KnownKind: Kind {}
macro_rules! known {
    ($($kind:ident)*) => { $(impl KnownKind for $kind {})* };
}
known! { Decided Context Reason OwnedSocket }

/// Holds for parameters that may stand in a hook or a raw loop.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter in `{Place}`",
    label = "not a parameter of this hook",
    note = "`&Client` and extractors may stand everywhere: `ConnState<T>` (where `T: Default`), `Headers`, `Ext<T>`, `Inject<T>`; a \
            payload only in a handler, for hooks have no message; `DisconnectReason` only in `on_disconnect`; `Socket` only in `raw`"
)]
pub trait StandsIn<Place>: FromMessage {}
#[diagnostic::do_not_recommend]
impl<T: FromMessage, Place> StandsIn<Place> for T where T::Kind: AllowedIn<Place> {}

/// The parameters of a function that stands in `Place`.
pub struct Parameters<Place, Data = Unread> {
    pub(super) needs: Needs,
    marker: PhantomData<fn() -> (Place, Data)>,
}

macro_rules! places {
    ($($name:ident $place:ident $doc:literal;)*) => {
        $(
            impl Parameters<$place> {
                #[doc = $doc]
                pub fn $name() -> Parameters<$place> {
                    Parameters { needs: Needs::default(), marker: PhantomData }
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

/// Refuses what is not valid.
type Check<T> = fn(&T) -> Result<(), Error>;

/// A parameter, and the list behind it.
type With<T, Place, Next> = (Parameter<T>, Parameters<Place, Next>);

// The kinds are generic parameters, and not `T::Kind`: so an error about `T` is told in our words.
impl<Place, Data> Parameters<Place, Data> {
    /// One more parameter that owns its data, taken as it is read. `&Client` is none: see [`lent`].
    pub fn with<T, K, Next>(self) -> With<T, Place, Next>
    where
        T: FromMessage<Kind = K>,
        K: AllowedIn<Place> + Follows<Data, Next = Next>,
    {
        self.push(None)
    }

    /// [`with`](Parameters::with), where `T` is validated if it can be: see [`Probe`].
    pub fn checked<T, C, K, Next>(self, validation: Validation<T, C>) -> With<T, Place, Next>
    where
        T: FromMessage<Kind = K>,
        K: AllowedIn<Place> + Follows<Data, Next = Next>,
    {
        self.push(validation.check)
    }

    /// [`with`](Parameters::with), in a hook or a raw loop, which have no payload.
    pub fn in_hook<T: StandsIn<Place>>(self) -> With<T, Place, Data> {
        self.push(None)
    }

    /// [`with`](Parameters::with), where `T` depends on a generic parameter.
    pub fn generic<T, K, Next>(self) -> With<T, Place, Next>
    where
        T: FromMessage<Kind = K>,
        K: AllowedIn<Place> + Follows<Data, Next = Next> + KnownKind,
    {
        self.push(None)
    }

    fn push<T: FromMessage, Next>(mut self, check: Option<Check<T>>) -> With<T, Place, Next> {
        let before = self.needs.payload.take();
        T::needs(&mut self.needs);
        if let (Some(_), Some(payload)) = (check, &mut self.needs.payload) {
            payload.checks = Checks::Validated;
        }
        self.needs.payload = self.needs.payload.or(before);
        (Parameter { read: T::from_message, check }, Parameters { needs: self.needs, marker: PhantomData })
    }
}

/// One parameter.
pub struct Parameter<T> {
    read: fn(&MessageContext<'_>) -> Result<T, Error>,
    check: Option<Check<T>>,
}

impl<T> Parameter<T> {
    /// Reads it, and validates it if it is to be validated.
    pub fn read(&self, cx: &MessageContext<'_>) -> Result<T, Error> {
        let value = (self.read)(cx)?;
        if let Some(check) = self.check {
            check(&value)?;
        }
        Ok(value)
    }
}

/// Asks whether `T` can be validated: `(&&Probe::<T>::new()).__switchboard_validation()`, by [`ByValidate`] if `T` implements
/// garde's `Validate`, otherwise by [`ByNothing`]. The method has a name that no trait of an application has for every type.
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// A probe.
    #[allow(clippy::new_without_default, reason = "a probe is not a value")]
    pub fn new() -> Probe<T> {
        Probe(PhantomData)
    }
}

/// How a `T` is validated, with a context `C`; `C` is `()` where it is not validated.
pub struct Validation<T, C> {
    check: Option<Check<T>>,
    marker: PhantomData<fn() -> C>,
}

/// See [`Probe`].
pub trait ByValidate {
    /// What is validated.
    type Value;
    /// What its validation asks for.
    type Context;
    /// How.
    fn __switchboard_validation(&self) -> NeedsContext<Self::Value, Self::Context>;
}
impl<T: Validate> ByValidate for &Probe<T> {
    type Value = T;
    type Context = T::Context;

    fn __switchboard_validation(&self) -> NeedsContext<T, T::Context> {
        NeedsContext(PhantomData)
    }
}

/// See [`Probe`].
pub trait ByNothing {
    /// What is not validated.
    type Value;
    /// How.
    fn __switchboard_validation(&self) -> Unvalidated<Self::Value>;
}
impl<T> ByNothing for Probe<T> {
    type Value = T;

    fn __switchboard_validation(&self) -> Unvalidated<T> {
        Unvalidated(PhantomData)
    }
}

/// A validation that asks for a context.
pub struct NeedsContext<T, C>(PhantomData<fn() -> (T, C)>);
/// No validation.
pub struct Unvalidated<T>(PhantomData<fn() -> T>);

/// Holds for the context that every payload can be validated with: `()`.
#[diagnostic::on_unimplemented(
    message = "the validation of this payload asks for a context `{Self}`, which nobody gives it",
    label = "this payload cannot be validated by itself",
    note = "take `Unchecked<T>` and validate it in the handler with its context, or let its `Validate` have the context `()`"
)]
pub trait NoContext: Sized {
    #[doc(hidden)]
    fn check<T: Validate<Context = Self>>(value: &T) -> Result<(), Error>;
}
impl NoContext for () {
    fn check<T: Validate<Context = ()>>(value: &T) -> Result<(), Error> {
        validate(value)
    }
}

impl<T: Validate<Context = C>, C> NeedsContext<T, C> {
    /// Insists on the context `()`.
    pub fn without_context(self) -> Validation<T, C>
    where
        C: NoContext,
    {
        Validation { check: Some(C::check::<T>), marker: PhantomData }
    }
}

impl<T> Unvalidated<T> {
    /// There is none.
    pub fn without_context(self) -> Validation<T, ()> {
        Validation { check: None, marker: PhantomData }
    }
}

/// The type of what is returned: see [`type_of`].
pub struct TypeOf<R>(PhantomData<fn() -> R>);

/// Asks what is returned: `(&&type_of(&reply)).__switchboard_shape()`, by [`ResultShape`] if it is a `Result`, otherwise by
/// [`PlainShape`].
pub fn type_of<R>(_: &R) -> TypeOf<R> {
    TypeOf(PhantomData)
}

/// How a `Result` is returned: see [`type_of`].
pub trait ResultShape {
    /// What `Ok` holds.
    type Value;
    /// What `Err` holds.
    type Error;
    /// The shape.
    fn __switchboard_shape(&self) -> Fallible<Self::Value, Self::Error>;
}
impl<T, E> ResultShape for &TypeOf<Result<T, E>> {
    type Value = T;
    type Error = E;

    fn __switchboard_shape(&self) -> Fallible<T, E> {
        Fallible(PhantomData)
    }
}

/// How everything but a `Result` is returned: see [`type_of`].
pub trait PlainShape {
    /// The value.
    type Value;
    /// The shape.
    fn __switchboard_shape(&self) -> Infallibly<Self::Value>;
}
impl<T> PlainShape for TypeOf<T> {
    type Value = T;

    fn __switchboard_shape(&self) -> Infallibly<T> {
        Infallibly(PhantomData)
    }
}

/// The shape of a `Result`, nothing of it checked.
pub struct Fallible<T, E>(PhantomData<fn() -> (T, E)>);
/// The shape of a value that is no `Result`, not checked.
pub struct Infallibly<T>(PhantomData<fn() -> T>);

type Write<T> = fn(T, &mut ReplySink<'_>);

fn write<T: IntoReply<Plain, Err = Infallible>>(value: T, sink: &mut ReplySink<'_>) {
    match value.into_reply(sink) {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

fn write_nothing<T>(_: T, _: &mut ReplySink<'_>) {}

/// What a value may be that is sent as a reply.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a reply",
    label = "cannot be returned by a handler",
    note = "return `()`, a type that derives `serde::Serialize`, `Option`, `Reply`, or `Result<_, E>` where \
            `E: Into<switchboard::Error>`"
)]
pub trait ReplyValue: IntoReply<Plain, Err = Infallible> {}
#[diagnostic::do_not_recommend]
impl<T: IntoReply<Plain, Err = Infallible>> ReplyValue for T {}

/// What a hook returns.
#[diagnostic::on_unimplemented(
    message = "a hook cannot return `{Self}`",
    label = "a hook has nobody to reply to",
    note = "return `()`, or `Result<(), E>` where `E: Into<switchboard::Error>`"
)]
pub trait NoValue {}
impl NoValue for () {}

impl<T, E> Fallible<T, E> {
    /// The value can be a reply.
    pub fn value(self) -> Checked<T, E, ()>
    where
        T: ReplyValue,
    {
        Checked { write: write::<T>, convert: (), marker: PhantomData }
    }

    /// The value is none.
    pub fn nothing(self) -> Checked<T, E, ()>
    where
        T: NoValue,
    {
        Checked { write: write_nothing::<T>, convert: (), marker: PhantomData }
    }
}

impl<T> Infallibly<T> {
    /// The value can be a reply.
    pub fn value(self) -> CheckedValue<T>
    where
        T: ReplyValue,
    {
        CheckedValue { write: write::<T> }
    }

    /// The value is none.
    pub fn nothing(self) -> CheckedValue<T>
    where
        T: NoValue,
    {
        CheckedValue { write: write_nothing::<T> }
    }
}

/// A `Result` whose value, and then whose error, is checked.
pub struct Checked<T, E, C> {
    write: Write<T>,
    convert: C,
    marker: PhantomData<fn() -> E>,
}

impl<T, E> Checked<T, E, ()> {
    /// The error says what a client is told.
    pub fn error(self) -> Checked<T, E, fn(E) -> Error>
    where
        E: IntoError,
    {
        Checked { write: self.write, convert: E::into_error, marker: PhantomData }
    }
}

impl<T, E> Checked<T, E, fn(E) -> Error> {
    /// What is returned.
    pub fn finish(self, returned: Result<T, E>) -> Result<Returned<T>, Error> {
        match returned {
            Ok(value) => Ok(Returned { value, write: self.write }),
            Err(error) => Err((self.convert)(error)),
        }
    }
}

/// A value that is no `Result`, checked.
pub struct CheckedValue<T> {
    write: Write<T>,
}

impl<T> CheckedValue<T> {
    /// There is no error.
    pub fn error(self) -> CheckedValue<T> {
        self
    }

    /// What is returned.
    pub fn finish(self, value: T) -> Result<Returned<T>, Error> {
        Ok(Returned { value, write: self.write })
    }
}

/// What a handler has returned, ready to be written.
pub struct Returned<T> {
    value: T,
    write: Write<T>,
}

impl<T> Returned<T> {
    pub(super) fn write(self, sink: &mut ReplySink<'_>) {
        (self.write)(self.value, sink);
    }
}

/// What is lent to a handler for the time of its call: `&Client`, and nothing else.
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

/// What is lent, for as long as the call lasts.
pub struct Loan<T: ?Sized> {
    client: Client,
    lend: fn(&Client) -> &T,
}

/// Takes what is lent.
pub fn lent<T: Lent + ?Sized>(cx: &MessageContext<'_>) -> Loan<T> {
    Loan { client: cx.client().clone(), lend: T::of }
}

impl<T: ?Sized> Loan<T> {
    /// What is lent.
    pub fn get(&self) -> &T {
        (self.lend)(&self.client)
    }
}

/// What an after-init hook takes out of the container.
pub fn taken<T: FromContainer>(container: &Container) -> Result<T, Error> {
    Ok(T::from_container(container)?)
}
