//! [`App`]: gateways on paths, mounted into axum or served by a listener of its own.
mod create;
mod formats;
mod inner;
mod mounted;
mod path;
mod serve;

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
/// HTTP server has read it, and its time is not limited. [`App::listen`] has both. And of a request with
/// `Connection: close, Upgrade` that server writes `close` into the 101.
#[must_use = "an application serves nobody before it is merged, mounted or listening"]
pub struct App {
    gateways: Vec<Mounted>,
    /// Paths that are taken, with whose they are.
    taken: Vec<Taken>,
    /// In front of the path of every gateway; "": nothing.
    prefix: String,
    after_init: Vec<(String, &'static Location<'static>, InitHook)>,
    patience: Duration,
    pub(crate) container: Container,
    graph: Graph,
    /// The namespaces that have gateways, each with the place that first named it.
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
        }
    }

    /// Mounts a gateway on a path: `/ws`, or `ws` for the same, or `/`. "" means the default, `/ws`. What is not ASCII is written as it
    /// is on the wire: `/caf%C3%A9`.
    ///
    /// All gateways of one [`Namespace`] of one `App` share clients and rooms; two `App`s share nothing. What is wrong (two
    /// gateways on one path, two handlers of one event, …) is reported with all other problems: by [`App::listen`] and
    /// [`App::into_router`] as an error, by a merge as a panic.
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

    /// Puts a module's stages behind those that are there.
    fn declare(&mut self, stages: Declared) {
        self.declared.append(stages);
    }

    /// Puts a guard in front of every gateway: its connect half before a client connects, its message half before each message.
    pub fn guard<G: Send + Sync + 'static>(mut self, guard: impl IntoGuard<G>) -> App {
        self.declared.guards.push(guard.into_guard().stage());
        self
    }

    /// Puts an interceptor around every handler and every on-connect hook.
    pub fn interceptor<I: Interceptor>(mut self, interceptor: impl Into<InterceptorDef<I>>) -> App {
        self.declared.interceptors.push(interceptor.into().stage());
        self
    }

    /// Puts a pipe in front of every payload.
    pub fn pipe<P: Pipe<Value, From = Value>>(mut self, pipe: impl Into<PipeDef<P>>) -> App {
        self.declared.pipes.push(pipe.into().stage());
        self
    }

    /// Asks a filter about the errors of all gateways.
    pub fn filter<F: Filter>(mut self, filter: impl Into<FilterDef<F>>) -> App {
        self.declared.filters.push(filter.into().stage());
        self
    }

    /// Whether every message has to have a guard, of its own, its gateway's or the application's, or say that it is public. One that
    /// has neither is a problem at boot. Default: no.
    pub fn require_posture(mut self, require: bool) -> App {
        self.require_guard = require;
        self
    }

    /// The application that a module describes: everything is made, init hooks have run.
    ///
    /// Errors: everything that is wrong, at once: who asks for what nobody provides or exports, cycles, duplicates, events and
    /// paths that are taken, each with its place; then whatever fails to be made.
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

    /// [`create`](App::create) in steps: to replace providers first.
    pub fn boot<M: Module>() -> Boot {
        Boot::of::<M>()
    }

    /// [`boot`](App::boot) of a module that is made of values.
    pub fn boot_def(module: ModuleDef) -> Boot {
        Boot::of_def(module)
    }

    /// What a module provides, for routes and background tasks.
    ///
    /// Errors: nobody provides it. `?` makes it a [`BootError`].
    pub fn resolve<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, NotProvided> {
        self.container.resolve()
    }

    /// Modules, providers and gateways, to look at. Empty where there is no module.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Runs the after-init hooks of gateways. `create` and [`bind`](App::bind) do; call it before an application that is made by
    /// hand is merged into another.
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

    /// One type for each name, and a name that can be one. Errors: what is wrong, told once a type.
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

    /// Puts a prefix in front of the path of every gateway: `"/api"` makes `/api/ws` of `/ws`, `/api/v1/ws` of its version 1, and
    /// `/api` of `/`. Mounted routes stay where they are.
    ///
    /// What cannot be one is reported as a problem when the application is built.
    #[track_caller]
    pub fn prefix(mut self, prefix: impl AsRef<str>) -> App {
        let prefix = prefix.as_ref();
        match path::prefix(prefix) {
            Ok(normal) => self.prefix = normal,
            Err(why) => self.problems.push(Problem::new(format!("the prefix {prefix:?} {why}"), &[Location::caller()])),
        }
        self
    }

    /// Serves these routes beside the gateways. An application that is merged into them, or nested, is shut down with this one, once
    /// a request has come to it, and before this one's shutdown hooks run.
    ///
    /// # Panics
    /// As axum's `merge` does, when a route is mounted already.
    #[track_caller]
    pub fn mount(mut self, router: Router) -> App {
        self.router = self.router.merge(router.layer(inner::Below::new(&self.control)));
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

    /// The hosts that a client may ask for, by its Host header or, behind a [trusted proxy](App::trust_proxies), by
    /// X-Forwarded-Host or Forwarded: `"chat.example"` with any port, `"chat.example:8443"` with that one. All others are answered 421, which
    /// keeps out a page whose name was made to point here (DNS rebinding). Default: any.
    ///
    /// What is no host is reported as a problem when the application is built.
    #[track_caller]
    pub fn allowed_hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> App {
        let (hosts, place): (Arc<[String]>, _) = (hosts.into_iter().map(Into::into).collect(), Location::caller());
        self.problems.extend(wrong_host(&hosts).map(|why| Problem::new(format!("the application: {why}"), &[place])));
        self.hosts = Some(hosts);
        self
    }

    /// Believes `X-Forwarded-Host` and `X-Forwarded-For` of peers in these networks (`"10.0.0.0/8"`, `"::1"`), and `Forwarded`
    /// (RFC 7239) where a request has neither of the two.
    ///
    /// The client is the last address that is not in these networks; where all are, the first. An entry that cannot be read, or more
    /// than 32 of them, and nothing is believed: the peer counts. A proxy has to write, or take out, all three headers: what it lets
    /// through of a client's is believed.
    ///
    /// Under `axum::serve`, give that the router's `into_make_service_with_connect_info::<SocketAddr>()`: else peers are not known, and
    /// none is trusted, which a warning says.
    ///
    /// Errors: the first entry that is not a network or an address.
    pub fn trust_proxies<'a>(mut self, networks: impl IntoIterator<Item = &'a str>) -> Result<App, InvalidNetwork> {
        self.proxies = Proxies::parse(networks)?;
        Ok(self)
    }

    /// Whether SIGTERM and Ctrl-C end [`App::listen`] by a shutdown. A second one ends the connections at once, and a third one
    /// does not wait for the shutdown hooks. Default: yes.
    pub fn signals(mut self, signals: bool) -> App {
        self.signals = signals;
        self
    }

    /// Serves the connections of [`App::listen`] on so many threads of their own, each with a runtime of one thread, in place of
    /// the runtime that it is awaited in. Default: 0, that runtime.
    ///
    /// Connections do not move between cores then: faster where handlers do little, and no help where they do much, for a handler
    /// that blocks its thread stalls every connection on it. What a handler spawns with `tokio::spawn` runs on the same thread, and
    /// ends when [`App::listen`] does.
    pub fn threads(mut self, threads: usize) -> App {
        self.threads = threads;
        self
    }

    /// Shutdown and numbers, before and after the application is mounted.
    pub fn handle(&self) -> Handle {
        Handle::new(&self.control, &self.hooks)
    }

    /// The clients of the default namespace, for services and background tasks that exist before the application.
    pub fn server(&self) -> Server {
        self.server_of()
    }

    /// The clients of a namespace; nobody, while no gateway is in it.
    pub fn server_of<N: Namespace>(&self) -> Server<N> {
        Server::new(&self.hub)
    }

    /// The namespaces that are named at run time, by [`Gateway::namespace_by`].
    pub fn namespaces(&self) -> Namespaces {
        Namespaces::new(&self.hub)
    }

    /// The routes of all gateways and of the mounted router.
    ///
    /// Errors: everything that is wrong with the application, at once.
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
