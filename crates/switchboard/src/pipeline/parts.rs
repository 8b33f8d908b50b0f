//! What the attributes expand to for stages. Each type check is a separate call, so that a mistake is one error on its
//! own token.
#![allow(missing_debug_implementations, reason = "only expansions name these types")]
use super::guard::{AsyncGuard, ConnectGuard, Guard, GuardDef};
use super::pipe::{Pipe, PipeDef, Trim};
use super::stage::InjectedStage;
use crate::Error;
use crate::handler::MessageContext;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::marker::PhantomData;
use std::panic::Location;

/// Finds out which halves a guard has: see [`probe`].
pub struct GuardProbe<G>(PhantomData<fn() -> G>);

/// A probe of a guard: `(&&&probe(&def)).__switchboard_message(def)`, by [`SyncMessage`], [`AsyncMessage`] or [`NoMessage`], and
/// `(&&probe(&def)).__switchboard_connect(def)`, by [`HasConnect`] or [`NoConnect`].
pub fn probe<G, C, M>(_: &Halved<G, C, M>) -> GuardProbe<G> {
    GuardProbe(PhantomData)
}

/// A guard, and whether it has a connect half (`C`) and a message half (`M`).
pub struct Halved<G, C, M> {
    def: GuardDef<G>,
    marker: PhantomData<fn() -> (C, M)>,
}

/// The guard has this half.
pub enum Yes {}
/// The guard does not have this half.
pub enum No {}

/// Begins with a guard whose halves are not known yet.
pub fn halved<G: Send + Sync + 'static>(def: GuardDef<G>) -> Halved<G, No, No> {
    Halved { def, marker: PhantomData }
}

/// See [`probe`].
pub trait SyncMessage {
    /// The guard's type.
    type Guard;
    /// Uses the guard's message half.
    fn __switchboard_message<C>(&self, def: Halved<Self::Guard, C, No>) -> Halved<Self::Guard, C, Yes>;
}
impl<G: Guard> SyncMessage for &&GuardProbe<G> {
    type Guard = G;

    fn __switchboard_message<C>(&self, def: Halved<G, C, No>) -> Halved<G, C, Yes> {
        Halved { def: def.def.message(), marker: PhantomData }
    }
}

/// See [`probe`].
pub trait AsyncMessage {
    /// The guard's type.
    type Guard;
    /// Uses the guard's async message half.
    fn __switchboard_message<C>(&self, def: Halved<Self::Guard, C, No>) -> Halved<Self::Guard, C, Yes>;
}
impl<G: AsyncGuard> AsyncMessage for &GuardProbe<G> {
    type Guard = G;

    fn __switchboard_message<C>(&self, def: Halved<G, C, No>) -> Halved<G, C, Yes> {
        Halved { def: def.def.message_async(), marker: PhantomData }
    }
}

/// See [`probe`].
pub trait NoMessage {
    /// The type, which does not guard messages.
    type Guard;
    /// Returns the definition unchanged.
    fn __switchboard_message<C>(&self, def: Halved<Self::Guard, C, No>) -> Halved<Self::Guard, C, No>;
}
impl<G> NoMessage for GuardProbe<G> {
    type Guard = G;

    fn __switchboard_message<C>(&self, def: Halved<G, C, No>) -> Halved<G, C, No> {
        def
    }
}

/// See [`probe`].
pub trait HasConnect {
    /// The guard's type.
    type Guard;
    /// Uses the guard's connect half.
    fn __switchboard_connect<M>(&self, def: Halved<Self::Guard, No, M>) -> Halved<Self::Guard, Yes, M>;
}
impl<G: ConnectGuard> HasConnect for &GuardProbe<G> {
    type Guard = G;

    fn __switchboard_connect<M>(&self, def: Halved<G, No, M>) -> Halved<G, Yes, M> {
        Halved { def: def.def.connect(), marker: PhantomData }
    }
}

/// See [`probe`].
pub trait NoConnect {
    /// The type, which does not guard connections.
    type Guard;
    /// Returns the definition unchanged.
    fn __switchboard_connect<M>(&self, def: Halved<Self::Guard, No, M>) -> Halved<Self::Guard, No, M>;
}
impl<G> NoConnect for GuardProbe<G> {
    type Guard = G;

    fn __switchboard_connect<M>(&self, def: Halved<G, No, M>) -> Halved<G, No, M> {
        def
    }
}

/// Implemented for guards that are allowed on a gateway or an application.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a guard",
    label = "guards neither connections nor messages",
    note = "implement `ConnectGuard`, `Guard` or `AsyncGuard` for it"
)]
pub trait SomeHalf<C, M> {}
impl<G> SomeHalf<Yes, Yes> for G {}
impl<G> SomeHalf<Yes, No> for G {}
impl<G> SomeHalf<No, Yes> for G {}

/// Implemented for guards that are allowed on a message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no message half",
    label = "does not guard messages",
    note = "implement `Guard` (or `AsyncGuard`, if it has to wait) for it; a `ConnectGuard` alone stands on the gateway, below \
            `#[gateway]`"
)]
pub trait MessageHalf<M> {}
impl<G> MessageHalf<Yes> for G {}

impl<G, C, M> Halved<G, C, M> {
    /// Returns the definition for a gateway or an application, which needs one half at least.
    pub fn some_half(self) -> GuardDef<G>
    where
        G: SomeHalf<C, M>,
    {
        self.def
    }
}

