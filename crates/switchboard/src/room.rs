//! [`RoomName`]: what names a room.
use crate::ClientId;
use std::borrow::Cow;

/// The name of a room, read once: an id is kept as an id.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room<'a> {
    Named(&'a str),
    /// The own room of a client.
    Own(ClientId),
}

impl<'a> Room<'a> {
    pub(crate) fn of(name: &'a str) -> Room<'a> {
        ClientId::parse(name).map_or(Room::Named(name), Room::Own)
    }

    pub(crate) fn name(self) -> Cow<'a, str> {
        match self {
            Room::Named(name) => Cow::Borrowed(name),
            Room::Own(id) => Cow::Owned(id.to_string()),
        }
    }
}

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
    fn room_name(&self) -> Room<'_>;
}

mod sealed {
    pub trait Sealed {}
    impl<T: AsRef<str> + ?Sized> Sealed for T {}
    impl Sealed for super::ClientId {}
    impl Sealed for &super::ClientId {}
}

#[diagnostic::do_not_recommend]
impl<T: AsRef<str> + ?Sized> RoomName for T {
    fn room_name(&self) -> Room<'_> {
        Room::of(self.as_ref())
    }
}

impl RoomName for ClientId {
    fn room_name(&self) -> Room<'_> {
        Room::Own(*self)
    }
}

impl RoomName for &ClientId {
    fn room_name(&self) -> Room<'_> {
        Room::Own(**self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_text_that_names_a_room_is_not_copied() {
        let (text, shared) = (String::from("lobby"), Arc::<str>::from("lobby"));
        let names: [&dyn RoomName; 4] = [&"lobby", &text, &&text, &shared];
        for name in names {
            let room = name.room_name();
            assert_eq!(room, Room::Named("lobby"));
            assert!(matches!(room.name(), Cow::Borrowed("lobby")));
        }
    }

    #[test]
    fn an_id_is_one_as_text_too() {
        let text = "~AAAAAAAAAAAAAAAAAAAAAQ";
        let id: ClientId = text.parse().unwrap();
        let names: [&dyn RoomName; 5] = [&id, &&id, &text, &text.to_owned(), &id.as_text()];
        for name in names {
            assert_eq!(name.room_name(), Room::Own(id));
            assert_eq!(name.room_name().name(), text);
        }
    }
}
