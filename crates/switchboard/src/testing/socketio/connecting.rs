//! [`SocketIoConnecting`]: the builder of a Socket.IO client.
use super::client::{Entry, TestSocketIo};
use super::connect_error::ConnectError;
use super::engine::Carrier;
use super::link::Link;
use super::polling::Polling;
use super::requests::{NotServed, Requests};
use super::socket::Socket;
use crate::testing::TestApp;
use crate::testing::connecting::{add_cookie, add_query};
use http::HeaderMap;
use http::header::COOKIE;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use switchboard_core::engineio::{Packet, decode_text};

/// The builder of a Socket.IO client: [`TestApp::socketio`]. Awaited, it connects.
///
/// ```no_run
/// # use serde_json::json;
/// # async fn test(app: switchboard::testing::TestApp) {
/// let ada = app.socketio("/").await;
/// let bob = app.socketio("/admin").polling().auth(json!({ "token": "t0k3n" })).await;
/// let refused = app.socketio("/admin").auth(json!({ "token": "forged" })).refused().await;
/// assert_eq!((refused.code.as_str(), refused.message.as_str()), ("unauthenticated", "Log in first"));
/// # }
/// ```
#[must_use = "it connects when it is awaited"]
pub struct SocketIoConnecting<'a> {
    app: &'a TestApp,
    namespace: String,
    begins: Begins,
    auth: Value,
    host: String,
    /// The test's part of the query, after a path.
    path: String,
    headers: HeaderMap,
    cookies: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    WebSocket,
    Polling,
    /// With polling, and then moves to a WebSocket.
    Upgraded,
}

impl TestApp {
    /// Prepares a Socket.IO client, which enters this namespace when the builder is awaited. It begins with a WebSocket,
    /// unless the builder says otherwise.
    ///
    /// # Panics
    /// If the application does not serve Socket.IO: see [`App::socketio`](crate::App::socketio).
    #[track_caller]
    pub fn socketio(&self, namespace: &str) -> SocketIoConnecting<'_> {
        let Some(path) = self.socketio.clone() else {
            self.failure(Location::caller()).fail("the application serves no Socket.IO clients: see `App::socketio`")
        };
        SocketIoConnecting {
            app: self,
            namespace: namespace.to_owned(),
            begins: Begins::WebSocket,
            auth: Value::Null,
            host: "localhost".to_owned(),
            path,
            headers: HeaderMap::new(),
            cookies: String::new(),
        }
    }
}