impl<G, M> Halved<G, No, M> {
    /// Returns the definition for a message, which needs the message half.
    pub fn message_half(self) -> GuardDef<G>
    where
        G: MessageHalf<M>,
    {
        self.def
    }
}

/// Finds out whether `P` is a pipe of every payload: `(&pipe::<P>()).__switchboard_pipe()`, by [`EveryPayload`] or
/// [`OnePayload`].
pub struct PipeProbe<P>(PhantomData<fn() -> P>);

/// Returns a probe of a pipe that the container resolves.
pub fn pipe<P>() -> PipeProbe<P> {
    PipeProbe(PhantomData)
}

/// Returns a probe of a pipe that is given as a value.
pub fn pipe_of<P>(_: &P) -> PipeProbe<P> {
    PipeProbe(PhantomData)
}

/// See [`PipeProbe`].
pub trait EveryPayload {
    /// The pipe's type.
    type Pipe;
    /// Returns the result of the probe.
    fn __switchboard_pipe(&self) -> OfEvery<Self::Pipe>;
}
impl<P: Pipe<Value, From = Value>> EveryPayload for &PipeProbe<P> {
    type Pipe = P;

    fn __switchboard_pipe(&self) -> OfEvery<P> {
        OfEvery(PhantomData)
    }
}

/// See [`PipeProbe`].
pub trait OnePayload {
    /// The type, which may not be a pipe at all.
    type Pipe;
    /// Returns the result of the probe.
    fn __switchboard_pipe(&self) -> OfOne<Self::Pipe>;
}
impl<P> OnePayload for PipeProbe<P> {
    type Pipe = P;

    fn __switchboard_pipe(&self) -> OfOne<P> {
        OfOne(PhantomData)
    }
}

/// A pipe of every payload.
pub struct OfEvery<P>(PhantomData<fn() -> P>);
/// A pipe of other payloads, or not a pipe.
pub struct OfOne<P>(PhantomData<fn() -> P>);

impl<P: Send + Sync + 'static> OfEvery<P> {
    /// Returns this result: the type is a pipe of every payload.
    pub fn of_every(self) -> OfEvery<P> {
        self
    }

    /// Takes the pipe from the container.
    pub fn by_the_container(self) -> Injected<P>
    where
        P: InjectedStage,
    {
        Injected(PipeDef::injected_at)
    }

    /// Takes the pipe as a value.
    #[track_caller]
    pub fn of(self, pipe: P) -> PipeDef<P> {
        PipeDef::of(pipe)
    }
}

/// A pipe of every payload that the container resolves. Both properties have been type-checked.
pub struct Injected<P>(fn(&'static Location<'static>) -> PipeDef<P>);

/// Returns the pipe's definition, located at the caller.
#[track_caller]
pub fn injected<P>(pipe: Injected<P>) -> PipeDef<P> {
    (pipe.0)(Location::caller())
}

/// The bound whose failure reports that a type is not a pipe of every payload. It is implemented for `Trim` only; pipes
/// of every payload do not need it (see [`EveryPayload`]).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a pipe of every payload",
    label = "a pipe of one type belongs on the parameter: `#[pipe(..)]`",
    note = "a pipe of every payload is `impl Pipe<serde_json::Value> for {Self}` with `type From = serde_json::Value`"
)]
pub trait PipeOfEvery {}
impl PipeOfEvery for Trim {}

// A `Trim` is used in its place, so that the compiler reports one error and no others.
impl<P> OfOne<P> {
    /// Does not compile.
    pub fn of_every(self) -> OfEvery<Trim>
    where
        P: PipeOfEvery,
    {
        OfEvery(PhantomData)
    }

    /// Does not compile.
    pub fn of(self, _: P) -> PipeDef<Trim>
    where
        P: PipeOfEvery,
    {
        PipeDef::of(Trim)
    }
}

/// A chain of pipes, from the input type of the first to the output type of the last. It is built from the last one,
/// and each pipe is type-checked on its own token: `last(third).behind(second).behind(first)`.
pub struct Pipes<T, From>(Through<T, From>);

type Through<T, From> = Box<dyn Fn(From, &MessageContext<'_>) -> Result<T, Error> + Send + Sync>;

/// Begins with the last pipe: see [`Pipes`].
pub fn last<T, From, P>(pipe: P) -> Pipes<T, From>
where
    P: Pipe<T, From = From>,
{
    Pipes(Box::new(move |value, cx| pipe.transform(value, cx)))
}

impl<T: 'static, From: 'static> Pipes<T, From> {
    /// Adds a pipe before these.
    pub fn behind<First, P>(self, pipe: P) -> Pipes<T, First>
    where
        P: Pipe<From, From = First>,
    {
        Pipes(Box::new(move |value, cx| (self.0)(pipe.transform(value, cx)?, cx)))
    }
}

impl<T: 'static, From: DeserializeOwned + Send + 'static> Pipe<T> for Pipes<T, From> {
    type From = From;

    fn transform(&self, value: From, cx: &MessageContext<'_>) -> Result<T, Error> {
        (self.0)(value, cx)
    }
}

/// Implemented for pipes that make the parameter's type.
#[diagnostic::on_unimplemented(
    message = "the pipe `{Self}` does not make a `{T}`",
    label = "a pipe on the wrong type",
    note = "write `impl Pipe<{T}> for {Self}`, or give the parameter the type that the pipe makes; the default of a `String` is \
            `DefaultText(\"..\")`"
)]
pub trait Makes<T>: Pipe<T> {}
#[diagnostic::do_not_recommend]
impl<P: Pipe<T>, T> Makes<T> for P {}
