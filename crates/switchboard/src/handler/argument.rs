//! Parameters of handlers and hooks.
use crate::codec::{Data, Id};
use crate::di::{Container, Dependency, FromContainer, MessageScope, late, scope};
use crate::handler::{Attempt, Caller};
use crate::hub::{Endpoint, ReplyTo};
use crate::{Client, DisconnectReason, Error, Handshake};
use serde::de::DeserializeOwned;
use std::any::TypeId;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// The kind of a parameter that is read from the message's `data`.
#[derive(Debug)]
pub enum Payload {}
/// The kind of a payload that says itself whether it is validated: `Valid<T>`, `Unchecked<T>`.
#[derive(Debug)]
pub enum Decided {}
/// The kind of a parameter that is read from the connection or the message's surroundings: extractors.
#[derive(Debug)]
pub enum Context {}
/// The kind of [`Ack`](crate::Ack), which answers in place of what is returned.
#[derive(Debug)]
pub enum Late {}
/// The kind of [`DisconnectReason`].
#[derive(Debug)]
pub enum Reason {}
/// The kind of [`Socket`](crate::Socket).
#[derive(Debug)]
pub enum OwnedSocket {}

/// [`Payload`], [`Decided`], [`Context`], [`Late`], [`Reason`] or [`OwnedSocket`]: it decides where a parameter may stand.
pub trait Kind: sealed::Sealed {
    /// The kind without the difference between [`Payload`] and [`Decided`].
    type Plain: Kind;
}

/// `Gateway::on`.
#[derive(Debug)]
pub enum Handlers {}
/// `Gateway::on_connect`.
#[derive(Debug)]
pub enum OnConnect {}
/// `Gateway::on_disconnect`.
#[derive(Debug)]
pub enum OnDisconnect {}
/// `Gateway::raw`.
#[derive(Debug)]
pub enum RawLoop {}

/// Holds where a parameter of this kind may stand.
#[diagnostic::on_unimplemented(
    message = "a parameter of the kind `{Self}` cannot stand in `{Place}`",
    label = "a parameter of this function does not belong here",
    note = "extractors may stand everywhere; a payload and `Ack` only in a handler, for hooks have no message; `DisconnectReason` \
            only in `on_disconnect`; `Socket` only in `raw`"
)]
pub trait AllowedIn<Place>: Kind {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! kinds {
    ($($kind:ident: $plain:ident in $($place:ident)*;)*) => {
        $(
            impl Kind for $kind {
                type Plain = $plain;
            }
            impl sealed::Sealed for $kind {}
            $(impl AllowedIn<$place> for $kind {})*
        )*
    };
}
kinds! {
    Payload: Payload in Handlers;
    Decided: Payload in Handlers;
    Context: Context in Handlers OnConnect OnDisconnect RawLoop;
    Late: Late in Handlers;
    Reason: Reason in OnDisconnect;
    OwnedSocket: OwnedSocket in RawLoop;
}

/// Holds where a handler with a parameter of this kind may return an `R`.
#[diagnostic::on_unimplemented(
    message = "this handler returns `{R}` beside an `Ack`, and nobody would get it",
    label = "`Ack` answers; return `()` or `Result<(), E>`",
    note = "send the value by `ack.send(..)`, or leave out the `Ack` and return it"
)]
pub trait Beside<R> {}
macro_rules! beside {
    ($($kind:ident)*) => { $(impl<R> Beside<R> for $kind {})* };
}
beside! { Payload Decided Context Reason OwnedSocket }
impl Beside<()> for Late {}
impl<E> Beside<Result<(), E>> for Late {}

/// What a handler's parameters are read from.
pub struct MessageContext<'a> {
    pub(crate) caller: Caller<'a>,
    pub(crate) event: &'a str,
    pub(crate) parts: &'a Parts<'a>,
    pub(crate) reason: Option<&'a DisconnectReason>,
    pub(crate) attempt: &'a Attempt,
    /// What the application provides; none before the gateway is mounted.
    pub(crate) container: Option<&'a Arc<Container>>,
    /// Where the services of this message are.
    pub(crate) scope: &'a MessageScope,
}

/// What a message has, besides its event.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) data: Data<'a>,
    /// What came beside the payload.
    pub(crate) meta: Data<'a>,
    pub(crate) id: Option<&'a Id<'a>>,
    /// How it is answered.
    pub(crate) reply_to: ReplyTo,
}

