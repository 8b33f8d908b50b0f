//! Return values of handlers.
use super::none::is_args;
use super::sink::{Captured, ReplySink};
use super::stream::Streaming;
use super::{IntoError, Invocation};
use crate::Error;
use crate::codec::{Document, Held, erased_serde};
use crate::event_name::check_name;
use futures_core::Stream;
use serde::Serialize;
use serde_json::Value;
use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use switchboard_core::codec::json;

/// The marker of a return type that is a value.
#[derive(Debug)]
pub enum Plain {}
/// The marker of a return type that is a `Result`.
#[derive(Debug)]
pub struct Fallible<Via>(PhantomData<Via>);
/// The marker of a return type that is a stream.
#[derive(Debug)]
pub struct Streamed<Via>(PhantomData<Via>);

/// A return type of a handler: `()`, any `Serialize` value, `Option`, [`Reply`], a stream of these, or a `Result` of one of these.
///
/// `Via` is inferred. A `Result` is recognised by its type, so that an `Err` is never sent as a success. If both sides
/// of a `Result` implement `Serialize`, the compiler cannot decide: return `Result<T, switchboard::Error>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a reply",
    label = "cannot be returned by a handler",
    note = "return `()`, a type that derives `serde::Serialize`, `Option`, `Reply`, or `Result<_, E>` where \
            `E: Into<switchboard::Error>`"
)]
pub trait IntoReply<Via>: Send {
    /// The type of an `Err`; `Infallible` for everything but a `Result`.
    type Err;
    /// Writes the reply.
    fn into_reply(self, sink: &mut ReplySink<'_>) -> Result<(), Self::Err>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + Send + 'static> IntoReply<Plain> for T {
    type Err = Infallible;

    fn into_reply(self, sink: &mut ReplySink<'_>) -> Result<(), Infallible> {
        if TypeId::of::<T>() == TypeId::of::<()>() {
            sink.empty();
        } else {
            sink.value(&self);
        }
        Ok(())
    }
}

impl IntoReply<Plain> for Reply {
    type Err = Infallible;

    fn into_reply(self, sink: &mut ReplySink<'_>) -> Result<(), Infallible> {
        match self.write(sink) {
            Ok(stream) => sink.set_stream(stream),
            Err(error) => sink.failure = Some(error),
        }
        Ok(())
    }
}

impl<T, E, Via> IntoReply<Fallible<Via>> for Result<T, E>
where
    T: IntoReply<Via, Err = Infallible>,
    E: Send,
{
    type Err = E;

    fn into_reply(self, sink: &mut ReplySink<'_>) -> Result<(), E> {
        match self?.into_reply(sink) {
            Ok(()) => Ok(()),
            Err(never) => match never {},
        }
    }
}

impl<S, Via> IntoReply<Streamed<Via>> for S
where
    S: Stream + Send + 'static,
    S::Item: IntoReply<Via> + 'static,
    <S::Item as IntoReply<Via>>::Err: IntoError,
    Via: 'static,
{
    type Err = Infallible;

    fn into_reply(self, sink: &mut ReplySink<'_>) -> Result<(), Infallible> {
        sink.set_stream(Some(Streaming::<S, Via>::invocation(self)));
        Ok(())
    }
}

/// A reply with more than a value: another event name, or no frame at all.
#[must_use = "a reply is sent by returning it"]
pub struct Reply(Kind);

enum Kind {
    Empty,
    /// A value that is encoded once the receiver's format is known.
    Value {
        event: Option<Cow<'static, str>>,
        data: Box<dyn Late>,
    },
    /// What a handler inside interceptors has written.
    Captured(Captured),
    Stream(Invocation),
    /// An `Ack` replies instead.
    Nothing,
    Failed(Error),
}

/// A value that has not been encoded yet.
trait Late: Send {
    fn write(&self, sink: &mut ReplySink<'_>, event: Option<&str>);
    fn hold(&self) -> Result<Held, Error>;
    fn is_args(&self) -> bool;
}
impl<T: Serialize + Send> Late for T {
    fn write(&self, sink: &mut ReplySink<'_>, event: Option<&str>) {
        sink.value_as(event, self);
    }

    fn hold(&self) -> Result<Held, Error> {
        let erased: &dyn erased_serde::Serialize = &self;
        json::raw_value(erased).map(Held::Json)
    }

    fn is_args(&self) -> bool {
        is_args(self)
    }
}

impl Reply {
    /// Returns a reply with another event name; it keeps the request's `id`. If the name is invalid or reserved for the
    /// server (`exception`, `sys.…`), the client gets `internal`, and the reason is logged.
    pub fn event(name: impl Into<Cow<'static, str>>, data: impl Serialize + Send + 'static) -> Reply {
        let name = name.into();
        Reply(match check_name(&name) {
            Ok(()) => Kind::Value { event: Some(name), data: Box::new(data) },
            Err(why) => Kind::Failed(Error::internal(why)),
        })
    }

    /// Returns a reply that is equivalent to returning the value itself.
    pub fn value(data: impl Serialize + Send + 'static) -> Reply {
        Reply(Kind::Value { event: None, data: Box::new(data) })
    }

    /// Returns a reply that is equivalent to returning `()`: no frame, or an empty reply if the request has an `id`.
    pub fn none() -> Reply {
        Reply(Kind::Empty)
    }

    /// True if it is a stream of replies.
    pub fn is_stream(&self) -> bool {
        matches!(self.0, Kind::Stream(_))
    }

    /// Returns the reply's data as JSON; `None` for an empty reply, for a stream, and if an [`Ack`](crate::Ack)
    /// replies. In a `Value`, integers of more than 64 bits are rounded, and bytes become a base64 string or an array
    /// of numbers.
    ///
    /// Errors: if it cannot be serialised.
    pub fn data(&self) -> Result<Option<Value>, Error> {
        let Some(held) = self.hold()? else { return Ok(None) };
        document(&held).map(|document| Some(document.into_value()))
    }

    /// Replaces the data by another value, under the same event name. `change` gets null for an empty reply; a stream
    /// is left unchanged.
    ///
    /// Parts of the `Value` that `change` leaves in place are sent exactly as the handler returned them: `map(|value|
    /// value)` changes nothing.
    ///
    /// Errors: if it cannot be serialised.
    pub fn map<T>(self, change: impl FnOnce(Value) -> T) -> Result<Reply, Error>
    where
        T: Serialize + Send + 'static,
    {
        let Some(held) = self.hold()? else {
            return Ok(match self.0 {
                Kind::Empty => Reply::value(change(Value::Null)),
                kept => Reply(kept),
            });
        };
        let document = document(&held)?;
        let changed = change(document.value().clone());
        let changed = match (&changed as &dyn Any).downcast_ref::<Value>() {
            None => Err(changed),
            Some(value) => Ok(document.changed_to(value)?),
        };
        let (event, args) = match self.0 {
            kept if matches!(changed, Ok(None)) => return Ok(Reply(kept)),
            Kind::Value { event, data } => (event, data.is_args()),
            Kind::Captured(captured) => (captured.event.map(Cow::Owned), captured.args),
            Kind::Empty | Kind::Stream(_) | Kind::Nothing | Kind::Failed(_) => (None, false),
        };
        Ok(Reply(match changed {
            Ok(data) => Kind::Captured(Captured { event: event.map(Cow::into_owned), data, none: false, args }),
            Err(value) => Kind::Value { event, data: Box::new(value) },
        }))
    }

    /// Returns the data, in the format in which it was captured, or as JSON.
    fn hold(&self) -> Result<Option<Cow<'_, Held>>, Error> {
        match &self.0 {
            Kind::Value { data, .. } => data.hold().map(|held| Some(Cow::Owned(held))),
            Kind::Captured(Captured { data: Some(data), .. }) => Ok(Some(Cow::Borrowed(data))),
            _ => Ok(None),
        }
    }

    /// True if an [`Ack`](crate::Ack) replies instead.
    pub(crate) fn is_left_to_ack(&self) -> bool {
        matches!(self.0, Kind::Nothing)
    }

    pub(crate) fn captured(captured: Captured, late: Option<u64>) -> Reply {
        Reply(match captured {
            _ if late.is_some() => Kind::Nothing,
            Captured { data: None, .. } => Kind::Empty,
            captured => Kind::Captured(captured),
        })
    }

    pub(crate) fn stream(invocation: Invocation) -> Reply {
        Reply(Kind::Stream(invocation))
    }

    /// Writes the reply. Returns the stream that has to be polled from now on, if it is one.
    pub(crate) fn write(self, sink: &mut ReplySink<'_>) -> Result<Option<Invocation>, Error> {
        match self.0 {
            Kind::Empty => sink.empty(),
            Kind::Value { event, data } => data.write(sink, event.as_deref()),
            Kind::Captured(Captured { none: true, .. }) if sink.id.is_none() => {}
            Kind::Captured(Captured { event, data, args, .. }) => match data {
                Some(data) => sink.held(event.as_deref(), &data, args),
                None => sink.empty(),
            },
            Kind::Stream(invocation) => return Ok(Some(invocation)),
            Kind::Nothing => {}
            Kind::Failed(error) => return Err(error),
        }
        sink.failure.take().map_or(Ok(None), Err)
    }
}

/// Reads a handler's data. Invalid data is an `internal` error, because it is the server's mistake and not the
/// client's.
fn document(held: &Held) -> Result<Document<'_>, Error> {
    held.data().check().map_err(Error::internal)?;
    Document::read(held.data()).map_err(Error::internal)
}

/// Shows the kind of the reply, but not its value.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Empty => "Reply(empty)",
            Kind::Value { .. } => "Reply(a value)",
            Kind::Captured(_) => "Reply(a handler's)",
            Kind::Stream(_) => "Reply(a stream)",
            Kind::Nothing => "Reply(nothing)",
            Kind::Failed(_) => "Reply(an error)",
        })
    }
}