impl<'a> SocketIoConnecting<'a> {
    /// Begins with a WebSocket, and stays with it. This is the default.
    pub fn websocket(mut self) -> SocketIoConnecting<'a> {
        self.begins = Begins::WebSocket;
        self
    }

    /// Begins with HTTP polling, and stays with it, unless the test calls [`TestSocketIo::upgrade`].
    pub fn polling(mut self) -> SocketIoConnecting<'a> {
        self.begins = Begins::Polling;
        self
    }

    /// Begins with HTTP polling, enters the namespace, and moves to a WebSocket, as browsers do.
    pub fn upgrade(mut self) -> SocketIoConnecting<'a> {
        self.begins = Begins::Upgraded;
        self
    }

    /// Sets the `auth` of CONNECT, which is an object: see [`Handshake::auth`](crate::Handshake::auth). Default: none.
    ///
    /// # Panics
    /// If the value does not serialise as an object.
    #[track_caller]
    pub fn auth(mut self, auth: impl Serialize) -> SocketIoConnecting<'a> {
        self.auth = serde_json::to_value(auth).unwrap_or_default();
        assert!(self.auth.is_object(), "`auth` of Socket.IO is an object, not {}", self.auth);
        self
    }

    /// Adds a header to each request.
    ///
    /// # Panics
    /// If the name or value is not valid in a header.
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> SocketIoConnecting<'a> {
        let header = name.parse::<http::HeaderName>().ok().zip(http::HeaderValue::from_bytes(value.as_bytes()).ok());
        let Some((name, value)) = header else { panic!("{name:?}: {value:?} cannot be a header") };
        self.headers.append(name, value);
        self
    }

    /// Sets `Authorization: Bearer …`.
    ///
    /// # Panics
    /// If the token is not valid in a header.
    #[track_caller]
    pub fn bearer(self, token: &str) -> SocketIoConnecting<'a> {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Adds a cookie after the earlier ones, in one header as a browser does: `Cookie: a=b; c=d`.
    ///
    /// # Panics
    /// If the name or value is not valid in a cookie.
    #[track_caller]
    pub fn cookie(mut self, name: &str, value: &str) -> SocketIoConnecting<'a> {
        add_cookie(&mut self.cookies, name, value);
        self
    }

    /// Adds `name=value` to the query string of each request, percent-encoded.
    pub fn query(mut self, name: &str, value: &str) -> SocketIoConnecting<'a> {
        add_query(&mut self.path, name, value);
        self
    }

    /// Sets `Origin: …`, as a browser does for a web page.
    ///
    /// # Panics
    /// If the origin is not valid in a header.
    #[track_caller]
    pub fn origin(self, origin: &str) -> SocketIoConnecting<'a> {
        self.header("origin", origin)
    }

    /// Sets `Host: …`. Default: `localhost`, in memory and over a socket.
    pub fn host(mut self, host: &str) -> SocketIoConnecting<'a> {
        self.host = host.to_owned();
        self
    }

    /// Connects, or returns the refusal: a CONNECT_ERROR, or the response to a request of the transport. An on-connect
    /// hook refuses later: see [`TestSocketIo::expect_refused`].
    ///
    /// # Panics
    /// If the namespace or host is not valid; if there is no answer, or an invalid one.
    #[track_caller]
    pub fn try_connect(self) -> impl Future<Output = Result<TestSocketIo, ConnectError>> {
        let place = Location::caller();
        async move { self.run(place).await }
    }

    /// Expects that the server refuses: see [`try_connect`](SocketIoConnecting::try_connect).
    ///
    /// # Panics
    /// If the server accepts; otherwise as [`try_connect`](SocketIoConnecting::try_connect).
    #[track_caller]
    pub fn refused(self) -> impl Future<Output = ConnectError> {
        let place = Location::caller();
        async move {
            match self.run(place).await {
                Err(refused) => refused,
                Ok(client) => {
                    let expected = format_args!("Socket.IO's {} to refuse", self.namespace);
                    self.app.failure(place).expected(expected, format_args!("the server accepted: {}", client.id()))
                }
            }
        }
    }

    async fn run(&self, place: &'static Location<'static>) -> Result<TestSocketIo, ConnectError> {
        let failure = self.app.failure(place);
        let mut headers = self.headers.clone();
        if let Ok(cookies) = http::HeaderValue::from_bytes(self.cookies.as_bytes())
            && !cookies.is_empty()
        {
            headers.append(COOKIE, cookies);
        }
        let requests = Arc::new(Requests {
            reach: Arc::downgrade(&self.app.reach),
            path: self.path.clone(),
            host: self.host.clone(),
            headers,
            patience: self.app.patience,
        });
        let carrier = match self.begin(&requests).await {
            Ok(carrier) => carrier,
            Err(not) => return Err(not.expected().unwrap_or_else(|why| failure.fail(why))),
        };
        let entry = Entry { namespace: &self.namespace, auth: &self.auth };
        let (link, logs) = (Arc::new(Link::new(carrier, requests)), self.app.logs());
        let client = TestSocketIo::enter_by(link, entry, &logs, place).await?;
        if self.begins == Begins::Upgraded {
            client.move_to_websocket(place).await;
        }
        Ok(client)
    }

    async fn begin(&self, requests: &Arc<Requests>) -> Result<Carrier, NotServed> {
        if self.begins == Begins::WebSocket {
            return requests.websocket(None).await.map(|stream| Carrier::WebSocket(Socket::new(stream)));
        }
        #[derive(Deserialize)]
        struct Opened {
            sid: String,
        }
        let body = requests.open().await?;
        let text = String::from_utf8_lossy(&body);
        let opened = match decode_text(&text) {
            Ok(Packet::Open(open)) => serde_json::from_str(open).ok(),
            _ => None,
        };
        let Some(Opened { sid }) = opened else {
            return Err(NotServed::Failed(format!("the first answer to polling is no handshake: {text}")));
        };
        Ok(Carrier::Polling(Polling { requests: requests.clone(), sid }))
    }
}

impl<'a> IntoFuture for SocketIoConnecting<'a> {
    type Output = TestSocketIo;
    type IntoFuture = Pin<Box<dyn Future<Output = TestSocketIo> + Send + 'a>>;

    /// Connects.
    ///
    /// # Panics
    /// If the server refuses (the message says why); otherwise as [`try_connect`](SocketIoConnecting::try_connect).
    #[track_caller]
    fn into_future(self) -> Self::IntoFuture {
        let place = Location::caller();
        Box::pin(async move {
            match self.run(place).await {
                Ok(client) => client,
                Err(refused) => self.app.failure(place).fail(format_args!("Socket.IO's {}: {refused}", self.namespace)),
            }
        })
    }
}

/// Shows no headers, cookies and `auth`, which may be secret.
impl fmt::Debug for SocketIoConnecting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SocketIoConnecting { namespace, begins, host, .. } = self;
        f.debug_struct("SocketIoConnecting")
            .field("namespace", namespace)
            .field("begins", begins)
            .field("host", host)
            .finish_non_exhaustive()
    }
}
