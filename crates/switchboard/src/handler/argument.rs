//! Parameters of handlers and hooks.
use crate::codec::{Arity, Data, Id};
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
/// The kind of a payload whose type decides whether it is validated: `Valid<T>`, `Unchecked<T>`.
#[derive(Debug)]
pub enum Decided {}
/// The kind of extractors: parameters that are read from the connection, or from the message but not its payload.
#[derive(Debug)]
pub enum Context {}
/// The kind of [`Ack`](crate::Ack), a deferred reply that replaces the returned value.
#[derive(Debug)]
pub enum Late {}
/// The kind of [`DisconnectReason`].
#[derive(Debug)]
pub enum Reason {}
/// The kind of [`Socket`](crate::Socket).
#[derive(Debug)]
pub enum OwnedSocket {}

/// The kind of a parameter, which decides where it is allowed: [`Payload`], [`Decided`], [`Context`], [`Late`],
/// [`Reason`] or [`OwnedSocket`].
pub trait Kind: sealed::Sealed {
    /// The kind, with [`Decided`] mapped to [`Payload`].
    type Plain: Kind;
}

/// The place of a handler: `Gateway::on`.
#[derive(Debug)]
pub enum Handlers {}
/// The place of `Gateway::on_connect`.
#[derive(Debug)]
pub enum OnConnect {}
/// The place of `Gateway::on_disconnect`.
#[derive(Debug)]
pub enum OnDisconnect {}
/// The place of `Gateway::raw`.
#[derive(Debug)]
pub enum RawLoop {}

/// Implemented if a parameter of this kind is allowed in `Place`.
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

/// Implemented if a handler with a parameter of this kind may return an `R`.
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

/// The context that a handler's parameters are read from.
pub struct MessageContext<'a> {
    pub(crate) caller: Caller<'a>,
    pub(crate) event: &'a str,
    pub(crate) parts: &'a Parts<'a>,
    pub(crate) reason: Option<&'a DisconnectReason>,
    pub(crate) attempt: &'a Attempt,
    /// The application's services; `None` before the gateway is mounted.
    pub(crate) container: Option<&'a Arc<Container>>,
    /// The services of this message.
    pub(crate) scope: &'a MessageScope,
}

/// The parts of a message other than its event.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) data: Data<'a>,
    /// How many arguments `data` is. A pipe that changes it keeps this.
    pub(crate) arity: Arity,
    /// The metadata that came beside the payload.
    pub(crate) meta: Data<'a>,
    pub(crate) id: Option<&'a Id<'a>>,
    /// How the message is answered.
    pub(crate) reply_to: ReplyTo,
}

impl Parts<'static> {
    /// The parts of a hook, which has no message.
    pub(crate) const NONE: &'static Parts<'static> = &Parts {
        data: Data::NOTHING,
        arity: Arity::Payload,
        meta: Data::NOTHING,
        id: None,
        reply_to: ReplyTo::Nothing,
    };
}

