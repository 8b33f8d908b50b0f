//! What handlers and hooks return, checked one side at a time: see [`parts`](super::parts).
use super::IntoError;
use super::reply::{Fallible as FallibleReply, IntoReply, Plain};
use super::sink::ReplySink;
use super::stream::drive;
use crate::Error;
use futures_core::Stream;
use std::any::Any;
use std::convert::Infallible;
use std::marker::PhantomData;

/// The type of what is returned: see [`type_of`].
pub struct TypeOf<R>(PhantomData<fn() -> R>);

/// Asks what is returned: `(&&&&type_of(&reply)).__switchboard_shape()`, by [`ResultStreamShape`] if it is a `Result` of a stream, by
/// [`ResultShape`] if it is another `Result`, by [`StreamShape`] if it is a stream, otherwise by [`PlainShape`].
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
impl<T, E> ResultShape for &&TypeOf<Result<T, E>> {
    type Value = T;
    type Error = E;

    fn __switchboard_shape(&self) -> Fallible<T, E> {
        Fallible(PhantomData)
    }
}

/// How a `Result` of a stream is returned: see [`type_of`].
pub trait ResultStreamShape {
    /// The stream that `Ok` holds.
    type Stream;
    /// What `Err` holds.
    type Error;
    /// The shape.
    fn __switchboard_shape(&self) -> FallibleStream<Self::Stream, Self::Error>;
}
impl<S: Stream, E> ResultStreamShape for &&&TypeOf<Result<S, E>> {
    type Stream = S;
    type Error = E;

    fn __switchboard_shape(&self) -> FallibleStream<S, E> {
        FallibleStream(PhantomData)
    }
}

/// How a stream is returned: see [`type_of`].
pub trait StreamShape {
    /// The stream.
    type Stream;
    /// The shape.
    fn __switchboard_shape(&self) -> Streams<Self::Stream>;
}
impl<S: Stream> StreamShape for &TypeOf<S> {
    type Stream = S;

    fn __switchboard_shape(&self) -> Streams<S> {
        Streams(PhantomData)
    }
}

/// How everything else is returned: see [`type_of`].
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
/// The shape of a value that is neither a `Result` nor a stream, not checked.
pub struct Infallibly<T>(PhantomData<fn() -> T>);
/// The shape of a stream, its items not checked.
pub struct Streams<S>(PhantomData<fn() -> S>);
/// The shape of a `Result` of a stream, nothing of it checked.
pub struct FallibleStream<S, E>(PhantomData<fn() -> (S, E)>);

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

impl<S: Stream> Streams<S> {
    /// The items can be replies.
    pub fn value<Via>(self) -> CheckedStream<S, Via>
    where
        S::Item: ReplyItem<Via>,
    {
        CheckedStream { marker: PhantomData }
    }

    /// A hook has nobody to reply to.
    pub fn nothing(self) -> CheckedValue<S>
    where
        S: NoValue,
    {
        CheckedValue { write: write_nothing::<S> }
    }
}

impl<S: Stream, E> FallibleStream<S, E> {
    /// The items can be replies.
    pub fn value<Via>(self) -> CheckedFallibleStream<S, E, Via, ()>
    where
        S::Item: ReplyItem<Via>,
    {
        CheckedFallibleStream { convert: (), marker: PhantomData }
    }

    /// A hook has nobody to reply to.
    pub fn nothing(self) -> Checked<S, E, ()>
    where
        S: NoValue,
    {
        Checked { write: write_nothing::<S>, convert: (), marker: PhantomData }
    }
}

/// A `Result` of a stream whose items, and then whose error, are checked.
pub struct CheckedFallibleStream<S, E, Via, C> {
    convert: C,
    marker: PhantomData<fn() -> (S, E, Via)>,
}

impl<S, E, Via> CheckedFallibleStream<S, E, Via, ()> {
    /// The error says what a client is told.
    pub fn error(self) -> CheckedFallibleStream<S, E, Via, fn(E) -> Error>
    where
        E: IntoError,
    {
        CheckedFallibleStream { convert: E::into_error, marker: PhantomData }
    }
}

impl<S: Stream, E: Send + 'static, Via> CheckedFallibleStream<S, E, Via, fn(E) -> Error>
where
    S::Item: ReplyItem<Via>,
{
    /// Runs the stream to its end, here, if there is one.
    pub async fn finish(self, returned: Result<S, E>) -> Result<Returned<()>, Failed> {
        match returned {
            Ok(stream) => CheckedStream { marker: PhantomData }.finish(stream).await,
            Err(error) => Err(Failed::new(error, self.convert)),
        }
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

impl<T, E: Send + 'static> Checked<T, E, fn(E) -> Error> {
    /// What is returned.
    pub fn finish(self, returned: Result<T, E>) -> std::future::Ready<Result<Returned<T>, Failed>> {
        std::future::ready(match returned {
            Ok(value) => Ok(Returned { value, write: self.write }),
            Err(error) => Err(Failed::new(error, self.convert)),
        })
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
    pub fn finish(self, value: T) -> std::future::Ready<Result<Returned<T>, Failed>> {
        std::future::ready(Ok(Returned { value, write: self.write }))
    }
}

/// A stream whose items are checked.
pub struct CheckedStream<S, Via> {
    marker: PhantomData<fn() -> (S, Via)>,
}

impl<S: Stream, Via> CheckedStream<S, Via>
where
    S::Item: ReplyItem<Via>,
{
    /// There is no error but that of an item.
    pub fn error(self) -> CheckedStream<S, Via> {
        self
    }

    /// Runs it to its end, here: it may borrow from the handler.
    pub async fn finish(self, stream: S) -> Result<Returned<()>, Failed> {
        drive::<S, Via>(stream).await;
        Ok(Returned { value: (), write: |(), sink| sink.end() })
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
