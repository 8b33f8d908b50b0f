//! [`Asked`]: how the application serves Socket.IO's clients, and the path on which it does.
use super::inner::Below;
use super::mounted::{Mounted, Routes};
use super::{App, path};
use crate::SocketIo;
use crate::gateway::{Candidate, Unions, after};
use crate::http::SocketIoService;
use crate::problem::Problem;
use axum::Router;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use tower::Layer;

/// The settings that the application was given, and where.
pub(super) struct Asked {
    options: SocketIo,
    place: &'static Location<'static>,
}

/// What is served, once the gateways are settled.
pub(super) struct Served {
    asked: Asked,
    /// The path without the slash at its end; empty for the root.
    path: String,
    unions: Arc<Unions>,
}

impl App {
    /// Serves Socket.IO's clients too, on [`SocketIo::path`] of the application's own port. They reach each namespace with all
    /// of its gateways as one, in the same rooms as everybody else: see
    /// [`Gateway::socketio`](crate::Gateway::socketio), and [`Gateway::socketio_namespace`](crate::Gateway::socketio_namespace)
    /// for namespaces that are named at run time. If called twice, the last call counts.
    ///
    /// The startup log lists each namespace with its events, and the gateways that they do not reach. Guards hold for them as
    /// for everybody; a tower layer around the path of a gateway does not apply to Socket.IO's path.
    ///
    /// Settings that make no sense are reported as problems when the application is built, and so are a path that is taken, and
    /// an event that two gateways of a namespace handle.
    ///
    /// ```
    /// use switchboard::{App, Gateway, SocketIo};
    ///
    /// let chat = Gateway::functions().on_fn("echo", |text: String| async move { text });
    /// let app = App::new().gateway("/ws", chat).socketio(SocketIo::default());
    /// ```
    #[track_caller]
    pub fn socketio(mut self, options: SocketIo) -> App {
        self.socketio = Some(Asked { options, place: Location::caller() });
        self
    }

    /// The path on which Socket.IO is asked for, with a slash at its end; `None` if it is not, or not on a valid path.
    #[cfg(feature = "testing")]
    pub(crate) fn socketio_path(&self) -> Option<String> {
        let path = own_path(&self.socketio.as_ref()?.options.path).ok()?;
        Some(path + "/")
    }

    /// Puts the gateways together, and takes Socket.IO's path. The gateways are settled. Adds mistakes to the problems.
    pub(super) fn unite(&mut self) -> Option<Served> {
        let asked = self.socketio.take()?;
        let places = [asked.place];
        let mut problems: Vec<Problem> =
            asked.options.problems().into_iter().map(|why| Problem::new(why, &places)).collect();
        let path = own_path(&asked.options.path)
            .map_err(|why| {
                let message = format!("Socket.IO: the path {:?} {why}", asked.options.path);
                problems.push(Problem::new(message, &places));
            })
            .unwrap_or_default();
        let own = self.gateways.iter().filter(|mounted| mounted.port.is_none());
        for Mounted { paths, place, table, .. } in own {
            let taken = paths.iter().map(|gateway| after(&self.prefix, gateway));
            if let Some(taken) = taken.into_iter().find(|gateway| gateway.trim_end_matches('/') == path) {
                let message = format!("{} and Socket.IO are both on {taken}; move one", table.name);
                problems.push(Problem::new(message, &[place, asked.place]));
            }
        }
        let candidates: Vec<Candidate<'_>> = self.gateways.iter().map(Mounted::candidate).collect();
        let unions = Unions::new(&candidates, &asked.options, &self.limits.gateway, &mut problems);
        self.problems.append(&mut problems);
        Some(Served { asked, path, unions: Arc::new(unions) })
    }

    /// Adds Socket.IO's routes to those of the application's own port. Adds paths that a mounted route has to `overlaps`.
    pub(super) fn route_socketio(&self, served: Served, routes: &mut Routes, overlaps: &mut Vec<Problem>) {
        let Served { asked: Asked { options, place }, path, unions } = served;
        for union in unions.all() {
            self.hub.node.serves(&union.profile.limits);
        }
        unions.log(&options.path);
        let client = options.client.is_some().then(|| format!("{path}/socket.io.js"));
        let bare = (!path.is_empty()).then(|| path.clone());
        let paths: Vec<String> = bare.into_iter().chain([format!("{path}/")]).chain(client).collect();
        let origins = options.cors.clone().unwrap_or_else(|| self.origins.clone());
        let (hosts, proxies) = (self.hosts.clone(), self.proxies.clone());
        let service = SocketIoService::new(unions, &self.hub, options, origins, hosts, proxies, self.handle());
        let below = Below::new(&self.control);
        for path in paths {
            let (before, service) = (routes.main.clone(), below.layer(service.clone()));
            let router: Router = std::mem::take(&mut routes.main);
            // axum panics if a mounted route has this path already, or overlaps it.
            let added = catch_unwind(AssertUnwindSafe(|| router.route_service(&path, service)));
            routes.main = added.unwrap_or_else(|_| {
                let message = format!("a mounted route has the path {path} of Socket.IO, or overlaps it; move one");
                overlaps.push(Problem::new(message, &[place]));
                before
            });
        }
    }
}

/// Returns Socket.IO's path without the slash at its end.
///
/// Errors: why it is not a valid path, as the end of a sentence.
fn own_path(path: &str) -> Result<String, &'static str> {
    if path.is_empty() {
        return Err("is empty; write \"/socket.io/\"");
    }
    if path.contains('{') {
        return Err("has a parameter, which Socket.IO's clients do not send; write \"/socket.io/\"");
    }
    path::normal(path).map(|path| path.trim_end_matches('/').to_owned())
}

#[cfg(test)]
#[path = "socketio_tests.rs"]
mod tests;
