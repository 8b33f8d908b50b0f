//! [`Nested`]: bounds calls into this crate from code that this crate has called. A hook that joins a room runs the hook of that
//! join; a value that sends while it is serialised may be serialised again. Without a bound they would overflow the stack, which
//! ends the process.
use std::cell::Cell;
use std::thread::LocalKey;

/// How deep joins, and sends, may be nested.
pub(crate) const DEEPEST: u16 = 8;
/// The most calls inside one outermost call. Without this bound, a hook that joins several rooms could cause that number of calls
/// to the power of the depth.
pub(crate) const INSIDE: u16 = 1024;

/// The calls of one kind on this thread.
pub(crate) struct Calls {
    deepest: u16,
    deep: Cell<u16>,
    inside: Cell<u16>,
}

impl Calls {
    /// Calls that may be nested `deepest` deep.
    pub(crate) const fn new(deepest: u16) -> Calls {
        Calls { deepest, deep: Cell::new(0), inside: Cell::new(0) }
    }

    #[cold]
    fn check(&self, deep: u16) -> Option<Refused> {
        let inside = self.inside.get().saturating_add(1);
        self.inside.set(inside);
        // Refused calls are nested, too: dropping what they were given may call again.
        if deep >= 2 * self.deepest || inside > 2 * INSIDE {
            Some(Refused::Endless)
        } else if deep >= self.deepest {
            Some(Refused::TooDeep)
        } else if inside > INSIDE {
            Some(Refused::TooMany)
        } else {
            None
        }
    }
}

/// One call, until dropped.
pub(crate) struct Nested(&'static LocalKey<Calls>);

/// Why a call must not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    TooDeep,
    TooMany,
    /// As above. What the call was given must not even be dropped, because that calls again.
    Endless,
}

impl Nested {
    /// Begins a call. It counts even if it is refused, as long as what it was given is being dropped.
    #[inline]
    pub(crate) fn begin(calls: &'static LocalKey<Calls>) -> (Nested, Option<Refused>) {
        let refused = calls.with(|calls| {
            let deep = calls.deep.get();
            calls.deep.set(deep.saturating_add(1));
            if deep == 0 {
                calls.inside.set(0);
                return None;
            }
            calls.check(deep)
        });
        (Nested(calls), refused)
    }
}

impl Drop for Nested {
    #[inline]
    fn drop(&mut self) {
        self.0.with(|calls| calls.deep.set(calls.deep.get().saturating_sub(1)));
    }
}

impl Refused {
    /// The reason as a text. `what`: which calls are nested.
    #[cold]
    pub(crate) fn told(self, what: &str, deepest: u16) -> String {
        match self {
            Refused::TooMany => format!("{what}, more than {INSIDE} in one"),
            Refused::TooDeep | Refused::Endless => format!("{what}, more than {deepest} deep"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static CALLS: Calls = const { Calls::new(3) };
    }

    #[test]
    fn calls_are_refused_when_they_are_deep_or_many_and_allowed_after_that() {
        let begun: Vec<_> = (0..7).map(|_| Nested::begin(&CALLS)).collect();
        let told: Vec<_> = begun.iter().map(|(_, refused)| *refused).collect();
        let (deep, endless) = (Some(Refused::TooDeep), Some(Refused::Endless));
        assert_eq!(told, [None, None, None, deep, deep, deep, endless]);
    }

    #[test]
    fn calls_inside_of_one_are_counted_together() {
        for _ in 0..2 {
            let _outermost = Nested::begin(&CALLS);
            let refused: Vec<_> = (0..3 * INSIDE).map(|_| Nested::begin(&CALLS).1).collect();
            let at = |refused: &[Option<Refused>], nth: u16| refused[usize::from(nth)];
            assert_eq!((at(&refused, INSIDE - 1), at(&refused, INSIDE)), (None, Some(Refused::TooMany)));
            assert_eq!(at(&refused, 2 * INSIDE), Some(Refused::Endless));
        }
    }
}
