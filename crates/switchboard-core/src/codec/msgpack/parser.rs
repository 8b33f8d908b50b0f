//! The deserializer for MessagePack. Each type accepts the same values as from JSON.
use serde::de::value::{BorrowedBytesDeserializer, BorrowedStrDeserializer, MapDeserializer};
use serde::de::value::{SeqAccessDeserializer, SeqDeserializer};
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::EXT;
use super::failure::{Failure, NOT_VALID};
use super::key::Key;
use super::raw::Raw;
use super::reader::{Reader, Token, whole};
use crate::codec::misfit::Misfit;
use crate::codec::private::RAW_JSON;
use crate::float::ANY_FLOAT;

/// One more than the depth to which values are built, as serde_json counts it.
const DEPTH: u8 = 128;

pub(super) struct Parser<'de> {
    reader: Reader<'de>,
    depth: u8,
}

impl<'de> Parser<'de> {
    pub(super) fn new(data: Raw<'de>) -> Parser<'de> {
        Parser { reader: Reader::new(data.as_bytes()), depth: DEPTH }
    }

    pub(super) fn is_done(&self) -> bool {
        self.reader.is_empty()
    }

    fn token(&mut self) -> Result<Token<'de>, Failure> {
        self.reader.token().ok_or(NOT_VALID)
    }

    fn nested<T>(&mut self, build: impl FnOnce(&mut Self) -> Result<T, Failure>) -> Result<T, Failure> {
        if self.depth == 1 {
            return Err(Failure(Misfit::TooDeep));
        }
        self.depth -= 1;
        let built = build(self);
        self.depth += 1;
        built
    }

    /// Builds all of `count` items, or keys with their values.
    fn items<T>(
        &mut self,
        count: u32,
        build: impl FnOnce(&mut Items<'_, 'de>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.nested(|parser| {
            let mut items = Items { parser, left: count };
            let built = build(&mut items)?;
            if items.left == 0 { Ok(built) } else { Err(NOT_VALID) }
        })
    }

    fn visit<V: Visitor<'de>>(&mut self, token: Token<'de>, visitor: V) -> Result<V::Value, Failure> {
        match token {
            Token::Nil => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Unsigned(value) => visitor.visit_u64(value),
            Token::Signed(value) => visitor.visit_i64(value),
            Token::Float(value) => visitor.visit_f64(finite(value)?),
            Token::Text(value) => visitor.visit_borrowed_str(value),
            Token::Bytes(value) => visitor.visit_borrowed_bytes(value),
            Token::Array(count) => self.items(count, |items| visitor.visit_seq(items)),
            Token::Map(count) => self.items(count, |items| visitor.visit_map(items)),
            Token::Ext(..) => Err(wrong(token, &visitor)),
        }
    }
}

/// Refuses NaN and the infinities, as JSON refuses a number that is too large; a type may ask for them by [`ANY_FLOAT`].
#[inline]
pub(super) fn finite(value: f64) -> Result<f64, Failure> {
    if value.is_finite() { Ok(value) } else { Err(Failure(Misfit::NumberOutOfRange)) }
}

/// Refuses a number that is too large for an `f32`, which would turn it into an infinity.
pub(super) fn within_f32(value: f64) -> Result<f64, Failure> {
    finite((value as f32).into()).and(Ok(value))
}

/// serde's error text for a value of the wrong type.
#[cold]
pub(super) fn wrong(token: Token<'_>, wanted: &dyn de::Expected) -> Failure {
    de::Error::invalid_type(token.unexpected(), wanted)
}

macro_rules! takes {
    ($($tokens:pat => $($method:ident($($argument:ty),*))*;)*) => { $($(
        #[inline]
        fn $method<V: Visitor<'de>>(self, $(_: $argument,)* visitor: V) -> Result<V::Value, Failure> {
            let token = self.token()?;
            match token {
                $tokens => self.visit(token, visitor),
                _ => Err(wrong(token, &visitor)),
            }
        }
    )*)* };
}

macro_rules! takes_bytes_as_items {
    ($($method:ident($($argument:ty),*))*) => { $(
        fn $method<V: Visitor<'de>>(self, $(_: $argument,)* visitor: V) -> Result<V::Value, Failure> {
            match self.token()? {
                token @ Token::Array(_) => self.visit(token, visitor),
                Token::Bytes(bytes) => {
                    let mut items = SeqDeserializer::<_, Failure>::new(bytes.iter().copied());
                    let value = visitor.visit_seq(&mut items)?;
                    items.end().map_err(|_| NOT_VALID)?;
                    Ok(value)
                }
                token => Err(wrong(token, &visitor)),
            }
        }
    )* };
}

macro_rules! takes_text_as_bytes {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            match self.token()? {
                Token::Text(text) => visitor.visit_borrowed_bytes(text.as_bytes()),
                token @ (Token::Bytes(_) | Token::Array(_)) => self.visit(token, visitor),
                token => Err(wrong(token, &visitor)),
            }
        }
    )* };
}

/// A float that is a whole number counts as an integer, as in JavaScript.
macro_rules! takes_integers {
    ($($method:ident)*) => { $(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            match self.token()? {
                token @ (Token::Unsigned(_) | Token::Signed(_)) => self.visit(token, visitor),
                token @ Token::Float(value) => self.visit(whole(value).unwrap_or(token), visitor),
                token => Err(wrong(token, &visitor)),
            }
        }
    )* };
}

