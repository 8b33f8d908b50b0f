//! [`App`]: gateways on paths, mounted into axum or served by a listener of its own.
mod boot;
mod handle;
mod path;
mod serve;

pub use boot::{BootError, Problem};
pub use handle::{Handle, ShutdownReport};
pub use serve::{Address, Bound};

use crate::gateway::{Gateway, Table};
use crate::http::{Endpoint, InvalidNetwork, Proxies};
use crate::hub::Hub;
use crate::limits::Limits;
use crate::namespace::Marker;
use crate::{Namespace, Origins, Server};
use axum::Router;
use axum::body::Body;
use handle::Control;
use http::{Request, Response};
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::Service;

/// Gateways on paths: merge it into an axum `Router`, or let it listen.
///
/// ```
/// use switchboard::{App, Gateway};
/// # struct Chat;
/// # impl Chat { async fn message(&self, text: String) -> String { text } }
/// let chat = Gateway::new(Chat).on("message", Chat::message);
/// let app: axum::Router = axum::Router::new().merge(App::new().gateway("/ws", chat));
/// ```
///
/// Served by `axum::serve`, everything works but the limits before the upgrade: the size of a head is checked only after the
/// HTTP server has read it, and its time is not limited. [`App::listen`] has both.
#[must_use = "an application serves nobody before it is merged, mounted or listening"]
pub struct App {
    gateways: Vec<(String, &'static Location<'static>, Table)>,
    /// The namespaces that have gateways, each with the place that first named it.
    namespaces: Vec<(Marker, &'static Location<'static>)>,
    problems: Vec<Problem>,
    router: Router,
    limits: Limits,
    origins: Origins,
    proxies: Proxies,
    signals: bool,
    hub: Arc<Hub>,
    control: Arc<Control>,
    built: Option<Router>,
}

impl Default for App {
    fn default() -> App {
        App::new()
    }
}

impl App {
    /// An application without gateways.
    pub fn new() -> App {
        let hub = Hub::new();
        App {
            gateways: Vec::new(),
            namespaces: Vec::new(),
            problems: Vec::new(),
            router: Router::new(),
            limits: Limits::default(),
            origins: Origins::same(),
            proxies: Proxies::default(),
            signals: true,
            control: Arc::new(Control::new(hub.clone())),
            hub,
            built: None,
        }
    }

