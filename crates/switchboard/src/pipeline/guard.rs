//! Guards decide whether a client may connect, and whether a message is handled.
use super::call::Call;
use super::stage::{Source, Stage, sources};
use crate::Error;
use crate::di::BoxFuture;
use crate::handler::MessageContext;
use crate::handshake::Handshake;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

/// Decides whether a message is handled. It is synchronous, and runs on the bytes as received, before the payload is
/// parsed.
///
/// An error is sent to the client, like an error of the handler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not guard messages",
    label = "has no message half",
    note = "implement `Guard` (or `AsyncGuard`, if it has to wait) for it; a `ConnectGuard` alone stands on a gateway or the \
            application, not on a message"
)]
pub trait Guard: Send + Sync + 'static {
    /// Errors: the reason why the message is not handled.
    fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error>;
}

/// An async [`Guard`]. It costs a copy of the message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not guard messages",
    label = "is no `AsyncGuard`",
    note = "implement `AsyncGuard` for it"
)]
pub trait AsyncGuard: Send + Sync + 'static {
    /// Errors: the reason why the message is not handled.
    fn message(&self, call: &Call) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Decides whether a client may connect, before the upgrade: a refusal is an HTTP response, and no socket is opened.
///
/// It may set the user: [`Handshake::set_user`]. All guards of a gateway together have
/// [`Limits::handshake_timeout`](crate::Limits) to decide.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not guard connections",
    label = "is no `ConnectGuard`",
    note = "implement `ConnectGuard` for it"
)]
pub trait ConnectGuard: Send + Sync + 'static {
    /// Errors: the reason why the client may not connect. `unauthenticated` is answered with 401, `forbidden` with 403.
    fn connect(&self, upgrade: &mut Handshake) -> impl Future<Output = Result<(), Error>> + Send;
}

pub(crate) trait ErasedAsyncGuard: Send + Sync {
    fn message<'a>(&'a self, call: &'a Call) -> BoxRef<'a, Result<(), Error>>;
}
impl<G: AsyncGuard> ErasedAsyncGuard for G {
    fn message<'a>(&'a self, call: &'a Call) -> BoxRef<'a, Result<(), Error>> {
        Box::pin(AsyncGuard::message(self, call))
    }
}

pub(crate) trait ErasedConnectGuard: Send + Sync {
    fn connect<'a>(&'a self, upgrade: &'a mut Handshake) -> BoxRef<'a, Result<(), Error>>;
}
impl<G: ConnectGuard> ErasedConnectGuard for G {
    fn connect<'a>(&'a self, upgrade: &'a mut Handshake) -> BoxRef<'a, Result<(), Error>> {
        Box::pin(ConnectGuard::connect(self, upgrade))
    }
}

pub(crate) type BoxRef<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
const _: fn(BoxRef<'static, ()>) -> BoxFuture<()> = |future| future;

/// The message half of a guard.
#[derive(Clone)]
pub(crate) enum MessageGuard {
    Sync(Arc<dyn Guard>),
    Async(Arc<dyn ErasedAsyncGuard>),
}

/// The halves of a guard.
#[derive(Clone, Default)]
pub(crate) struct Halves {
    pub(crate) connect: Option<Arc<dyn ErasedConnectGuard>>,
    pub(crate) message: Option<MessageGuard>,
}

type ConnectHalf<G> = fn(Arc<G>) -> Arc<dyn ErasedConnectGuard>;
type MessageHalf<G> = fn(Arc<G>) -> MessageGuard;

/// A guard, and which of its halves are used.
///
/// A [`Guard`] needs no definition: `.guard(NoShouting)`. A guard with two halves does:
/// ```
/// # use switchboard::handler::MessageContext;
/// # use switchboard::{Error, Gateway};
/// use switchboard::Handshake;
/// use switchboard::pipeline::{ConnectGuard, Guard, GuardDef};
/// struct Auth;
/// impl ConnectGuard for Auth {
///     async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
///         if upgrade.headers().contains_key("authorization") { Ok(()) } else { Err(Error::unauthenticated("Log in first")) }
///     }
/// }
/// impl Guard for Auth {
///     fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> { Ok(()) }
/// }
/// # struct Chat;
/// let chat = Gateway::new(Chat).guard(GuardDef::of(Auth).connect().message());
/// ```
#[must_use = "a guard guards nothing before it is put on a message, a gateway or an application"]
pub struct GuardDef<G> {
    source: Source<G>,
    place: &'static Location<'static>,
    connect: Option<ConnectHalf<G>>,
    message: Option<MessageHalf<G>>,
}

sources!(GuardDef, Guard, "A guard", connect, message);

impl<G: Send + Sync + 'static> GuardDef<G> {
    /// Uses the guard's [`ConnectGuard`] half, before the upgrade.
    pub fn connect(mut self) -> GuardDef<G>
    where
        G: ConnectGuard,
    {
        self.connect = Some(|guard| guard);
        self
    }

    /// Uses the guard's [`Guard`] half, before each message.
    pub fn message(mut self) -> GuardDef<G>
    where
        G: Guard,
    {
        self.message = Some(|guard| MessageGuard::Sync(guard));
        self
    }

    /// Uses the guard's [`AsyncGuard`] half, before each message.
    pub fn message_async(mut self) -> GuardDef<G>
    where
        G: AsyncGuard,
    {
        self.message = Some(|guard| MessageGuard::Async(guard));
        self
    }

    pub(crate) fn stage(self) -> Stage<Halves> {
        let GuardDef { source, place, connect, message } = self;
        Stage::new(source, place, move |guard| Halves {
            connect: connect.map(|half| half(guard.clone())),
            message: message.map(|half| half(guard)),
        })
    }
}

/// The argument of `.guard(..)`: a [`Guard`], or a [`GuardDef`], which says which halves of a guard are used. `G` is
/// inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Guard`",
    label = "this guard's halves have to be named",
    note = "one that waits (`AsyncGuard`) is `.guard(GuardDef::of(guard).message_async())`; one before the upgrade (`ConnectGuard`) is \
            `.guard(GuardDef::of(guard).connect())`; one with both is `GuardDef::of(guard).connect().message()`",
    note = "otherwise write `impl Guard for {Self}`"
)]
pub trait IntoGuard<G> {
    #[doc(hidden)]
    fn into_guard(self) -> GuardDef<G>;
}

impl<G: Guard> IntoGuard<G> for G {
    #[track_caller]
    fn into_guard(self) -> GuardDef<G> {
        GuardDef::of(self).message()
    }
}

impl<G> IntoGuard<G> for GuardDef<G> {
    fn into_guard(self) -> GuardDef<G> {
        self
    }
}
