//! Gateways on their paths, and the routes made of them, for the application's port and for other ports.
use super::inner::Below;
use super::{App, path};
use crate::gateway::{CompiledGateway, InitHook, Site, after};
use crate::http::UpgradeService;
use crate::problem::{BootError, Problem};
use axum::Router;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use tower::Layer;

type Place = &'static Location<'static>;

/// A gateway with its paths, before the application's prefix is added.
pub(super) struct Mounted {
    pub(super) paths: Vec<String>,
    pub(super) port: Option<(u16, Place)>,
    pub(super) place: Place,
    pub(super) table: CompiledGateway,
    #[cfg(feature = "socketio")]
    reach: crate::gateway::Reach,
}

#[cfg(feature = "socketio")]
impl Mounted {
    pub(super) fn candidate(&self) -> crate::gateway::Candidate<'_> {
        crate::gateway::Candidate {
            table: &self.table,
            place: self.place,
            path: self.paths.first().map_or("", String::as_str),
            has_port: self.port.is_some(),
            reach: &self.reach,
        }
    }
}

/// A path that a gateway has, on a port.
pub(super) struct Taken {
    path: String,
    port: Option<u16>,
    place: Place,
    name: String,
}

/// The routers to serve, each with its port.
pub(super) struct Routes {
    /// The routes of the gateways on the application's own port, and the routes that were mounted beside them.
    pub(super) main: Router,
    /// The routes of gateways with a port of their own.
    pub(super) ports: Vec<PortRoutes>,
    /// The paths of the gateways on the application's own port.
    pub(super) paths: Vec<String>,
}

/// The routes of a port that gateways asked for.
pub(super) struct PortRoutes {
    pub(super) port: u16,
    /// Where the first of these gateways asked for the port.
    pub(super) place: Place,
    pub(super) name: String,
    pub(super) router: Router,
    pub(super) paths: Vec<String>,
}

impl App {
    /// Reserves the paths of a gateway. Errors: if a path is invalid or already taken.
    pub(super) fn reserve(&mut self, path: &str, site: &Site, place: Place, name: &str) -> Result<(), Problem> {
        let path =
            path::normal(path).map_err(|why| Problem::new(format!("the path {path:?} of {name} {why}"), &[place]))?;
        let port = site.port.map(|(port, _)| port);
        for path in site.paths(&path) {
            let same = |known: &Taken| known.port == port && path::shape(&known.path) == path::shape(&path);
            if let Some(Taken { place: first, name: other, .. }) = self.taken.iter().find(|known| same(known)) {
                let message = format!("{other} and {name} are both mounted on {path}; move one");
                return Err(Problem::new(message, &[first, place]));
            }
            self.taken.push(Taken { path, port, place, name: name.to_owned() });
        }
        Ok(())
    }

    /// Mounts a gateway on the paths that were reserved for it.
    pub(super) fn put(
        &mut self,
        path: &str,
        site: &Site,
        place: Place,
        table: CompiledGateway,
        after_init: Option<InitHook>,
    ) {
        self.after_init.extend(after_init.map(|hook| (table.name.clone(), place, hook)));
        if let Ok(path) = path::normal(path) {
            self.gateways.push(Mounted {
                paths: site.paths(&path),
                port: site.port,
                place,
                table,
                #[cfg(feature = "socketio")]
                reach: site.reach.clone(),
            });
        }
    }

    /// The gateways that ask for a port of their own.
    pub(super) fn ports(&self) -> Vec<(String, (u16, Place))> {
        self.gateways.iter().filter_map(|mounted| Some((mounted.table.name.clone(), mounted.port?))).collect()
    }

