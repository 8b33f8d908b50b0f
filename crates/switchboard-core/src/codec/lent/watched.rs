//! A deserializer of somebody else's, of whose values each has one reading.
use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, Expected, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use crate::codec::private::{NUMBER, RAW_JSON, has_private_key, is_private, numbers_are_maps};
use crate::float::ANY_FLOAT;

/// What serde_json says of a number that its type cannot hold.
pub(super) const OUT_OF_RANGE: &str = "number out of range";

/// What was met.
#[derive(Default)]
pub(super) struct Watch {
    private_key: Cell<bool>,
}

impl Watch {
    /// A key that is [private](crate::codec::private) was read.
    pub(super) fn met_private_key(&self) -> bool {
        self.private_key.get()
    }

    fn check<E: Error>(&self, is_private: bool) -> Result<(), E> {
        if is_private {
            self.private_key.set(true);
            return Err(E::custom("a private key"));
        }
        Ok(())
    }
}

/// What is read.
#[derive(Clone, Copy, PartialEq)]
enum What {
    /// Of the type that is asked for.
    Value,
    /// Of any type.
    Any,
    Single,
    Key,
    /// The first key of something of any type: with its feature `arbitrary_precision` serde_json makes a map of a number.
    FirstKey,
    /// A text of JSON, which a `RawValue` keeps.
    Json,
}

/// Passes everything on, but refuses keys that are [private](crate::codec::private), and what JSON has no number for.
pub(super) struct Watched<'w, T> {
    inner: T,
    watch: &'w Watch,
    what: What,
}

impl<'w, T> Watched<'w, T> {
    pub(super) fn new(inner: T, watch: &'w Watch) -> Watched<'w, T> {
        Watched { inner, watch, what: What::Value }
    }

    fn with<U>(&self, inner: U, what: What) -> Watched<'w, U> {
        Watched { inner, watch: self.watch, what }
    }

    /// A text of a value, or a key.
    fn text<E: Error>(&self, text: &str) -> Result<(), E> {
        self.watch.check(match self.what {
            What::Value | What::Any | What::Single => false,
            What::Key => is_private(text.as_bytes()),
            What::FirstKey => is_private(text.as_bytes()) && !(text == NUMBER && numbers_are_maps()),
            What::Json => has_private_key(text),
        })
    }

    fn bytes<E: Error>(&self, bytes: &[u8]) -> Result<(), E> {
        self.watch.check(matches!(self.what, What::Key | What::FirstKey) && is_private(bytes))
    }

    fn float<E: Error>(&self, value: f64) -> Result<(), E> {
        let fits = if self.what == What::Single { (value as f32).is_finite() } else { value.is_finite() };
        if fits { Ok(()) } else { Err(E::custom(OUT_OF_RANGE)) }
    }
}

macro_rules! pass_on {
    ($($method:ident($($name:ident: $type:ty),*) => $what:expr;)*) => { $(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let what = if matches!(self.what, What::Key | What::FirstKey | What::Json) { self.what } else { $what };
            let visitor = self.with(visitor, what);
            self.inner.$method($($name,)* visitor)
        }
    )* };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Watched<'_, D> {
    type Error = D::Error;

    pass_on! {
        deserialize_any() => What::Any;
        deserialize_bool() => What::Value;
        deserialize_i8() => What::Value;
        deserialize_i16() => What::Value;
        deserialize_i32() => What::Value;
        deserialize_i64() => What::Value;
        deserialize_i128() => What::Value;
        deserialize_u8() => What::Value;
        deserialize_u16() => What::Value;
        deserialize_u32() => What::Value;
        deserialize_u64() => What::Value;
        deserialize_u128() => What::Value;
        deserialize_f32() => What::Single;
        deserialize_f64() => What::Value;
        deserialize_char() => What::Value;
        deserialize_str() => What::Value;
        deserialize_string() => What::Value;
        deserialize_bytes() => What::Value;
        deserialize_byte_buf() => What::Value;
        deserialize_option() => What::Value;
        deserialize_unit() => What::Value;
        deserialize_unit_struct(name: &'static str) => What::Value;
        deserialize_seq() => What::Value;
        deserialize_tuple(count: usize) => What::Value;
        deserialize_tuple_struct(name: &'static str, count: usize) => What::Value;
        deserialize_map() => What::Value;
        deserialize_struct(name: &'static str, fields: &'static [&'static str]) => What::Value;
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) => What::Value;
        deserialize_identifier() => What::Value;
        deserialize_ignored_any() => What::Value;
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        match name {
            // It takes every float.
            ANY_FLOAT => self.inner.deserialize_newtype_struct(name, visitor),
            RAW_JSON => {
                let visitor = self.with(visitor, What::Json);
                self.inner.deserialize_newtype_struct(name, visitor)
            }
            _ => {
                let visitor = self.with(visitor, self.what);
                self.inner.deserialize_newtype_struct(name, visitor)
            }
        }
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! visits {
    ($($method:ident($type:ty) $(: $check:ident($($to:tt)*))?;)*) => { $(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            $(self.$check($($to)* value)?;)?
            self.inner.$method(value)
        }
    )* };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watched<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Expected::fmt(&self.inner, f)
    }

    visits! {
        visit_bool(bool);
        visit_i8(i8);
        visit_i16(i16);
        visit_i32(i32);
        visit_i64(i64);
        visit_i128(i128);
        visit_u8(u8);
        visit_u16(u16);
        visit_u32(u32);
        visit_u64(u64);
        visit_u128(u128);
        visit_f64(f64): float();
        visit_char(char);
        visit_str(&str): text();
        visit_borrowed_str(&'de str): text();
        visit_string(String): text(&);
        visit_bytes(&[u8]): bytes();
        visit_borrowed_bytes(&'de [u8]): bytes();
        visit_byte_buf(Vec<u8>): bytes(&);
    }

    fn visit_f32<E: Error>(self, value: f32) -> Result<V::Value, E> {
        self.float(value.into())?;
        self.inner.visit_f32(value)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.with(deserializer, self.what);
        self.inner.visit_some(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.with(deserializer, self.what);
        self.inner.visit_newtype_struct(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        let items = self.with(items, What::Value);
        self.inner.visit_seq(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        let what = match self.what {
            What::Json => What::Json,
            What::Any => What::FirstKey,
            _ => What::Key,
        };
        let entries = self.with(entries, what);
        self.inner.visit_map(entries)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        let variant = self.with(variant, What::Value);
        self.inner.visit_enum(variant)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Watched<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let deserializer = self.with(deserializer, self.what);
        self.inner.deserialize(deserializer)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Watched<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let seed = self.with(seed, What::Value);
        self.inner.next_element_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Watched<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        if self.what == What::Json {
            // It is serde_json's own.
            return self.inner.next_key_seed(seed);
        }
        let seed = self.with(seed, self.what);
        self.what = What::Key;
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.with(seed, if self.what == What::Json { What::Json } else { What::Value });
        self.inner.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, 'w, A: EnumAccess<'de>> EnumAccess<'de> for Watched<'w, A> {
    type Error = A::Error;
    type Variant = Watched<'w, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let seed = self.with(seed, What::Value);
        let watch = self.watch;
        let (name, variant) = self.inner.variant_seed(seed)?;
        Ok((name, Watched::new(variant, watch)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Watched<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.with(seed, What::Value);
        self.inner.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.with(visitor, What::Value);
        self.inner.tuple_variant(count, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.with(visitor, What::Value);
        self.inner.struct_variant(fields, visitor)
    }
}
