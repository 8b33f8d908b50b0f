//! Return values of handlers.
use super::stream::Streaming;
use super::{IntoError, Invocation};
use crate::codec::{Encoding, Held};
use crate::hub::check_name;
use crate::pipeline::{Caught, Stages};
use crate::{Client, Error};
use futures_core::Stream;
use serde::Serialize;
use serde_json::Value;
use std::any::TypeId;
use std::borrow::Cow;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;
use switchboard_core::Id;

/// A return type that is a value or says itself what it is.
pub enum Plain {}
/// A return type that is a `Result`.
pub struct Fallible<Via>(PhantomData<Via>);
/// A return type that is a stream.
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
            Ok(stream) => sink.stream = stream,
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
        sink.stream = Some(Streaming::<S, Via>::new(self));
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
    fn json(&self) -> Result<Value, Error>;
}
impl<T: Serialize + Send> Late for T {
    fn write(&self, sink: &mut ReplySink<'_>, event: Option<&str>) {
        sink.value_as(event, self);
    }

    fn json(&self) -> Result<Value, Error> {
        serde_json::to_value(self).map_err(Error::internal)
    }
}

/// What a handler behind interceptors has written, as the client would have got it.
#[derive(Default)]
pub(crate) struct Captured {
    event: Option<String>,
    data: Option<Held>,
    /// `Option::None`, which is silence where nobody waits.
    none: bool,
    /// A filter has said what the client is told.
    pub(crate) caught: bool,
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

    /// What is sent, as JSON; `None` for an empty reply, a stream, and where an [`Ack`](crate::Ack) answers.
    ///
    /// Errors: it cannot be serialised.
    pub fn data(&self) -> Result<Option<Value>, Error> {
        match &self.0 {
            Kind::Value { data, .. } => data.json().map(Some),
            Kind::Captured(Captured { data: Some(data), .. }) => data.data().document().map(Some),
            _ => Ok(None),
        }
    }

    /// Puts another value in the place of what is sent, under the same name. An empty reply is null; a stream stays what it is.
    ///
    /// Errors: it cannot be serialised.
    pub fn map<T>(self, change: impl FnOnce(Value) -> T) -> Result<Reply, Error>
    where
        T: Serialize + Send + 'static,
    {
        let data = self.data()?;
        let event = match self.0 {
            Kind::Value { event, .. } => event,
            Kind::Captured(captured) => captured.event.map(Cow::Owned),
            Kind::Empty => None,
            kept @ (Kind::Stream(_) | Kind::Nothing | Kind::Failed(_)) => return Ok(Reply(kept)),
        };
        Ok(Reply(Kind::Value { event, data: Box::new(change(data.unwrap_or_default())) }))
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

/// Where a reply is written: straight into the bytes of the frame, in the format of the connection.
pub struct ReplySink<'a> {
    out: &'a mut Vec<u8>,
    encoding: Encoding<'a>,
    event: &'a str,
    id: Option<&'a Id<'a>>,
    pub(crate) failure: Option<Error>,
    /// What is written is one of several.
    item: bool,
    /// What the handler returned goes on.
    pub(crate) stream: Option<Invocation>,
    /// Those that are asked when the handler fails.
    filters: Option<(Arc<Stages>, Client)>,
    caught: bool,
    pub(crate) late: Option<u64>,
    captured: Option<&'a mut Captured>,
}

impl<'a> ReplySink<'a> {
    pub(crate) fn new(
        out: &'a mut Vec<u8>,
        encoding: Encoding<'a>,
        event: &'a str,
        id: Option<&'a Id<'a>>,
    ) -> ReplySink<'a> {
        ReplySink {
            out,
            encoding,
            event,
            id,
            failure: None,
            item: false,
            stream: None,
            filters: None,
            caught: false,
            late: None,
            captured: None,
        }
    }

