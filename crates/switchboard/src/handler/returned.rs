//! Return values of handlers and hooks; each side of a `Result` is type-checked separately. See
//! [`parts`](super::parts).
#![allow(missing_debug_implementations, reason = "only expansions name these types")]
use super::IntoError;
use super::reply::{Fallible as FallibleReply, IntoReply, Plain};
use super::sink::ReplySink;
use super::stream::drive;
use crate::Error;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How a returned `T` is written. A type parameter, so that no function pointer is called.
pub trait Way<T>: 'static {
    #[doc(hidden)]
    fn write(value: T, sink: &mut ReplySink<'_>);
}

/// Writes the value as a reply.
pub enum AsReply {}
impl<T: ReplyValue> Way<T> for AsReply {
    #[inline]
    fn write(value: T, sink: &mut ReplySink<'_>) {
        match value.into_reply(sink) {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }
}

/// Writes nothing.
pub enum AsNothing {}
impl<T> Way<T> for AsNothing {
    fn write(_: T, _: &mut ReplySink<'_>) {}
}

/// Writes the end of a stream.
pub enum AsEnd {}
impl Way<()> for AsEnd {
    fn write((): (), sink: &mut ReplySink<'_>) {
        sink.end();
    }
}

/// Implemented for values that can be sent as a reply.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a reply",
    label = "cannot be returned by a handler",
    note = "return `()`, a type that derives `serde::Serialize`, `Option`, `Reply`, a stream of these, or `Result<_, E>` where \
            `E: Into<switchboard::Error>`"
)]
pub trait ReplyValue: IntoReply<Plain, Err = Infallible> {}
#[diagnostic::do_not_recommend]
impl<T: IntoReply<Plain, Err = Infallible>> ReplyValue for T {}

/// Implemented for values that can be an item of a stream of replies.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an item of a stream of replies",
    label = "the items of this stream cannot be sent",
    note = "they are `()`, of a type that derives `serde::Serialize`, `Option`, `Reply`, or `Result<_, E>` where \
            `E: Into<switchboard::Error>`"
)]
pub trait ReplyItem<Via>: IntoReply<Via, Err: 'static> + 'static {
    #[doc(hidden)]
    fn told(error: Self::Err) -> Error;
}
#[diagnostic::do_not_recommend]
impl<T: IntoReply<Plain, Err = Infallible> + 'static> ReplyItem<Plain> for T {
    fn told(never: Infallible) -> Error {
        match never {}
    }
}
#[diagnostic::do_not_recommend]
impl<T, E> ReplyItem<FallibleReply<Plain>> for Result<T, E>
where
    T: IntoReply<Plain, Err = Infallible> + 'static,
    E: IntoError + Send + 'static,
{
    fn told(error: E) -> Error {
        error.into_error()
    }
}

/// Implemented for the value that a hook may return.
#[diagnostic::on_unimplemented(
    message = "a hook cannot return `{Self}`",
    label = "a hook has nobody to reply to",
    note = "return `()`, or `Result<(), E>` where `E: Into<switchboard::Error>`"
)]
pub trait NoValue {}
impl NoValue for () {}

/// Implemented for the value that a join hook may return in its `Ok`.
#[diagnostic::on_unimplemented(
    message = "an `#[on_join]` hook cannot return `{Self}`",
    label = "it says who may join: `Result<(), E>`",
    note = "return `Result<(), E>` where `E: Into<switchboard::Error>`: `Ok(())` lets the client into the room, and an `Err` is what it is \
            told: `Err(Error::forbidden(\"..\"))`"
)]
pub trait Verdict {}
impl Verdict for () {}

/// A `Result` of a stream. Its items are type-checked; `error` type-checks its error.
pub struct CheckedFallibleStream<S: Stream, E, C> {
    write: WriteItem<S::Item>,
    convert: C,
    marker: PhantomData<fn() -> E>,
}

