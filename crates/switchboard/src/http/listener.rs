//! A listener with the limits that `axum::serve` lacks: size and time of a request head, connections, descriptors.
use super::answering::{Answering, Switches};
use super::progress::{Progress, Told, Watched};
use super::visit::{Place, Siege, Visit};
use super::{Places, Proxies, Threads, upgrade};
use crate::http::reserve::{Reserve, is_exhausted, wants_memory};
use crate::limits::{GatewayLimits, NodeLimits};
use crate::node::{Handshaking, Node};
use axum::Router;
use axum::extract::ConnectInfo;
use http::header::CONNECTION;
use http::{HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
#[cfg(feature = "socketio")]
use std::sync::Weak;
use std::task::Poll;
use std::time::Duration;
use switchboard_core::ws::handshake::check_head;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::Service;

const BACKLOG: u32 = 4096;
const SEND_BUFFER: usize = 128 << 10;
const KEEPALIVE: Duration = Duration::from_secs(60);
/// How long the kernel waits for a peer to take what was written (`TCP_USER_TIMEOUT`). It is longer than any deadline of ours, so
/// that ours ends the connection, with its own reason.
const USER_TIMEOUT: Duration = Duration::from_secs(20);
/// The least time by which that is longer than `Limits::write_timeout`.
const BEYOND_WRITES: Duration = Duration::from_secs(10);
/// The longest such timeout: the kernel keeps its milliseconds in an `int`.
const LONGEST_USER_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);
/// The wait after an accept that failed for want of descriptors or memory.
const EXHAUSTED: Duration = Duration::from_millis(50);
/// The wait after any other failed accept. Usually it concerns one connection only, but an error that stays must not spin.
const FAILED: Duration = Duration::from_millis(1);
/// The smallest limit of a head that hyper accepts.
const MIN_HEAD: usize = 8 << 10;

/// Marks a request that came through this listener, whose sockets have their options set.
#[derive(Clone, Copy)]
pub(crate) struct OwnListener;

/// The HTTP connection that a request came by. Weak, because heads of requests may be kept.
#[cfg(feature = "socketio")]
#[derive(Clone)]
pub(super) struct HeldBy(pub(super) Weak<Visit>);

/// Errors: the address is taken, or not of this machine.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that was just stopped leaves connections in TIME_WAIT, which would keep the address taken.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    // On Linux, accepted sockets inherit these options, which saves five system calls for each connection. They are set before
    // `listen`, so that no connection comes without them.
    configure(&socket);
    socket.listen(BACKLOG)
}

/// Sets the options of a socket: no delay for small messages, and the kernel notices a peer that is gone or takes nothing.
pub(crate) fn configure<'s>(socket: impl Into<SockRef<'s>>) {
    let socket = socket.into();
    // Each of these is an improvement that the connection can live without.
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_send_buffer_size(SEND_BUFFER);
    let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(USER_TIMEOUT));
}

/// The timeout of the kernel that this write timeout needs; `None`: the one that [`configure`] has set is enough.
fn user_timeout(write_timeout: Duration) -> Option<Duration> {
    let needed = write_timeout.saturating_add(BEYOND_WRITES).min(LONGEST_USER_TIMEOUT);
    (needed > USER_TIMEOUT).then_some(needed)
}

/// Gives a write more time in the kernel, if a gateway's limits allow it more than [`configure`] does.
pub(super) fn allow(socket: &TcpStream, limits: &GatewayLimits) {
    #[cfg(target_os = "linux")]
    if let Some(timeout) = user_timeout(limits.write_timeout) {
        // An improvement that the connection can live without, as above.
        let _ = SockRef::from(socket).set_tcp_user_timeout(Some(timeout));
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, user_timeout(limits.write_timeout));
}

/// True if [`configure`] was applied to this socket, or to the listener from which it inherits.
fn is_configured(socket: &TcpStream) -> bool {
    let socket = SockRef::from(socket);
    let send_buffer = socket.send_buffer_size().unwrap_or(0);
    // Linux reports twice what was asked for.
    let has_send_buffer = (SEND_BUFFER..=2 * SEND_BUFFER).contains(&send_buffer);
    socket.tcp_nodelay().unwrap_or(false) && socket.keepalive().unwrap_or(false) && has_send_buffer
}

/// An accept loop.
pub(crate) struct Listening {
    pub(crate) listener: TcpListener,
    pub(crate) router: Router,
    pub(crate) node: Arc<Node>,
    /// Shared by all listeners of an application.
    pub(crate) places: Places,
    /// Where connections are served, if not in the runtime that accepts them.
    pub(crate) threads: Option<Arc<Threads>>,
    pub(crate) proxies: Proxies,
}

