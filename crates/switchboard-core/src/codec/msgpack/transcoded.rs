//! A value of MessagePack, for the serializer of another format.
use std::cell::RefCell;

use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};

use super::EXT;
use super::key::Key;
use super::reader::{Reader, Token};
use crate::codec::json::DEPTH;

/// Serializes bytes that must have been validated: they are one value, whose bytes stay bytes.
///
/// Errors: it is nested deeper than 127, or has a key that is no text in JSON.
pub(super) fn transcode<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    Next { reader: &RefCell::new(Reader::new(bytes)), depth: DEPTH }.serialize(serializer)
}

/// The next value of a reader, which all parts of the whole share: they are read one after another.
struct Next<'r, 'a> {
    reader: &'r RefCell<Reader<'a>>,
    depth: usize,
}

impl<'a> Next<'_, 'a> {
    fn token<E: serde::ser::Error>(&self) -> Result<Token<'a>, E> {
        self.reader.borrow_mut().token().ok_or_else(|| E::custom("not one value of MessagePack"))
    }

    /// The values inside of this one.
    fn inside<E: serde::ser::Error>(&self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested deeper than 127"))?;
        Ok(Next { reader: self.reader, depth })
    }
}

impl Serialize for Next<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.token()? {
            Token::Nil => serializer.serialize_unit(),
            Token::Bool(value) => serializer.serialize_bool(value),
            Token::Unsigned(value) => serializer.serialize_u64(value),
            Token::Signed(value) => serializer.serialize_i64(value),
            Token::Float(value) => serializer.serialize_f64(value),
            Token::Text(value) => serializer.serialize_str(value),
            Token::Bytes(value) => serializer.serialize_bytes(value),
            Token::Array(count) => {
                let part = self.inside()?;
                let mut items = serializer.serialize_seq(Some(count as usize))?;
                for _ in 0..count {
                    items.serialize_element(&part)?;
                }
                items.end()
            }
            Token::Map(count) => {
                let part = self.inside()?;
                let mut map = serializer.serialize_map(Some(count as usize))?;
                for _ in 0..count {
                    match self.token()? {
                        Token::Text(key) => map.serialize_key(key)?,
                        other => match Key(other).text() {
                            Some(key) => map.serialize_key(&key)?,
                            None => return Err(S::Error::custom("key must be a string")),
                        },
                    }
                    map.serialize_value(&part)?;
                }
                map.end()
            }
            Token::Ext(kind, bytes) => serializer.serialize_newtype_struct(EXT, &(kind, Bytes(bytes))),
        }
    }
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
