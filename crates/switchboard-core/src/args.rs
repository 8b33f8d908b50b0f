//! Several arguments as a payload.
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// The name by which a serializer or deserializer that knows arguments recognises [`Args`].
#[doc(hidden)]
pub const ARGS: &str = "$switchboard::Args";

/// Several arguments, which clients of Socket.IO send and take: `T` is a tuple, an array or a list. With every other client they are an
/// array.
///
/// A payload without `Args` is one argument of such a client, also if it is a tuple; a message of several arguments is read as an array, and
/// one without an argument as null. With `Args`, one argument is a list of one, and none is an empty list.
///
/// It means this only as a whole payload, or in an `Option` that is one; inside of another value it is its `T`.
///
/// ```
/// use switchboard_core::Args;
/// assert_eq!(serde_json::to_string(&Args((1, "a")))?, r#"[1,"a"]"#);
/// assert_eq!(serde_json::from_str::<Args<(u8, String)>>(r#"[1,"a"]"#)?, Args((1, "a".to_owned())));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Args<T>(pub T);

impl<T> Deref for Args<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Args<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Serialize> Serialize for Args<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(ARGS, &self.0)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Args<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Args<T>, D::Error> {
        deserializer.deserialize_newtype_struct(ARGS, ArgsVisitor(PhantomData))
    }
}

struct ArgsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ArgsVisitor<T> {
    type Value = Args<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of arguments")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Args<T>, D::Error> {
        T::deserialize(deserializer).map(Args)
    }
}
