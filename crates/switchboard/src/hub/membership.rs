//! The rooms of a connection.
use std::ops::Deref;
use std::slice;
use std::sync::Arc;

/// The names of the rooms that a connection is in, in the order in which it joined. Most are in one, for which no memory is
/// allocated.
pub(crate) enum Membership {
    /// It may join no more.
    Over,
    One(Arc<str>),
    /// None, or several.
    Names(Vec<Arc<str>>),
}

impl Default for Membership {
    fn default() -> Membership {
        Membership::Names(Vec::new())
    }
}

impl Membership {
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Membership::Over)
    }

    /// Nothing happens to one that is over.
    pub(crate) fn push(&mut self, name: Arc<str>) {
        *self = match std::mem::replace(self, Membership::Over) {
            Membership::Over => return,
            Membership::One(first) => Membership::Names(vec![first, name]),
            Membership::Names(names) if names.is_empty() => Membership::One(name),
            Membership::Names(mut names) => {
                names.push(name);
                Membership::Names(names)
            }
        };
    }

    /// Panics: as [`Vec::remove`].
    pub(crate) fn remove(&mut self, at: usize) {
        match self {
            Membership::Names(names) => {
                names.remove(at);
                if let [last] = &names[..] {
                    *self = Membership::One(last.clone());
                }
            }
            Membership::One(_) if at == 0 => *self = Membership::default(),
            _ => panic!("no room at {at}"),
        }
    }

    /// Ends it. What it was.
    pub(crate) fn end(&mut self) -> Membership {
        std::mem::replace(self, Membership::Over)
    }
}

impl Deref for Membership {
    type Target = [Arc<str>];

    fn deref(&self) -> &[Arc<str>] {
        match self {
            Membership::Over => &[],
            Membership::One(name) => slice::from_ref(name),
            Membership::Names(names) => names,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Membership;

    #[test]
    fn names_are_in_their_order_until_it_is_over() {
        assert_eq!(size_of::<Membership>(), size_of::<Vec<()>>());
        let mut rooms = Membership::default();
        let names = |rooms: &Membership| rooms.iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" ");
        for (step, expected) in ["", "a", "a b", "a b c"].into_iter().enumerate() {
            assert_eq!(names(&rooms), expected);
            rooms.push(["a", "b", "c", "d"][step].into());
        }
        for (at, expected) in [(1, "a c d"), (0, "c d"), (1, "c"), (0, "")] {
            rooms.remove(at);
            assert_eq!(names(&rooms), expected);
            assert_eq!(matches!(rooms, Membership::One(_)), rooms.len() == 1);
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
