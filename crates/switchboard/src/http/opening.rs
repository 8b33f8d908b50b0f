//! From a 101 to a connection: the upgraded stream, and the task that owns it.
use super::answering::Answering;
use super::progress::Watched;
use crate::client_id::ClientId;
use crate::codec::Format;
use crate::gateway::CompiledGateway;
use crate::hub::{Endpoint, Extras, Kept, Lease, Membership, Owner, Registration, peer};
use crate::node::ConnectionPermit;
use crate::outbound::{Stream, Writer};
use crate::transport::Served;
use crate::transport::websocket::Task;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::task::{Context, Poll, ready};
use switchboard_core::ws::Deflate;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

/// What is known of a connection before its stream is there.
pub(super) struct Opening {
    pub(super) id: ClientId,
    pub(super) table: Arc<CompiledGateway>,
    pub(super) owner: Option<Box<Owner>>,
    pub(super) kept: Option<Box<Kept>>,
    pub(super) deflate: Option<Deflate>,
    pub(super) format: Format,
    /// The number of the subprotocol among those of a raw gateway.
    pub(super) raw_protocol: Option<u8>,
    pub(super) peer: Option<SocketAddr>,
    /// The listener has set the socket's options.
    pub(super) configured: bool,
}

/// A connection from its 101 on, in one task.
#[allow(clippy::large_enum_variant, reason = "it waits for a moment, and serves for hours")]
pub(super) enum Opened {
    Waiting(Pin<Box<dyn Future<Output = Option<Task>> + Send>>),
    Serving(Task),
}

impl Opened {
    /// Waits for the upgraded stream, for `handshake_timeout` at most, and then is the task of the connection.
    pub(super) fn new(opening: Opening, on_upgrade: OnUpgrade, permit: ConnectionPermit, lease: Lease) -> Opened {
        Opened::Waiting(Box::pin(async move {
            let timeout = opening.table.profile.node.handshake_timeout;
            match tokio::time::timeout(timeout, on_upgrade).await {
                Ok(Ok(upgraded)) => Some(opening.connect(upgraded, permit, lease)),
                Ok(Err(_)) | Err(_) => {
                    lease.space().node.rejected("handshake", "upgrade");
                    None
                }
            }
        }))
    }
}

impl Future for Opened {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if let Opened::Waiting(stream) = this {
            match ready!(stream.as_mut().poll(cx)) {
                Some(task) => *this = Opened::Serving(task),
                None => return Poll::Ready(()),
            }
        }
        match this {
            Opened::Serving(task) => Pin::new(task).poll(cx),
            Opened::Waiting(_) => Poll::Pending,
        }
    }
}

impl Opening {
    fn connect(self, upgraded: Upgraded, permit: ConnectionPermit, lease: Lease) -> Task {
        match into_tcp(upgraded) {
            Ok((socket, early)) => {
                if !self.configured {
                    super::listener::configure(&socket);
                }
                super::listener::allow(&socket, &self.table.profile.limits);
                let peer = self.peer.or_else(|| socket.peer_addr().ok());
                let (read, write) = socket.into_split();
                Task::new(self.register(lease, permit, Some(write), peer), Stream::Tcp(read), early)
            }
            Err(upgraded) => {
                let stream = Stream::Other(Box::pin(TokioIo::new(upgraded)));
                let peer = self.peer;
                Task::new(self.register(lease, permit, None, peer), stream, Vec::new())
            }
        }
    }

    fn register(
        self,
        lease: Lease,
        permit: ConnectionPermit,
        write: Option<OwnedWriteHalf>,
        address: Option<SocketAddr>,
    ) -> Served {
        let space = lease.space().clone();
        let flusher = space.homes.current(&space.node).flusher(self.id).clone();
        let (peer_port, peer_ip) = peer(address);
        let extras = self.table.profile.raw.then(|| {
            let port = Some(Arc::default());
            Box::new(Extras { port, protocol: self.raw_protocol, ..Extras::default() })
        });
        let conn = Endpoint {
            id: self.id,
            space,
            profile: self.table.profile.clone(),
            flusher,
            writer: Writer::new(write),
            membership: Mutex::new(Membership::of(self.owner)),
            extras: Mutex::new(extras),
            kept: self.kept,
            deflate: self.deflate,
            format: self.format,
            peer_port,
            peer_ip,
            ended: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            alarm: AtomicU64::new(0),
        };
        Served::new(Registration::new(Arc::new(conn), Some(permit), lease), self.table)
    }
}

/// The bare TCP socket, if there is one under our listener, hyper's own server, or `axum::serve`, and the bytes that were read
/// after the request head. Errors: the stream, which is of another kind.
pub(super) fn into_tcp(upgraded: Upgraded) -> Result<(TcpStream, Vec<u8>), Upgraded> {
    let upgraded = match upgraded.downcast::<TokioIo<Answering<Watched<TcpStream>>>>() {
        Ok(parts) => return Ok((parts.io.into_inner().into_inner().into_inner(), parts.read_buf.to_vec())),
        Err(upgraded) => upgraded,
    };
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf.to_vec())),
        Err(upgraded) => upgraded,
    };
    hyper_util::server::conn::auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded)
        .map(|parts| (parts.io.into_inner(), parts.read_buf.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::Opened;

    /// With tokio's header the task of a connection fits 384 bytes.
    #[test]
    fn the_task_of_a_connection_is_small() {
        assert!(size_of::<Opened>() <= 256, "{}", size_of::<Opened>());
    }
}
