//! [`Arity`]: how many arguments a payload is.
use super::{Data, Format, Held, Part};
use crate::Error;
use serde::de::DeserializeOwned;
#[cfg(feature = "socketio")]
use serde_json::value::RawValue;
#[cfg(feature = "socketio")]
use switchboard_core::{codec::msgpack::Raw, socketio::Wants};

/// How many arguments the payload of a message is. Only an [`Args`](crate::Args) is read otherwise for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Arity {
    /// The message has a payload, and no arguments. An `Args` is an array in it.
    #[default]
    Payload,
    /// It has no argument. The payload is null, unless a pipe has made one.
    #[cfg(feature = "socketio")]
    Nothing,
    /// The payload is its only argument.
    #[cfg(feature = "socketio")]
    Only,
    /// The payload is the array of its arguments.
    #[cfg(feature = "socketio")]
    Several,
}

impl Arity {
    /// The arity of a decoded payload.
    #[inline]
    pub(crate) fn of(format: Format, data: Option<&Part<'_>>) -> Arity {
        match (format, data) {
            #[cfg(feature = "socketio")]
            (Format::SocketIo, None) => Arity::Nothing,
            #[cfg(feature = "socketio")]
            (Format::SocketIo, Some(Part::Array(_) | Part::Items(_))) => Arity::Several,
            #[cfg(feature = "socketio")]
            (Format::SocketIo, Some(_)) => Arity::Only,
            _ => Arity::Payload,
        }
    }

    /// Reads a payload of this arity as a `T`.
    ///
    /// Errors: as [`Data::read`].
    #[inline]
    pub(crate) fn read<T: DeserializeOwned>(self, data: &Data<'_>) -> Result<T, Error> {
        #[cfg(feature = "socketio")]
        if self != Arity::Payload {
            return self.read_arguments(data);
        }
        data.read()
    }

    #[cfg(feature = "socketio")]
    fn read_arguments<T: DeserializeOwned>(self, data: &Data<'_>) -> Result<T, Error> {
        match (Wants::of::<T>(), self) {
            (Wants::Payload, _) | (_, Arity::Payload | Arity::Several) => data.read(),
            (Wants::SomeArguments, Arity::Nothing) if data.is_nothing() => data.read(),
            (_, Arity::Nothing) if data.is_nothing() => listed(""),
            (_, Arity::Nothing | Arity::Only) => match data {
                Data::Json(None) => listed("null"),
                Data::Json(Some(json)) => listed(json.get()),
                // If it is not JSON, the frame is decoded as a whole, because it may have several arguments.
                Data::Unread(text) => match Data::looked_at(text) {
                    Some(_) => listed(text),
                    None => data.read(),
                },
                Data::MessagePack(raw) => {
                    let list = [&[0x91], raw.as_bytes()].concat();
                    let list = Raw::new(&list).ok_or_else(|| Error::internal("a value in a list is a value"))?;
                    Data::MessagePack(list).read()
                }
                Data::Own(..) => data.read(),
            },
        }
    }
}

/// Reads the list of these arguments.
#[cfg(feature = "socketio")]
fn listed<T: DeserializeOwned>(arguments: &str) -> Result<T, Error> {
    let list = RawValue::from_string(format!("[{arguments}]")).map_err(Error::internal)?;
    Data::Json(Some(&list)).read()
}

/// The payload of a client's answer, kept with its arity.
pub(crate) struct Answered {
    held: Held,
    arity: Arity,
}

impl Answered {
    pub(crate) fn of(format: Format, data: Option<Part<'_>>) -> Answered {
        let arity = Arity::of(format, data.as_ref());
        Answered { held: data.into(), arity }
    }

    /// Reads it as a `T`. Errors: as [`Data::read`].
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.arity.read(&self.held.data())
    }
}
