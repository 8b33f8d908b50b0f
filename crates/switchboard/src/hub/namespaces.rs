//! [`Namespaces`]: access to the namespaces that are named at run time, from anywhere in the program.
use crate::hub::Hub;
use crate::namespace::at_run_time;
use crate::{Dynamic, Server};
use std::sync::Arc;

/// Gives services, axum handlers and background tasks access to the namespaces that [`Gateway::namespace_by`](crate::Gateway::namespace_by)
/// has created and that have clients. Cheap to clone.
///
/// Get it from [`App::namespaces`](crate::App::namespaces), by `#[inject] namespaces: Namespaces`, or as a parameter of a handler.
/// Namespaces that have a marker type are not included: use `Server<N>` for these.
/// ```
/// use switchboard::Namespaces;
///
/// struct News(Namespaces);
/// impl News {
///     /// How many clients of the project it is queued for.
///     fn tell(&self, project: u64, text: &str) -> usize {
///         let server = self.0.get(&format!("/project-{project}"));
///         server.map_or(0, |server| server.broadcast("news", text).queued)
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Namespaces {
    hub: Arc<Hub>,
}

impl Namespaces {
    pub(crate) fn new(hub: &Arc<Hub>) -> Namespaces {
        Namespaces { hub: hub.clone() }
    }

    /// Returns the [`Server`] of the namespace with this name, with or without its `/`; `None` while the namespace has no clients. A kept
    /// server stays valid: it also reaches clients that connect after the last one has left.
    pub fn get(&self, name: &str) -> Option<Server<Dynamic>> {
        let space = self.hub.runtime().get(&at_run_time(name)?)?;
        Some(Server::of(space, self.hub.clone()))
    }

    /// Returns the sorted names of the namespaces that have clients. The list is a snapshot.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.hub.runtime().names()
    }

    /// Counts the namespaces that have clients.
    pub fn count(&self) -> usize {
        self.hub.runtime().count()
    }
}

impl std::fmt::Debug for Namespaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Namespaces({})", self.count())
    }
}