    /// Builds all routes. Errors: all problems of the application.
    pub(super) fn routes(&mut self) -> Result<Routes, BootError> {
        self.settle();
        #[cfg(feature = "socketio")]
        let socketio = self.unite();
        if !self.problems.is_empty() {
            return Err(BootError::new(std::mem::take(&mut self.problems)));
        }
        if cfg!(panic = "abort") {
            tracing::warn!(
                "built with `panic = \"abort\"`: a handler that panics ends the process, and everybody's connections; without it in the \
                 profile of Cargo.toml, it answers `internal`"
            );
        }
        self.hub.node.configure(self.limits.clone());
        let mut routes = Routes { main: std::mem::take(&mut self.router), ports: Vec::new(), paths: Vec::new() };
        let mut overlaps = Vec::new();
        for mounted in std::mem::take(&mut self.gateways) {
            self.route(mounted, &mut routes, &mut overlaps);
        }
        #[cfg(feature = "socketio")]
        if let Some(served) = socketio {
            self.route_socketio(served, &mut routes, &mut overlaps);
        }
        if overlaps.is_empty() { Ok(routes) } else { Err(BootError::new(overlaps)) }
    }

    /// Gives each gateway what it takes from the application. Adds mistakes to the problems.
    pub(super) fn settle(&mut self) {
        for why in self.limits.node.problems().into_iter().chain(self.limits.gateway.problems()) {
            self.problems.push(Problem::new(format!("the limits of the application: {why}"), &[]));
        }
        for (name, place, _) in std::mem::take(&mut self.after_init) {
            let message = format!(
                "{name} has an after-init hook, which is async: await `App::init` before the application is merged"
            );
            self.problems.push(Problem::new(message, &[place]));
        }
        for Mounted { table, .. } in &mut self.gateways {
            table.settle_formats(&self.codecs, &mut self.problems);
        }
        match std::mem::take(&mut self.declared).make(Some(&self.container)) {
            Ok(application) => {
                for Mounted { table, .. } in &mut self.gateways {
                    table.settle_stages(&application, self.require_guard, &mut self.problems);
                }
            }
            Err(missing) => self.problems.push(Problem::new(format!("a stage of the application: {missing}"), &[])),
        }
        let (handle, serves) = (self.handle(), self.problems.is_empty());
        for Mounted { table, .. } in &mut self.gateways {
            table.settle(&self.limits, &self.origins, self.hosts.as_ref(), &self.container, handle.clone());
            table.settle_compression(self.compression);
            if serves {
                table.settle_space(&self.hub);
            }
        }
    }

    fn route(&self, mounted: Mounted, routes: &mut Routes, overlaps: &mut Vec<Problem>) {
        let Mounted { paths, port, place, table, .. } = mounted;
        self.hub.node.serves(&table.profile.limits);
        let paths: Vec<String> = paths.iter().map(|path| after(&self.prefix, path)).collect();
        let on_port = port.map_or_else(String::new, |(port, _)| format!(" on port {port}"));
        for path in &paths {
            tracing::info!("GET {path}{on_port} → {}", table.summary());
        }
        for note in table.notes() {
            tracing::info!("    {note}");
        }
        let endpoint = UpgradeService::new(Arc::new(table), &self.hub, self.proxies.clone());
        let below = Below::new(&self.control);
        let (router, known) = match port {
            None => (&mut routes.main, &mut routes.paths),
            Some((port, asked_at)) => routes.of_port(port, asked_at, endpoint.name()),
        };
        for path in paths {
            // axum panics if a mounted route has this path already, or overlaps it.
            let (name, before, endpoint) = (endpoint.name().to_owned(), router.clone(), below.layer(endpoint.clone()));
            let added = catch_unwind(AssertUnwindSafe(|| std::mem::take(router).route_service(&path, endpoint)));
            *router = added.unwrap_or_else(|_| {
                let message = format!("a mounted route has the path {path} of {name}, or overlaps it; move one");
                overlaps.push(Problem::new(message, &[place]));
                before
            });
            known.push(path);
        }
    }
}

impl Routes {
    fn of_port(&mut self, port: u16, place: Place, name: &str) -> (&mut Router, &mut Vec<String>) {
        let at = self.ports.iter().position(|known| known.port == port).unwrap_or_else(|| {
            let name = name.to_owned();
            self.ports.push(PortRoutes { port, place, name, router: Router::new(), paths: Vec::new() });
            self.ports.len() - 1
        });
        let PortRoutes { router, paths, .. } = &mut self.ports[at];
        (router, paths)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gateways: Vec<_> = self.gateways.iter().map(|mounted| (&mounted.table.name, &mounted.paths)).collect();
        f.debug_struct("App").field("gateways", &gateways).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
