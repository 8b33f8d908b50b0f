//! [`Runtime`]: the namespaces that are named at run time. Each exists while it has clients.
use crate::hub::home::Homes;
use crate::hub::space::{Lease, Space};
use crate::node::Node;
use crate::node::admission::Full;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

pub(crate) struct Runtime {
    node: Arc<Node>,
    homes: Arc<Homes>,
    known: Mutex<Known>,
}

/// A `Space` that is upgraded under the lock must be dropped after the lock is released, because dropping the last reference to a namespace
/// takes the lock.
#[derive(Default)]
struct Known {
    spaces: HashMap<Arc<str>, Entry>,
    /// The number of namespaces that have seats taken.
    used: usize,
}

struct Entry {
    space: Weak<Space>,
    /// The number of its clients, including those that are about to connect. With zero the namespace is alive only because somebody holds a
    /// reference to it; the next client gets the same one.
    seats: usize,
}

impl Runtime {
    pub(crate) fn new(node: &Arc<Node>, homes: &Arc<Homes>) -> Runtime {
        Runtime { node: node.clone(), homes: homes.clone(), known: Mutex::default() }
    }

    /// Returns a seat in the namespace of this name, which must have been validated. Creates the namespace if there is none. Fails at the
    /// limit of namespaces.
    pub(crate) fn lease(self: &Arc<Self>, name: &str) -> Result<Lease, Full> {
        let most = self.node.limits().runtime_namespaces;
        let mut known = self.known.lock();
        let Known { spaces, used } = &mut *known;
        let entry = spaces.get_mut(name);
        if let Some(Entry { space, seats }) = entry.filter(|entry| entry.seats > 0)
            && let Some(space) = space.upgrade()
        {
            *seats += 1;
            return Ok(Lease::new(space));
        }
        if *used >= most {
            return Err(Full::Namespaces);
        }
        *used += 1;
        let kept = spaces.get(name).and_then(|entry| entry.space.upgrade());
        let made = || Space::at_run_time(name.into(), self.clone(), self.node.clone(), self.homes.clone());
        let space = kept.unwrap_or_else(|| Arc::new(made()));
        spaces.insert(name.into(), Entry { space: Arc::downgrade(&space), seats: 1 });
        Ok(Lease::new(space))
    }

    /// Gives back a seat in the namespace of this name.
    pub(crate) fn leave(&self, name: &str) {
        let mut known = self.known.lock();
        let Known { spaces, used } = &mut *known;
        let Some(entry) = spaces.get_mut(name) else { return };
        entry.seats = entry.seats.saturating_sub(1);
        if entry.seats == 0 {
            *used = used.saturating_sub(1);
        }
    }

    /// Called when a namespace is dropped: removes its entry, unless a new namespace of the same name has been created since.
    pub(crate) fn forget(&self, name: &str) {
        let Known { spaces, .. } = &mut *self.known.lock();
        if spaces.get(name).is_some_and(|entry| entry.seats == 0 && entry.space.strong_count() == 0) {
            spaces.remove(name);
            if spaces.len() < spaces.capacity() / 4 {
                spaces.shrink_to_fit();
            }
        }
    }

    /// Returns the namespace of this name, if it has clients.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Space>> {
        let known = self.known.lock();
        known.spaces.get(name).filter(|entry| entry.seats > 0)?.space.upgrade()
    }

    /// Returns the sorted names of the namespaces that have clients.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = {
            let known = self.known.lock();
            let used = known.spaces.iter().filter(|(_, entry)| entry.seats > 0);
            used.map(|(name, _)| name.clone()).collect()
        };
        names.sort_unstable();
        names
    }

    /// Counts the namespaces that have clients.
    pub(crate) fn count(&self) -> usize {
        self.known.lock().used
    }

    pub(crate) fn spaces(&self) -> Vec<Arc<Space>> {
        self.known.lock().spaces.values().filter_map(|entry| entry.space.upgrade()).collect()
    }
}

#[cfg(test)]
#[path = "runtime_tests.rs"]
mod tests;
