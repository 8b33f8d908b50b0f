//! What handlers and hooks return, checked one side at a time: see [`parts`](super::parts).
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

/// How a `T` is written where it was returned. A type, so that nothing is called through a pointer.
pub trait Way<T>: 'static {
    #[doc(hidden)]
    fn write(value: T, sink: &mut ReplySink<'_>);
}

/// As a reply.
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

/// Not at all.
pub enum AsNothing {}
impl<T> Way<T> for AsNothing {
    fn write(_: T, _: &mut ReplySink<'_>) {}
}

/// As the end of a stream.
pub enum AsEnd {}
impl Way<()> for AsEnd {
    fn write((): (), sink: &mut ReplySink<'_>) {
        sink.end();
    }
}

/// What a value may be that is sent as a reply.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a reply",
    label = "cannot be returned by a handler",
    note = "return `()`, a type that derives `serde::Serialize`, `Option`, `Reply`, a stream of these, or `Result<_, E>` where \
            `E: Into<switchboard::Error>`"
)]
pub trait ReplyValue: IntoReply<Plain, Err = Infallible> {}
#[diagnostic::do_not_recommend]
impl<T: IntoReply<Plain, Err = Infallible>> ReplyValue for T {}

/// What an item of a stream may be.
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

/// What a hook returns.
#[diagnostic::on_unimplemented(
    message = "a hook cannot return `{Self}`",
    label = "a hook has nobody to reply to",
    note = "return `()`, or `Result<(), E>` where `E: Into<switchboard::Error>`"
)]
pub trait NoValue {}
impl NoValue for () {}

/// What a join hook returns in its `Ok`.
#[diagnostic::on_unimplemented(
    message = "an `#[on_join]` hook cannot return `{Self}`",
    label = "it says who may join: `Result<(), E>`",
    note = "return `Result<(), E>` where `E: Into<switchboard::Error>`: `Ok(())` lets the client into the room, and an `Err` is what it is \
            told: `Err(Error::forbidden(\"..\"))`"
)]
pub trait Verdict {}
impl Verdict for () {}

/// A `Result` of a stream whose items, and then whose error, are checked.
pub struct CheckedFallibleStream<S: Stream, E, C> {
    write: WriteItem<S::Item>,
    convert: C,
    marker: PhantomData<fn() -> E>,
}

impl<S: Stream, E> CheckedFallibleStream<S, E, ()> {
    pub(super) fn new(write: WriteItem<S::Item>) -> CheckedFallibleStream<S, E, ()> {
        CheckedFallibleStream { write, convert: (), marker: PhantomData }
    }

    /// The error says what a client is told.
    pub fn error(self) -> CheckedFallibleStream<S, E, Convert<E>>
    where
        E: IntoError,
    {
        CheckedFallibleStream { write: self.write, convert: E::into_error, marker: PhantomData }
    }
}

impl<S: Stream<Item: Send + 'static>, E: Send + 'static> CheckedFallibleStream<S, E, Convert<E>> {
    /// Runs the stream to its end, here, if there is one.
    pub fn finish(self, returned: Result<S, E>) -> Flow<Ended, impl Future<Output = Ended>> {
        match returned {
            Ok(stream) => CheckedStream { write: self.write }.finish(stream),
            Err(error) => Flow::Now(Err(Failed::new(error, self.convert))),
        }
    }
}

/// What is returned, or a stream that has to be run first.
pub enum Flow<Now, Later> {
    /// It is there.
    Now(Now),
    /// It is what comes of this.
    Later(Later),
}

impl<T, W> Flow<Result<Returned<T, W>, Failed>, Never<T, W>> {
    /// What is returned where there is no stream.
    pub fn now(self) -> Result<Returned<T, W>, Failed> {
        match self {
            Flow::Now(now) => now,
            Flow::Later(never) => match never.0 {},
        }
    }
}

/// A stream that has ended.
pub type Ended = Result<Returned<(), AsEnd>, Failed>;

/// What is never run: nothing is paid for it.
pub struct Never<T, W>(Infallible, PhantomData<fn() -> (T, W)>);

impl<T, W> Future for Never<T, W> {
    type Output = Result<Returned<T, W>, Failed>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0 {}
    }
}

/// A `Result` whose value, and then whose error, is checked.
pub struct Checked<T, E, W, C> {
    convert: C,
    marker: Marks<T, E, W>,
}

type Marks<T, E, W> = PhantomData<fn() -> (T, E, W)>;

/// What becomes of an error.
type Convert<E> = fn(E) -> Error;

impl<T, E, W> Checked<T, E, W, ()> {
    pub(super) fn new() -> Checked<T, E, W, ()> {
        Checked { convert: (), marker: PhantomData }
    }

    /// The error says what a client is told.
    pub fn error(self) -> Checked<T, E, W, Convert<E>>
    where
        E: IntoError,
    {
        Checked { convert: E::into_error, marker: PhantomData }
    }
}

impl<T, E: Send + 'static, W> Checked<T, E, W, Convert<E>> {
    /// What is returned.
    #[inline]
    pub fn finish(self, returned: Result<T, E>) -> Flow<Result<Returned<T, W>, Failed>, Never<T, W>> {
        Flow::Now(match returned {
            Ok(value) => Ok(Returned(value, PhantomData)),
            Err(error) => Err(Failed::new(error, self.convert)),
        })
    }
}

/// A value that is no `Result`, checked.
pub struct CheckedValue<T, W>(PhantomData<fn() -> (T, W)>);

impl<T, W> CheckedValue<T, W> {
    pub(super) fn new() -> CheckedValue<T, W> {
        CheckedValue(PhantomData)
    }

    /// There is no error.
    pub fn error(self) -> CheckedValue<T, W> {
        self
    }

    /// What is returned.
    #[inline]
    pub fn finish(self, value: T) -> Flow<Result<Returned<T, W>, Failed>, Never<T, W>> {
        Flow::Now(Ok(Returned(value, PhantomData)))
    }
}

/// A stream whose items are checked.
pub struct CheckedStream<S: Stream> {
    write: WriteItem<S::Item>,
}

impl<S: Stream> CheckedStream<S> {
    pub(super) fn new(write: WriteItem<S::Item>) -> CheckedStream<S> {
        CheckedStream { write }
    }

    /// There is no error but that of an item.
    pub fn error(self) -> CheckedStream<S> {
        self
    }
}

impl<S: Stream<Item: Send + 'static>> CheckedStream<S> {
    /// Runs it to its end, here: it may borrow from the handler.
    pub fn finish(self, stream: S) -> Flow<Ended, impl Future<Output = Ended>> {
        Flow::Later(async move {
            drive::<_, AsItem>(Items { stream, write: self.write }).await;
            Ok(Returned((), PhantomData))
        })
    }
}

/// How an item is written, once it is checked. What comes behind the check insists on nothing: a mistake is told once.
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

/// The way of an [`Item`].
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

/// What a handler has returned, ready to be written.
pub struct Returned<T, W>(T, PhantomData<fn() -> W>);

impl<T, W: Way<T>> Returned<T, W> {
    #[inline]
    pub(super) fn write(self, sink: &mut ReplySink<'_>) {
        W::write(self.0, sink);
    }
}

/// A handler's error, as it returned it: filters may know its type.
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

    /// What the client is told: what a filter says, if there is one.
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