impl<'a> MessageContext<'a> {
    /// Returns the sender of the message; in a hook, the client that the hook runs for.
    pub fn caller(&self) -> Caller<'a> {
        self.caller
    }

    /// Returns the connected client that sent the message; `None` if the sender is not a client: see [`Caller`].
    pub fn client(&self) -> Option<&'a Client> {
        self.caller.client()
    }

    /// Returns the name of the event; "" in a hook.
    pub fn event(&self) -> &'a str {
        self.event
    }

    /// Returns the id that the reply will carry; `None` if the client expects no reply, and in hooks.
    pub fn id(&self) -> Option<&'a Id<'a>> {
        self.parts.id
    }

    /// Returns one key of the message's `data`. A missing key is read as null; of a repeated key, the last one counts.
    /// The values of other keys are skipped in the same pass, and may be anything.
    ///
    /// Errors: `validation_failed`, if the value does not fit `T`.
    pub fn key<T: DeserializeOwned>(&self, key: &str) -> Result<T, Error> {
        self.parts.data.key(key, || self.attempt.confirm())
    }

    /// Returns the context of the same message with another payload.
    pub(crate) fn with<'b>(&self, parts: &'b Parts<'b>) -> MessageContext<'b>
    where
        'a: 'b,
    {
        MessageContext { parts, ..*self }
    }

    /// Returns the message's `data` as a `T`, whatever format it came in; a `serde_json::Value` holds everything that
    /// JSON can express. If it is absent, and in hooks, it is null.
    ///
    /// Errors: `validation_failed`, if the value does not fit `T`.
    #[inline]
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let payload = self.parts.arity.read(&self.parts.data);
        if payload.is_ok() {
            self.attempt.confirm();
        }
        payload
    }

    /// Returns the message's `meta` as a `T`, like [`payload`](MessageContext::payload).
    ///
    /// Errors: `validation_failed`, if the value does not fit `T`.
    pub fn meta<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.parts.meta.read().map_err(|error| match error.is_validation() {
            true => {
                let of_meta = Error::validation_failed("The `meta` of the message does not fit");
                error.details().iter().cloned().fold(of_meta, Error::detail)
            }
            false => error,
        })
    }

    /// Returns a service: the instance of the application, of this connection or of this message. Unlike an
    /// [`Inject`](crate::Inject) parameter, this is not validated at boot.
    ///
    /// Errors: `internal` if no module provides it, or it cannot be created; the log names the type.
    pub fn resolve<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, Error> {
        scope::resolve(self)
    }

    /// Returns the application's container.
    ///
    /// Errors: `internal` if the gateway is not mounted.
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
    /// The kind: [`Payload`] if it is read from `data`, of which a handler takes at most one; [`Context`] for an
    /// extractor.
    type Kind: Kind;

    /// Declares what must be kept of the handshake. Called once, when the handler is created.
    fn requirements(_requirements: &mut Requirements) {}

    /// Reads the parameter. If it fails, the error is sent as `exception` and the handler does not run.
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

/// What a handler's parameters need from the handshake and from the container. Nothing else of the handshake is kept
/// while the connection lives.
#[derive(Clone, Default)]
pub struct Requirements {
    pub(crate) headers: bool,
    pub(crate) extensions: Vec<Extension>,
    pub(crate) at_upgrade: Vec<AtUpgrade>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) payload: Option<PayloadNote>,
}

/// A payload's type and validation, for the startup log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PayloadNote {
    pub(crate) name: &'static str,
    pub(crate) checks: Checks,
}

/// A payload's validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checks {
    /// Its type has no validation, as far as is known.
    None,
    Validated,
    /// It is taken as `Unchecked`.
    Unchecked,
}

/// Copies one type from the request's extensions to those of the connection.
#[derive(Clone, Copy)]
pub(crate) struct Extension {
    pub(crate) type_id: TypeId,
    pub(crate) copy: fn(&http::Extensions, &mut http::Extensions),
}

/// Reads a value from a request before the upgrade, and keeps it for the connection.
#[derive(Clone)]
pub(crate) struct AtUpgrade {
    type_id: TypeId,
    pub(crate) read: Arc<ReadAndKeep>,
}

type ReadAndKeep = dyn Fn(&Handshake, &mut http::Extensions) -> Result<(), Error> + Send + Sync;

/// What an error becomes before a client is told.
#[cfg(feature = "socketio")]
pub(crate) type FailsAs = Arc<dyn Fn(Error) -> Error + Send + Sync>;

impl Requirements {
    /// Reads a `T` before the upgrade and keeps it; an error refuses the upgrade.
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

    /// Declares a dependency that is resolved from the container.
    #[track_caller]
    pub fn injected<T: FromContainer>(&mut self) {
        late::<T>(&mut self.dependencies, "", Location::caller());
    }

    /// Declares the type of the message's `data`, for the startup log.
    pub fn payload<T>(&mut self, validated: bool) {
        self.note_payload::<T>(if validated { Checks::Validated } else { Checks::None });
    }

    pub(crate) fn note_key<T>(&mut self, validated: bool) {
        // The note of a payload that is read by keys describes the first key.
        if self.payload.is_none() {
            self.payload::<T>(validated);
        }
    }

    pub(crate) fn note_payload<T>(&mut self, checks: Checks) {
        self.payload = Some(PayloadNote { name: std::any::type_name::<T>(), checks });
    }

    /// Returns the same requirements; what fails to be read from a request fails as `told`.
    #[cfg(feature = "socketio")]
    pub(crate) fn fails_as(mut self, told: &FailsAs) -> Requirements {
        for wanted in &mut self.at_upgrade {
            let (read, told) = (wanted.read.clone(), told.clone());
            wanted.read = Arc::new(move |handshake, kept| read(handshake, kept).map_err(|error| told(error)));
        }
        self
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
