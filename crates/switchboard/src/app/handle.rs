//! [`Handle`]: an application from outside.
use crate::di::Teardown;
use crate::hub::{Hub, Space, Stats};
use crate::{Dynamic, Namespace, Namespaces, Server};
use parking_lot::Mutex;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Shutdown and numbers of an application, over all its namespaces. Cheap to clone.
///
/// In an application that calls `axum::serve`, which does not wait for WebSockets:
/// ```
/// # async fn run(listener: tokio::net::TcpListener, routes: axum::Router, chat: switchboard::Gateway<()>) -> std::io::Result<()> {
/// let app = switchboard::App::new().gateway("/ws", chat);
/// let handle = app.handle();
/// axum::serve(listener, routes.merge(app))
///     .with_graceful_shutdown(handle.shutdown_after(tokio::signal::ctrl_c()))
///     .await
/// # }
/// ```
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<Control>);

pub(crate) struct Control {
    pub(crate) hub: Arc<Hub>,
    /// True once listeners shall stop.
    pub(crate) stop: watch::Sender<bool>,
    /// Until when what runs may go on, once a shutdown has begun.
    patience: watch::Sender<Option<Instant>>,
    /// Accept loops, until their last HTTP request has ended.
    listening: watch::Sender<usize>,
    /// The shutdown hooks of the application, until they run.
    teardown: Mutex<Option<Teardown>>,
    /// What the shutdown came to, once it has ended.
    ended: watch::Sender<Option<ShutdownReport>>,
}

impl Control {
    pub(super) fn new(hub: Arc<Hub>) -> Control {
        Control {
            hub,
            stop: watch::Sender::new(false),
            patience: watch::Sender::new(None),
            listening: watch::Sender::new(0),
            teardown: Mutex::default(),
            ended: watch::Sender::new(None),
        }
    }

    pub(super) fn keep_teardown(&self, teardown: Teardown) {
        *self.teardown.lock() = Some(teardown);
    }

    /// Begins the shutdown, or shortens the patience of the one that has begun. It runs in a task of its own, to its end, though
    /// nobody may wait for it.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub(super) fn begin_shutdown(self: &Arc<Self>, patience: Duration) {
        let runtime = tokio::runtime::Handle::current();
        let now = Instant::now();
        let deadline = now.checked_add(patience).unwrap_or(now + A_YEAR);
        self.patience.send_modify(|known| *known = Some(known.map_or(deadline, |known| known.min(deadline))));
        if !self.stop.send_replace(true) {
            runtime.spawn(self.clone().shut_down());
        }
    }

    /// Connections, then HTTP requests, then what both may use.
    async fn shut_down(self: Arc<Self>) {
        let mut ending = Ending { control: self.clone(), aborted: 1 };
        let mut aborted = self.hub.shutdown(self.out_of_patience()).await;
        // The sender lives as long as this.
        let _ = self.listening.subscribe().wait_for(|listening| *listening == 0).await;
        let teardown = self.teardown.lock().take();
        if let Some(teardown) = teardown {
            let deadline = self.patience.borrow().unwrap_or_else(Instant::now);
            aborted += teardown.run(deadline).await;
        }
        ending.aborted = aborted;
    }

    /// Waits until a shutdown has used up its patience.
    pub(super) fn out_of_patience(&self) -> impl Future<Output = ()> + Send + 'static {
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
    pub(super) async fn ended(&self) -> ShutdownReport {
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
pub(super) struct Accepting(Arc<Control>);

impl Accepting {
    pub(super) fn new(control: Arc<Control>) -> Accepting {
        control.listening.send_modify(|listening| *listening += 1);
        Accepting(control)
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.0.listening.send_modify(|listening| *listening -= 1);
    }
}

const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// What a shutdown came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Handlers and hooks that did not end in time and were dropped, and shutdown hooks that failed.
    pub aborted: u64,
}

impl Handle {
    pub(super) fn new(control: Arc<Control>) -> Handle {
        Handle(control)
    }

    /// The clients of the default namespace.
    pub fn server(&self) -> Server {
        self.server_of()
    }

    /// The clients of a namespace; nobody, while no gateway is in it.
    pub fn server_of<N: Namespace>(&self) -> Server<N> {
        Server::new(&self.0.hub)
    }

    /// The namespaces that are named at run time.
    pub fn namespaces(&self) -> Namespaces {
        Namespaces::new(&self.0.hub)
    }

    /// The numbers of all namespaces together. Exact while nothing moves.
    pub fn stats(&self) -> Stats {
        self.0.hub.stats()
    }

    /// Ends the application: no connection is accepted any more; messages that have not begun are answered `draining`;
    /// handlers in flight finish, at most `Limits::shutdown_timeout`; what is queued is sent; every client is closed with
    /// 1012. When all connections are gone, and on [`App::listen`](crate::App::listen) all HTTP requests, the shutdown hooks run,
    /// once; returns when they have ended. Under `axum::serve` the hooks do not wait for axum's requests.
    ///
    /// A second call waits for the same end, and cuts short what is left of the first one's patience if its own is less. The
    /// shutdown goes on though nobody waits for it any more. A handler that awaits it waits for itself, until the patience is over.
    pub async fn shutdown(&self) -> ShutdownReport {
        self.shutdown_within(self.0.hub.node.limits().shutdown_timeout).await
    }

    /// [`Handle::shutdown`], with another patience. `Duration::ZERO`: now, but for the shutdown hooks, which together have what is
    /// left of the patience and at least five seconds, and each at least one.
    pub async fn shutdown_within(&self, patience: Duration) -> ShutdownReport {
        self.0.begin_shutdown(patience);
        self.0.ended().await
    }

    /// Waits for a signal, and then for [`Handle::shutdown`]: what `axum::serve(..).with_graceful_shutdown(..)` wants.
    pub async fn shutdown_after(self, signal: impl Future) {
        let _ = signal.await;
        self.shutdown().await;
    }

    pub(crate) fn downgrade(&self) -> WeakHandle {
        WeakHandle { hub: self.0.hub.clone(), control: Arc::downgrade(&self.0) }
    }

    /// Waits for the end of a shutdown that somebody else asked for.
    pub async fn drained(&self) {
        self.0.ended().await;
    }
}

/// A handle that does not keep the shutdown hooks.
pub(crate) struct WeakHandle {
    hub: Arc<Hub>,
    control: Weak<Control>,
}

impl WeakHandle {
    pub(crate) fn server_of<N: Namespace>(&self) -> Server<N> {
        Server::new(&self.hub)
    }

    pub(crate) fn namespaces(&self) -> Namespaces {
        Namespaces::new(&self.hub)
    }

    pub(crate) fn server_in(&self, space: Arc<Space>) -> Server<Dynamic> {
        Server::of(space, self.hub.clone())
    }

    /// The handle; a new one, without hooks, where the application is gone.
    pub(crate) fn upgrade(&self) -> Handle {
        Handle(self.control.upgrade().unwrap_or_else(|| Arc::new(Control::new(self.hub.clone()))))
    }
}
