//! Whether a type is read from the payload of a packet, or from its arguments.
use std::cell::Cell;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::args::ARGS;

/// What a type is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// The payload: one argument is the payload, several are an array, none is null.
    Payload,
    /// The list of arguments: the type is an `Args`: it asks for a newtype struct named [`ARGS`](crate::ARGS).
    Arguments,
    /// The same, if there are any: it is an `Option` of one.
    SomeArguments,
}

impl Wants {
    /// What a `T` is read from. Nothing is read: `T` is stopped as soon as it asks for anything.
    pub fn of<'de, T: Deserialize<'de>>() -> Wants {
        let wants = Cell::new(Wants::Payload);
        // It fails always.
        let _ = T::deserialize(Probe { wants: &wants, is_option: false });
        wants.get()
    }
}

struct Probe<'a> {
    wants: &'a Cell<Wants>,
    is_option: bool,
}

#[derive(Debug)]
struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing is read")
    }
}

impl std::error::Error for Stopped {}

impl de::Error for Stopped {
    fn custom<T: fmt::Display>(_: T) -> Stopped {
        Stopped
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Stopped;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stopped> {
        Err(Stopped)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stopped> {
        visitor.visit_some(Probe { is_option: true, ..self })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, _: V) -> Result<V::Value, Stopped> {
        if name == ARGS {
            self.wants.set(if self.is_option { Wants::SomeArguments } else { Wants::Arguments });
        }
        Err(Stopped)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {

    use serde::{Deserialize, Deserializer};
    use serde_json::Value;

    use super::Wants;
    use crate::{ARGS, Binary};

    struct Args<T>(T);

    impl<'de, T: Deserialize<'de>> Deserialize<'de> for Args<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Args<T>, D::Error> {
            deserializer.deserialize_newtype_struct(ARGS, serde::de::IgnoredAny).map(|_| unreachable!())
        }
    }

    #[test]
    fn args_alone_want_arguments() {
        assert_eq!(Wants::of::<Args<(u8, String)>>(), Wants::Arguments);
        assert_eq!(Wants::of::<Args<Vec<Value>>>(), Wants::Arguments);
        assert_eq!(Wants::of::<Option<Args<(u8,)>>>(), Wants::SomeArguments);
        let payloads = [
            Wants::of::<(u8, String)>(),
            Wants::of::<Vec<Args<u8>>>(),
            Wants::of::<(Args<u8>,)>(),
            Wants::of::<Value>(),
            Wants::of::<Option<Value>>(),
            Wants::of::<Binary>(),
            Wants::of::<()>(),
        ];
        assert_eq!(payloads, [Wants::Payload; 7]);
    }
}
