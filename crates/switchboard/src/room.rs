//! [`RoomName`]: what names a room.
use crate::ClientId;
use std::borrow::Cow;

/// The name of a room: any text, or a [`ClientId`], whose room has that client alone in it.
///
/// ```
/// # use switchboard::{Client, Server};
/// # fn tell(client: &Client, server: &Server) {
/// server.to("lobby").emit("news", "somebody came");
/// server.to(client.id()).emit("news", "you came");
/// server.except(client.id()).emit("news", "somebody else came");
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the name of a room",
    label = "neither a text nor the id of a client",
    note = "name a room by a text, such as `\"lobby\"` or `&format!(\"room.{{id}}\")`, or by `client.id()`"
)]
pub trait RoomName: sealed::Sealed {
    #[doc(hidden)]
    fn room_name(&self) -> Cow<'_, str>;
}

mod sealed {
    pub trait Sealed {}
    impl<T: AsRef<str> + ?Sized> Sealed for T {}
    impl Sealed for super::ClientId {}
    impl Sealed for &super::ClientId {}
}

#[diagnostic::do_not_recommend]
impl<T: AsRef<str> + ?Sized> RoomName for T {
    fn room_name(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.as_ref())
    }
}

impl RoomName for ClientId {
    fn room_name(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }
}

impl RoomName for &ClientId {
    fn room_name(&self) -> Cow<'_, str> {
        (**self).room_name()
    }
}
