//! Bytes as a payload.
use std::fmt;
use std::ops::Deref;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{self, Deserialize, Deserializer, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

/// The name by which a serializer that has bytes, but is human-readable, recognises [`Binary`].
pub(crate) const BINARY: &str = "$switchboard::Binary";

/// Bytes as a payload, or a part of one: `bin` in MessagePack, and a text of base64 in JSON (RFC 4648 §4, with padding).
///
/// A `Vec<u8>` is an array of numbers in both. In another format a `Binary` is bytes, or base64 if the format is human-readable.
///
/// Errors, when it is read: a value that is neither bytes nor such a text does not fit.
///
/// ```
/// use switchboard_core::Binary;
/// assert_eq!(serde_json::to_string(&Binary::from(vec![1, 2, 255]))?, r#""AQL/""#);
/// assert_eq!(*serde_json::from_str::<Binary>(r#""AQL/""#)?, [1, 2, 255]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Binary(pub Bytes);

impl Deref for Binary {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Binary {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Binary {
    fn from(bytes: Vec<u8>) -> Binary {
        Binary(bytes.into())
    }
}

impl From<Bytes> for Binary {
    fn from(bytes: Bytes) -> Binary {
        Binary(bytes)
    }
}

impl From<Binary> for Bytes {
    fn from(binary: Binary) -> Bytes {
        binary.0
    }
}

/// Prints the length only, because a payload may contain anything.
impl fmt::Debug for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binary({} bytes)", self.0.len())
    }
}

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(BINARY, &Content(&self.0))
    }
}

struct Content<'a>(&'a [u8]);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&STANDARD.encode(self.0))
        } else {
            serializer.serialize_bytes(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Binary, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(BinaryVisitor)
        } else {
            deserializer.deserialize_byte_buf(BinaryVisitor)
        }
    }
}

struct BinaryVisitor;

impl Visitor<'_> for BinaryVisitor {
    type Value = Binary;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes, or a text of base64 with padding")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Binary, E> {
        Ok(Binary(Bytes::copy_from_slice(bytes)))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Binary, E> {
        Ok(bytes.into())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Binary, E> {
        match STANDARD.decode(text) {
            Ok(bytes) => Ok(bytes.into()),
            Err(_) => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}