impl Listening {
    /// Accepts until `stop` is true. Then lets every HTTP request in flight finish, until `out_of_patience`.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>, out_of_patience: impl Future<Output = ()>) {
        let limits = Arc::new(self.node.limits().clone());
        let places = self.places.clone();
        let mut tasks = JoinSet::new();
        let mut reserve = Reserve::new();
        // Found out with the first connection: a system that emulates Linux may not let sockets inherit options.
        let mut inherits = None;
        let mut siege = Siege::default();
        loop {
            while tasks.try_join_next().is_some() {}
            let accepted = tokio::select! {
                // `stop` comes first, so that no connection is accepted after it.
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                accepted = self.accept(&mut siege) => accepted,
            };
            let (socket, peer, place, handshaking) = match accepted {
                Ok(Some(accepted)) => accepted,
                Ok(None) => continue,
                Err(error) => {
                    crate::log::limited!(warn, (), %error, "accept failed");
                    let exhausted = is_exhausted(&error);
                    if exhausted && reserve.refuse_one(&self.listener).await {
                        self.node.refused("accept", "descriptors");
                    }
                    let wait = if exhausted || wants_memory(&error) { EXHAUSTED } else { FAILED };
                    tokio::time::sleep(wait).await;
                    continue;
                }
            };
            let visit = Visit::new(&places, place, handshaking);
            if !*inherits.get_or_insert_with(|| is_configured(&socket)) {
                configure(&socket);
            }
            let (router, limits, stop) = (self.router.clone(), limits.clone(), stop.clone());
            match &self.threads {
                None => tasks.spawn(welcome(socket, peer, router, limits, stop, visit)),
                Some(threads) => tasks.spawn_on(
                    Box::pin(async move {
                        match moved(socket) {
                            Ok(socket) => welcome(socket, peer, router, limits, stop, visit).await,
                            Err(error) => crate::log::limited!(warn, (), %error, "a connection was lost on the way"),
                        }
                    }),
                    threads.next(),
                ),
            };
        }
        drop(self.listener);
        let finished = async { while tasks.join_next().await.is_some() {} };
        let in_time = tokio::select! {
            () = finished => true,
            () = out_of_patience => false,
        };
        if !in_time {
            tracing::warn!(requests = tasks.len(), "HTTP requests were cut off");
        }
        tasks.shutdown().await;
    }

    /// Accepts one connection, and takes a place for it. While there is none, further connections wait in the kernel's backlog.
    /// `None`: its address has as many as it may. That is checked first, so that no other connection has to make room for it.
    async fn accept(
        &self,
        siege: &mut Siege,
    ) -> io::Result<Option<(TcpStream, SocketAddr, Place, Option<Handshaking>)>> {
        let (socket, peer) = self.listener.accept().await?;
        let Some(handshaking) = self.handshaking(peer) else {
            self.node.refused("accept", "address_connections");
            return Ok(None);
        };
        Ok(Some((socket, peer, self.places.take(siege).await?, handshaking)))
    }

    /// Counts the handshake for its address, so that one address cannot have all places. A trusted proxy carries many clients,
    /// and is not counted. `None`: the address has as many as it may.
    fn handshaking(&self, peer: SocketAddr) -> Option<Option<Handshaking>> {
        if self.proxies.trusts(peer.ip()) {
            return Some(None);
        }
        Handshaking::new(&self.node, peer.ip()).map(Some)
    }
}

/// Registers a socket with the runtime that this is called in.
fn moved(socket: TcpStream) -> io::Result<TcpStream> {
    TcpStream::from_std(socket.into_std()?)
}

/// Waits for the first byte, and passes the connection to hyper then. hyper allocates its buffers before there is anything to
/// read, so a silent connection is much smaller without it.
async fn welcome(
    socket: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: Arc<NodeLimits>,
    stop: watch::Receiver<bool>,
    mut visit: Visit,
) {
    let mut stopped = std::pin::pin!(stopped(stop));
    let head_by = Instant::now() + limits.handshake_timeout;
    tokio::select! {
        // First what has arrived, which may be the end of the stream.
        biased;
        () = has_come(&socket) => {}
        () = visit.outstayed(limits.handshake_timeout, Some(head_by)) => return,
        () = stopped.as_mut() => return,
    }
    visit.has_begun(head_by, limits.handshake_timeout);
    // Boxed, because it is large and would be copied several times on its way into the task. A silent connection does not need
    // it.
    Box::pin(serve(socket, peer, router, limits, stopped, Some(visit))).await;
}

/// Ready when there is something to read, or the stream has ended.
async fn has_come(socket: &TcpStream) {
    let mut is_new = true;
    // tokio treats a new socket as readable until it was tried once, hence the peek.
    std::future::poll_fn(|cx| match std::mem::take(&mut is_new) {
        true => socket.poll_peek(cx, &mut ReadBuf::new(&mut [0])).map(drop),
        false => socket.poll_read_ready(cx).map(drop),
    })
    .await;
}

