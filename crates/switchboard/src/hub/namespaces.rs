//! [`Namespaces`]: those that are named at run time, from anywhere.
use crate::hub::Hub;
use crate::namespace::at_run_time;
use crate::{Dynamic, Server};
use std::sync::Arc;

/// The namespaces that [`Gateway::namespace_by`](crate::Gateway::namespace_by) has made and that have clients, from services, axum
/// handlers and background tasks. Cheap to clone.
///
/// [`App::namespaces`](crate::App::namespaces), `#[inject] namespaces: Namespaces`, or a parameter of a handler. Those with a type
/// are not among them: ask for `Server<N>`.
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

    /// The clients of the namespace of this name, with or without its `/`; `None` while it has none. A server that is kept is good
    /// for those who come after its last client, too.
    pub fn get(&self, name: &str) -> Option<Server<Dynamic>> {
        let space = self.hub.runtime().get(&at_run_time(name)?)?;
        Some(Server::of(space, self.hub.clone()))
    }

    /// The names of those that have clients, sorted: a copy, at one moment.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.hub.runtime().names()
    }

    /// How many have clients.
    pub fn count(&self) -> usize {
        self.hub.runtime().count()
    }
}

impl std::fmt::Debug for Namespaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Namespaces({})", self.count())
    }
}