impl<S: Stream, E> CheckedFallibleStream<S, E, ()> {
    pub(super) fn new(write: WriteItem<S::Item>) -> CheckedFallibleStream<S, E, ()> {
        CheckedFallibleStream { write, convert: (), marker: PhantomData }
    }

    /// Type-checks that the error converts to the error for the client.
    pub fn error(self) -> CheckedFallibleStream<S, E, Convert<E>>
    where
        E: IntoError,
    {
        CheckedFallibleStream { write: self.write, convert: E::into_error, marker: PhantomData }
    }
}

impl<S: Stream<Item: Send + 'static>, E: Send + 'static> CheckedFallibleStream<S, E, Convert<E>> {
    /// Runs the stream, if there is one, to its end within the handler's own future.
    pub fn finish(self, returned: Result<S, E>) -> Flow<Ended, impl Future<Output = Ended>> {
        match returned {
            Ok(stream) => CheckedStream { write: self.write }.finish(stream),
            Err(error) => Flow::Now(Err(Failed::new(error, self.convert))),
        }
    }
}

/// A returned value, or a stream that must be run first.
pub enum Flow<Now, Later> {
    /// The value is available.
    Now(Now),
    /// The future that produces it.
    Later(Later),
}

impl<T, W> Flow<Result<Returned<T, W>, Failed>, Never<T, W>> {
    /// Returns the value if it is not a stream.
    pub fn now(self) -> Result<Returned<T, W>, Failed> {
        match self {
            Flow::Now(now) => now,
            Flow::Later(never) => match never.0 {},
        }
    }
}

/// The result of a stream that has ended.
pub type Ended = Result<Returned<(), AsEnd>, Failed>;

/// A future that is never created, and so costs nothing.
pub struct Never<T, W>(Infallible, PhantomData<fn() -> (T, W)>);

impl<T, W> Future for Never<T, W> {
    type Output = Result<Returned<T, W>, Failed>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0 {}
    }
}

/// A `Result`. Its value is type-checked; `error` type-checks its error.
pub struct Checked<T, E, W, C> {
    convert: C,
    marker: Marks<T, E, W>,
}

type Marks<T, E, W> = PhantomData<fn() -> (T, E, W)>;

/// Converts an error to the one for the client.
type Convert<E> = fn(E) -> Error;

impl<T, E, W> Checked<T, E, W, ()> {
    pub(super) fn new() -> Checked<T, E, W, ()> {
        Checked { convert: (), marker: PhantomData }
    }

    /// Type-checks that the error converts to the error for the client.
    pub fn error(self) -> Checked<T, E, W, Convert<E>>
    where
        E: IntoError,
    {
        Checked { convert: E::into_error, marker: PhantomData }
    }
}

impl<T, E: Send + 'static, W> Checked<T, E, W, Convert<E>> {
    /// Returns the value, ready to be written.
    #[inline]
    pub fn finish(self, returned: Result<T, E>) -> Flow<Result<Returned<T, W>, Failed>, Never<T, W>> {
        Flow::Now(match returned {
            Ok(value) => Ok(Returned(value, PhantomData)),
            Err(error) => Err(Failed::new(error, self.convert)),
        })
    }
}

/// A type-checked value that is not a `Result`.
pub struct CheckedValue<T, W>(PhantomData<fn() -> (T, W)>);

impl<T, W> CheckedValue<T, W> {
    pub(super) fn new() -> CheckedValue<T, W> {
        CheckedValue(PhantomData)
    }

    /// Does nothing: there is no error.
    pub fn error(self) -> CheckedValue<T, W> {
        self
    }

    /// Returns the value, ready to be written.
    #[inline]
    pub fn finish(self, value: T) -> Flow<Result<Returned<T, W>, Failed>, Never<T, W>> {
        Flow::Now(Ok(Returned(value, PhantomData)))
    }
}

/// A stream whose items are type-checked.
pub struct CheckedStream<S: Stream> {
    write: WriteItem<S::Item>,
}

impl<S: Stream> CheckedStream<S> {
    pub(super) fn new(write: WriteItem<S::Item>) -> CheckedStream<S> {
        CheckedStream { write }
    }

