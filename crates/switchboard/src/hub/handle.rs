//! [`Handle`]: controls an application from outside.
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

/// Shuts an application down and reads its statistics, for all its namespaces. Cheap to clone.
///
/// With `axum::serve`, which does not wait for WebSockets, but waits for every HTTP request without a limit:
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
/// A handle from an [`App`](crate::App) or a [`Bound`](crate::Bound) keeps the services that the shutdown hooks close alive until the hooks
/// have run or the handle is dropped, even if nothing else of the application is left. A handle that a service, handler or hook gets does
/// not: a service that holds one is dropped with its application.
#[derive(Clone)]
pub struct Handle {
    pub(crate) control: Arc<Control>,
    _hooks: Option<Arc<Hooks>>,
}

/// Runs the shutdown hooks, until the deadline or a little longer. Resolves to the number of hooks that failed.
pub(crate) type Teardown = Box<dyn FnOnce(Instant) -> Pin<Box<dyn Future<Output = u64> + Send>> + Send>;

/// The shutdown hooks of an application, until they run. They own what they close.
pub(crate) type Hooks = Mutex<Option<Teardown>>;

pub(crate) struct Control {
    pub(crate) hub: Arc<Hub>,
    /// True once a shutdown has begun and listeners must stop.
    pub(crate) stop: watch::Sender<bool>,
    /// The deadline for running work, once a shutdown has begun.
    patience: watch::Sender<Option<Instant>>,
    /// The number of accept loops whose last HTTP request has not ended.
    listening: watch::Sender<usize>,
    /// True once there has been an accept loop.
    listened: AtomicBool,
    /// The number of tasks that wait for the beginning of a shutdown.
    waiting: watch::Sender<usize>,
    /// Applications that are mounted in this one.
    inner: Mutex<Vec<Weak<Control>>>,
    /// Weak, so that services may hold a `Control`. The application, its routes and the handles that it gave out hold the hooks.
    hooks: Weak<Hooks>,
    /// The outcome of the shutdown, once it has ended.
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

    /// Begins the shutdown, or shortens the patience of one that has begun. The shutdown runs in its own task, to its end, even if nobody
    /// waits for it.
    ///
    /// # Panics
    /// If it is called outside of a runtime.
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

    /// Makes another application end together with this one.
    pub(crate) fn adopt(self: &Arc<Self>, inner: &Arc<Control>) {
        {
            let mut known = self.inner.lock();
            if Arc::ptr_eq(self, inner) || known.iter().any(|known| std::ptr::eq(known.as_ptr(), &raw const **inner)) {
                return;
            }
            known.retain(|known| known.strong_count() > 0);
            known.push(Arc::downgrade(inner));
        }
        // A shutdown that begins concurrently either finds `inner` in the list, or is noticed here.
        if *self.stop.borrow() {
            let deadline = *self.patience.borrow();
            inner.begin_shutdown_by(deadline.unwrap_or_else(Instant::now));
        }
    }

    fn inner(&self) -> Vec<Arc<Control>> {
        self.inner.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// Ends connections first, then HTTP requests, then what both may use.
    async fn shut_down(self: Arc<Self>, hooks: Option<Arc<Hooks>>) {
        let mut ending = Ending { control: self.clone(), aborted: 1 };
        // Tasks that wait for the shutdown are woken first. `wait_for` cannot fail, because the sender lives as long as `self`.
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

    /// Waits for the end of a shutdown, no matter what has begun it.
    pub(crate) async fn ended(&self) -> ShutdownReport {
        // The sender lives as long as this.
        let ended = self.ended.subscribe().wait_for(Option::is_some).await.map(|report| *report);
        ended.ok().flatten().unwrap_or(ShutdownReport { aborted: 0 })
    }
}

/// Reports the end of the shutdown when dropped, so that waiters are told even if the runtime of its task ends first.
struct Ending {
    control: Arc<Control>,
    aborted: u64,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.control.ended.send_replace(Some(ShutdownReport { aborted: self.aborted }));
    }
}

/// Counts an accept loop until dropped. Shutdown hooks wait for it.
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

/// Counts a task that waits for the beginning of a shutdown, until dropped.
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

/// The longest time that a shutdown waits for tasks in [`Handle::draining`] to wake before it ends connections.
const TOLD: Duration = Duration::from_millis(100);

const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The outcome of a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Handlers and hooks that did not end in time and were dropped, and shutdown hooks that failed.
    pub aborted: u64,
}

