//! Distinguishes return types: a `Result`, a stream, a `Result` of a stream, or another value.
#![allow(missing_debug_implementations, reason = "only expansions name these types")]
use super::returned::{
    AsNothing, AsReply, Checked, CheckedFallibleStream, CheckedStream, CheckedValue, NoValue, ReplyItem, ReplyValue,
    Verdict, write_item,
};
use futures_core::Stream;
use std::marker::PhantomData;

/// The type of a return value: see [`type_of`].
pub struct TypeOf<R>(PhantomData<fn() -> R>);

/// Returns the type of a return value, to find its shape: `(&&&&type_of(&reply)).__switchboard_shape()` resolves to
/// [`ResultStreamShape`] for a `Result` of a stream, to [`ResultShape`] for another `Result`, to [`StreamShape`] for a
/// stream, otherwise to [`PlainShape`].
pub fn type_of<R>(_: &R) -> TypeOf<R> {
    TypeOf(PhantomData)
}

/// The shape of a returned `Result`: see [`type_of`].
pub trait ResultShape {
    /// The type of an `Ok`.
    type Value;
    /// The type of an `Err`.
    type Error;
    /// Returns the shape.
    fn __switchboard_shape(&self) -> Fallible<Self::Value, Self::Error>;
}
impl<T, E> ResultShape for &&TypeOf<Result<T, E>> {
    type Value = T;
    type Error = E;

    fn __switchboard_shape(&self) -> Fallible<T, E> {
        Fallible(PhantomData)
    }
}

/// The shape of a returned `Result` of a stream: see [`type_of`].
pub trait ResultStreamShape {
    /// The type of the stream in an `Ok`.
    type Stream;
    /// The type of an `Err`.
    type Error;
    /// Returns the shape.
    fn __switchboard_shape(&self) -> FallibleStream<Self::Stream, Self::Error>;
}
impl<S: Stream, E> ResultStreamShape for &&&TypeOf<Result<S, E>> {
    type Stream = S;
    type Error = E;

    fn __switchboard_shape(&self) -> FallibleStream<S, E> {
        FallibleStream(PhantomData)
    }
}

/// The shape of a returned stream: see [`type_of`].
pub trait StreamShape {
    /// The type of the stream.
    type Stream;
    /// Returns the shape.
    fn __switchboard_shape(&self) -> Streams<Self::Stream>;
}
impl<S: Stream> StreamShape for &TypeOf<S> {
    type Stream = S;

    fn __switchboard_shape(&self) -> Streams<S> {
        Streams(PhantomData)
    }
}

/// The shape of any other return value: see [`type_of`].
pub trait PlainShape {
    /// The type of the value.
    type Value;
    /// Returns the shape.
    fn __switchboard_shape(&self) -> Infallibly<Self::Value>;
}
impl<T> PlainShape for TypeOf<T> {
    type Value = T;

    fn __switchboard_shape(&self) -> Infallibly<T> {
        Infallibly(PhantomData)
    }
}

/// The shape of a `Result`, not type-checked yet.
pub struct Fallible<T, E>(PhantomData<fn() -> (T, E)>);
/// The shape of a value that is neither a `Result` nor a stream, not type-checked yet.
pub struct Infallibly<T>(PhantomData<fn() -> T>);
/// The shape of a stream, its items not type-checked yet.
pub struct Streams<S>(PhantomData<fn() -> S>);
/// The shape of a `Result` of a stream, not type-checked yet.
pub struct FallibleStream<S, E>(PhantomData<fn() -> (S, E)>);

impl<T, E> Fallible<T, E> {
    /// Type-checks that the value can be a reply.
    pub fn value(self) -> Checked<T, E, AsReply, ()>
    where
        T: ReplyValue,
    {
        Checked::new()
    }

    /// Type-checks that the value is empty, for a hook.
    pub fn nothing(self) -> Checked<T, E, AsNothing, ()>
    where
        T: NoValue,
    {
        Checked::new()
    }

    /// Type-checks that the value can be returned by a join hook.
    pub fn verdict(self) -> Checked<T, E, AsNothing, ()>
    where
        T: Verdict,
    {
        Checked::new()
    }
}

impl<T> Infallibly<T> {
    /// Type-checks that the value can be a reply.
    pub fn value(self) -> CheckedValue<T, AsReply>
    where
        T: ReplyValue,
    {
        CheckedValue::new()
    }

    /// Type-checks that the value is empty, for a hook.
    pub fn nothing(self) -> CheckedValue<T, AsNothing>
    where
        T: NoValue,
    {
        CheckedValue::new()
    }

    /// Type-checks that the value can be returned by a join hook.
    pub fn verdict(self) -> CheckedValue<T, AsNothing>
    where
        T: Verdict,
    {
        CheckedValue::new()
    }
}

impl<S: Stream> Streams<S> {
    /// Type-checks that the items can be replies.
    pub fn value<Via>(self) -> CheckedStream<S>
    where
        S::Item: ReplyItem<Via>,
    {
        CheckedStream::new(write_item::<S::Item, Via>)
    }

    /// Rejects the stream: a hook cannot send replies.
    pub fn nothing(self) -> CheckedValue<S, AsNothing>
    where
        S: NoValue,
    {
        CheckedValue::new()
    }

    /// Type-checks that the value can be returned by a join hook.
    pub fn verdict(self) -> CheckedValue<S, AsNothing>
    where
        S: Verdict,
    {
        CheckedValue::new()
    }
}

impl<S: Stream, E> FallibleStream<S, E> {
    /// Type-checks that the items can be replies.
    pub fn value<Via>(self) -> CheckedFallibleStream<S, E, ()>
    where
        S::Item: ReplyItem<Via>,
    {
        CheckedFallibleStream::new(write_item::<S::Item, Via>)
    }

    /// Rejects the stream: a hook cannot send replies.
    pub fn nothing(self) -> Checked<S, E, AsNothing, ()>
    where
        S: NoValue,
    {
        Checked::new()
    }

    /// Type-checks that the value can be returned by a join hook.
    pub fn verdict(self) -> Checked<S, E, AsNothing, ()>
    where
        S: Verdict,
    {
        Checked::new()
    }
}
