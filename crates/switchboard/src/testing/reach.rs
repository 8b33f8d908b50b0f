//! [`Reach`]: how a test connects to its application.
use crate::{App, BootError, Handle, http};
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

/// The capacity of an in-memory stream in each direction.
const PIPE: usize = 64 << 10;

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

pub(super) enum Reach {
    /// `next_port`: each client in memory has the address 127.0.0.1 with its own port.
    Memory { router: Router, handle: Handle, next_port: AtomicU16 },
    /// A listener on loopback, until this is dropped.
    Socket { address: SocketAddr, serving: AbortHandle },
}

impl Reach {
    pub(super) fn memory(app: App) -> Result<Reach, BootError> {
        let handle = app.handle();
        Ok(Reach::Memory { router: app.into_router()?, handle, next_port: AtomicU16::new(1) })
    }

    pub(super) async fn socket(app: App) -> Result<Reach, BootError> {
        let bound = app.signals(false).bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let address = bound.local_addr();
        Ok(Reach::Socket { address, serving: tokio::spawn(bound.serve()).abort_handle() })
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Reach::Memory { .. } => None,
            Reach::Socket { address, .. } => Some(*address),
        }
    }

    /// Opens a connection.
    pub(super) async fn open(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Reach::Socket { address, .. } => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Reach::Memory { router, handle, next_port } => {
                let (ours, theirs) = tokio::io::duplex(PIPE);
                let port = next_port.fetch_add(1, Ordering::Relaxed);
                let control = &handle.control;
                tokio::spawn(http::listener::serve(
                    theirs,
                    SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
                    router.clone(),
                    Arc::new(control.hub.node.limits().clone()),
                    http::listener::stopped(control.stop.subscribe()),
                    None,
                ));
                Ok(Box::new(ours))
            }
        }
    }

    /// Sends one request on its own connection: see [`exchange`].
    pub(super) async fn exchange(&self, request: ::http::Request<Body>) -> Result<::http::Response<Incoming>, String> {
        let stream = self.open().await.map_err(|error| format!("cannot connect: {error}"))?;
        exchange(stream, request).await
    }
}

/// Sends one request on a connection, which ends with the response or becomes the upgraded connection.
///
/// Errors: there is no HTTP response.
pub(super) async fn exchange(
    stream: impl Stream,
    request: ::http::Request<Body>,
) -> Result<::http::Response<Incoming>, String> {
    let failed = |error: hyper::Error| format!("no HTTP response: {error}");
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(failed)?;
    // It ends when the sender is dropped and the response is read.
    tokio::spawn(connection.with_upgrades());
    sender.send_request(request).await.map_err(failed)
}

impl Drop for Reach {
    fn drop(&mut self) {
        if let Reach::Socket { serving, .. } = self {
            serving.abort();
        }
    }
}
