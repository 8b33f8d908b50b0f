//! [`TestApp`]: an application under test.
use super::capture::Capturing;
use super::client::TestClient;
use super::connecting::Connecting;
use super::failure::Failure;
use super::logs::Logs;
use super::reach::{Reach, Stream};
use super::refused::Refused;
use super::speech::Speech;
use crate::di::Container;
use crate::{App, BootError, Handle, Namespace, Namespaces, Server, ShutdownReport, Stats};
use axum::body::Body;
use http::header::HOST;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use std::fmt;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(5);
/// Limits the patience, so that a deadline can always be computed.
const MOST_PATIENCE: Duration = Duration::from_secs(365 * 24 * 3600);
/// The longest body of a response that is read.
pub(super) const MOST_BODY: usize = 64 << 20;

/// An application under test, with everything that it logs.
///
/// See [the module](super) for an example. After it is dropped, it accepts no new connections; [`TestApp::shutdown`]
/// shuts it down in order.
pub struct TestApp {
    /// Held by nothing else for longer than a connection takes to open.
    pub(super) reach: Arc<Reach>,
    handle: Handle,
    container: Container,
    pub(super) patience: Duration,
    logs: Logs,
    /// The path of Socket.IO, with a slash at its end; `None` if it is not served.
    #[cfg(feature = "socketio")]
    pub(super) socketio: Option<String>,
    _capturing: Capturing,
}

impl TestApp {
    /// Runs the application in memory: without a port, and with a clock that can be paused. Each client has the address
    /// 127.0.0.1 with its own port.
    ///
    /// # Panics
    /// If the application has boot problems; the message lists all of them.
    #[track_caller]
    pub fn new(app: App) -> TestApp {
        let (logs, capturing) = capture();
        let failing = logs.clone();
        let place = Location::caller();
        TestApp::memory(app, logs, capturing).unwrap_or_else(|error| Failure { place, logs: &failing }.fail(error))
    }

    /// Runs the application on a loopback port that the system chooses, with real sockets.
    ///
    /// # Panics
    /// If the application has boot problems (the message lists all of them), if there is no free port, or if the clock
    /// is paused.
    #[track_caller]
    pub fn listen(app: App) -> impl Future<Output = TestApp> {
        let place = Location::caller();
        async move {
            let (logs, capturing) = capture();
            TestApp::socket(app, place, logs, capturing).await
        }
    }

    pub(super) fn memory(app: App, logs: Logs, _capturing: Capturing) -> Result<TestApp, BootError> {
        let (handle, container) = (app.handle(), app.container.kept());
        #[cfg(feature = "socketio")]
        let socketio = app.socketio_path();
        let reach = Arc::new(Reach::memory(app)?);
        Ok(TestApp {
            reach,
            handle,
            container,
            patience: PATIENCE,
            logs,
            #[cfg(feature = "socketio")]
            socketio,
            _capturing,
        })
    }

    pub(super) async fn socket(
        app: App,
        place: &'static Location<'static>,
        logs: Logs,
        _capturing: Capturing,
    ) -> TestApp {
        let failure = Failure { place, logs: &logs };
        if is_paused() {
            failure.fail("a paused clock does not wait for sockets: keep the application in memory");
        }
        let (handle, container) = (app.handle(), app.container.kept());
        #[cfg(feature = "socketio")]
        let socketio = app.socketio_path();
        let reach = Arc::new(Reach::socket(app).await.unwrap_or_else(|error| failure.fail(error)));
        TestApp {
            reach,
            handle,
            container,
            patience: PATIENCE,
            logs,
            #[cfg(feature = "socketio")]
            socketio,
            _capturing,
        }
    }

