//! The arguments of an event or an ack.
use std::fmt;
use std::iter::FusedIterator;

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::value::RawValue;

use crate::Error;
use crate::codec::Misfit;
use crate::codec::json::from_data;
use crate::codec::private::RAW_JSON;

/// The arguments of an event or an ack: known to be JSON, and not yet parsed.
#[derive(Clone, Copy)]
pub struct Arguments<'a> {
    first: Option<&'a RawValue>,
    /// The arguments with their commas, without brackets.
    text: &'a str,
    len: usize,
}

impl<'a> Arguments<'a> {
    pub(super) fn new(first: Option<&'a RawValue>, text: &'a str, len: usize) -> Arguments<'a> {
        Arguments { first, text, len }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The argument, if there is exactly one.
    pub fn only(&self) -> Option<&'a RawValue> {
        self.first.filter(|_| self.len == 1)
    }

    /// The arguments one by one.
    pub fn iter(&self) -> Items<'a> {
        Items { rest: self.text, left: self.len }
    }

    /// The arguments as the text of a JSON array, which is a copy.
    pub fn to_array(&self) -> Box<RawValue> {
        let array = format!("[{}]", self.text);
        RawValue::from_string(array).expect("values with commas between them are the inside of an array")
    }

    /// Parses them as a payload: one argument is the payload, several are an array, none is null. Nothing is copied.
    ///
    /// Errors: those of [`json::from_data`](crate::codec::json::from_data).
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if self.len <= 1 { from_data(self.first) } else { self.parse_array() }
    }

    /// Parses them as an array, however many there are.
    ///
    /// Errors: those of [`json::from_data`](crate::codec::json::from_data).
    pub fn parse_array<T: DeserializeOwned>(&self) -> Result<T, Error> {
        T::deserialize(Array(*self)).map_err(|error| {
            Misfit::from(&error).refuse(false, || {
                let error = serde_path_to_error::deserialize::<_, T>(Array(*self)).err()?;
                Some((error.path().clone(), Misfit::from(error.inner())))
            })
        })
    }
}

/// Prints the number only, because a payload may contain anything.
impl fmt::Debug for Arguments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arguments({})", self.len)
    }
}

/// Each argument, in order.
#[derive(Clone)]
pub struct Items<'a> {
    rest: &'a str,
    left: usize,
}

/// Prints the number only, because a payload may contain anything.
impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Items({})", self.left)
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a RawValue;

    fn next(&mut self) -> Option<&'a RawValue> {
        self.left = self.left.checked_sub(1)?;
        let text = self.rest.trim_ascii_start();
        // Reads one value, and not what follows it.
        let value = <&RawValue>::deserialize(&mut serde_json::Deserializer::from_str(text)).ok()?;
        let rest = text[value.get().len()..].trim_ascii_start();
        self.rest = rest.strip_prefix(',').unwrap_or(rest);
        Some(value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Items<'_> {}

impl FusedIterator for Items<'_> {}

/// The arguments as an array that is not in the text as one.
struct Array<'a>(Arguments<'a>);

impl<'de> Deserializer<'de> for Array<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, serde_json::Error> {
        let mut items = Elements(self.0.iter());
        let value = visitor.visit_seq(&mut items)?;
        if items.0.len() > 0 {
            return Err(serde_json::Error::invalid_length(self.0.len, &"fewer arguments"));
        }
        Ok(value)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, serde_json::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, serde_json::Error> {
        match name {
            RAW_JSON => {
                let json: Box<str> = self.0.to_array().into();
                visitor.visit_map(MapDeserializer::new(std::iter::once((RAW_JSON, String::from(json)))))
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, serde_json::Error> {
        // An array is never an enum: this is serde_json's error for one.
        serde_json::Deserializer::from_str("[]").deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Elements<'a>(Items<'a>);

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = serde_json::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, serde_json::Error> {
        let Some(item) = self.0.next() else { return Ok(None) };
        seed.deserialize(&mut serde_json::Deserializer::from_str(item.get())).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}
