//! The serializer for values that are `bin` in MessagePack and a text in JSON.
use serde::ser::{Error, Impossible, Serialize, Serializer};

use super::failure::Failure;
use super::writer::Writer;

/// Appends bytes, and refuses every other value. It is not human-readable, so a type with two forms gives its bytes.
pub(super) struct Bytes<'a> {
    pub(super) out: &'a mut Vec<u8>,
    /// True if the bytes are a value of this format already.
    pub(super) written: bool,
}

type Never = Impossible<(), Failure>;

fn refused<T>() -> Result<T, Failure> {
    Err(Failure::custom("bytes are expected"))
}

macro_rules! no_bytes {
    ($($method:ident($($type:ty),*) -> $out:ty;)*) => {
        $(fn $method(self $(, _: $type)*) -> Result<$out, Failure> { refused() })*
    };
}

impl Serializer for Bytes<'_> {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Failure> {
        if self.written {
            self.out.extend_from_slice(bytes);
            return Ok(());
        }
        Writer(self.out).serialize_bytes(bytes)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Failure> {
        refused()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<(), Failure> {
        refused()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Failure> {
        refused()
    }

    no_bytes! {
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
        serialize_none() -> ();
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
