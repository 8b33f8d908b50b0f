//! Distinguishes `Option::None` from other values that serialise as null, and an [`Args`](crate::Args) from what it holds.
use serde::Serialize;
use switchboard_core::ARGS;

/// True if the value is `Option::None`, but not if it is another value that serialises as null.
pub(super) fn is_none<T: Serialize + ?Sized>(value: &T) -> bool {
    value.serialize(Probe { in_some: false }) == Ok(Found::None)
}

/// True if the value is an [`Args`](crate::Args), or `Some` of one.
pub(super) fn is_args<T: Serialize + ?Sized>(value: &T) -> bool {
    value.serialize(Probe { in_some: false }) == Ok(Found::Args)
}

struct Probe {
    in_some: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    None,
    Args,
}

#[derive(Debug, PartialEq, Eq)]
struct Other;

impl std::fmt::Display for Other {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not None")
    }
}
impl std::error::Error for Other {}
impl serde::ser::Error for Other {
    fn custom<T: std::fmt::Display>(_: T) -> Other {
        Other
    }
}

type Never = serde::ser::Impossible<Found, Other>;

macro_rules! not_none {
    ($($method:ident($($type:ty),*) -> $out:ty;)*) => {
        $(fn $method(self $(, _: $type)*) -> Result<$out, Other> { Err(Other) })*
    };
}

impl serde::Serializer for Probe {
    type Ok = Found;
    type Error = Other;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    fn serialize_none(self) -> Result<Found, Other> {
        if self.in_some { Err(Other) } else { Ok(Found::None) }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Found, Other> {
        value.serialize(Probe { in_some: true })
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, _: &T) -> Result<Found, Other> {
        if name == ARGS { Ok(Found::Args) } else { Err(Other) }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Found, Other> {
        Err(Other)
    }

    not_none! {
        serialize_bool(bool) -> Found;
        serialize_i8(i8) -> Found;
        serialize_i16(i16) -> Found;
        serialize_i32(i32) -> Found;
        serialize_i64(i64) -> Found;
        serialize_u8(u8) -> Found;
        serialize_u16(u16) -> Found;
        serialize_u32(u32) -> Found;
        serialize_u64(u64) -> Found;
        serialize_f32(f32) -> Found;
        serialize_f64(f64) -> Found;
        serialize_char(char) -> Found;
        serialize_str(&str) -> Found;
        serialize_bytes(&[u8]) -> Found;
        serialize_unit() -> Found;
        serialize_unit_struct(&'static str) -> Found;
        serialize_unit_variant(&'static str, u32, &'static str) -> Found;
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct(&'static str, usize) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }
}

#[cfg(test)]
mod tests {
    use super::{is_args, is_none};
    use crate::Args;
    use serde_json::Value;

    #[test]
    fn none_alone_is_none() {
        assert!(is_none(&None::<u8>));
        assert!(!is_none(&Some(1)));
        assert!(!is_none(&()));
        assert!(!is_none(&Value::Null));
        assert!(!is_none(&f64::NAN));
        assert!(!is_none(&Some(None::<u8>)));
        assert!(!is_none(&Args(None::<u8>)));
    }

    #[test]
    fn args_are_args() {
        assert!(is_args(&Args((1, 2))));
        assert!(is_args(&&Some(Args([1]))));
        assert!(!is_args(&None::<Args<u8>>));
        assert!(!is_args(&(Args(1),)));
    }
}