    /// Resolves a service of the application.
    ///
    /// # Panics
    /// If no module provides it.
    #[track_caller]
    pub fn resolve<T: ?Sized + Send + Sync + 'static>(&self) -> Arc<T> {
        match self.container.resolve() {
            Ok(provided) => provided,
            Err(missing) => self.failure(Location::caller()).fail(missing),
        }
    }

    /// Sets how long a wait may take, for this application and for clients that connect from now on. Default: 5 s.
    pub fn patience(mut self, patience: Duration) -> TestApp {
        self.patience = patience.min(MOST_PATIENCE);
        self
    }

    /// Connects a client.
    ///
    /// # Panics
    /// As [`Connecting::connect`].
    #[track_caller]
    pub fn connect(&self, path: &str) -> impl Future<Output = TestClient> {
        self.connecting(path).connect()
    }

    /// Connects a client, or returns the refusal of the handshake. An on-connect hook refuses later: see
    /// [`TestClient::expect_refused`].
    ///
    /// # Panics
    /// As [`Connecting::try_connect`].
    #[track_caller]
    pub fn try_connect(&self, path: &str) -> impl Future<Output = Result<TestClient, Refused>> {
        self.connecting(path).try_connect()
    }

    /// Prepares a client with more than a path: headers, a token, subprotocols.
    pub fn connecting(&self, path: &str) -> Connecting<'_> {
        Connecting::new(self, path)
    }

    /// Sends a plain HTTP request on its own connection. Invalid UTF-8 in the response's body is replaced.
    ///
    /// # Panics
    /// If there is no complete response, or its body is longer than 64 MiB.
    #[track_caller]
    pub fn request(&self, request: Request<Body>) -> impl Future<Output = Response<String>> {
        let place = Location::caller();
        async move {
            let response = self.exchange(place, request).await;
            self.whole(place, response).await
        }
    }

    /// Sends a GET request: see [`TestApp::request`].
    ///
    /// # Panics
    /// As [`TestApp::request`], and if the path is not valid in a request.
    #[track_caller]
    pub fn get(&self, path: &str) -> impl Future<Output = Response<String>> {
        match Request::get(path).body(Body::empty()) {
            Ok(request) => self.request(request),
            Err(error) => panic!("GET {path}: {error}"),
        }
    }

    /// Returns the [`Server`] of the default namespace, which sends to its clients.
    pub fn server(&self) -> Server {
        self.handle.server()
    }

    /// Returns the [`Server`] of namespace `N`, which sends to its clients.
    pub fn server_of<N: Namespace>(&self) -> Server<N> {
        self.handle.server_of()
    }

    /// Returns the namespaces that are named at run time.
    pub fn namespaces(&self) -> Namespaces {
        self.handle.namespaces()
    }

    /// Returns the application's [`Handle`], for shutdown and statistics.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Returns the current statistics.
    pub fn stats(&self) -> Stats {
        self.handle.stats()
    }

    /// Returns the log: the lines so far, and those to come.
    pub fn logs(&self) -> Logs {
        self.logs.clone()
    }

    /// Returns the address that [`TestApp::listen`] listens on; `None` in memory.
    pub fn address(&self) -> Option<SocketAddr> {
        self.reach.address()
    }

    /// Waits until the application is empty: no connections, rooms, memberships, queued bytes, handlers or unanswered
    /// requests.
    ///
    /// # Panics
    /// If something remains; the message has the numbers.
    #[track_caller]
    pub fn expect_empty(&self) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move {
            let deadline = Instant::now() + self.patience;
            loop {
                let stats = self.stats();
                let left = [
                    stats.connections,
                    stats.rooms,
                    stats.memberships,
                    stats.queued_bytes,
                    stats.in_flight,
                    stats.pending_acks,
                ];
                if left == [0; 6] {
                    return;
                }
                if Instant::now() >= deadline {
                    self.failure(place).expected("nothing to be left", format_args!("there is {stats:?}"));
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// Advances the clock by `duration` at once, running each timer in its order, and by one more millisecond, so that
    /// everything the timers started has run.
    ///
    /// # Panics
    /// If the clock is not paused: use `#[tokio::test(start_paused = true)]`.
    #[track_caller]
    pub fn advance(&self, duration: Duration) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move {
            if !is_paused() {
                self.failure(place).fail("the clock runs: write #[tokio::test(start_paused = true)]");
            }
            tokio::time::sleep(duration).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Shuts the application down: see [`Handle::shutdown`].
    pub async fn shutdown(&self) -> ShutdownReport {
        self.handle.shutdown().await
    }

    pub(super) fn failure(&self, place: &'static Location<'static>) -> Failure<'_> {
        Failure { place, logs: &self.logs }
    }

    pub(super) fn client(&self, stream: impl Stream, protocol: Option<String>, unasked: Speech) -> TestClient {
        TestClient::new(stream, protocol, unasked, self.patience, self.logs.clone())
    }

    /// Sends a request and returns the head of the response.
    pub(super) async fn exchange(
        &self,
        place: &'static Location<'static>,
        mut request: Request<Body>,
    ) -> Response<Incoming> {
        request.headers_mut().entry(HOST).or_insert(HeaderValue::from_static("localhost"));
        let what = format!("{} {}", request.method(), request.uri());
        match tokio::time::timeout(self.patience, self.reach.exchange(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => self.failure(place).fail(format_args!("{what}: {error}")),
            Err(_) => self.failure(place).fail(format_args!("{what}: no HTTP response within {:?}", self.patience)),
        }
    }

    /// Sends a request and returns the response with its body.
    pub(super) async fn whole(
        &self,
        place: &'static Location<'static>,
        response: Response<Incoming>,
    ) -> Response<String> {
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(Body::new(body), MOST_BODY);
        match tokio::time::timeout(self.patience, body).await {
            Ok(Ok(bytes)) => Response::from_parts(head, String::from_utf8_lossy(&bytes).into_owned()),
            Ok(Err(error)) => self.failure(place).fail(format_args!("no whole body: {error}")),
            Err(_) => self.failure(place).fail(format_args!("no whole body within {:?}", self.patience)),
        }
    }
}

pub(super) fn capture() -> (Logs, Capturing) {
    let logs = Logs::default();
    let capturing = Capturing::start(&logs);
    (logs, capturing)
}

/// True if the clock is paused. tokio has no call for this, but a paused clock does not move while the real one does.
fn is_paused() -> bool {
    let (paused, real) = (Instant::now(), std::time::Instant::now());
    while std::time::Instant::now() == real {}
    Instant::now() == paused
}

impl fmt::Debug for TestApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestApp").field("handle", &self.handle).finish_non_exhaustive()
    }
}
