//! [`App`]: gateways on paths, merged into an axum router or served by its own listener.
mod create;
mod formats;
mod inner;
mod mounted;
mod path;
mod serve;
#[cfg(feature = "socketio")]
mod socketio;

pub use serve::{Address, Bound};

use crate::codec::Codecs;
use crate::compression::Compression;
use crate::di::{Boot, Container, Graph, Module, ModuleDef, NotProvided, Scope, run_hook};
use crate::gateway::{Gateway, InitHook};
use crate::http::{InvalidNetwork, Proxies};
use crate::hub::{Control, Handle, Hooks, Hub};
use crate::limits::Limits;
use crate::namespace::Marker;
use crate::pipeline::{Declared, Filter, FilterDef, Interceptor, InterceptorDef, IntoGuard, Pipe, PipeDef};
use crate::problem::{BootError, Problem, wrong_host};
use crate::{Namespace, Namespaces, Origins, Root, Server};
use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use mounted::{Mounted, Taken};
use serde_json::Value;
use std::collections::HashMap;
use std::convert::Infallible;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::Service;

/// Gateways mounted on paths. Merge it into an axum `Router`, or let it listen itself.
///
/// ```
/// use switchboard::{App, Gateway};
/// # struct Chat;
/// # impl Chat { async fn message(&self, text: String) -> String { text } }
/// let chat = Gateway::new(Chat).on("message", Chat::message);
/// let app: axum::Router = axum::Router::new().merge(App::new().gateway("/ws", chat));
/// ```
///
/// Under `axum::serve`, everything works except the limits before the upgrade: the size of a request head is checked
/// only after the HTTP server has read it, and the time to read it is not limited. [`App::listen`] enforces both. Also,
/// that server adds `close` to the 101 response to a request with `Connection: close, Upgrade`.
#[must_use = "an application serves nobody before it is merged, mounted or listening"]
pub struct App {
    gateways: Vec<Mounted>,
    /// The paths in use, each with the gateway that has it.
    taken: Vec<Taken>,
    /// Prepended to the path of every gateway; empty if there is no prefix.
    prefix: String,
    after_init: Vec<(String, &'static Location<'static>, InitHook)>,
    patience: Duration,
    pub(crate) container: Container,
    graph: Graph,
    /// The namespaces that have gateways, each with the source location that first named it.
    namespaces: Vec<(Marker, &'static Location<'static>)>,
    problems: Vec<Problem>,
    declared: Declared,
    require_guard: bool,
    router: Router,
    limits: Limits,
    origins: Origins,
    hosts: Option<Arc<[String]>>,
    proxies: Proxies,
    pub(crate) compression: Option<Compression>,
    pub(crate) codecs: Codecs,
    signals: bool,
    threads: usize,
    hub: Arc<Hub>,
    control: Arc<Control>,
    hooks: Arc<Hooks>,
    built: Option<Router>,
    #[cfg(feature = "socketio")]
    socketio: Option<socketio::Asked>,
}

impl Default for App {
    fn default() -> App {
        App::new()
    }
}

impl App {
    /// Returns an application without gateways.
    pub fn new() -> App {
        let hub = Hub::new();
        let hooks = Arc::<Hooks>::default();
        let control = Arc::new(Control::new(hub.clone(), &hooks));
        App {
            gateways: Vec::new(),
            namespaces: Vec::new(),
            taken: Vec::new(),
            prefix: String::new(),
            after_init: Vec::new(),
            patience: Boot::PATIENCE,
            container: Container::new(std::iter::empty(), HashMap::new(), Handle::new(&control, &hooks).inside()),
            graph: Graph::default(),
            problems: Vec::new(),
            declared: Declared::default(),
            require_guard: false,
            router: Router::new(),
            limits: Limits::default(),
            origins: Origins::same(),
            hosts: None,
            proxies: Proxies::default(),
            compression: None,
            codecs: Codecs::default(),
            signals: true,
            threads: 0,
            control,
            hooks,
            hub,
            built: None,
            #[cfg(feature = "socketio")]
            socketio: None,
        }
    }

