//! [`Handle`]: an application from outside.
use crate::hub::{Hub, Namespaces, Server, Space};
use crate::namespace::{Dynamic, Namespace};
use crate::node::Stats;
use parking_lot::Mutex;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Shutdown and numbers of an application, over all its namespaces. Cheap to clone.
///
/// In an application that calls `axum::serve`, which does not wait for WebSockets, and for every HTTP request for ever:
/// ```
/// # async fn run(listener: tokio::net::TcpListener, routes: axum::Router, chat: switchboard::Gateway<()>) -> std::io::Result<()> {
/// let app = switchboard::App::new().gateway("/ws", chat);
/// let handle = app.handle();
/// let stop = handle.clone().shutdown_after(tokio::signal::ctrl_c());
/// tokio::select! {
///     served = axum::serve(listener, routes.merge(app)).with_graceful_shutdown(stop) => served,
///     _ = handle.finished() => Ok(()),
/// }
/// # }
/// ```
///
/// The handle that an [`App`](crate::App) or a [`Bound`](crate::Bound) gives keeps what the shutdown hooks close, until they have run or it is
/// dropped, though nothing else of the application may be left. What services, handlers and hooks get does not: a service with such a
/// handle goes with its application.
#[derive(Clone)]
pub struct Handle {
    pub(crate) control: Arc<Control>,
    _hooks: Option<Arc<Hooks>>,
}

/// Runs the shutdown hooks, until the deadline or a little longer. Its output: how many failed.
pub(crate) type Teardown = Box<dyn FnOnce(Instant) -> Pin<Box<dyn Future<Output = u64> + Send>> + Send>;

/// The shutdown hooks of an application, until they run. They have what they close.
pub(crate) type Hooks = Mutex<Option<Teardown>>;

pub(crate) struct Control {
    pub(crate) hub: Arc<Hub>,
    /// True once listeners shall stop.
    pub(crate) stop: watch::Sender<bool>,
    /// Until when what runs may go on, once a shutdown has begun.
    patience: watch::Sender<Option<Instant>>,
    /// Accept loops, until their last HTTP request has ended.
    listening: watch::Sender<usize>,
    /// There has been one.
    listened: AtomicBool,
    /// Those who wait for the beginning of a shutdown.
    waiting: watch::Sender<usize>,
    /// Applications that are served below this one.
    inner: Mutex<Vec<Weak<Control>>>,
    /// The application keeps them, its routes, and the handles that it has given: services may have this.
    hooks: Weak<Hooks>,
    /// What the shutdown came to, once it has ended.
    ended: watch::Sender<Option<ShutdownReport>>,
}

impl Control {
    pub(crate) fn new(hub: Arc<Hub>, hooks: &Arc<Hooks>) -> Control {
        Control {
            hub,
            stop: watch::Sender::new(false),
            patience: watch::Sender::new(None),
            listening: watch::Sender::new(0),
            listened: AtomicBool::new(false),
            waiting: watch::Sender::new(0),
            inner: Mutex::default(),
            hooks: Arc::downgrade(hooks),
            ended: watch::Sender::new(None),
        }
    }

