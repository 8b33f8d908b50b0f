//! Binding addresses, and serving an application until it is shut down.
use super::mounted::PortRoutes;
use super::{App, BootError, Handle, path};
use crate::http::{Listening, Places, Proxies, Threads, bind};
use crate::hub::{Accepting, Control};
use crate::problem::Problem;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Where to listen: a port on all IPv4 addresses, `"host:port"`, or a `SocketAddr`.
pub trait Address: sealed::Address {}

mod sealed {
    pub trait Address: std::fmt::Debug {
        fn into_place(self) -> super::Place;
    }
}

/// An address, or a name that has to be resolved.
#[doc(hidden)]
#[derive(Debug)]
pub enum Place {
    Known(SocketAddr),
    Named(String),
}

macro_rules! address {
    ($($type:ty: $self:ident => $place:expr;)*) => {
        $(
            impl Address for $type {}
            impl sealed::Address for $type {
                fn into_place($self) -> Place {
                    $place
                }
            }
        )*
    };
}
address! {
    u16: self => Place::Known(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), self));
    SocketAddr: self => Place::Known(self);
    &str: self => Place::Named(self.to_owned());
    &String: self => Place::Named(self.clone());
    String: self => Place::Named(self);
}

async fn resolve(place: Place) -> io::Result<SocketAddr> {
    match place {
        Place::Known(address) => Ok(address),
        Place::Named(name) => {
            let missing = || io::Error::new(io::ErrorKind::InvalidInput, "no such host");
            tokio::net::lookup_host(name).await?.next().ok_or_else(missing)
        }
    }
}

#[must_use = "nobody is served before `serve`"]
/// An application that is bound to its addresses. Clients that connect wait until [`Bound::serve`] is called.
pub struct Bound {
    own: Listener,
    /// The listeners of the ports that gateways asked for.
    others: Vec<Listener>,
    proxies: Proxies,
    handle: Handle,
    signals: bool,
    threads: Option<Arc<Threads>>,
}

/// A bound socket, and the routes that it serves.
struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    router: axum::Router,
    /// The paths of the gateways that it serves.
    paths: Vec<String>,
}

impl Listener {
    /// Binds a listener. Errors: why the address cannot be bound and what to do, as a sentence.
    fn take(
        named: &str,
        address: io::Result<SocketAddr>,
        router: axum::Router,
        paths: Vec<String>,
    ) -> Result<Listener, BootError> {
        let taken = address.and_then(bind).and_then(|socket| {
            let address = socket.local_addr()?;
            Ok(Listener { socket, address, router, paths })
        });
        taken.map_err(|error| {
            let fix = match error.kind() {
                io::ErrorKind::AddrInUse => "another program has it; stop that one, or choose another port",
                io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; choose another port",
                io::ErrorKind::InvalidInput => "write host:port, as in \"127.0.0.1:3005\"",
                _ => "choose another address",
            };
            BootError::io(format!("cannot listen on {named}: {error}; {fix}"), error)
        })
    }
}

impl App {
    /// Listens, and serves until [`Handle::shutdown`], SIGTERM or Ctrl-C.
    ///
    /// Errors: all problems of the application, or the address that cannot be bound.
    pub async fn listen(self, address: impl Address) -> Result<(), BootError> {
        self.bind(address).await?.serve().await;
        Ok(())
    }

    /// Binds the addresses without serving yet: the first half of [`App::listen`]. With port 0 the system chooses a
    /// port; see [`Bound::local_addr`].
    ///
    /// Errors: as [`App::listen`]. The shutdown hooks of everything made so far have then run.
    pub async fn bind(mut self, address: impl Address) -> Result<Bound, BootError> {
        let unbound = Unbound(Some(self.handle()));
        let bound = self.try_bind(address).await;
        match &bound {
            Ok(_) => unbound.succeed(),
            Err(_) => drop(self.handle().shutdown_within(Duration::ZERO).await),
        }
        bound
    }

    async fn try_bind(&mut self, address: impl Address) -> Result<Bound, BootError> {
        self.init().await?;
        let routes = self.routes()?;
        let (named, address) = (format!("{address:?}"), resolve(address.into_place()).await);
        let own = Listener::take(&named, address, routes.main, routes.paths)?;
        let others = routes.ports.into_iter().map(|port| beside(&own, port)).collect::<Result<Vec<_>, _>>()?;
        let threads = match self.threads {
            0 => None,
            count => Some(Arc::new(Threads::start(count).map_err(|error| {
                BootError::io(format!("cannot start {count} threads: {error}; ask for fewer"), error)
            })?)),
        };
        tracing::info!("listening on {}", own.address);
        for other in &others {
            tracing::info!("listening on {} for {}", other.address, other.paths.join(", "));
        }
        let (handle, proxies) = (self.handle(), self.proxies.clone());
        Ok(Bound { own, others, proxies, handle, signals: self.signals, threads })
    }
}

/// An application that is not bound yet. If dropped before `succeed`, it starts the shutdown of everything that was
/// made.
struct Unbound(Option<Handle>);

impl Unbound {
    fn succeed(mut self) {
        self.0 = None;
    }
}

