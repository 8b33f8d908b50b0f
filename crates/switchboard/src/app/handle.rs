//! [`Handle`]: an application from outside.
use crate::di::Teardown;
use crate::hub::{Hub, Stats};
use crate::{Namespace, Server};
use parking_lot::Mutex;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;

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
    /// The shutdown hooks of the application, until they run.
    teardown: Mutex<Option<Teardown>>,
    /// How many shutdown hooks have failed, once all have ended.
    torn_down: watch::Sender<Option<u64>>,
    /// True once the shutdown has ended.
    pub(super) drained: watch::Sender<bool>,
}

impl Control {
    pub(super) fn new(hub: Arc<Hub>) -> Control {
        Control {
            hub,
            teardown: Mutex::default(),
            torn_down: watch::Sender::new(Some(0)),
            stop: watch::Sender::new(false),
            drained: watch::Sender::new(false),
        }
    }

    pub(super) fn keep_teardown(&self, teardown: Teardown) {
        *self.teardown.lock() = Some(teardown);
        self.torn_down.send_replace(None);
    }

    /// Runs the shutdown hooks, or waits for their end where they run already. Returns how many failed.
    async fn tear_down(&self) -> u64 {
        let teardown = self.teardown.lock().take();
        if let Some(teardown) = teardown {
            // In a task of its own: each hook runs to its end, though nobody may wait for it.
            let running = tokio::spawn(teardown.run());
            let ended = self.torn_down.clone();
            tokio::spawn(async move { ended.send_replace(Some(running.await.unwrap_or(1))) });
        }
        // The sender lives as long as this.
        let ended = self.torn_down.subscribe().wait_for(Option::is_some).await.map(|failed| *failed);
        ended.ok().flatten().unwrap_or(0)
    }
}

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

    /// The numbers of all namespaces together. Exact while nothing moves.
    pub fn stats(&self) -> Stats {
        self.0.hub.stats()
    }

    /// Ends the application: no connection is accepted any more; messages that have not begun are answered `draining`;
    /// handlers in flight finish, at most `Limits::shutdown_timeout`; what is queued is sent; every client is closed with
    /// 1012. When all connections are gone the shutdown hooks run, once; returns when they have ended.
    ///
    /// A second call waits for the same end, and cuts short what is left of the first one's patience if its own is less. The
    /// hooks end though nobody waits for them any more.
    pub async fn shutdown(&self) -> ShutdownReport {
        self.shutdown_within(self.0.hub.node.limits().shutdown_timeout).await
    }

    /// [`Handle::shutdown`], with another patience. `Duration::ZERO`: now.
    pub async fn shutdown_within(&self, patience: Duration) -> ShutdownReport {
        self.0.stop.send_replace(true);
        let mut aborted = self.0.hub.shutdown(patience).await;
        aborted += self.0.tear_down().await;
        self.0.drained.send_replace(true);
        ShutdownReport { aborted }
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
        // The sender lives as long as this handle.
        let _ = self.0.drained.subscribe().wait_for(|drained| *drained).await;
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

    /// The handle; a new one, without hooks, where the application is gone.
    pub(crate) fn upgrade(&self) -> Handle {
        Handle(self.control.upgrade().unwrap_or_else(|| Arc::new(Control::new(self.hub.clone()))))
    }
}
