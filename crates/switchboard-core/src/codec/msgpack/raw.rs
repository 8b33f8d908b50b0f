//! [`Raw`] and [`RawBuf`]: values of MessagePack that are not parsed yet.
use std::fmt;

use serde::ser::{Serialize, Serializer};

use super::encode::encode_data;
use super::reader::Reader;
#[cfg(feature = "socketio")]
use super::reader::Token;
#[cfg(feature = "socketio")]
use super::transcoded::transcode;
use crate::Error;

/// The name by which the writer of this format recognises bytes that are a value already.
pub(crate) const WRITTEN: &str = "$switchboard::MessagePack";

/// One borrowed and validated value of MessagePack: it is complete, nothing follows it, its texts are UTF-8, and no map in it has more than
/// 1,024 keys or a key that begins with `$serde_json::private::`. It may be nested to any depth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a>(&'a [u8]);

impl<'a> Raw<'a> {
    /// Validates the bytes; `None` unless they are exactly one such value.
    pub fn new(bytes: &'a [u8]) -> Option<Raw<'a>> {
        let mut reader = Reader::new(bytes);
        let part = reader.skip()?;
        (reader.is_empty() && !part.is_overfull && !part.has_private_key()).then_some(Raw(bytes))
    }

    /// Wraps bytes that must have been validated.
    pub(super) const fn checked(bytes: &'a [u8]) -> Raw<'a> {
        Raw(bytes)
    }

    /// The bytes of the value.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl Raw<'_> {
    /// Copies the value.
    pub fn to_buf(self) -> RawBuf {
        RawBuf(self.0.into())
    }

    /// True if some map in it has a key that begins with `$serde_json::private::`. Only a value that the server wrote can have one, because
    /// [`Raw::new`] refuses it.
    pub fn has_private_key(self) -> bool {
        Reader::new(self.0).skip().is_some_and(|part| part.has_private_key())
    }

    /// The item of an array of one item.
    #[cfg(feature = "socketio")]
    pub(crate) fn only_item(self) -> Option<Self> {
        let mut reader = Reader::new(self.0);
        matches!(reader.token()?, Token::Array(1)).then(|| Raw(reader.rest()))
    }

    /// True for nil.
    pub fn is_nil(self) -> bool {
        self.0 == [0xc0]
    }
}

/// A [`Raw`] that owns its bytes. A message in MessagePack contains its bytes unchanged. A human-readable format gets the value that they
/// are, with the feature `socketio`, and otherwise refuses it.
#[derive(Clone)]
pub struct RawBuf(Box<[u8]>);

impl RawBuf {
    /// Writes a value in this format.
    ///
    /// Errors: internal, when it cannot be serialised.
    pub fn of(data: &(impl Serialize + ?Sized)) -> Result<RawBuf, Error> {
        let mut bytes = Vec::new();
        encode_data(&mut bytes, data)?;
        Ok(RawBuf(bytes.into()))
    }

    /// Wraps bytes that must be one value.
    pub(super) fn checked(bytes: Vec<u8>) -> RawBuf {
        RawBuf(bytes.into())
    }

    /// Returns the value, without validating it again.
    pub fn as_raw(&self) -> Raw<'_> {
        Raw(&self.0)
    }
}

/// Prints the length only, because a payload may contain anything.
impl fmt::Debug for RawBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_raw().fmt(f)
    }
}

/// Prints the length only, because a payload may contain anything.
impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes)", self.0.len())
    }
}

impl Serialize for RawBuf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(WRITTEN, &Written(&self.0))
    }
}

struct Written<'a>(&'a [u8]);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            #[cfg(feature = "socketio")]
            return transcode(self.0, serializer);
            #[cfg(not(feature = "socketio"))]
            return Err(serde::ser::Error::custom("it is MessagePack"));
        }
        serializer.serialize_bytes(self.0)
    }
}