    /// Mounts a gateway on a path: `/ws`, or `ws` for the same; "" and "/" mean `/ws`.
    ///
    /// All gateways of one [`Namespace`] of one `App` share clients and rooms; two `App`s share nothing. What is wrong (two
    /// gateways on one path, two handlers of one event, …) is reported with all other problems: by [`App::listen`] and
    /// [`App::into_router`] as an error, by a merge as a panic.
    #[track_caller]
    pub fn gateway<S: Send + Sync + 'static>(mut self, path: impl AsRef<str>, gateway: Gateway<S>) -> App {
        let place = Location::caller();
        let named_at = gateway.named_at().unwrap_or(place);
        let table = gateway.build(&mut self.problems);
        self.settle_namespace(table.namespace, named_at);
        match path::normal(path.as_ref()) {
            Ok(path) => {
                let same = |known: &str| path::shape(known) == path::shape(&path);
                if let Some((_, first, other)) = self.gateways.iter().find(|(known, _, _)| same(known)) {
                    let message = format!("{} and {} are both mounted on {path}; move one", other.name, table.name);
                    self.problems.push(Problem::new(message, &[first, place]));
                }
                for why in table.limits.problems() {
                    self.problems.push(Problem::new(format!("the limits of {}: {why}", table.name), &[place]));
                }
                self.gateways.push((path, place, table));
            }
            Err(why) => {
                let message = format!("the path {:?} of {} {why}", path.as_ref(), table.name);
                self.problems.push(Problem::new(message, &[place]));
            }
        }
        self
    }

    /// One type for each name, and a name that can be one.
    fn settle_namespace(&mut self, marker: Marker, place: &'static Location<'static>) {
        if self.namespaces.iter().any(|(known, _)| *known == marker) {
            return;
        }
        if let Err(why) = marker.check() {
            let message = format!("the namespace {}: its name {why}", marker.path);
            self.problems.push(Problem::new(message, &[place]));
        } else if let Some((other, first)) = self.namespaces.iter().find(|(known, _)| known.name == marker.name) {
            let message = format!(
                "{} and {} are two namespaces of one name, {}; use one of them, or rename one",
                other.path, marker.path, marker.name
            );
            self.problems.push(Problem::new(message, &[first, place]));
        }
        self.namespaces.push((marker, place));
    }

    /// Serves these routes beside the gateways.
    pub fn mount(mut self, router: Router) -> App {
        self.router = self.router.merge(router);
        self
    }

    /// The limits of the node, and of every gateway that has none of its own.
    pub fn limits(mut self, limits: Limits) -> App {
        self.limits = limits;
        self
    }

    /// Which web pages may connect. Default: those of the same host and port.
    pub fn origins(mut self, origins: Origins) -> App {
        self.origins = origins;
        self
    }

    /// Believes `X-Forwarded-Host` and `X-Forwarded-For` of peers in these networks (`"10.0.0.0/8"`, `"::1"`).
    ///
    /// Merged into another application, this needs `into_make_service_with_connect_info::<SocketAddr>()` there.
    ///
    /// Errors: the first entry that is not a network or an address.
    pub fn trust_proxies<'a>(mut self, networks: impl IntoIterator<Item = &'a str>) -> Result<App, InvalidNetwork> {
        self.proxies = Proxies::parse(networks)?;
        Ok(self)
    }

    /// Whether SIGTERM and Ctrl-C end [`App::listen`] by a shutdown, and a second one at once. Default: yes.
    pub fn signals(mut self, signals: bool) -> App {
        self.signals = signals;
        self
    }

    /// Shutdown and numbers, before and after the application is mounted.
    pub fn handle(&self) -> Handle {
        Handle::new(self.control.clone())
    }

    /// The clients of the default namespace, for services and background tasks that exist before the application.
    pub fn server(&self) -> Server {
        self.server_of()
    }

    /// The clients of a namespace; nobody, while no gateway is in it.
    pub fn server_of<N: Namespace>(&self) -> Server<N> {
        Server::new(&self.hub)
    }

    /// The routes of all gateways and of the mounted router.
    ///
    /// Errors: everything that is wrong with the application, at once.
    pub fn into_router(mut self) -> Result<Router, BootError> {
        self.build()
    }

    fn build(&mut self) -> Result<Router, BootError> {
        for why in self.limits.problems() {
            self.problems.push(Problem::new(format!("the limits of the application: {why}"), &[]));
        }
        if !self.problems.is_empty() {
            return Err(BootError::new(std::mem::take(&mut self.problems)));
        }
        self.hub.node.configure(self.limits.clone());
        let mut router = std::mem::take(&mut self.router);
        let mut overlaps = Vec::new();
        for (path, place, mut table) in std::mem::take(&mut self.gateways) {
            table.settle(&self.limits, &self.origins);
            self.hub.node.keep_time_for(&table.limits);
            tracing::info!("GET {path} → {}", table.summary());
            let space = self.hub.space(table.namespace);
            let endpoint = Endpoint::new(Arc::new(table), space, self.proxies.clone());
            // axum says by a panic that a mounted route has this path already.
            let name = endpoint.name();
            let before = router.clone();
            router = catch_unwind(AssertUnwindSafe(|| router.route_service(&path, endpoint))).unwrap_or_else(|_| {
                let message = format!("a mounted route has the path {path} of {name}, or overlaps it; move one");
                overlaps.push(Problem::new(message, &[place]));
                before
            });
        }
        if overlaps.is_empty() { Ok(router) } else { Err(BootError::new(overlaps)) }
    }
}

/// # Panics
/// With the list of what is wrong, where [`App::into_router`] returns an error.
impl<S: Clone + Send + Sync + 'static> From<App> for Router<S> {
    fn from(app: App) -> Router<S> {
        match app.into_router() {
            Ok(router) => router.with_state(()),
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// # Panics
/// At the first call, with the list of what is wrong, where [`App::into_router`] returns an error.
impl Service<Request<Body>> for App {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = axum::routing::future::RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if self.built.is_none() {
            match self.build() {
                Ok(router) => self.built = Some(router),
                Err(error) => panic!("{error:?}"),
            }
        }
        match &mut self.built {
            Some(router) => Service::<Request<Body>>::call(router, request),
            None => unreachable!("built above"),
        }
    }
}