    /// Begins the shutdown, or shortens the patience of the one that has begun. It runs in a task of its own, to its end, though
    /// nobody may wait for it.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub(crate) fn begin_shutdown(self: &Arc<Self>, patience: Duration) {
        let now = Instant::now();
        self.begin_shutdown_by(now.checked_add(patience).unwrap_or(now + A_YEAR));
    }

    fn begin_shutdown_by(self: &Arc<Self>, deadline: Instant) {
        let runtime = tokio::runtime::Handle::current();
        self.patience.send_modify(|known| *known = Some(known.map_or(deadline, |known| known.min(deadline))));
        if !self.stop.send_replace(true) {
            runtime.spawn(self.clone().shut_down(self.hooks.upgrade()));
        }
        for inner in self.inner() {
            inner.begin_shutdown_by(deadline);
        }
    }

    /// From now on an application ends with this one.
    pub(crate) fn adopt(self: &Arc<Self>, inner: &Arc<Control>) {
        {
            let mut known = self.inner.lock();
            if Arc::ptr_eq(self, inner) || known.iter().any(|known| std::ptr::eq(known.as_ptr(), &raw const **inner)) {
                return;
            }
            known.retain(|known| known.strong_count() > 0);
            known.push(Arc::downgrade(inner));
        }
        // A shutdown that begins now either sees it, or is seen here.
        if *self.stop.borrow() {
            let deadline = *self.patience.borrow();
            inner.begin_shutdown_by(deadline.unwrap_or_else(Instant::now));
        }
    }

    fn inner(&self) -> Vec<Arc<Control>> {
        self.inner.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// Connections, then HTTP requests, then what both may use.
    async fn shut_down(self: Arc<Self>, hooks: Option<Arc<Hooks>>) {
        let mut ending = Ending { control: self.clone(), aborted: 1 };
        // Who waits for this is told first, and woken. The sender lives as long as this.
        let _ = tokio::time::timeout(TOLD, self.waiting.subscribe().wait_for(|waiting| *waiting == 0)).await;
        let mut aborted = self.hub.shutdown(self.out_of_patience()).await;
        // The sender lives as long as this.
        let _ = self.listening.subscribe().wait_for(|listening| *listening == 0).await;
        for inner in self.inner() {
            aborted += inner.ended().await.aborted;
        }
        let teardown = hooks.and_then(|hooks| hooks.lock().take());
        if let Some(teardown) = teardown {
            let deadline = self.patience.borrow().unwrap_or_else(Instant::now);
            aborted += teardown(deadline).await;
        }
        ending.aborted = aborted;
    }

    /// Waits until a shutdown has used up its patience.
    pub(crate) fn out_of_patience(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut patience = self.patience.subscribe();
        async move {
            loop {
                let deadline = *patience.borrow_and_update();
                let over = async {
                    match deadline {
                        Some(deadline) => tokio::time::sleep_until(deadline).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = over => return,
                    changed = patience.changed() => if changed.is_err() { return },
                }
            }
        }
    }

    /// Waits for the end of a shutdown, whoever asked for it.
    pub(crate) async fn ended(&self) -> ShutdownReport {
        // The sender lives as long as this.
        let ended = self.ended.subscribe().wait_for(Option::is_some).await.map(|report| *report);
        ended.ok().flatten().unwrap_or(ShutdownReport { aborted: 0 })
    }
}

/// Tells everybody who waits that the shutdown has ended, also where its runtime was taken away.
struct Ending {
    control: Arc<Control>,
    aborted: u64,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.control.ended.send_replace(Some(ShutdownReport { aborted: self.aborted }));
    }
}

/// An accept loop, until dropped: shutdown hooks wait for it.
pub(crate) struct Accepting(Arc<Control>);

impl Accepting {
    pub(crate) fn new(control: Arc<Control>) -> Accepting {
        control.listened.store(true, Ordering::Relaxed);
        control.listening.send_modify(|listening| *listening += 1);
        Accepting(control)
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.0.listening.send_modify(|listening| *listening -= 1);
    }
}

/// Somebody who waits for the beginning of a shutdown, until dropped.
struct Waiting<'a>(&'a Control);

impl Waiting<'_> {
    fn new(control: &Control) -> Waiting<'_> {
        control.waiting.send_modify(|waiting| *waiting += 1);
        Waiting(control)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.send_modify(|waiting| *waiting -= 1);
    }
}

/// How long the connections are left alone until those who wait for the beginning of a shutdown have been woken.
const TOLD: Duration = Duration::from_millis(100);

const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// What a shutdown came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Handlers and hooks that did not end in time and were dropped, and shutdown hooks that failed.
    pub aborted: u64,
}

impl Handle {
    /// It keeps the hooks.
    pub(crate) fn new(control: &Arc<Control>, hooks: &Arc<Hooks>) -> Handle {
        Handle { control: control.clone(), _hooks: Some(hooks.clone()) }
    }