    /// Mounts a gateway on a path: `/ws`, or `ws` for the same, or `/`. An empty string means the default, `/ws`.
    /// Percent-encode characters that are not ASCII: `/caf%C3%A9`.
    ///
    /// All gateways of one [`Namespace`] of one `App` share clients and rooms; two `App`s share nothing. Mistakes (two
    /// gateways on one path, two handlers for one event, …) are reported together with all other problems:
    /// [`App::listen`] and [`App::into_router`] return them as an error, a merge panics.
    #[track_caller]
    pub fn gateway<S: Send + Sync + 'static>(mut self, path: impl AsRef<str>, gateway: Gateway<S>) -> App {
        let place = Location::caller();
        gateway.check(&mut self.problems);
        let told = self.problems.len();
        for (name, asked) in gateway.asks() {
            if self.container.answers(&asked) {
                let there = self.container.scope_of(&asked);
                let message = asked.mismatched(&name, Scope::Application, there, true);
                self.problems.extend(message.map(|message| Problem::new(message, &[asked.place])));
                continue;
            }
            let asks = asked.asked_by(&name);
            let message = if self.graph.is_empty() {
                format!("{asks}, but there is no module: make the application by `App::create`")
            } else {
                format!("{asks}, which nobody provides; add it to the providers of a module")
            };
            self.problems.push(Problem::new(message, &[asked.place]));
        }
        let (marker, named_at) = gateway.namespace_at().unwrap_or((Marker::of::<Root>(), place));
        let namespace = self.settle_namespace(marker, named_at).err();
        let (path, site) = (path.as_ref(), gateway.site.clone());
        let taken = self.reserve(path, &site, place, &gateway.name()).err();
        self.problems.extend(namespace.into_iter().chain(taken));
        let name = gateway.name();
        match gateway.build(None, Some(&self.container)) {
            Ok(Some((table, after_init))) => self.put(path, &site, place, table, after_init),
            Ok(None) => {}
            Err(missing) if self.problems.len() == told => {
                self.problems.push(Problem::new(format!("{name}: {missing}"), &[place]));
            }
            Err(_) => {}
        }
        self
    }

    /// Adds a module's guards, interceptors, pipes and filters after those declared so far.
    fn declare(&mut self, stages: Declared) {
        self.declared.append(stages);
    }

    /// Adds a guard to every gateway: its connect half runs before a client connects, its message half before each
    /// message.
    pub fn guard<G: Send + Sync + 'static>(mut self, guard: impl IntoGuard<G>) -> App {
        self.declared.guards.push(guard.into_guard().stage());
        self
    }

    /// Wraps an interceptor around every handler and every on-connect hook.
    pub fn interceptor<I: Interceptor>(mut self, interceptor: impl Into<InterceptorDef<I>>) -> App {
        self.declared.interceptors.push(interceptor.into().stage());
        self
    }

    /// Runs a pipe on every payload before its handler.
    pub fn pipe<P: Pipe<Value, From = Value>>(mut self, pipe: impl Into<PipeDef<P>>) -> App {
        self.declared.pipes.push(pipe.into().stage());
        self
    }

    /// Adds a filter that handles the errors of all gateways.
    pub fn filter<F: Filter>(mut self, filter: impl Into<FilterDef<F>>) -> App {
        self.declared.filters.push(filter.into().stage());
        self
    }

    /// Sets whether every message must either have a guard (its own, its gateway's or the application's) or be marked
    /// as public. A message with neither is reported as a problem at boot. Default: false.
    pub fn require_posture(mut self, require: bool) -> App {
        self.require_guard = require;
        self
    }

    /// Creates the application that module `M` describes: creates its services and runs their init hooks.
    ///
    /// Errors: all mistakes at once, each with its source location: dependencies that no module provides or exports,
    /// cycles, duplicates, events and paths that are already taken; then the services that could not be created.
    ///
    /// ```no_run
    /// use switchboard::{App, BootError, module};
    /// #[module]
    /// struct ChatModule;
    /// #[tokio::main]
    /// async fn main() -> Result<(), BootError> {
    ///     App::create::<ChatModule>().await?.listen(3005).await
    /// }
    /// ```
    pub async fn create<M: Module>() -> Result<App, BootError> {
        App::boot::<M>().create().await
    }

    /// Returns the first step of [`create`](App::create), to replace providers before the application is created.
    pub fn boot<M: Module>() -> Boot {
        Boot::of::<M>()
    }

    /// Like [`boot`](App::boot), for a module that is built from values.
    pub fn boot_def(module: ModuleDef) -> Boot {
        Boot::of_def(module)
    }

    /// Returns a service that a module provides, for routes and background tasks.
    ///
    /// Errors: if no module provides it. `?` converts the error into a [`BootError`].
    pub fn resolve<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, NotProvided> {
        self.container.resolve()
    }

    /// Returns the modules, providers and gateways, for inspection. Empty if there is no module.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Runs the after-init hooks of gateways. [`create`](App::create) and [`bind`](App::bind) call it; call it yourself
    /// before you merge an application built without a module into an axum router.
    ///
    /// Errors: the hooks that failed.
    pub async fn init(&mut self) -> Result<(), BootError> {
        let mut problems = Vec::new();
        for (name, place, hook) in std::mem::take(&mut self.after_init) {
            let container = self.container.clone();
            let what = format!("the after-init hook of {name}");
            if let Err(why) = run_hook(&what, self.patience, || hook(container)).await {
                problems.push(Problem::new(format!("{what} failed: {why}"), &[place]));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(BootError::new(problems)) }
    }

    /// Registers a namespace. Errors: if another type has the same name, or the name is invalid. Reported once for each
    /// type.
    fn settle_namespace(&mut self, marker: Marker, place: &'static Location<'static>) -> Result<(), Problem> {
        if self.namespaces.iter().any(|(known, _)| *known == marker) {
            return Ok(());
        }
        let first = self.namespaces.iter().find(|(known, _)| known.name == marker.name).copied();
        self.namespaces.push((marker, place));
        if let Err(why) = marker.check() {
            return Err(Problem::new(format!("the namespace {}: its name {why}", marker.path), &[place]));
        }
        let Some((other, first)) = first else { return Ok(()) };
        let message = format!(
            "{} and {} are two namespaces of one name, {}; use one of them, or rename one",
            other.path, marker.path, marker.name
        );
        Err(Problem::new(message, &[first, place]))
    }

    /// Prepends a prefix to the path of every gateway: with `"/api"`, `/ws` becomes `/api/ws`, its version 1 becomes
    /// `/api/v1/ws`, and `/` becomes `/api`. Mounted routes keep their paths.
    ///
    /// An invalid prefix is reported as a problem when the application is built.
    #[track_caller]
    pub fn prefix(mut self, prefix: impl AsRef<str>) -> App {
        let prefix = prefix.as_ref();
        match path::prefix(prefix) {
            Ok(normal) => self.prefix = normal,
            Err(why) => self.problems.push(Problem::new(format!("the prefix {prefix:?} {why}"), &[Location::caller()])),
        }
        self
    }

    /// Serves these routes beside the gateways. An application that is merged or nested into them is shut down together
    /// with this one, before this one's shutdown hooks run, but only once a request has reached it.
    ///
    /// # Panics
    /// If a route is mounted already, like axum's `merge`.
    #[track_caller]
    pub fn mount(mut self, router: Router) -> App {
        self.router = self.router.merge(router.layer(inner::Below::new(&self.control)));
        self
    }

    /// Sets the limits of the node, and of every gateway that has no limits of its own.
    pub fn limits(mut self, limits: Limits) -> App {
        self.limits = limits;
        self
    }

    /// Sets the origins from which browsers may connect. Default: the same host and port.
    pub fn origins(mut self, origins: Origins) -> App {
        self.origins = origins;
        self
    }

    /// Sets the hosts that a client may request in its Host header or, through a [trusted proxy](App::trust_proxies),
    /// in X-Forwarded-Host or Forwarded. `"chat.example"` allows any port, `"chat.example:8443"` only that one.
    /// Requests for other hosts are answered with 421; this protects against DNS rebinding, where an attacker's host
    /// name points to this server. Default: any host.
    ///
    /// An invalid host is reported as a problem when the application is built.
    #[track_caller]
    pub fn allowed_hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> App {
        let (hosts, place): (Arc<[String]>, _) = (hosts.into_iter().map(Into::into).collect(), Location::caller());
        self.problems.extend(wrong_host(&hosts).map(|why| Problem::new(format!("the application: {why}"), &[place])));
        self.hosts = Some(hosts);
        self
    }

    /// Believes `X-Forwarded-Host` and `X-Forwarded-For` from peers in these networks (`"10.0.0.0/8"`, `"::1"`), and
    /// `Forwarded` (RFC 7239) if a request has neither of the two.
    ///
    /// The client is the last address that is not in these networks; if all are in them, the first. If an entry cannot
    /// be parsed, or there are more than 32, nothing is believed and the peer counts as the client. A proxy has to
    /// write or remove all three headers: a client's header that it passes on is believed.
    ///
    /// Under `axum::serve`, pass it the router's `into_make_service_with_connect_info::<SocketAddr>()`. Otherwise the
    /// addresses of peers are unknown, none is trusted, and a warning is logged.
    ///
    /// Errors: the first entry that is not a network or an address.
    pub fn trust_proxies<'a>(mut self, networks: impl IntoIterator<Item = &'a str>) -> Result<App, InvalidNetwork> {
        self.proxies = Proxies::parse(networks)?;
        Ok(self)
    }

    /// Sets whether SIGTERM and Ctrl-C make [`App::listen`] shut down. A second signal ends the connections at once, a
    /// third one returns without waiting for the shutdown hooks. Default: true.
    pub fn signals(mut self, signals: bool) -> App {
        self.signals = signals;
        self
    }

    /// Serves the connections of [`App::listen`] on this many threads of their own, each with a single-threaded
    /// runtime, instead of the runtime in which it is awaited. Default: 0, which means that runtime.
    ///
    /// Connections then do not move between cores. That is faster if handlers do little work, but does not help if they
    /// do much: a handler that blocks its thread stalls every connection on it. A task that a handler spawns with
    /// `tokio::spawn` runs on the same thread, and ends when [`App::listen`] does.
    pub fn threads(mut self, threads: usize) -> App {
        self.threads = threads;
        self
    }

    /// Returns a handle for shutdown and statistics, usable before and after the application is mounted.
    pub fn handle(&self) -> Handle {
        Handle::new(&self.control, &self.hooks)
    }

    /// Returns the [`Server`] of the default namespace, for services and background tasks that are created before the
    /// application.
    pub fn server(&self) -> Server {
        self.server_of()
    }

    /// Returns the [`Server`] of namespace `N`, which sends to its clients. It reaches no clients while no gateway is
    /// in `N`.
    pub fn server_of<N: Namespace>(&self) -> Server<N> {
        Server::new(&self.hub)
    }

    /// Returns the namespaces that are named at run time by [`Gateway::namespace_by`].
    pub fn namespaces(&self) -> Namespaces {
        Namespaces::new(&self.hub)
    }

    /// Returns a router with the routes of all gateways and of the mounted routers.
    ///
    /// Errors: all problems of the application at once.
    pub fn into_router(mut self) -> Result<Router, BootError> {
        self.build()
    }

    fn build(&mut self) -> Result<Router, BootError> {
        for (name, (port, place)) in self.ports() {
            let message = format!(
                "{name} asks for the port {port}, which only a listener of ours serves: use `App::listen`, or leave the port out"
            );
            self.problems.push(Problem::new(message, &[place]));
        }
        Ok(self.routes()?.main)
    }
}

/// # Panics
/// With the list of problems, if [`App::into_router`] would return an error.
impl<S: Clone + Send + Sync + 'static> From<App> for Router<S> {
    fn from(app: App) -> Router<S> {
        match app.into_router() {
            Ok(router) => router.with_state(()),
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// # Panics
/// At the first call, with the list of problems, if [`App::into_router`] would return an error.
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