    /// One that keeps what is written for those around the handler. `out` is not used.
    pub(crate) fn capturing(
        out: &'a mut Vec<u8>,
        event: &'a str,
        captured: &'a mut Captured,
        stages: &Arc<Stages>,
        client: &'a Client,
    ) -> ReplySink<'a> {
        let filters = Some((stages.clone(), client.clone()));
        let sink = ReplySink::new(out, client.conn().encoding(), event, None);
        ReplySink { captured: Some(captured), filters, ..sink }
    }

    pub(crate) fn set_filters(&mut self, stages: &Arc<Stages>, client: &Client) {
        self.filters = Some((stages.clone(), client.clone()));
    }

    pub(crate) fn set_caught(&mut self) {
        self.caught = true;
    }

    pub(crate) fn is_caught(&self) -> bool {
        self.caught
    }

    /// What is written from now on is an item of a stream.
    pub(crate) fn begin_item(&mut self) {
        self.item = true;
    }

    /// What a client is told of a handler's error.
    pub(crate) fn fail<E: IntoError + 'static>(&mut self, error: E) -> Error {
        self.fail_with(error, E::into_error)
    }

    pub(crate) fn fail_with<E: 'static>(&mut self, error: E, convert: impl FnOnce(E) -> Error) -> Error {
        let Some((stages, client)) = &self.filters else { return convert(error) };
        let caught = Caught::new(Some(client), self.event);
        match &mut self.captured {
            // Interceptors come first; but the error's own type is lost on the way.
            Some(captured) => match stages.catch_own(error, &caught) {
                Ok(error) => {
                    captured.caught = true;
                    error
                }
                Err(error) => convert(error),
            },
            None => {
                self.caught = true;
                stages.catch(error, convert, &caught)
            }
        }
    }

    /// Nobody waits for an empty reply without an `id`; with one, `data` is null.
    pub fn empty(&mut self) {
        if self.captured.is_none() && (self.id.is_some() || self.item) {
            self.value(&());
        }
    }

    /// A value under the request's event name. A value that cannot be serialised becomes an `internal` error.
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) {
        self.value_as(None, value);
    }

    fn value_as<T: Serialize + ?Sized>(&mut self, event: Option<&str>, value: &T) {
        if let Some(captured) = &mut self.captured {
            match self.encoding.hold(value) {
                Ok(data) => {
                    captured.none = data.is_null() && is_none(value);
                    captured.event = event.map(str::to_owned);
                    captured.data = Some(data);
                }
                Err(error) => self.failure = Some(error),
            }
            return;
        }
        let start = self.out.len();
        let event = event.unwrap_or(self.event);
        let written = match self.item {
            true => self.encoding.item(self.out, event, self.id, value),
            false => self.encoding.reply(self.out, event, self.id, value),
        };
        match written {
            // Without an `id`, `None` is silence (and `null` of any other type is a value).
            Ok(()) if self.id.is_none() && !self.item && self.encoding.may_end_in_null(self.out) && is_none(value) => {
                self.out.truncate(start)
            }
            Ok(()) => {}
            Err(error) => self.failure = Some(error),
        }
    }

    /// The end of a stream, for the one who waits for it.
    pub(crate) fn end(&mut self) {
        if let Some(id) = self.id
            && let Err(error) = self.encoding.end(self.out, self.event, id)
        {
            self.failure = Some(error);
        }
    }

    /// What was captured on this connection: it is in its format, or JSON.
    fn held(&mut self, event: Option<&str>, data: &Held) {
        match data {
            Held::Nothing => self.value_as(event, &()),
            // Its serialisation is a secret of serde_json's.
            Held::Json(json) if !self.encoding.knows_raw_json() => match serde_json::from_str::<Value>(json.get()) {
                Ok(value) => self.value_as(event, &value),
                Err(error) => self.failure = Some(Error::internal(error)),
            },
            Held::Json(json) => self.value_as(event, json),
            Held::MessagePack(raw) => self.value_as(event, raw),
            Held::Value(value) => self.value_as(event, value),
            Held::Own(..) => self.failure = Some(Error::internal("a codec's payload is not sent back")),
        }
    }
}

/// True for `Option::None` itself, and for nothing else that serialises as null.
fn is_none<T: Serialize + ?Sized>(value: &T) -> bool {
    value.serialize(NoneProbe).is_ok()
}

struct NoneProbe;

#[derive(Debug)]
struct Other;

impl std::fmt::Display for Other {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not None")
    }
}
impl std::error::Error for Other {}
impl serde::ser::Error for Other {
    fn custom<T: std::fmt::Display>(_: T) -> Other {
        Other
    }
}

type Never = serde::ser::Impossible<(), Other>;

macro_rules! not_none {
    ($($method:ident($($type:ty),*) -> $out:ty;)*) => {
        $(fn $method(self $(, _: $type)*) -> Result<$out, Other> { Err(Other) })*
    };
}

impl serde::Serializer for NoneProbe {
    type Ok = ();
    type Error = Other;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    fn serialize_none(self) -> Result<(), Other> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Other> {
        Err(Other)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<(), Other> {
        Err(Other)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Other> {
        Err(Other)
    }

    not_none! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct(&'static str, usize) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_alone_is_none() {
        assert!(is_none(&None::<u8>));
        assert!(!is_none(&Some(1)));
        assert!(!is_none(&()));
        assert!(!is_none(&Value::Null));
        assert!(!is_none(&f64::NAN));
    }
}
