//! The serializer for MessagePack.
use rmp::Marker;
use serde::ser::{self, Error as _, Serialize, Serializer};

use super::EXT;
use super::bytes::Bytes;
use super::failure::Failure;
use super::head::{self, Of};
use super::key::Key;
use super::raw::WRITTEN;
use super::reader::{Reader, Token};
use crate::binary::BINARY;
use crate::codec::json::Exact;
use crate::codec::private::{NUMBER, RAW_JSON};

/// Appends one value.
pub(super) struct Writer<'a>(pub(super) &'a mut Vec<u8>);

fn failure(text: &str) -> Failure {
    ser::Error::custom(text)
}

impl<'a> Writer<'a> {
    #[inline]
    fn array(mut self, count: Option<usize>) -> Result<Items<'a>, Failure> {
        let count = match count {
            Some(count) => {
                head::count(self.0, Of::Items, count)?;
                Count::Announced(count)
            }
            None => Count::Later { at: self.reserve(Marker::Array32), each: 1 },
        };
        Ok(Items { out: self.0, written: 0, count })
    }

    #[inline]
    fn map(mut self, keys: Option<usize>) -> Result<Items<'a>, Failure> {
        let count = match keys {
            Some(keys) => {
                head::count(self.0, Of::Keys, keys)?;
                Count::Announced(keys.saturating_mul(2))
            }
            None => Count::Later { at: self.reserve(Marker::Map32), each: 2 },
        };
        Ok(Items { out: self.0, written: 0, count })
    }

    /// Appends a head whose count is written at the end. Returns its position.
    fn reserve(&mut self, marker: Marker) -> usize {
        self.0.push(marker.to_u8());
        self.0.extend_from_slice(&[0; 4]);
        self.0.len() - 4
    }

    /// Appends the head of `{variant: value}`; the value comes next.
    fn variant(self, name: &str) -> Result<Writer<'a>, Failure> {
        head::count(self.0, Of::Keys, 1)?;
        Writer(self.0).serialize_str(name)?;
        Ok(self)
    }

    /// Appends the value of a JSON text.
    fn json(self, text: &str) -> Result<(), Failure> {
        let json = serde_json::from_str::<&serde_json::value::RawValue>(text)?;
        Exact::of(json).map_err(Failure::custom)?.serialize(self)
    }
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Items<'a>;
    type SerializeStruct = Items<'a>;
    type SerializeStructVariant = Items<'a>;

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), Failure> {
        self.0.push(if value { Marker::True } else { Marker::False }.to_u8());
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Failure> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Failure> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Failure> {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Result<(), Failure> {
        head::signed(self.0, value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), Failure> {
        match (u64::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => self.serialize_u64(value),
            (_, Ok(value)) => self.serialize_i64(value),
            _ => self.collect_str(&value),
        }
    }

    fn serialize_u8(self, value: u8) -> Result<(), Failure> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Failure> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Failure> {
        self.serialize_u64(value.into())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<(), Failure> {
        head::unsigned(self.0, value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), Failure> {
        match u64::try_from(value) {
            Ok(value) => self.serialize_u64(value),
            Err(_) => self.collect_str(&value),
        }
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<(), Failure> {
        head::put(self.0, Marker::F32, value.to_be_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), Failure> {
        head::put(self.0, Marker::F64, value.to_be_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Failure> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), Failure> {
        head::count(self.0, Of::Text, value.len())?;
        self.0.extend_from_slice(value.as_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), Failure> {
        head::count(self.0, Of::Bytes, value.len())?;
        self.0.extend_from_slice(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Failure> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Failure> {
        self.0.push(Marker::Null.to_u8());
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Failure> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Failure> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), Failure> {
        let start = self.0.len();
        match name {
            BINARY => value.serialize(Bytes { out: self.0, written: false }),
            WRITTEN => value.serialize(Bytes { out: self.0, written: true }),
            EXT => {
                value.serialize(Writer(self.0))?;
                into_ext(self.0, start)
            }
            _ => value.serialize(self),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        value.serialize(self.variant(variant)?)
    }

    fn serialize_seq(self, count: Option<usize>) -> Result<Items<'a>, Failure> {
        self.array(count)
    }

    fn serialize_tuple(self, count: usize) -> Result<Items<'a>, Failure> {
        self.array(Some(count))
    }

    fn serialize_tuple_struct(self, _: &'static str, count: usize) -> Result<Items<'a>, Failure> {
        self.array(Some(count))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        count: usize,
    ) -> Result<Items<'a>, Failure> {
        self.variant(variant)?.array(Some(count))
    }

    fn serialize_map(self, keys: Option<usize>) -> Result<Items<'a>, Failure> {
        self.map(keys)
    }

    fn serialize_struct(self, name: &'static str, keys: usize) -> Result<Items<'a>, Failure> {
        match name {
            RAW_JSON | NUMBER => Ok(Items { out: self.0, written: 0, count: Count::Json { is_raw: name == RAW_JSON } }),
            _ => self.map(Some(keys)),
        }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        keys: usize,
    ) -> Result<Items<'a>, Failure> {
        self.variant(variant)?.map(Some(keys))
    }
}

/// How many items an array, map or struct must have. A key and its value count as two.
enum Count {
    /// This many; the head is written already.
    Announced(usize),
    /// Not known before the end: the head at this position gets the number of entries, each of this many items.
    Later { at: usize, each: usize },
    /// One item, a JSON text, whose value is written in its place.
    Json { is_raw: bool },
}

/// The inside of an array, a map or a struct.
pub(super) struct Items<'a> {
    out: &'a mut Vec<u8>,
    written: usize,
    count: Count,
}

impl Items<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.written += 1;
        value.serialize(Writer(self.out))
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failure> {
        let start = self.out.len();
        self.item(key)?;
        into_key(self.out, start)
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Failure> {
        match self.count {
            Count::Json { is_raw } => {
                let serde_json::Value::String(text) = serde_json::to_value(value)? else {
                    return Err(failure("no text of JSON"));
                };
                if is_raw { Writer(self.out).json(&text) } else { write_number(self.out, &text) }
            }
            _ => {
                self.item(key)?;
                self.item(value)
            }
        }
    }

    /// Refuses an item too many or too few. JSON tolerates them; in MessagePack everything after them would be misread.
    #[inline]
    fn finish(self) -> Result<(), Failure> {
        match self.count {
            Count::Announced(count) if count != self.written => Err(failure("more or fewer items than announced")),
            Count::Later { each, .. } if !self.written.is_multiple_of(each) => Err(failure("a key without its value")),
            Count::Later { at, each } => {
                let count = u32::try_from(self.written / each).map_err(|_| failure("longer than 2^32"))?;
                self.out[at..at + 4].copy_from_slice(&count.to_be_bytes());
                Ok(())
            }
            Count::Announced(_) | Count::Json { .. } => Ok(()),
        }
    }
}

fn write_number(out: &mut Vec<u8>, digits: &str) -> Result<(), Failure> {
    match (digits.parse::<i128>(), digits.parse::<u128>(), digits.parse::<f64>()) {
        (Ok(value), ..) if digits != "-0" => Writer(out).serialize_i128(value),
        (_, Ok(value), _) => Writer(out).serialize_u128(value),
        (.., Ok(value)) => Writer(out).serialize_f64(value),
        _ => Err(failure("no number")),
    }
}

/// Turns the value that begins at `start` into a key.
#[inline]
fn into_key(out: &mut Vec<u8>, start: usize) -> Result<(), Failure> {
    let token = Reader::new(&out[start..]).token();
    if let Some(Token::Text(_)) = token {
        return Ok(());
    }
    let text = token.and_then(|token| Key(token).text()).ok_or_else(|| failure("key must be a string"))?;
    out.truncate(start);
    Writer(out).serialize_str(&text)
}

/// Turns the pair of a type number and bytes that begins at `start` into an `ext`.
fn into_ext(out: &mut Vec<u8>, start: usize) -> Result<(), Failure> {
    let mut reader = Reader::new(&out[start..]);
    let (Some(Token::Array(2)), Some(kind), Some(Token::Bytes(bytes))) =
        (reader.token(), reader.token(), reader.token())
    else {
        return Err(failure("an ext is a pair of an i8 and bytes"));
    };
    let kind = match kind {
        Token::Unsigned(kind) => i8::try_from(kind).ok(),
        Token::Signed(kind) => i8::try_from(kind).ok(),
        _ => None,
    };
    let kind = kind.ok_or_else(|| failure("an ext has an i8 for its kind"))?;
    let bytes = bytes.to_vec();
    out.truncate(start);
    head::ext(out, kind, bytes.len())?;
    out.extend_from_slice(&bytes);
    Ok(())
}

macro_rules! items {
    ($($trait:ident { $($method:ident($($key:ident: $type:ty)?) => $inner:ident;)* })*) => { $(
        impl ser::$trait for Items<'_> {
            type Ok = ();
            type Error = Failure;

            $(fn $method<T: Serialize + ?Sized>(&mut self, $($key: $type,)? value: &T) -> Result<(), Failure> {
                self.$inner($($key,)? value)
            })*

            fn end(self) -> Result<(), Failure> {
                self.finish()
            }
        }
    )* };
}
items! {
    SerializeSeq { serialize_element() => item; }
    SerializeTuple { serialize_element() => item; }
    SerializeTupleStruct { serialize_field() => item; }
    SerializeTupleVariant { serialize_field() => item; }
    SerializeMap { serialize_key() => key; serialize_value() => item; }
    SerializeStruct { serialize_field(key: &'static str) => field; }
    SerializeStructVariant { serialize_field(key: &'static str) => field; }
}
