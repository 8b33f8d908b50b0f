//! [`SocketIo`]: how Socket.IO clients are served.
use crate::Origins;
use bytes::Bytes;
use std::fmt;
use std::time::Duration;

/// How Socket.IO clients are served, by [`App::socketio`](crate::App::socketio). The names and most defaults are those of
/// Socket.IO's own server.
///
/// ```
/// use std::time::Duration;
/// use switchboard::{App, SocketIo};
///
/// let app = App::new().socketio(SocketIo::default().ping_interval(Duration::from_secs(10)));
/// ```
#[derive(Clone)]
pub struct SocketIo {
    pub(crate) path: String,
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    pub(crate) max_http_buffer_size: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) upgrade_timeout: Duration,
    pub(crate) polling: bool,
    pub(crate) websocket: bool,
    pub(crate) allow_upgrades: bool,
    pub(crate) max_packets_per_poll: usize,
    pub(crate) max_namespaces: usize,
    pub(crate) cors: Option<Origins>,
    pub(crate) client: Option<Bytes>,
}

impl Default for SocketIo {
    fn default() -> SocketIo {
        SocketIo {
            path: "/socket.io/".to_owned(),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            max_http_buffer_size: 1_000_000,
            connect_timeout: Duration::from_secs(10),
            upgrade_timeout: Duration::from_secs(10),
            polling: true,
            websocket: true,
            allow_upgrades: true,
            max_packets_per_poll: 16,
            max_namespaces: 32,
            cors: None,
            client: None,
        }
    }
}

impl SocketIo {
    /// The path of its requests. Default `/socket.io/`; the slash at the end may be missing. [`App::prefix`](crate::App::prefix)
    /// does not apply to it, because clients do not know the prefix.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> SocketIo {
        self.path = path.into();
        self
    }

    /// The time between two pings of the server. Default 25 s; at least 1 ms. The first ping comes one interval after the
    /// handshake.
    #[must_use]
    pub fn ping_interval(mut self, interval: Duration) -> SocketIo {
        self.ping_interval = interval;
        self
    }

    /// The time within which a client has to answer a ping. Default 20 s; after: the connection is closed.
    #[must_use]
    pub fn ping_timeout(mut self, timeout: Duration) -> SocketIo {
        self.ping_timeout = timeout;
        self
    }

    /// The longest message of a client, and the longest body of a POST, in bytes. A message with binary attachments counts with
    /// all of them. Default 1,000,000; above: 413 for a POST, else the connection is closed. It takes the place of
    /// `GatewayLimits::max_message`.
    #[must_use]
    pub fn max_http_buffer_size(mut self, bytes: usize) -> SocketIo {
        self.max_http_buffer_size = bytes;
        self
    }

    /// How long a connection may be in no namespace: after its handshake, and after it has left the last one. Default 10 s
    /// (Socket.IO's own server: 45 s); after: it is closed.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> SocketIo {
        self.connect_timeout = timeout;
        self
    }

    /// How long the upgrade to a WebSocket may take. Default 10 s; after: that WebSocket is closed, and polling goes on.
    #[must_use]
    pub fn upgrade_timeout(mut self, timeout: Duration) -> SocketIo {
        self.upgrade_timeout = timeout;
        self
    }

    /// Which transports are served: HTTP long-polling and WebSocket. Default: both. If neither is, that is a problem at boot.
    #[must_use]
    pub fn transports(mut self, polling: bool, websocket: bool) -> SocketIo {
        (self.polling, self.websocket) = (polling, websocket);
        self
    }

    /// Whether a polling connection may be upgraded to a WebSocket. Default: true.
    #[must_use]
    pub fn allow_upgrades(mut self, allow: bool) -> SocketIo {
        self.allow_upgrades = allow;
        self
    }

    /// The most packets in the answer to one poll. Default 16, the most that the Python client reads.
    #[must_use]
    pub fn max_packets_per_poll(mut self, packets: usize) -> SocketIo {
        self.max_packets_per_poll = packets;
        self
    }

    /// The most namespaces that one connection may be in. Default 32; above: CONNECT_ERROR.
    #[must_use]
    pub fn max_namespaces(mut self, namespaces: usize) -> SocketIo {
        self.max_namespaces = namespaces;
        self
    }

    /// The origins from which browsers may connect. Default: those of the application. Pages of these origins get the CORS
    /// headers, with credentials.
    #[must_use]
    pub fn cors(mut self, origins: Origins) -> SocketIo {
        self.cors = Some(origins);
        self
    }

    /// Serves this file as `socket.io.js` below the path: the client library, such as `socket.io.min.js` of the npm package
    /// `socket.io-client`. Default: none is served.
    #[must_use]
    pub fn serve_client(mut self, javascript: impl Into<Bytes>) -> SocketIo {
        self.client = Some(javascript.into());
        self
    }

    /// What makes no sense in these settings, each as a sentence.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut wrong = |is_wrong: bool, why: &str| {
            if is_wrong {
                problems.push(format!("Socket.IO: {why}"));
            }
        };
        wrong(!self.polling && !self.websocket, "neither transport is served; serve polling, WebSocket or both");
        wrong(self.ping_interval < Duration::from_millis(1), "`ping_interval` must be at least 1 ms");
        wrong(self.ping_timeout < Duration::from_millis(1), "`ping_timeout` must be at least 1 ms");
        wrong(self.max_http_buffer_size < 1024, "`max_http_buffer_size` must be at least 1,024 bytes");
        wrong(self.max_packets_per_poll == 0, "`max_packets_per_poll` must be at least 1");
        wrong(self.max_namespaces == 0, "`max_namespaces` must be at least 1");
        problems
    }
}

/// Without the client library.
impl fmt::Debug for SocketIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SocketIo { path, ping_interval, ping_timeout, max_http_buffer_size, connect_timeout, .. } = self;
        f.debug_struct("SocketIo")
            .field("path", path)
            .field("ping_interval", ping_interval)
            .field("ping_timeout", ping_timeout)
            .field("max_http_buffer_size", max_http_buffer_size)
            .field("connect_timeout", connect_timeout)
            .finish_non_exhaustive()
    }
}
