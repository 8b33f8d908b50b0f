//! [`Space`]: one namespace, with its connections and rooms on this node.
use crate::hub::home::Homes;
use crate::hub::local::Local;
use crate::hub::runtime::Runtime;
use crate::namespace::Marker;
use crate::node::Node;
use std::sync::Arc;

pub(crate) struct Space {
    named: Named,
    pub(crate) local: Local,
    pub(crate) node: Arc<Node>,
    /// The runtimes in which its connections may run.
    pub(crate) homes: Arc<Homes>,
}

enum Named {
    ByType(Marker),
    AtRunTime { name: Arc<str>, known_to: Arc<Runtime> },
}

impl Space {
    pub(crate) fn new(marker: Marker, node: Arc<Node>, homes: Arc<Homes>) -> Space {
        Space { named: Named::ByType(marker), local: Local::new(), node, homes }
    }

    pub(crate) fn at_run_time(name: Arc<str>, known_to: Arc<Runtime>, node: Arc<Node>, homes: Arc<Homes>) -> Space {
        Space { named: Named::AtRunTime { name, known_to }, local: Local::small(), node, homes }
    }

    /// Returns the marker type; `None` if the namespace is named at run time.
    pub(crate) fn marker(&self) -> Option<Marker> {
        match &self.named {
            Named::ByType(marker) => Some(*marker),
            Named::AtRunTime { .. } => None,
        }
    }

    pub(crate) fn name(&self) -> &str {
        match &self.named {
            Named::ByType(marker) => marker.name,
            Named::AtRunTime { name, .. } => name,
        }
    }

    /// Gives back one seat, if the namespace is named at run time.
    fn leave(&self) {
        if let Named::AtRunTime { name, known_to } = &self.named {
            known_to.leave(name);
        }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        if let Named::AtRunTime { name, known_to } = &self.named {
            known_to.forget(name);
        }
    }
}

/// A seat in a namespace, until dropped. A namespace that is named at run time counts as used as long as it has seats.
pub(crate) struct Lease {
    space: Arc<Space>,
    handed_over: bool,
}

impl Lease {
    pub(crate) fn new(space: Arc<Space>) -> Lease {
        Lease { space, handed_over: false }
    }

    pub(crate) fn space(&self) -> &Arc<Space> {
        &self.space
    }

    /// Passes the seat to a registration, which gives it back by [`give_back`](Lease::give_back).
    pub(crate) fn hand_over(mut self) {
        self.handed_over = true;
    }

    pub(crate) fn give_back(space: &Space) {
        space.leave();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.handed_over {
            self.space.leave();
        }
    }
}
