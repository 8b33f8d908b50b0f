//! [`Membership`]: the rooms and the user of a connection.
use crate::hub::owner::Owner;
use std::ops::Deref;
use std::slice;
use std::sync::Arc;

/// The rooms and the user of a connection. The indexes of the namespace are changed under the lock of this value, so
/// that they always agree with it.
#[derive(Default)]
pub(crate) struct Membership {
    rooms: Rooms,
    /// Kept after the connection has ended, for handles that outlive it.
    pub(crate) owner: Option<Box<Owner>>,
}

/// The names of the rooms that a connection is in, in the order of joining. Most connections are in at most one room,
/// for which nothing is allocated. The list of several rooms is boxed, which keeps this type one word smaller.
enum Rooms {
    One(Arc<str>),
    /// Several rooms, or none. `None` means no room.
    Several(Option<Box<List>>),
}

#[derive(Default)]
struct List {
    names: Vec<Arc<str>>,
    /// True once the connection has ended and can join no more rooms.
    over: bool,
}

impl Default for Rooms {
    fn default() -> Rooms {
        Rooms::Several(None)
    }
}

impl Membership {
    pub(crate) fn of(owner: Option<Box<Owner>>) -> Membership {
        Membership { owner, ..Membership::default() }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(&self.rooms, Rooms::Several(Some(list)) if list.over)
    }

    /// Adds a room. Has no effect once the membership has ended.
    pub(crate) fn push(&mut self, name: Arc<str>) {
        match &mut self.rooms {
            Rooms::Several(Some(list)) if list.over => {}
            Rooms::Several(Some(list)) => list.names.push(name),
            Rooms::Several(None) => self.rooms = Rooms::One(name),
            Rooms::One(first) => {
                let names = vec![first.clone(), name];
                self.rooms = Rooms::Several(Some(Box::new(List { names, over: false })));
            }
        }
    }

    /// Removes the room at this index. Panics if there is none, like [`Vec::remove`].
    pub(crate) fn remove(&mut self, at: usize) {
        match &mut self.rooms {
            Rooms::Several(Some(list)) => {
                list.names.remove(at);
                if let [last] = &list.names[..] {
                    self.rooms = Rooms::One(last.clone());
                }
            }
            Rooms::One(_) if at == 0 => self.rooms = Rooms::default(),
            _ => panic!("no room at {at}"),
        }
    }

    /// Ends the membership, so that no more rooms are joined. Returns the rooms that the connection was in.
    pub(crate) fn end(&mut self) -> impl Deref<Target = [Arc<str>]> + use<> {
        let over = List { over: true, ..List::default() };
        std::mem::replace(&mut self.rooms, Rooms::Several(Some(Box::new(over))))
    }
}

impl Deref for Membership {
    type Target = [Arc<str>];

    fn deref(&self) -> &[Arc<str>] {
        &self.rooms
    }
}

impl Deref for Rooms {
    type Target = [Arc<str>];

    fn deref(&self) -> &[Arc<str>] {
        match self {
            Rooms::One(name) => slice::from_ref(name),
            Rooms::Several(list) => list.as_ref().map_or(&[], |list| &list.names),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Membership, Rooms};
    use std::sync::Arc;

    #[test]
    fn names_are_in_their_order_until_it_is_over() {
        assert_eq!(size_of::<Rooms>(), size_of::<Arc<str>>());
        let mut rooms = Membership::default();
        let names = |rooms: &[Arc<str>]| rooms.iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" ");
        for (step, expected) in ["", "a", "a b", "a b c"].into_iter().enumerate() {
            assert_eq!(names(&rooms), expected);
            rooms.push(["a", "b", "c", "d"][step].into());
        }
        for (at, expected) in [(1, "a c d"), (0, "c d"), (1, "c"), (0, "")] {
            rooms.remove(at);
            assert_eq!(names(&rooms), expected);
            assert_eq!(matches!(rooms.rooms, Rooms::One(_)), rooms.len() == 1);
        }
        rooms.push("e".into());
        assert_eq!(names(&rooms), "e");
        rooms.remove(0);
        rooms.push("f".into());
        assert_eq!(names(&rooms.end()), "f");
        rooms.push("g".into());
        assert!(rooms.is_over() && rooms.is_empty());
    }
}
