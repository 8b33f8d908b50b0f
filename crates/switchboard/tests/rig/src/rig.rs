//! A running application, and the ways to reach it.
use crate::client::RawClient;
use crate::healthy::Healthy;
use crate::http::{Response, Stream, http};
use crate::offer::Offer;
use crate::stack::Stack;
use std::net::SocketAddr;
use std::time::Duration;
use switchboard::{App, Handle, Stats};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A running application.
pub struct Rig {
    /// The handle of the application, or of an empty one if it runs in another process.
    pub handle: Handle,
    reach: Reach,
    /// Whether its clients return the server's pings, which come at any time.
    hears_pings: bool,
    healthy: tokio::sync::Mutex<Option<Healthy>>,
}

#[derive(Debug)]
enum Reach {
    Tcp(SocketAddr),
    Memory(axum::Router),
}

impl std::fmt::Debug for Rig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rig").field("reach", &self.reach).finish_non_exhaustive()
    }
}

impl Rig {
    fn new(handle: Handle, reach: Reach) -> Rig {
        Rig { handle, reach, hears_pings: false, healthy: Default::default() }
    }

    /// A server that this rig did not start, for example in another process.
    pub fn elsewhere(address: SocketAddr) -> Rig {
        Rig::new(App::new().handle(), Reach::Tcp(address))
    }

    /// Starts an application on a stack.
    pub async fn start(stack: Stack, app: App) -> Rig {
        let handle = app.handle();
        let reach = match stack {
            Stack::Listen => {
                let bound = app.signals(false).bind("127.0.0.1:0").await.unwrap();
                let address = bound.local_addr();
                tokio::spawn(bound.serve());
                Reach::Tcp(address)
            }
            Stack::Axum => Reach::Tcp(serve(axum::Router::new().merge(app)).await),
            Stack::AxumWithPeer => {
                let (listener, address) = listener().await;
                let router: axum::Router = axum::Router::new().merge(app);
                let service = router.into_make_service_with_connect_info::<SocketAddr>();
                tokio::spawn(async move { axum::serve(listener, service).await });
                Reach::Tcp(address)
            }
            Stack::Memory => Reach::Memory(app.into_router().unwrap()),
        };
        Rig::new(handle, reach)
    }

    /// Serves a router that has an application merged in.
    pub async fn start_router(router: axum::Router, handle: Handle) -> Rig {
        Rig::new(handle, Reach::Tcp(serve(router).await))
    }

    /// Starts an application and a healthy connection to `/ws`, which needs an `echo` event. That connection sends a request
    /// whenever [`Rig::http`] or [`Rig::unnoticed`] is called; [`Rig::expect_empty`] closes it.
    pub async fn watched(stack: Stack, app: App) -> Rig {
        let rig = Rig::start(stack, app).await;
        let stream = match rig.reach {
            Reach::Tcp(_) => rig.stream_from(Healthy::ADDRESS).await,
            Reach::Memory(_) => rig.stream().await,
        };
        *rig.healthy.lock().await = Some(Healthy::connect(stream).await);
        rig
    }

    /// The healthy connection of [`Rig::watched`] was answered, and got nothing else.
    pub async fn unnoticed(&self) {
        if let Some(healthy) = &mut *self.healthy.lock().await {
            healthy.expect_answer().await;
        }
    }

    /// Clients that connect after this return the server's pings from `recv`.
    pub fn hearing_pings(self) -> Rig {
        Rig { hears_pings: true, ..self }
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        match &self.reach {
            Reach::Tcp(address) => *address,
            Reach::Memory(_) => panic!("an application in memory has no address"),
        }
    }

    /// A stream to the HTTP server.
    pub async fn stream(&self) -> Box<dyn Stream> {
        self.try_stream().await.unwrap()
    }

    /// A stream to the HTTP server, if it still listens.
    pub async fn try_stream(&self) -> std::io::Result<Box<dyn Stream>> {
        Ok(match &self.reach {
            Reach::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Reach::Memory(router) => {
                let (ours, theirs) = tokio::io::duplex(64 << 10);
                let service = hyper_util::service::TowerToHyperService::new(router.clone());
                let io = hyper_util::rt::TokioIo::new(theirs);
                let connection = hyper::server::conn::http1::Builder::new().serve_connection(io, service);
                tokio::spawn(connection.with_upgrades());
                Box::new(ours)
            }
        })
    }

    /// A TCP stream with a small receive buffer, which is full soon if the client does not read.
    pub async fn narrow_stream(&self) -> Box<dyn Stream> {
        let Reach::Tcp(address) = &self.reach else { return self.stream().await };
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 << 10).unwrap();
        Box::new(socket.connect(*address).await.unwrap())
    }

    /// A TCP stream from one of the addresses of loopback.
    pub async fn stream_from(&self, ip: &str) -> Box<dyn Stream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(ip.parse().unwrap(), 0)).unwrap();
        socket.set_nodelay(true).unwrap();
        Box::new(socket.connect(self.address()).await.unwrap())
    }

    /// A WebSocket client of `/ws`.
    pub async fn connect(&self) -> RawClient {
        self.connect_to("/ws").await
    }

    /// A WebSocket client of a path.
    pub async fn connect_to(&self, path: &str) -> RawClient {
        self.connect_with(Offer::to(path)).await
    }

    /// A WebSocket client that offers subprotocols, extensions or headers.
    pub async fn connect_with(&self, offer: Offer) -> RawClient {
        self.listening(RawClient::connect_with(self.stream().await, offer).await)
    }

    /// A WebSocket client that sends these bytes as its handshake.
    pub async fn connect_by_request(&self, request: &[u8]) -> RawClient {
        self.listening(RawClient::connect_by_request(self.stream().await, request).await)
    }

    /// A WebSocket client that sends `more` right after its handshake: see [`RawClient::connect_early`].
    pub async fn connect_early(&self, path: &str, more: &[u8], cut: usize) -> RawClient {
        self.listening(RawClient::connect_early(self.stream().await, path, more, cut).await)
    }

    /// A WebSocket client on a [`Rig::narrow_stream`].
    pub async fn connect_narrow(&self) -> RawClient {
        self.listening(RawClient::connect(self.narrow_stream().await, "/ws").await)
    }

    fn listening(&self, mut client: RawClient) -> RawClient {
        client.hears_pings = self.hears_pings;
        client
    }

    /// Sends one request on a stream of its own.
    pub async fn http(&self, request: &[u8]) -> Option<Response> {
        self.http_on(&mut self.stream().await, request).await
    }

    /// Sends one more request on a stream.
    pub async fn http_on(&self, stream: &mut Box<dyn Stream>, request: &[u8]) -> Option<Response> {
        let response = http(stream, request).await;
        self.unnoticed().await;
        response
    }

    /// Waits until the statistics satisfy `condition`.
    pub async fn until(&self, condition: impl Fn(&Stats) -> bool) {
        for _ in 0..1000 {
            if condition(&self.handle.stats()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the statistics never satisfied the condition: {:?}", self.handle.stats());
    }

    /// Waits until nothing is left: connections, rooms, memberships, queues, handlers, acks.
    pub async fn expect_empty(&self) {
        if let Some(healthy) = self.healthy.lock().await.take() {
            healthy.close().await;
        }
        self.until(|stats| {
            let queued = [stats.queued_bytes, stats.in_flight, stats.pending_acks];
            [stats.connections, stats.rooms, stats.memberships] == [0; 3] && queued == [0; 3]
        })
        .await;
    }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn serve(router: axum::Router) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
