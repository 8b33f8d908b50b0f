//! Return values of handlers.
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

/// A return type that is a value or says itself what it is.
#[derive(Debug)]
pub enum Plain {}
/// A return type that is a `Result`.
#[derive(Debug)]
pub struct Fallible<Via>(PhantomData<Via>);
/// A return type that is a stream.
#[derive(Debug)]
pub struct Streamed<Via>(PhantomData<Via>);

/// A return type of a handler: `()`, any `Serialize` value, `Option`, [`Reply`], a stream of these, or a `Result` of one of these.
///
/// `Via` is inferred. A `Result` is recognised by its shape, so that an `Err` is never sent as a success; where both
/// sides of a `Result` are `Serialize` the compiler asks for a decision: return `Result<T, switchboard::Error>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a reply",
    label = "cannot be returned by a handler",
    note = "return `()`, a type that derives `serde::Serialize`, `Option`, `Reply`, or `Result<_, E>` where \
            `E: Into<switchboard::Error>`"
)]
pub trait IntoReply<Via>: Send {
    /// What an `Err` holds; `Infallible` for everything but a `Result`.
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

/// A reply that says more than its value: another event name, or silence.
#[must_use = "a reply is sent by returning it"]
pub struct Reply(Kind);

enum Kind {
    Empty,
    /// Encoded when it is known for whom.
    Value {
        event: Option<Cow<'static, str>>,
        data: Box<dyn Late>,
    },
    /// What a handler behind interceptors has written.
    Captured(Captured),
    Stream(Invocation),
    /// An `Ack` answers.
    Nothing,
    Failed(Error),
}

/// A value that is not encoded yet.
trait Late: Send {
    fn write(&self, sink: &mut ReplySink<'_>, event: Option<&str>);
    fn hold(&self) -> Result<Held, Error>;
}
impl<T: Serialize + Send> Late for T {
    fn write(&self, sink: &mut ReplySink<'_>, event: Option<&str>) {
        sink.value_as(event, self);
    }

    fn hold(&self) -> Result<Held, Error> {
        let erased: &dyn erased_serde::Serialize = &self;
        json::raw_value(erased).map(Held::Json)
    }
}

impl Reply {
    /// A reply under another event name; it keeps the request's `id`. A name that belongs to the server (`exception`, `sys.…`),
    /// or is none, is answered `internal`, with the reason in the log.
    pub fn event(name: impl Into<Cow<'static, str>>, data: impl Serialize + Send + 'static) -> Reply {
        let name = name.into();
        Reply(match check_name(&name) {
            Ok(()) => Kind::Value { event: Some(name), data: Box::new(data) },
            Err(why) => Kind::Failed(Error::internal(why)),
        })
    }

    /// The same as returning the value itself.
    pub fn value(data: impl Serialize + Send + 'static) -> Reply {
        Reply(Kind::Value { event: None, data: Box::new(data) })
    }

    /// The same as returning `()`: no frame, or an empty reply where the request has an `id`.
    pub fn none() -> Reply {
        Reply(Kind::Empty)
    }

    /// True for a stream of replies.
    pub fn is_stream(&self) -> bool {
        matches!(self.0, Kind::Stream(_))
    }

    /// What is sent, as JSON; `None` for an empty reply, a stream, and where an [`Ack`](crate::Ack) answers. Integers beyond 64 bits
    /// are rounded in a `Value`, and bytes are a text of base64 or an array of numbers.
    ///
    /// Errors: it cannot be serialised.
    pub fn data(&self) -> Result<Option<Value>, Error> {
        let Some(held) = self.hold()? else { return Ok(None) };
        document(&held).map(|document| Some(document.into_value()))
    }

    /// Puts another value in the place of what is sent, under the same name. An empty reply is null; a stream stays what it is.
    ///
    /// What `change` leaves at its place in the `Value` is sent as the handler gave it: `map(|value| value)` changes nothing.
    ///
    /// Errors: it cannot be serialised.
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
        let event = match self.0 {
            kept if matches!(changed, Ok(None)) => return Ok(Reply(kept)),
            Kind::Value { event, .. } => event,
            Kind::Captured(captured) => captured.event.map(Cow::Owned),
            Kind::Empty | Kind::Stream(_) | Kind::Nothing | Kind::Failed(_) => None,
        };
        Ok(Reply(match changed {
            Ok(data) => Kind::Captured(Captured { event: event.map(Cow::into_owned), data, none: false }),
            Err(value) => Kind::Value { event, data: Box::new(value) },
        }))
    }

    /// What is sent, in the format of those for whom it was captured, or as JSON.
    fn hold(&self) -> Result<Option<Cow<'_, Held>>, Error> {
        match &self.0 {
            Kind::Value { data, .. } => data.hold().map(|held| Some(Cow::Owned(held))),
            Kind::Captured(Captured { data: Some(data), .. }) => Ok(Some(Cow::Borrowed(data))),
            _ => Ok(None),
        }
    }

    /// True where an [`Ack`](crate::Ack) answers.
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

    /// Writes it, or says what has to be polled from now on.
    pub(crate) fn write(self, sink: &mut ReplySink<'_>) -> Result<Option<Invocation>, Error> {
        match self.0 {
            Kind::Empty => sink.empty(),
            Kind::Value { event, data } => data.write(sink, event.as_deref()),
            Kind::Captured(Captured { none: true, .. }) if sink.id.is_none() => {}
            Kind::Captured(Captured { event, data, .. }) => match data {
                Some(data) => sink.held(event.as_deref(), &data),
                None => sink.empty(),
            },
            Kind::Stream(invocation) => return Ok(Some(invocation)),
            Kind::Nothing => {}
            Kind::Failed(error) => return Err(error),
        }
        sink.failure.take().map_or(Ok(None), Err)
    }
}

/// What a handler gives is not refused as what a client sends is: it is the server's fault.
fn document(held: &Held) -> Result<Document<'_>, Error> {
    held.data().check().map_err(Error::internal)?;
    Document::read(held.data()).map_err(Error::internal)
}

/// Shows what kind of reply it is, and nothing of its value.
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