    /// For what the application has: it keeps nothing.
    pub(crate) fn inside(&self) -> Handle {
        Handle { control: self.control.clone(), _hooks: None }
    }

    pub(crate) fn server_in(&self, space: Arc<Space>) -> Server<Dynamic> {
        Server::of(space, self.control.hub.clone())
    }

    /// The clients of the default namespace.
    pub fn server(&self) -> Server {
        self.server_of()
    }

    /// The clients of a namespace; nobody, while no gateway is in it.
    pub fn server_of<N: Namespace>(&self) -> Server<N> {
        Server::new(&self.control.hub)
    }

    /// The namespaces that are named at run time.
    pub fn namespaces(&self) -> Namespaces {
        Namespaces::new(&self.control.hub)
    }

    /// The numbers of all namespaces together. Exact while nothing moves.
    pub fn stats(&self) -> Stats {
        self.control.hub.stats()
    }

    /// Ends the application: no connection is accepted any more; messages that have not begun are answered `draining`;
    /// handlers in flight finish, at most `Limits::shutdown_timeout`; what is queued is sent; every client is told
    /// `sys.goaway` with the reason `service_restart`, and closed with 1001. When all connections are gone, and on [`App::listen`](crate::App::listen) all HTTP requests, the shutdown hooks run,
    /// once; returns when they have ended. Under `axum::serve` the hooks do not wait for axum's requests.
    /// Applications that are [mounted](crate::App::mount) below this one end with it.
    ///
    /// A second call waits for the same end, and cuts short what is left of the first one's patience if its own is less. The
    /// shutdown goes on though nobody waits for it any more. A handler that awaits it waits for itself, until the patience is over.
    pub async fn shutdown(&self) -> ShutdownReport {
        self.shutdown_within(self.control.hub.node.limits().shutdown_timeout).await
    }

    /// [`Handle::shutdown`], with another patience. `Duration::ZERO`: now, but for the shutdown hooks, which together have what is
    /// left of the patience and at least five seconds, and each at least one.
    pub async fn shutdown_within(&self, patience: Duration) -> ShutdownReport {
        self.control.begin_shutdown(patience);
        self.control.ended().await
    }

    /// Waits for a signal, and then for [`Handle::shutdown`]: what `axum::serve(..).with_graceful_shutdown(..)` wants.
    pub async fn shutdown_after(self, signal: impl Future) {
        let _ = signal.await;
        self.shutdown().await;
    }

    /// Waits for the beginning of a shutdown: for background tasks that shall end with it. Connections are asked to end after
    /// everybody who waits here was woken, or 100 ms later.
    ///
    /// ```
    /// # use std::time::Duration;
    /// async fn tick(app: switchboard::Handle) {
    ///     loop {
    ///         tokio::select! {
    ///             () = app.draining() => break,
    ///             () = tokio::time::sleep(Duration::from_secs(1)) => {}
    ///         }
    ///         app.server().broadcast("tick", ());
    ///     }
    ///     app.server().broadcast("last", ());
    /// }
    /// ```
    pub async fn draining(&self) {
        let _waiting = Waiting::new(&self.control);
        // The sender lives as long as this.
        let _ = self.control.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// Waits for the end of a shutdown that somebody else asked for: all connections are gone, the shutdown hooks have ended.
    pub async fn drained(&self) {
        self.control.ended().await;
    }

    /// Waits for [`drained`](Handle::drained), and where another server than [`App::listen`](crate::App::listen) serves, whose HTTP
    /// requests are not known here, until the patience of the shutdown is over. Select on it beside `axum::serve`, which waits for
    /// half a request, an endless answer or a route that hangs as long as they last: see [`Handle`].
    pub async fn finished(&self) -> ShutdownReport {
        let report = self.control.ended().await;
        if !self.control.listened.load(Ordering::Relaxed) {
            self.control.out_of_patience().await;
        }
        report
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