impl Parts<'static> {
    /// Those of a hook, which has no message.
    pub(crate) const NONE: &'static Parts<'static> =
        &Parts { data: Data::NOTHING, meta: Data::NOTHING, id: None, reply_to: ReplyTo::Nothing };
}

impl<'a> MessageContext<'a> {
    /// The sender of the message; in a hook, the client that it is about.
    pub fn caller(&self) -> Caller<'a> {
        self.caller
    }

    /// The connected client that sent the message; `None` where the sender is no client: see [`Caller`].
    pub fn client(&self) -> Option<&'a Client> {
        self.caller.client()
    }

    /// The event's name; "" in a hook.
    pub fn event(&self) -> &'a str {
        self.event
    }

    /// The id that the answer will carry; `None` where the client awaits none, and in hooks.
    pub fn id(&self) -> Option<&'a Id<'a>> {
        self.parts.id
    }

    /// One key of the message's `data`, which is null where there is none; the last one where it occurs again. What the other keys
    /// have is skipped in the same pass, and may be anything.
    ///
    /// Errors: `validation_failed` with what does not fit.
    pub fn key<T: DeserializeOwned>(&self, key: &str) -> Result<T, Error> {
        self.parts.data.key(key, || self.attempt.confirm())
    }

    /// The same message with another payload.
    pub(crate) fn with<'b>(&self, parts: &'b Parts<'b>) -> MessageContext<'b>
    where
        'a: 'b,
    {
        MessageContext { parts, ..*self }
    }

    /// The message's `data` as a `T`, in whatever format it came; `serde_json::Value` is any of it that JSON can say. It is null when
    /// it is absent, and in hooks.
    ///
    /// Errors: `validation_failed` with what does not fit.
    #[inline]
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let payload = self.parts.data.read();
        if payload.is_ok() {
            self.attempt.confirm();
        }
        payload
    }

    /// The message's `meta` as a `T`, in the same way.
    ///
    /// Errors: `validation_failed` with what does not fit.
    pub fn meta<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.parts.meta.read().map_err(|error| match error.is_validation() {
            true => {
                let of_meta = Error::validation_failed("The `meta` of the message does not fit");
                error.details().iter().cloned().fold(of_meta, Error::detail)
            }
            false => error,
        })
    }

    /// What a module provides: the one of the application, of this connection or of this message. [`Inject`](crate::Inject) is
    /// checked at boot; this is not.
    ///
    /// Errors: `internal` when nobody provides it, or it cannot be made; the log has the type.
    pub fn resolve<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, Error> {
        scope::resolve(self)
    }

    /// The application's container.
    ///
    /// Errors: `internal`; the gateway is not mounted.
    pub(crate) fn container(&self) -> Result<&'a Arc<Container>, Error> {
        self.container.ok_or_else(|| Error::internal("the gateway is not mounted"))
    }

    pub(crate) fn endpoint(&self) -> &'a Endpoint {
        self.caller.endpoint()
    }
}

/// A parameter of a handler: a payload (every `DeserializeOwned` type is one) or an extractor.
///
/// Write your own extractor by implementing this for a type that is not `Deserialize`:
/// ```
/// use switchboard::{Error, handler::{Context, FromMessage, MessageContext}};
/// struct Shouted(String);
/// impl FromMessage for Shouted {
///     type Kind = Context;
///     fn from_message(cx: &MessageContext<'_>) -> Result<Self, Error> {
///         Ok(Shouted(cx.event().to_uppercase()))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a payload nor an extractor",
    label = "cannot be a handler's parameter",
    note = "derive `serde::Deserialize` for a payload, or implement `FromMessage` for an extractor; the client is `&Client`, and a \
            service is `Inject<T>`, or a field with `#[inject]`",
    note = "an `Option` of an extractor is none: write `MaybeUser`, not `Option<User>`",
    note = "`Path<T>` and `Query<T>` are those of `switchboard::extract`, not axum's; `T` derives `Clone` and `serde::Deserialize`"
)]
pub trait FromMessage: Sized + Send + 'static {
    /// [`Payload`] when it is read from `data`; a handler takes at most one of them.
    type Kind: Kind;

    /// Declares what must be kept of the handshake. Called once, when the handler is registered.
    fn requirements(_requirements: &mut Requirements) {}

    /// Reads the parameter. An error is answered with `exception`, and the handler does not run.
    fn from_message(cx: &MessageContext<'_>) -> Result<Self, Error>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Send + 'static> FromMessage for T {
    type Kind = Payload;

    fn requirements(requirements: &mut Requirements) {
        requirements.payload::<T>(false);
    }

    fn from_message(cx: &MessageContext<'_>) -> Result<T, Error> {
        cx.payload()
    }
}

/// What a handler's parameters need: of the handshake, of which nothing else is kept while the connection lives, and of the
/// container.
#[derive(Clone, Default)]
pub struct Requirements {
    pub(crate) headers: bool,
    pub(crate) extensions: Vec<Extension>,
    pub(crate) at_upgrade: Vec<AtUpgrade>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) payload: Option<PayloadNote>,
}

