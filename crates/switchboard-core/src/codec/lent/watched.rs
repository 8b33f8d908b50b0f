//! A wrapper around the deserializer of an application's codec. It refuses what serde_json would read in two ways.
use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, Expected, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use crate::codec::private::{NUMBER, RAW_JSON, has_private_key, is_private, numbers_are_maps};
use crate::float::ANY_FLOAT;

/// serde_json's error for a number that the type cannot hold.
pub(super) const OUT_OF_RANGE: &str = "number out of range";

/// The findings of the wrapper, shared by all its parts.
#[derive(Default)]
pub(super) struct Watch {
    private_key: Cell<bool>,
}

impl Watch {
    /// True if a key that is [private](crate::codec::private) was read.
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

/// The role of the value that is read next.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// A value whose type asks for a certain form.
    Value,
    /// A value whose type takes any form.
    Any,
    /// An `f32`.
    Single,
    Key,
    /// The first key of a map whose type takes any form. With its feature `arbitrary_precision`, serde_json gives a number as such a map.
    FirstKey,
    /// A JSON text, which a `RawValue` keeps.
    Json,
}

/// Forwards everything to the wrapped deserializer, but refuses keys that are [private](crate::codec::private), and NaN and infinities.
pub(super) struct Watched<'w, T> {
    inner: T,
    watch: &'w Watch,
    role: Role,
}

impl<'w, T> Watched<'w, T> {
    pub(super) fn new(inner: T, watch: &'w Watch) -> Watched<'w, T> {
        Watched { inner, watch, role: Role::Value }
    }

    fn with<U>(&self, inner: U, role: Role) -> Watched<'w, U> {
        Watched { inner, watch: self.watch, role }
    }

    /// Checks a text, which may be a key.
    fn text<E: Error>(&self, text: &str) -> Result<(), E> {
        self.watch.check(match self.role {
            Role::Value | Role::Any | Role::Single => false,
            Role::Key => is_private(text.as_bytes()),
            Role::FirstKey => is_private(text.as_bytes()) && !(text == NUMBER && numbers_are_maps()),
            Role::Json => has_private_key(text),
        })
    }

    fn bytes<E: Error>(&self, bytes: &[u8]) -> Result<(), E> {
        self.watch.check(matches!(self.role, Role::Key | Role::FirstKey) && is_private(bytes))
    }

    fn float<E: Error>(&self, value: f64) -> Result<(), E> {
        let fits = if self.role == Role::Single { (value as f32).is_finite() } else { value.is_finite() };
        if fits { Ok(()) } else { Err(E::custom(OUT_OF_RANGE)) }
    }
}

macro_rules! pass_on {
    ($($method:ident($($name:ident: $type:ty),*) => $role:expr;)*) => { $(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let role = if matches!(self.role, Role::Key | Role::FirstKey | Role::Json) { self.role } else { $role };
            let visitor = self.with(visitor, role);
            self.inner.$method($($name,)* visitor)
        }
    )* };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Watched<'_, D> {
    type Error = D::Error;

    pass_on! {
        deserialize_any() => Role::Any;
        deserialize_bool() => Role::Value;
        deserialize_i8() => Role::Value;
        deserialize_i16() => Role::Value;
        deserialize_i32() => Role::Value;
        deserialize_i64() => Role::Value;
        deserialize_i128() => Role::Value;
        deserialize_u8() => Role::Value;
        deserialize_u16() => Role::Value;
        deserialize_u32() => Role::Value;
        deserialize_u64() => Role::Value;
        deserialize_u128() => Role::Value;
        deserialize_f32() => Role::Single;
        deserialize_f64() => Role::Value;
        deserialize_char() => Role::Value;
        deserialize_str() => Role::Value;
        deserialize_string() => Role::Value;
        deserialize_bytes() => Role::Value;
        deserialize_byte_buf() => Role::Value;
        deserialize_option() => Role::Value;
        deserialize_unit() => Role::Value;
        deserialize_unit_struct(name: &'static str) => Role::Value;
        deserialize_seq() => Role::Value;
        deserialize_tuple(count: usize) => Role::Value;
        deserialize_tuple_struct(name: &'static str, count: usize) => Role::Value;
        deserialize_map() => Role::Value;
        deserialize_struct(name: &'static str, fields: &'static [&'static str]) => Role::Value;
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) => Role::Value;
        deserialize_identifier() => Role::Value;
        deserialize_ignored_any() => Role::Value;
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        match name {
            // `AnyFloat` takes NaN and the infinities too.
            ANY_FLOAT => self.inner.deserialize_newtype_struct(name, visitor),
            RAW_JSON => {
                let visitor = self.with(visitor, Role::Json);
                self.inner.deserialize_newtype_struct(name, visitor)
            }
            _ => {
                let visitor = self.with(visitor, self.role);
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
        let deserializer = self.with(deserializer, self.role);
        self.inner.visit_some(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.with(deserializer, self.role);
        self.inner.visit_newtype_struct(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        let items = self.with(items, Role::Value);
        self.inner.visit_seq(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        let role = match self.role {
            Role::Json => Role::Json,
            Role::Any => Role::FirstKey,
            _ => Role::Key,
        };
        let entries = self.with(entries, role);
        self.inner.visit_map(entries)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        let variant = self.with(variant, Role::Value);
        self.inner.visit_enum(variant)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Watched<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let deserializer = self.with(deserializer, self.role);
        self.inner.deserialize(deserializer)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Watched<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let seed = self.with(seed, Role::Value);
        self.inner.next_element_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Watched<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        if self.role == Role::Json {
            // The key is serde_json's own, and marks the JSON text.
            return self.inner.next_key_seed(seed);
        }
        let seed = self.with(seed, self.role);
        self.role = Role::Key;
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.with(seed, if self.role == Role::Json { Role::Json } else { Role::Value });
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
        let seed = self.with(seed, Role::Value);
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
        let seed = self.with(seed, Role::Value);
        self.inner.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.with(visitor, Role::Value);
        self.inner.tuple_variant(count, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.with(visitor, Role::Value);
        self.inner.struct_variant(fields, visitor)
    }
}