    /// Does nothing: only items can be errors.
    pub fn error(self) -> CheckedStream<S> {
        self
    }
}

impl<S: Stream<Item: Send + 'static>> CheckedStream<S> {
    /// Runs the stream to its end within the handler's own future, so it may borrow from the handler.
    pub fn finish(self, stream: S) -> Flow<Ended, impl Future<Output = Ended>> {
        Flow::Later(async move {
            drive::<_, AsItem>(Items { stream, write: self.write }).await;
            Ok(Returned((), PhantomData))
        })
    }
}

/// Writes an item that is already type-checked. It needs no trait bounds, so that a mistake is reported only once.
pub(super) type WriteItem<T> = fn(T, &mut ReplySink<'_>);

pub(super) fn write_item<T: ReplyItem<Via>, Via>(item: T, sink: &mut ReplySink<'_>) {
    if let Err(error) = item.into_reply(sink) {
        let told = sink.fail_with(error, T::told);
        sink.failure = Some(told);
    }
}

pin_project! {
    struct Items<S: Stream> {
        #[pin]
        stream: S,
        write: WriteItem<S::Item>,
    }
}

impl<S: Stream> Stream for Items<S> {
    type Item = Item<S::Item>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item<S::Item>>> {
        let this = self.project();
        let write = *this.write;
        this.stream.poll_next(cx).map(|item| item.map(|item| Item { item, write }))
    }
}

struct Item<T> {
    item: T,
    write: WriteItem<T>,
}

/// The marker of an [`Item`].
enum AsItem {}

impl<T: Send> IntoReply<AsItem> for Item<T> {
    type Err = Infallible;

    fn into_reply(self, sink: &mut ReplySink<'_>) -> Result<(), Infallible> {
        (self.write)(self.item, sink);
        Ok(())
    }
}

impl<T: Send + 'static> ReplyItem<AsItem> for Item<T> {
    fn told(never: Infallible) -> Error {
        match never {}
    }
}

/// A handler's return value, ready to be written.
pub struct Returned<T, W>(T, PhantomData<fn() -> W>);

impl<T, W: Way<T>> Returned<T, W> {
    #[inline]
    pub(super) fn write(self, sink: &mut ReplySink<'_>) {
        W::write(self.0, sink);
    }
}

/// A handler's error with its original type, which filters may look for.
pub struct Failed(Kind);

enum Kind {
    Told(Error),
    Own(Box<dyn Own + Send>),
}

trait Own {
    fn told(self: Box<Self>, sink: &mut ReplySink<'_>) -> Error;
    fn convert(self: Box<Self>) -> Error;
}

struct OwnError<E> {
    error: E,
    convert: fn(E) -> Error,
}

impl<E: Send + 'static> Own for OwnError<E> {
    fn told(self: Box<Self>, sink: &mut ReplySink<'_>) -> Error {
        sink.fail_with(self.error, self.convert)
    }

    fn convert(self: Box<Self>) -> Error {
        (self.convert)(self.error)
    }
}

impl Failed {
    fn new<E: Send + 'static>(error: E, convert: fn(E) -> Error) -> Failed {
        let mut error = Some(error);
        let told = (&mut error as &mut dyn Any).downcast_mut::<Option<Error>>().and_then(Option::take);
        Failed(match (told, error) {
            (Some(told), _) => Kind::Told(told),
            (None, Some(error)) => Kind::Own(Box::new(OwnError { error, convert })),
            (None, None) => Kind::Told(Error::internal("an error is lost")),
        })
    }

    /// Returns the error for the client, after the filters.
    pub(super) fn told(self, sink: &mut ReplySink<'_>) -> Error {
        match self.0 {
            Kind::Told(error) => sink.fail(error),
            Kind::Own(own) => own.told(sink),
        }
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Error {
        match failed.0 {
            Kind::Told(error) => error,
            Kind::Own(own) => own.convert(),
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed(Kind::Told(error))
    }
}