/// What the startup log says of a payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PayloadNote {
    pub(crate) name: &'static str,
    pub(crate) checks: Checks,
}

/// Whether a payload is validated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checks {
    /// Its type has no validation, as far as is known.
    None,
    Validated,
    /// It was asked for as `Unchecked`.
    Unchecked,
}

/// Copies one type from the request's extensions to the connection's.
#[derive(Clone, Copy)]
pub(crate) struct Extension {
    pub(crate) type_id: TypeId,
    pub(crate) copy: fn(&http::Extensions, &mut http::Extensions),
}

/// Reads something of a request before the upgrade, and keeps it for the connection.
#[derive(Clone)]
pub(crate) struct AtUpgrade {
    type_id: TypeId,
    pub(crate) read: Arc<ReadAndKeep>,
}

type ReadAndKeep = dyn Fn(&Handshake, &mut http::Extensions) -> Result<(), Error> + Send + Sync;

impl Requirements {
    /// Reads a `T` before the upgrade, and keeps it; an error refuses the upgrade.
    pub(crate) fn at_upgrade<T: Clone + Send + Sync + 'static>(&mut self, read: fn(&Handshake) -> Result<T, Error>) {
        let type_id = TypeId::of::<T>();
        let read = move |upgrade: &Handshake, kept: &mut http::Extensions| {
            kept.insert(read(upgrade)?);
            Ok(())
        };
        self.read_once(AtUpgrade { type_id, read: Arc::new(read) });
    }

    fn read_once(&mut self, wanted: AtUpgrade) {
        if !self.at_upgrade.iter().any(|known| known.type_id == wanted.type_id) {
            self.at_upgrade.push(wanted);
        }
    }

    /// Keeps a copy of the request's headers.
    pub fn headers(&mut self) {
        self.headers = true;
    }

    /// Keeps the request extension `T`, if there is one.
    pub fn extension<T: Clone + Send + Sync + 'static>(&mut self) {
        let type_id = TypeId::of::<T>();
        if !self.extensions.iter().any(|known| known.type_id == type_id) {
            self.extensions.push(Extension {
                type_id,
                copy: |from, to| {
                    if let Some(value) = from.get::<T>() {
                        to.insert(value.clone());
                    }
                },
            });
        }
    }

    /// Insists on something of the container.
    #[track_caller]
    pub fn injected<T: FromContainer>(&mut self) {
        late::<T>(&mut self.dependencies, "", Location::caller());
    }

    /// Says what the message's `data` is, for the startup log.
    pub fn payload<T>(&mut self, validated: bool) {
        self.note_payload::<T>(if validated { Checks::Validated } else { Checks::None });
    }

    pub(crate) fn note_key<T>(&mut self, validated: bool) {
        // What is said of the payload is said of its first key.
        if self.payload.is_none() {
            self.payload::<T>(validated);
        }
    }

    pub(crate) fn note_payload<T>(&mut self, checks: Checks) {
        self.payload = Some(PayloadNote { name: std::any::type_name::<T>(), checks });
    }

    pub(crate) fn merge(&mut self, other: Requirements) {
        self.dependencies.extend(other.dependencies);
        self.headers |= other.headers;
        for extension in other.extensions {
            if !self.extensions.iter().any(|known| known.type_id == extension.type_id) {
                self.extensions.push(extension);
            }
        }
        other.at_upgrade.into_iter().for_each(|wanted| self.read_once(wanted));
    }
}

impl fmt::Debug for MessageContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageContext")
            .field("caller", &self.caller)
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Requirements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requirements")
            .field("headers", &self.headers)
            .field("dependencies", &self.dependencies)
            .field("payload", &self.payload)
            .finish_non_exhaustive()
    }
}
