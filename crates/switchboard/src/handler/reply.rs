//! Return values of handlers.
use crate::Error;
use crate::codec::Encoding;
use crate::hub::check_name;
use serde::Serialize;
use std::any::TypeId;
use std::borrow::Cow;
use std::convert::Infallible;
use std::marker::PhantomData;
use switchboard_core::Id;

/// A return type that is a value or says itself what it is.
pub enum Plain {}
/// A return type that is a `Result`.
pub struct Fallible<Via>(PhantomData<Via>);

/// A return type of a handler: `()`, any `Serialize` value, `Option`, [`Reply`], or a `Result` of one of these.
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
        match self.0 {
            Kind::Empty => sink.empty(),
            Kind::Event { name, data: Ok(data) } => sink.event_raw(&name, &data),
            Kind::Value { data: Ok(data) } => sink.raw(&data),
            Kind::Event { data: Err(error), .. } | Kind::Value { data: Err(error) } => sink.failure = Some(error),
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

#[must_use = "a reply is sent by returning it"]
/// A reply that says more than its value: another event name, or silence.
pub struct Reply(Kind);

enum Kind {
    Empty,
    Value { data: Result<Vec<u8>, Error> },
    Event { name: Cow<'static, str>, data: Result<Vec<u8>, Error> },
}

impl Reply {
    /// A reply under another event name; it keeps the request's `id`. A name that belongs to the server (`exception`, `sys.…`),
    /// or is none, is answered `internal`, with the reason in the log.
    pub fn event(name: impl Into<Cow<'static, str>>, data: impl Serialize) -> Reply {
        let name = name.into();
        let data = check_name(&name).map_err(Error::internal).and_then(|()| encode(&data));
        Reply(Kind::Event { name, data })
    }

    /// The same as returning the value itself.
    pub fn value(data: impl Serialize) -> Reply {
        Reply(Kind::Value { data: encode(&data) })
    }

    /// The same as returning `()`: no frame, or an empty reply where the request has an `id`.
    pub fn none() -> Reply {
        Reply(Kind::Empty)
    }
}

fn encode(data: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(data).map_err(Error::internal)
}

/// Where a reply is written: straight into the bytes of the frame, in the format of the connection.
pub struct ReplySink<'a> {
    out: &'a mut Vec<u8>,
    encoding: Encoding<'a>,
    event: &'a str,
    id: Option<&'a Id<'a>>,
    pub(crate) failure: Option<Error>,
}

impl<'a> ReplySink<'a> {
    pub(crate) fn new(
        out: &'a mut Vec<u8>,
        encoding: Encoding<'a>,
        event: &'a str,
        id: Option<&'a Id<'a>>,
    ) -> ReplySink<'a> {
        ReplySink { out, encoding, event, id, failure: None }
    }

    /// Nobody waits for an empty reply without an `id`; with one, `data` is null.
    pub fn empty(&mut self) {
        if self.id.is_some() {
            self.value(&());
        }
    }

    /// A value under the request's event name. A value that cannot be serialised becomes an `internal` error.
    #[inline]
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) {
        let start = self.out.len();
        match self.encoding.reply(self.out, self.event, self.id, value) {
            // Without an `id`, `None` is silence (and `null` of any other type is a value).
            Ok(()) if self.id.is_none() && self.may_be_none() && is_none(value) => self.out.truncate(start),
            Ok(()) => {}
            Err(error) => self.failure = Some(error),
        }
    }

    /// True when a frame without an id, which is written, may have a null for its data.
    fn may_be_none(&self) -> bool {
        match self.encoding {
            Encoding::Json => self.out.ends_with(b":null}"),
            Encoding::MessagePack => self.out.ends_with(b"\xa4data\xc0"),
            Encoding::Own { .. } => true,
        }
    }

    /// An item of a stream: with an `id` it says that more may follow, and without one it is a push. `None` is an item too.
    #[allow(dead_code, reason = "for handlers that return streams")]
    pub(crate) fn item<T: Serialize + ?Sized>(&mut self, item: &T) {
        let written = self.encoding.item(self.out, self.event, self.id, item);
        self.note(written);
    }

    /// The end of a stream: nobody waits for it without an `id`.
    #[allow(dead_code, reason = "for handlers that return streams")]
    pub(crate) fn end(&mut self) {
        if let Some(id) = self.id {
            let written = self.encoding.end(self.out, self.event, id);
            self.note(written);
        }
    }

    fn note(&mut self, written: Result<(), Error>) {
        if let Err(error) = written {
            self.failure = Some(error);
        }
    }

    fn event_raw(&mut self, event: &str, data: &[u8]) {
        self.event_value(event, data);
    }

    fn raw(&mut self, data: &[u8]) {
        let event = self.event;
        self.event_value(event, data);
    }

    /// The bytes come from serde_json, so they are JSON.
    fn event_value(&mut self, event: &str, data: &[u8]) {
        let written = match self.encoding {
            Encoding::Own { .. } => serde_json::from_slice::<serde_json::Value>(data)
                .map_err(Error::internal)
                .and_then(|data| self.encoding.reply(self.out, event, self.id, &data)),
            Encoding::Json | Encoding::MessagePack => serde_json::from_slice::<&serde_json::value::RawValue>(data)
                .map_err(Error::internal)
                .and_then(|data| self.encoding.reply(self.out, event, self.id, data)),
        };
        self.note(written);
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
        assert!(!is_none(&serde_json::Value::Null));
        assert!(!is_none(&f64::NAN));
    }
}
