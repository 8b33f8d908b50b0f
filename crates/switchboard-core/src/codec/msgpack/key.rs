//! The keys of maps. They are texts, as in JSON, whatever type reads them.
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::failure::{Failure, NOT_VALID};
use super::parser::{finite, within_f32, wrong};
use super::reader::{Token, whole};

/// A key: a text, or a number or boolean in place of its text.
pub(super) struct Key<'de>(pub(super) Token<'de>);

impl<'de> Key<'de> {
    /// The text of a key that is a number or a boolean; `None` for any other value.
    pub(super) fn text(&self) -> Option<String> {
        match self.0 {
            Token::Bool(value) => Some(value.to_string()),
            Token::Unsigned(value) => Some(value.to_string()),
            Token::Signed(value) => Some(value.to_string()),
            Token::Float(value) => serde_json::Number::from_f64(value).map(|number| number.to_string()),
            _ => None,
        }
    }
}

fn integer<'de>(value: f64) -> Result<Token<'de>, Failure> {
    Ok(whole(value).unwrap_or(Token::Float(finite(value)?)))
}

fn double<'de>(value: f64) -> Result<Token<'de>, Failure> {
    finite(value).map(Token::Float)
}

fn single<'de>(value: f64) -> Result<Token<'de>, Failure> {
    within_f32(value).map(Token::Float)
}

/// A number, or a text with a number as JSON writes it.
macro_rules! numbers {
    ($float:path: $($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            let token = match self.0 {
                Token::Float(value) => $float(value)?,
                token => token,
            };
            match token {
                Token::Unsigned(value) => visitor.visit_u64(value),
                Token::Signed(value) => visitor.visit_i64(value),
                Token::Float(value) => visitor.visit_f64(value),
                Token::Text(text) => {
                    let is_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
                    if !is_number || !text.ends_with(|last: char| last.is_ascii_digit()) {
                        return Err(NOT_VALID);
                    }
                    let mut json = serde_json::Deserializer::from_str(text);
                    let value = json.$method(visitor)?;
                    json.end()?;
                    Ok(value)
                }
                token => Err(wrong(token, &visitor)),
            }
        }
    )* };
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if let Token::Text(text) = self.0 {
            return visitor.visit_borrowed_str(text);
        }
        match self.text() {
            Some(text) => visitor.visit_string(text),
            None => Err(wrong(self.0, &visitor)),
        }
    }

    numbers! {
        integer:
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    numbers! { double: deserialize_f64 }

    numbers! { single: deserialize_f32 }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Text("true") => visitor.visit_bool(true),
            Token::Text("false") => visitor.visit_bool(false),
            Token::Text(text) if text.starts_with(['t', 'f']) => Err(NOT_VALID),
            token => Err(wrong(token, &visitor)),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            Token::Text(text) => visitor.visit_borrowed_bytes(text.as_bytes()),
            token => Err(wrong(token, &visitor)),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match (self.0, self.text()) {
            (Token::Text(text), _) => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
            (_, Some(text)) => visitor.visit_enum(text.into_deserializer()),
            (token, None) => Err(wrong(token, &visitor)),
        }
    }

    forward_to_deserialize_any! {
        char str string unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