/// Ready when `stop` is true. Its sender lives as long as the application's control.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Serves one HTTP connection until it ends or is upgraded. When `stopped` is ready, it ends after the requests that have arrived
/// completely. `visit`: what it holds of a listener's places until then.
pub(crate) async fn serve<S>(
    socket: S,
    peer: SocketAddr,
    router: Router,
    limits: Arc<NodeLimits>,
    stopped: impl Future<Output = ()>,
    visit: Option<Visit>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let visit = visit.map(Arc::new);
    let (visit, progress) = (&visit, &Arc::<Progress>::default());
    let head = upgrade::head_limits(&limits);
    let switches = Switches::default();
    let stream = Answering::new(Watched::new(socket, progress.clone()), switches.clone());
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let checked = check_head(request.method(), request.uri(), request.headers(), &head);
        let extensions = request.extensions_mut();
        extensions.insert(ConnectInfo(peer));
        extensions.insert(OwnListener);
        #[cfg(feature = "socketio")]
        if let Some(visit) = visit {
            extensions.insert(HeldBy(Arc::downgrade(visit)));
        }
        let mut router = router.clone();
        let stays = visit.as_ref().is_none_or(|visit| visit.heard());
        let switches = switches.clone();
        let owed = progress.owe();
        async move {
            let mut response = match checked {
                Ok(()) => router.call(request).await?,
                Err(refusal) => upgrade::refuse(refusal),
            };
            match response.status() {
                StatusCode::SWITCHING_PROTOCOLS => switches.now(),
                _ if stays => {}
                _ => drop(response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"))),
            }
            Ok::<_, Infallible>(response.map(|body| Told::new(body, owed)))
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.handshake_timeout)
        .max_headers(limits.max_headers)
        .max_buf_size(limits.max_head.max(MIN_HEAD));
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = async {
        tokio::select! {
            // A request that has arrived is answered, even if the connection is to end.
            biased;
            ended = connection.as_mut() => ended,
            () = stopped => {
                // A request may be in the socket already. After the yield, in which the I/O driver runs, it is read.
                tokio::task::yield_now().await;
                if let Some(ended) = polled(connection.as_mut()).await {
                    return ended;
                }
                connection.as_mut().graceful_shutdown();
                // hyper would wait for the rest of an unfinished head, for which nothing is owed.
                std::future::poll_fn(|cx| match connection.as_mut().poll(cx) {
                    Poll::Pending if progress.owes_nothing() => Poll::Ready(Ok(())),
                    polled => polled,
                })
                .await
            }
        }
    };
    let outstayed = async {
        match visit {
            Some(visit) => visit.outstayed(limits.handshake_timeout, visit.head_by()).await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        // First what has arrived, then the deadline.
        biased;
        ended = ended => ended,
        () = outstayed => return,
    };
    if let Err(error) = ended {
        crate::log::limited!(debug, (), %error, "an HTTP connection failed");
    }
}

/// Polls once. `None`: it is not ready.
async fn polled<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    async fn accepted(listener: TcpListener) -> TcpStream {
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        listener.accept().await.unwrap().0
    }

    #[tokio::test]
    async fn a_socket_is_known_to_be_configured_or_not() {
        let socket = accepted(TcpListener::bind(LOOPBACK).await.unwrap()).await;
        assert!(!is_configured(&socket));
        configure(&socket);
        assert!(is_configured(&socket));
    }

    #[tokio::test]
    async fn a_socket_is_readable_when_something_has_come() {
        for is_moved in [false, true] {
            let listener = TcpListener::bind(LOOPBACK).await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let mut socket = listener.accept().await.unwrap().0;
            if is_moved {
                socket = moved(socket).unwrap();
            }
            let patience = Duration::from_secs(5);
            tokio::time::timeout(Duration::from_millis(50), has_come(&socket)).await.expect_err("nothing came");
            client.write_all(b"x").await.unwrap();
            tokio::time::timeout(patience, has_come(&socket)).await.unwrap();
            assert_eq!(socket.read_u8().await.unwrap(), b'x');
            tokio::time::timeout(Duration::from_millis(50), has_come(&socket)).await.expect_err("it was read");
            drop(client);
            tokio::time::timeout(patience, has_come(&socket)).await.expect("its end");
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_kernel_waits_for_a_write_longer_than_we_do() {
        let socket = accepted(bind(LOOPBACK).unwrap()).await;
        let year = 366 * 24 * 3600;
        for (write, kernel) in [(1, 20), (10, 20), (11, 21), (20, 30), (3600, 3610), (year, i32::MAX as u64 / 1000)] {
            allow(&socket, &GatewayLimits::default().write_timeout(Duration::from_secs(write)));
            let set = SockRef::from(&socket).tcp_user_timeout().unwrap().unwrap();
            assert_eq!(set.as_secs(), kernel, "{write}");
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_is_accepted_has_the_listeners_options() {
        let socket = accepted(bind(LOOPBACK).unwrap()).await;
        assert!(is_configured(&socket));
        let socket = SockRef::from(&socket);
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(USER_TIMEOUT));
    }
}
