//! A wrapper around a serializer of JSON that takes bytes out, and leaves placeholders.
use std::cell::RefCell;
use std::fmt::Display;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::encode::{Collector, Said};
use crate::args::ARGS;
use crate::binary::BINARY;
use crate::codec::msgpack::WRITTEN;

/// Forwards everything to the wrapped serializer, except bytes: these go to a collector, and
/// `{"_placeholder":true,"num":N}` is written in their place. The keys of maps are not changed.
pub(super) struct Attaching<'c, 'a, S> {
    inner: S,
    /// Shared by all parts of a value. Only one part is written at a time.
    collector: &'c RefCell<Collector<'a>>,
    /// True if the value is a [`Binary`](crate::Binary), which serializes as bytes in formats that are not
    /// human-readable, and as text in others.
    is_binary: bool,
    place: Place,
}

/// Where a value is in what is serialized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the whole, of which the collector is told [what it is](Said).
    Whole,
    /// It is what an `Args` holds that is the whole.
    Spread,
    Inside,
}

/// A value, or the items of one, inside of what is wrapped.
pub(super) struct Part<'c, 'a, T> {
    inner: T,
    collector: &'c RefCell<Collector<'a>>,
    place: Place,
}

impl<T: Serialize + ?Sized> Serialize for Part<'_, '_, &T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.inner.serialize(Attaching::new(serializer, self.collector, self.place))
    }
}

impl<'c, 'a, S> Attaching<'c, 'a, S> {
    pub(super) fn new(inner: S, collector: &'c RefCell<Collector<'a>>, place: Place) -> Attaching<'c, 'a, S> {
        Attaching { inner, collector, is_binary: false, place }
    }

    fn part<T>(&self, inner: T, place: Place) -> Part<'c, 'a, T> {
        Part { inner, collector: self.collector, place }
    }

    fn says(&self, said: Said) {
        self.collector.borrow_mut().says(said);
    }
}

macro_rules! pass_on {
    ($($method:ident($($name:ident: $type:ty),*);)*) => { $(
        fn $method(self, $($name: $type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($name),*)
        }
    )* };
}

macro_rules! opens {
    ($($method:ident($($name:ident: $type:ty),*) -> $part:ident;)*) => { $(
        fn $method(self, $($name: $type),*) -> Result<Self::$part, S::Error> {
            let collector = self.collector;
            self.inner.$method($($name),*).map(|inner| Part { inner, collector, place: Place::Inside })
        }
    )* };
}

impl<'c, 'a, S: Serializer> Serializer for Attaching<'c, 'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Part<'c, 'a, S::SerializeSeq>;
    type SerializeTuple = Part<'c, 'a, S::SerializeTuple>;
    type SerializeTupleStruct = Part<'c, 'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Part<'c, 'a, S::SerializeTupleVariant>;
    type SerializeMap = Part<'c, 'a, S::SerializeMap>;
    type SerializeStruct = Part<'c, 'a, S::SerializeStruct>;
    type SerializeStructVariant = Part<'c, 'a, S::SerializeStructVariant>;

    pass_on! {
        serialize_bool(value: bool);
        serialize_i8(value: i8);
        serialize_i16(value: i16);
        serialize_i32(value: i32);
        serialize_i64(value: i64);
        serialize_i128(value: i128);
        serialize_u8(value: u8);
        serialize_u16(value: u16);
        serialize_u32(value: u32);
        serialize_u64(value: u64);
        serialize_u128(value: u128);
        serialize_f32(value: f32);
        serialize_f64(value: f64);
        serialize_char(value: char);
        serialize_str(value: &str);
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    opens! {
        serialize_seq(len: Option<usize>) -> SerializeSeq;
        serialize_tuple(len: usize) -> SerializeTuple;
        serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
            -> SerializeTupleVariant;
        serialize_map(len: Option<usize>) -> SerializeMap;
        serialize_struct(name: &'static str, len: usize) -> SerializeStruct;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
            -> SerializeStructVariant;
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<S::Ok, S::Error> {
        let number = self.collector.borrow_mut().take(bytes);
        let mut placeholder = self.inner.serialize_map(Some(2))?;
        placeholder.serialize_entry("_placeholder", &true)?;
        placeholder.serialize_entry("num", &number)?;
        placeholder.end()
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        match self.place {
            Place::Whole => self.says(Said::None),
            Place::Spread => self.says(Said::Unit),
            Place::Inside => {}
        }
        self.inner.serialize_none()
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        if self.place != Place::Inside {
            self.says(Said::Unit);
        }
        self.inner.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let value = self.part(value, self.place);
        self.inner.serialize_some(&value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        if name == BINARY {
            return value.serialize(Attaching { is_binary: true, ..self });
        }
        let place = match (name, self.place) {
            (ARGS, Place::Whole) => {
                self.says(Said::Each);
                Place::Spread
            }
            // It only says that the value was written before.
            (WRITTEN, place) => place,
            _ => Place::Inside,
        };
        let value = self.part(value, place);
        self.inner.serialize_newtype_struct(name, &value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.part(value, Place::Inside);
        self.inner.serialize_newtype_variant(name, index, variant, &value)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        !self.is_binary && self.inner.is_human_readable()
    }
}

macro_rules! parts {
    ($($trait:ident { $($method:ident($($key:ident: $type:ty)?);)* })*) => { $(
        impl<I: $trait> $trait for Part<'_, '_, I> {
            type Ok = I::Ok;
            type Error = I::Error;

            $(fn $method<T: Serialize + ?Sized>(&mut self, $($key: $type,)? value: &T) -> Result<(), I::Error> {
                self.inner.$method($($key,)? &Part { inner: value, collector: self.collector, place: Place::Inside })
            })*

            fn end(self) -> Result<I::Ok, I::Error> {
                self.inner.end()
            }
        }
    )* };
}

parts! {
    SerializeSeq { serialize_element(); }
    SerializeTuple { serialize_element(); }
    SerializeTupleStruct { serialize_field(); }
    SerializeTupleVariant { serialize_field(); }
    SerializeStruct { serialize_field(key: &'static str); }
    SerializeStructVariant { serialize_field(key: &'static str); }
}

impl<I: SerializeMap> SerializeMap for Part<'_, '_, I> {
    type Ok = I::Ok;
    type Error = I::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), I::Error> {
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), I::Error> {
        self.inner.serialize_value(&Part { inner: value, collector: self.collector, place: Place::Inside })
    }

    fn end(self) -> Result<I::Ok, I::Error> {
        self.inner.end()
    }
}
