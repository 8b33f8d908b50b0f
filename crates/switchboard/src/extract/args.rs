//! [`Args`]: several arguments as a payload.
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use switchboard_core::ARGS;

/// Several arguments, which clients of Socket.IO send and take: `T` is a tuple, an array or a list. With every other client they are an
/// array.
///
/// A payload without `Args` is one argument of such a client, also if it is a tuple; a message of several arguments is read as an array, and
/// one without an argument as null. With `Args`, one argument is a list of one, and none is an empty list.
///
/// It means this only as a whole payload, or in an `Option` that is one; inside of another value it is its `T`. It is a payload like any
/// other: what is emitted, a reply, a parameter, also in [`Valid`](crate::Valid), and the answer to a request of the server.
///
/// ```
/// use switchboard::{Args, Client};
///
/// struct Chat;
/// impl Chat {
///     /// From Socket.IO: `socket.emit("say", "lobby", "hello")`.
///     async fn say(&self, Args((room, text)): Args<(String, String)>, client: &Client) -> Args<(String, usize)> {
///         let told = client.broadcast_to(&room, "said", Args((&room, text)));
///         Args((room, told.queued))
///     }
/// }
/// ```
/// In JSON:
/// ```
/// use switchboard::Args;
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

#[cfg(feature = "garde")]
impl<T: garde::Validate> garde::Validate for Args<T> {
    type Context = T::Context;

    fn validate_into(&self, context: &T::Context, parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        self.0.validate_into(context, parent, report);
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