/// Integers of 128 bits may be texts of digits.
macro_rules! takes_digits {
    ($($method:ident $type:ty => $visit:ident;)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            match self.token()? {
                token @ (Token::Unsigned(_) | Token::Signed(_)) => self.visit(token, visitor),
                token @ Token::Float(value) => self.visit(whole(value).unwrap_or(token), visitor),
                Token::Text(digits) => match digits.parse::<$type>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => Err(wrong(Token::Text(digits), &visitor)),
                },
                token => Err(wrong(token, &visitor)),
            }
        }
    )* };
}

impl<'de> Deserializer<'de> for &mut Parser<'de> {
    type Error = Failure;

    /// serde buffers what it reads here for `flatten` and for untagged and internally tagged enums, and an integer that it has buffered as
    /// a float can no longer be read as an integer. JavaScript encoders write whole numbers of more than 32 bits as floats, such as the
    /// time.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let token = match self.token()? {
            Token::Float(value) if value < i32::MIN.into() || value > u32::MAX.into() => {
                whole(value).unwrap_or(Token::Float(value))
            }
            token => token,
        };
        self.visit(token, visitor)
    }

    takes_integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.token()? {
            Token::Float(value) => visitor.visit_f64(within_f32(value)?),
            token @ (Token::Unsigned(_) | Token::Signed(_)) => self.visit(token, visitor),
            token => Err(wrong(token, &visitor)),
        }
    }

    takes! {
        Token::Bool(_) => deserialize_bool();
        Token::Unsigned(_) | Token::Signed(_) | Token::Float(_) =>
            deserialize_f64();
        Token::Text(_) => deserialize_char() deserialize_str() deserialize_string() deserialize_identifier();
        Token::Nil => deserialize_unit() deserialize_unit_struct(&'static str);
        Token::Map(_) => deserialize_map();
        Token::Array(_) | Token::Map(_) => deserialize_struct(&'static str, &'static [&'static str]);
    }

    takes_bytes_as_items! {
        deserialize_seq()
        deserialize_tuple(usize)
        deserialize_tuple_struct(&'static str, usize)
    }

    takes_text_as_bytes! { deserialize_bytes deserialize_byte_buf }

    takes_digits! {
        deserialize_i128 i128 => visit_i128;
        deserialize_u128 u128 => visit_u128;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if self.reader.is_at_nil() {
            self.token()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Failure> {
        match name {
            EXT => match self.token()? {
                Token::Ext(kind, bytes) => visitor
                    .visit_newtype_struct(SeqAccessDeserializer::new(Ext { kind: Some(kind), bytes: Some(bytes) })),
                token => Err(wrong(token, &visitor)),
            },
            ANY_FLOAT => match self.token()? {
                Token::Float(value) => visitor.visit_newtype_struct(value.into_deserializer()),
                Token::Unsigned(value) => visitor.visit_newtype_struct(value.into_deserializer()),
                Token::Signed(value) => visitor.visit_newtype_struct(value.into_deserializer()),
                token => Err(wrong(token, &visitor)),
            },
            RAW_JSON => {
                let json = serde_json::Value::deserialize(self)?.to_string();
                visitor.visit_map(MapDeserializer::new(std::iter::once((RAW_JSON, json))))
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match self.token()? {
            Token::Text(variant) => visitor.visit_enum(BorrowedStrDeserializer::new(variant)),
            Token::Map(keys @ 1..) => {
                let built = self.nested(|parser| visitor.visit_enum(Variant(parser)))?;
                if keys == 1 { Ok(built) } else { Err(Failure(Misfit::NoVariant)) }
            }
            _ => Err(Failure(Misfit::NoVariant)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.reader.skip().ok_or(NOT_VALID)?;
        visitor.visit_unit()
    }
}

/// The items of an array, or the keys of a map.
struct Items<'p, 'de> {
    parser: &'p mut Parser<'de>,
    left: u32,
}

impl Items<'_, '_> {
    /// Returns true, and counts the next one, if another one follows. The caller must then read it.
    fn advance(&mut self) -> bool {
        let is_there = self.left > 0;
        self.left -= u32::from(is_there);
        is_there
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        self.advance().then(|| seed.deserialize(&mut *self.parser)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left as usize)
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        if !self.advance() {
            return Ok(None);
        }
        seed.deserialize(Key(self.parser.token()?)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Failure> {
        seed.deserialize(&mut *self.parser)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left as usize)
    }
}

/// A variant with a value: the map `{variant: value}` after its head.
struct Variant<'p, 'de>(&'p mut Parser<'de>);

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Failure> {
        let variant = seed.deserialize(Key(self.0.token()?))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        Deserialize::deserialize(self.0)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failure> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value, Failure> {
        self.0.deserialize_tuple(count, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Failure> {
        self.0.deserialize_struct("", fields, visitor)
    }
}

/// An `ext` for a type that asks for one: its type number, then its bytes.
struct Ext<'de> {
    kind: Option<i8>,
    bytes: Option<&'de [u8]>,
}

impl<'de> SeqAccess<'de> for Ext<'de> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        if let Some(kind) = self.kind.take() {
            return seed.deserialize(kind.into_deserializer()).map(Some);
        }
        self.bytes.take().map(|bytes| seed.deserialize(BorrowedBytesDeserializer::new(bytes))).transpose()
    }
}