impl Drop for Unbound {
    fn drop(&mut self) {
        // Outside a runtime the hooks cannot be awaited; dropping the application then logs that they do not run.
        if let Some(handle) = self.0.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            handle.control.begin_shutdown(Duration::ZERO);
        }
    }
}

/// Binds a gateway's port on the same host as the application's own.
fn beside(own: &Listener, asked: PortRoutes) -> Result<Listener, BootError> {
    let PortRoutes { port, place, name, router, paths } = asked;
    let address = SocketAddr::new(own.address.ip(), port);
    if address == own.address {
        let message = format!("{name} asks for the port {port}, which is the application's own; leave the port out");
        return Err(BootError::new(vec![Problem::new(message, &[place])]));
    }
    Listener::take(&format!("{address} for {name}"), Ok(address), router, paths)
}

impl Bound {
    /// Returns the application's own address.
    pub fn local_addr(&self) -> SocketAddr {
        self.own.address
    }

    /// Returns every address: the application's own, then the ports that gateways asked for.
    pub fn listeners(&self) -> impl Iterator<Item = SocketAddr> {
        std::iter::once(&self.own).chain(&self.others).map(|listener| listener.address)
    }

    /// Returns the address of a gateway, by its path with prefix and version (`"/api/v1/ws"`). It differs from
    /// [`Bound::local_addr`] if the gateway asked for a port of its own. `None` if no gateway has this path; if the
    /// path exists on several ports, the first of [`Bound::listeners`].
    pub fn address_of(&self, path: &str) -> Option<SocketAddr> {
        let path = path::normal(path).ok()?;
        let mut all = std::iter::once(&self.own).chain(&self.others);
        all.find(|listener| listener.paths.contains(&path)).map(|listener| listener.address)
    }

    /// Returns a handle for shutdown and statistics.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until a shutdown has ended: the second half of [`App::listen`].
    pub async fn serve(self) {
        let control = self.handle.control.clone();
        let node = control.hub.node.clone();
        // Kept to the end of the shutdown: connections outlive the accept loop.
        let threads = self.threads;
        if threads.is_some() {
            // Spawned on this runtime, where no handler runs: a handler that blocks its thread must not stop the watch.
            control.hub.watch_memory();
        }
        let places = Places::new(&node);
        let run = |listener: Listener| {
            let listening = Listening {
                listener: listener.socket,
                router: listener.router,
                node: node.clone(),
                places: places.clone(),
                proxies: self.proxies.clone(),
                threads: threads.clone(),
            };
            accept(listening, control.clone())
        };
        let mut signals = Signals::new(self.signals);
        let mut others: JoinSet<()> = self.others.into_iter().map(&run).collect();
        let own = run(self.own);
        // Completes when the shutdown has ended, whatever started it: the accept loops stop at once, and the requests
        // in progress are waited for.
        let served = async {
            own.await;
            while others.join_next().await.is_some() {}
            control.ended().await
        };
        let mut served = std::pin::pin!(served);
        let report = tokio::select! {
            report = served.as_mut() => report,
            signal = signals.next() => {
                tracing::info!(signal, "shutting down; once more to end at once");
                control.begin_shutdown(control.hub.node.limits().shutdown_timeout);
                tokio::select! {
                    report = served.as_mut() => report,
                    _ = signals.next() => {
                        tracing::warn!("ended at once; once more to leave before the shutdown hooks have ended");
                        control.begin_shutdown(Duration::ZERO);
                        tokio::select! {
                            report = served.as_mut() => report,
                            _ = signals.next() => {
                                tracing::warn!("left before the shutdown hooks have ended");
                                return;
                            }
                        }
                    }
                }
            }
        };
        tracing::info!(aborted = report.aborted, "shut down");
        drop(threads);
    }
}

/// Returns the future of one accept loop. From this call on, the shutdown hooks wait for the loop to end.
fn accept(listening: Listening, control: Arc<Control>) -> impl Future<Output = ()> + Send + 'static {
    let accepting = Accepting::new(control.clone());
    async move {
        listening.run(control.stop.subscribe(), control.out_of_patience()).await;
        drop(accepting);
    }
}

/// SIGTERM and Ctrl-C.
struct Signals {
    #[cfg(unix)]
    terminate: Option<tokio::signal::unix::Signal>,
    wanted: bool,
}

impl Signals {
    fn new(wanted: bool) -> Signals {
        #[cfg(unix)]
        let terminate = {
            use tokio::signal::unix::{SignalKind, signal};
            if wanted { signal(SignalKind::terminate()).ok() } else { None }
        };
        Signals {
            #[cfg(unix)]
            terminate,
            wanted,
        }
    }

    /// Waits for the next signal; never completes if signals are not wanted or not available.
    async fn next(&mut self) -> &'static str {
        if !self.wanted {
            return std::future::pending().await;
        }
        let interrupt = async {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        #[cfg(unix)]
        let terminate = async {
            let received = match &mut self.terminate {
                Some(signal) => signal.recv().await,
                None => None,
            };
            if received.is_none() {
                std::future::pending::<()>().await;
            }
        };
        #[cfg(not(unix))]
        let terminate = std::future::pending::<()>();
        tokio::select! {
            () = interrupt => "interrupt",
            () = terminate => "terminate",
        }
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").field("address", &self.own.address).finish_non_exhaustive()
    }
}