impl Handle {
    /// Creates a handle that keeps the shutdown hooks alive.
    pub(crate) fn new(control: &Arc<Control>, hooks: &Arc<Hooks>) -> Handle {
        Handle { control: control.clone(), _hooks: Some(hooks.clone()) }
    }

    /// Returns a handle for the application's own parts. It does not keep the shutdown hooks alive.
    pub(crate) fn inside(&self) -> Handle {
        Handle { control: self.control.clone(), _hooks: None }
    }

    pub(crate) fn server_in(&self, space: Arc<Space>) -> Server<Dynamic> {
        Server::of(space, self.control.hub.clone())
    }

    /// Returns the [`Server`] of the default namespace, which sends to its clients.
    pub fn server(&self) -> Server {
        self.server_of()
    }

    /// Returns the [`Server`] of namespace `N`, which sends to its clients. It has none while no gateway is in the namespace.
    pub fn server_of<N: Namespace>(&self) -> Server<N> {
        Server::new(&self.control.hub)
    }

    /// Returns access to the namespaces that are named at run time.
    pub fn namespaces(&self) -> Namespaces {
        Namespaces::new(&self.control.hub)
    }

    /// Returns the statistics, summed over all namespaces. They are exact only while there is no traffic.
    pub fn stats(&self) -> Stats {
        self.control.hub.stats()
    }

    /// Shuts the application down. No connection is accepted any more; messages whose handler has not begun are answered `draining`;
    /// handlers in flight may finish within `Limits::shutdown_timeout`; queued messages are sent; every client gets `sys.goaway` with the
    /// reason `service_restart`, and is closed with 1001. When all connections are gone, and with [`App::listen`](crate::App::listen) all
    /// HTTP requests, the shutdown hooks run once. Returns when they have ended. With `axum::serve` the hooks do not wait for axum's
    /// requests. Applications that are [mounted](crate::App::mount) in this one are shut down with it.
    ///
    /// A second call waits for the same shutdown, and shortens its deadline if the second call's own is earlier. The shutdown goes on even
    /// if this future is dropped. A handler that awaits it waits for itself, until the timeout is over.
    pub async fn shutdown(&self) -> ShutdownReport {
        self.shutdown_within(self.control.hub.node.limits().shutdown_timeout).await
    }

    /// Works like [`Handle::shutdown`], with another timeout. With `Duration::ZERO` running handlers are cut off at once. The shutdown
    /// hooks together have the rest of the timeout, but at least five seconds, and each at least one second.
    pub async fn shutdown_within(&self, patience: Duration) -> ShutdownReport {
        self.control.begin_shutdown(patience);
        self.control.ended().await
    }

    /// Waits for a signal, then runs [`Handle::shutdown`]. Pass it to `axum::serve(..).with_graceful_shutdown(..)`.
    pub async fn shutdown_after(self, signal: impl Future) {
        let _ = signal.await;
        self.shutdown().await;
    }

    /// Waits for the beginning of a shutdown, so that background tasks can end with it. Connections are asked to end once all tasks that
    /// wait here have been woken, or after 100 ms at the latest.
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

    /// Waits for the end of a shutdown that was begun elsewhere: all connections are gone, and the shutdown hooks have ended.
    pub async fn drained(&self) {
        self.control.ended().await;
    }

    /// Waits for [`drained`](Handle::drained), and, unless [`App::listen`](crate::App::listen) serves the application, also until the
    /// timeout of the shutdown is over, because the HTTP requests of another server are not known here. Use it in a `select!` with
    /// `axum::serve`, which waits without a limit for incomplete requests, endless responses and routes that hang: see [`Handle`].
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
