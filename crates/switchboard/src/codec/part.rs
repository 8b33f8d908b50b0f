//! Payloads as they arrived.
use super::Codec;
use crate::Error;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;
use switchboard_core::codec::msgpack::{Raw, RawBuf};
use switchboard_core::codec::{from_lent, json, member_from_lent, msgpack};

/// A payload of a decoded frame.
pub(crate) enum Part<'a> {
    Json(&'a RawValue),
    MessagePack(Raw<'a>),
    Own(&'a Arc<dyn Codec>, Cow<'a, [u8]>),
    /// Null, which is an argument. (A payload of no argument is no part.)
    #[cfg(feature = "socketio")]
    Null,
    /// Several arguments, copied into one array; or an error that is made here.
    #[cfg(feature = "socketio")]
    Array(Box<RawValue>),
    /// Several arguments with bytes among them, as one array.
    #[cfg(feature = "socketio")]
    Items(Raw<'a>),
}

/// A payload to be read.
#[derive(Clone, Copy)]
pub(crate) enum Data<'a> {
    /// `None`, in every format, if the payload is missing or null.
    Json(Option<&'a RawValue>),
    /// The text of what may be the payload. If it is JSON, the frame is the message that it seems to be. If it is not, or nothing
    /// has parsed it, the frame has to be decoded as a whole.
    Unread(&'a str),
    MessagePack(Raw<'a>),
    Own(&'a Arc<dyn Codec>, &'a [u8]),
}

/// A payload that is kept.
#[derive(Clone)]
pub(crate) enum Held {
    Nothing,
    Json(Box<RawValue>),
    MessagePack(RawBuf),
    Own(Arc<dyn Codec>, Box<[u8]>),
}

impl<'a> From<&'a Option<Part<'a>>> for Data<'a> {
    fn from(part: &'a Option<Part<'a>>) -> Data<'a> {
        match part {
            None => Data::NOTHING,
            Some(Part::Json(json)) => Data::Json(Some(json)),
            Some(Part::MessagePack(raw)) => Data::MessagePack(*raw),
            Some(Part::Own(codec, bytes)) => Data::Own(codec, bytes),
            #[cfg(feature = "socketio")]
            Some(Part::Null) => Data::NOTHING,
            #[cfg(feature = "socketio")]
            Some(Part::Array(json)) => Data::Json(Some(json)),
            #[cfg(feature = "socketio")]
            Some(Part::Items(raw)) => Data::MessagePack(*raw),
        }
    }
}

impl Data<'_> {
    pub(crate) const NOTHING: Data<'static> = Data::Json(None);

    /// True if the frame was decoded: see [`Data::Unread`].
    pub(crate) fn is_whole(&self) -> bool {
        !matches!(self, Data::Unread(_))
    }

    /// True if the payload is missing or null.
    #[cfg(feature = "socketio")]
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Data::Json(None))
    }

    /// The length of the payload in its frame, in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Data::Json(None) => 0,
            Data::Json(Some(json)) => json.get().len(),
            Data::Unread(text) => text.len(),
            Data::MessagePack(raw) => raw.as_bytes().len(),
            Data::Own(_, bytes) => bytes.len(),
        }
    }

    /// The text of what may be the payload, which is read only to see whether it is JSON. `None`: it is not.
    pub(crate) fn looked_at(text: &str) -> Option<Data<'_>> {
        let json = serde_json::from_str::<&RawValue>(text).ok()?;
        Some(Data::Json((json.get() != "null").then_some(json)))
    }

    /// Reads the payload as a `T`.
    ///
    /// Errors: `validation_failed` with what does not fit. If [`Data::Unread`] is not a `T`, it is a `bad_request` that is never
    /// sent: the frame is then decoded, and this is called again.
    #[inline]
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        match self {
            Data::Unread(text) => json::from_text(text).ok_or_else(not_what_it_seems),
            _ => self.read_whole(),
        }
    }

    #[inline(never)]
    fn read_whole<T: DeserializeOwned>(&self) -> Result<T, Error> {
        match self {
            Data::Json(data) => json::from_data(*data),
            Data::Unread(_) => Err(not_what_it_seems()),
            Data::MessagePack(raw) => msgpack::from_data(Some(*raw)),
            Data::Own(codec, bytes) => from_lent(false, |lend| codec.read(bytes, lend)),
        }
    }

    /// Reads one key of the payload, null if it is missing; the others are skipped. `found` is called if unread text is an
    /// object, so that the frame is the message that it seems to be.
    ///
    /// Errors: as [`read`](Data::read).
    pub(crate) fn key<T: DeserializeOwned>(&self, key: &str, found: impl FnOnce()) -> Result<T, Error> {
        let part = |error: Error| error.at_key(key);
        match self {
            Data::Json(data) => json::from_data(json::member(*data, key)?).map_err(part),
            Data::Unread(text) => {
                let member = json::member_of_text(text, key).ok_or_else(not_what_it_seems)?;
                found();
                json::from_data(member).map_err(part)
            }
            Data::MessagePack(raw) => msgpack::from_data(msgpack::member(*raw, key)?).map_err(part),
            Data::Own(codec, bytes) => member_from_lent(key, |lend| codec.read(bytes, lend), part),
        }
    }

    /// Payloads that code of the application has made must have only one reading, too: this checks that.
    ///
    /// Errors: a key in it begins with `$serde_json::private::`.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let has_private_key = match self {
            Data::Json(data) => data.is_some_and(|json| json::has_private_key(json.get())),
            Data::Unread(_) | Data::Own(..) => false,
            Data::MessagePack(raw) => raw.has_private_key(),
        };
        if has_private_key { Err(private_key()) } else { Ok(()) }
    }

    /// A copy. Unread text that is not JSON gives `Nothing`: this is not called before the frame is decoded.
    pub(crate) fn hold(&self) -> Held {
        match self {
            Data::Json(None) | Data::Unread("null") => Held::Nothing,
            Data::Json(Some(json)) => Held::Json((*json).to_owned()),
            Data::Unread(text) => serde_json::from_str(text).map_or(Held::Nothing, Held::Json),
            Data::MessagePack(raw) => Held::MessagePack(raw.to_buf()),
            Data::Own(codec, bytes) => Held::Own((*codec).clone(), (*bytes).into()),
        }
    }
}

