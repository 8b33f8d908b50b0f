//! How what is returned is told apart: a `Result`, a stream, a `Result` of a stream, or another value.
#![allow(missing_debug_implementations, reason = "only expansions name these types")]
use super::returned::{
    AsNothing, AsReply, Checked, CheckedFallibleStream, CheckedStream, CheckedValue, NoValue, ReplyItem, ReplyValue,
    Verdict, write_item,
};
use futures_core::Stream;
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

impl<T, E> Fallible<T, E> {
    /// The value can be a reply.
    pub fn value(self) -> Checked<T, E, AsReply, ()>
    where
        T: ReplyValue,
    {
        Checked::new()
    }

    /// The value is none.
    pub fn nothing(self) -> Checked<T, E, AsNothing, ()>
    where
        T: NoValue,
    {
        Checked::new()
    }

    /// The value lets a client join.
    pub fn verdict(self) -> Checked<T, E, AsNothing, ()>
    where
        T: Verdict,
    {
        Checked::new()
    }
}

impl<T> Infallibly<T> {
    /// The value can be a reply.
    pub fn value(self) -> CheckedValue<T, AsReply>
    where
        T: ReplyValue,
    {
        CheckedValue::new()
    }

    /// The value is none.
    pub fn nothing(self) -> CheckedValue<T, AsNothing>
    where
        T: NoValue,
    {
        CheckedValue::new()
    }

    /// The value lets a client join.
    pub fn verdict(self) -> CheckedValue<T, AsNothing>
    where
        T: Verdict,
    {
        CheckedValue::new()
    }
}

impl<S: Stream> Streams<S> {
    /// The items can be replies.
    pub fn value<Via>(self) -> CheckedStream<S>
    where
        S::Item: ReplyItem<Via>,
    {
        CheckedStream::new(write_item::<S::Item, Via>)
    }

    /// A hook has nobody to reply to.
    pub fn nothing(self) -> CheckedValue<S, AsNothing>
    where
        S: NoValue,
    {
        CheckedValue::new()
    }

    /// The value lets a client join.
    pub fn verdict(self) -> CheckedValue<S, AsNothing>
    where
        S: Verdict,
    {
        CheckedValue::new()
    }
}

impl<S: Stream, E> FallibleStream<S, E> {
    /// The items can be replies.
    pub fn value<Via>(self) -> CheckedFallibleStream<S, E, ()>
    where
        S::Item: ReplyItem<Via>,
    {
        CheckedFallibleStream::new(write_item::<S::Item, Via>)
    }

    /// A hook has nobody to reply to.
    pub fn nothing(self) -> Checked<S, E, AsNothing, ()>
    where
        S: NoValue,
    {
        Checked::new()
    }

    /// The value lets a client join.
    pub fn verdict(self) -> Checked<S, E, AsNothing, ()>
    where
        S: Verdict,
    {
        Checked::new()
    }
}