#[cold]
fn private_key() -> Error {
    Error::bad_request("A key of an object begins with `$serde_json::private::`")
}

/// The fast path has guessed the frame wrongly. This error is never sent: the frame is decoded completely instead.
#[cold]
fn not_what_it_seems() -> Error {
    Error::bad_request("The frame is not what it seems")
}

impl From<Part<'_>> for Held {
    fn from(part: Part<'_>) -> Held {
        match part {
            Part::Json(json) => Held::Json(json.to_owned()),
            Part::MessagePack(raw) => Held::MessagePack(raw.to_buf()),
            Part::Own(codec, bytes) => Held::Own(codec.clone(), bytes.into_owned().into()),
            #[cfg(feature = "socketio")]
            Part::Null => Held::Nothing,
            #[cfg(feature = "socketio")]
            Part::Array(json) => Held::Json(json),
            #[cfg(feature = "socketio")]
            Part::Items(raw) => Held::MessagePack(raw.to_buf()),
        }
    }
}

impl From<Option<Part<'_>>> for Held {
    fn from(part: Option<Part<'_>>) -> Held {
        part.map_or(Held::Nothing, Held::from)
    }
}

impl Held {
    pub(crate) fn data(&self) -> Data<'_> {
        match self {
            Held::Nothing => Data::NOTHING,
            Held::Json(json) => Data::Json(Some(json)),
            Held::MessagePack(raw) => Data::MessagePack(raw.as_raw()),
            Held::Own(codec, bytes) => Data::Own(codec, bytes),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        match self {
            Held::Nothing => true,
            Held::Json(json) => json.get() == "null",
            Held::MessagePack(raw) => raw.as_raw().is_nil(),
            Held::Own(..) => false,
        }
    }
}
