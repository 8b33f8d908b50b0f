//! From a request to a connection: every check, the 101, and the stream behind it.
use super::{OwnListener, Proxies};
use crate::Origins;
use crate::client::ClientId;
use crate::codec::Format;
use crate::conn::{Attached, Conn, Handshake, Lane, Stream, Task};
use crate::gateway::Table;
use crate::hub::{Full, Permit, Registration, Space};
use crate::limits::Limits;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::header::{
    CONNECTION, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL,
    UPGRADE,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::task::{Context, Poll};
use std::time::Duration;
use switchboard_core::ws::Deflate;
use switchboard_core::ws::handshake::{HeadLimits, Refusal, Upgrade, check_allowed_host, check_request};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

/// The HTTP service of one gateway.
#[derive(Clone)]
pub(crate) struct Endpoint(Arc<Inner>);

struct Inner {
    table: Arc<Table>,
    space: Arc<Space>,
    proxies: Proxies,
}

impl Endpoint {
    pub(crate) fn new(table: Arc<Table>, space: Arc<Space>, proxies: Proxies) -> Endpoint {
        Endpoint(Arc::new(Inner { table, space, proxies }))
    }
}

impl Endpoint {
    pub(crate) fn name(&self) -> &str {
        &self.0.table.name
    }
}

impl tower::Service<Request<Body>> for Endpoint {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        std::future::ready(Ok(self.0.respond(request)))
    }
}

impl Inner {
    fn respond(&self, mut request: Request<Body>) -> Response<Body> {
        let on_upgrade = request.extensions_mut().remove::<OnUpgrade>();
        match self.accept(&request, on_upgrade) {
            Ok(response) => response,
            Err(refused) => {
                match refused.admission {
                    true => self.space.node.refused("handshake", refused.reason),
                    false => self.space.node.rejected("handshake", refused.reason),
                }
                refused.response()
            }
        }
    }

    fn accept(&self, request: &Request<Body>, on_upgrade: Option<OnUpgrade>) -> Result<Response<Body>, Refused> {
        let head = head_limits(&self.table.limits);
        let headers = request.headers();
        let socket = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        let upgrade = check_request(request.method(), request.uri(), request.version(), headers, &head)?;
        let host = self.proxies.host(socket, headers, upgrade.host());
        if let Some(hosts) = &self.table.hosts {
            check_allowed_host(host, hosts)?;
        }
        let same = Origins::default();
        self.table.origins.as_ref().unwrap_or(&same).check(upgrade.origin(), host)?;
        let (protocol, format) = self.select_protocol(&upgrade)?;
        let agreed = self.table.compression.and_then(|_| Deflate::negotiate(headers));
        let on_upgrade = on_upgrade.ok_or(Refused::NO_STREAM)?;
        let peer = self.proxies.client(socket, headers);
        let permit = Permit::new(&self.space.node, peer.map(|peer| peer.ip()));
        // After the permit is taken: see `Hub::shutdown`.
        if self.space.node.is_draining() {
            return Err(Refused::DRAINING);
        }
        let permit = permit?;
        let id = ClientId::random().map_err(|_| Refused::NO_RANDOM)?;
        let opening = Opening {
            id,
            table: self.table.clone(),
            handshake: self.handshake(request),
            deflate: agreed.as_ref().map(|(deflate, _)| *deflate),
            format,
            peer,
            configured: request.extensions().get::<OwnListener>().is_some(),
        };
        let accept = upgrade.accept_value();
        tokio::spawn(open(opening, on_upgrade, permit, self.space.clone()));
        let extension = agreed.map(|(_, answer)| answer);
        Ok(switching(accept, protocol, extension))
    }

    /// The first subprotocol of the client's that is spoken here, and its format. A raw gateway speaks none.
    fn select_protocol(&self, upgrade: &Upgrade<'_>) -> Result<(Option<&str>, Format), Refusal> {
        let ours: Vec<(&str, Format)> = match self.table.raw {
            Some(_) => Vec::new(),
            None => self.table.codecs.offers(self.table.frames).collect(),
        };
        let names: Vec<&str> = ours.iter().map(|(name, _)| *name).collect();
        let protocol = upgrade.select_protocol(&names, false)?;
        let format = ours.iter().find(|(name, _)| Some(*name) == protocol).map(|(_, format)| *format);
        Ok((protocol, format.unwrap_or_default()))
    }

    /// Copies what the handlers declared, and nothing else: a header map pins the buffer that the head was read into.
    fn handshake(&self, request: &Request<Body>) -> Option<Box<Handshake>> {
        let needs = &self.table.needs;
        if !needs.headers && needs.extensions.is_empty() {
            return None;
        }
        let mut handshake = Handshake::default();
        for extension in &needs.extensions {
            (extension.copy)(request.extensions(), &mut handshake.extensions);
        }
        if needs.headers {
            handshake.headers = Some(Arc::new(deep_copy(request.headers())));
        }
        Some(Box::new(handshake))
    }
}

pub(super) fn head_limits(limits: &Limits) -> HeadLimits {
    HeadLimits {
        max_headers: limits.max_headers,
        max_header: limits.max_header,
        max_head: limits.max_head,
        max_uri: limits.max_uri,
    }
}

/// The answer to a request that is not served.
pub(super) fn refuse(refusal: Refusal) -> Response<Body> {
    Refused::from(refusal).response()
}

fn deep_copy(headers: &HeaderMap) -> HeaderMap {
    let mut copy = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            let name = http::HeaderName::from_bytes(name.as_str().as_bytes()).unwrap_or_else(|_| name.clone());
            copy.append(name, value);
        }
    }
    copy
}

fn switching(accept: HeaderValue, protocol: Option<&str>, extension: Option<HeaderValue>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    // A token can always stand in a header.
    if let Some(Ok(protocol)) = protocol.map(HeaderValue::from_str) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    if let Some(extension) = extension {
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, extension);
    }
    response
}

/// A connection that is about to be.
struct Opening {
    id: ClientId,
    table: Arc<Table>,
    handshake: Option<Box<Handshake>>,
    deflate: Option<Deflate>,
    format: Format,
    peer: Option<SocketAddr>,
    /// The listener has set the socket's options.
    configured: bool,
}

/// Waits for the stream behind the 101, then starts the connection's task. Ends within the handshake's time.
async fn open(opening: Opening, on_upgrade: OnUpgrade, permit: Permit, space: Arc<Space>) {
    let timeout = opening.table.limits.handshake_timeout;
    match tokio::time::timeout(timeout, on_upgrade).await {
        Ok(Ok(upgraded)) => {
            tokio::spawn(opening.connect(upgraded, permit, space));
        }
        Ok(Err(_)) | Err(_) => space.node.rejected("handshake", "upgrade"),
    }
}

impl Opening {
    fn connect(self, upgraded: Upgraded, permit: Permit, space: Arc<Space>) -> Task {
        match into_tcp(upgraded) {
            Ok((socket, early)) => {
                if !self.configured {
                    super::listener::configure(&socket);
                }
                let peer = self.peer.or_else(|| socket.peer_addr().ok());
                let (read, write) = socket.into_split();
                let registration = self.register(space, permit, Some(write), peer);
                Task::new(registration, Stream::Tcp(read), early)
            }
            Err(upgraded) => {
                let stream = Stream::Other(Box::pin(TokioIo::new(upgraded)));
                let peer = self.peer;
                Task::new(self.register(space, permit, None, peer), stream, Vec::new())
            }
        }
    }

    fn register(
        self,
        space: Arc<Space>,
        permit: Permit,
        write: Option<OwnedWriteHalf>,
        peer: Option<SocketAddr>,
    ) -> Registration {
        let lane = Lane::new(write);
        let attached = self.table.raw.is_some().then(|| {
            let port = Some(Arc::default());
            Box::new(Attached { port, ..Attached::default() })
        });
        let conn = Conn {
            id: self.id,
            space,
            table: self.table,
            lane,
            rooms: Mutex::new(Some(Vec::new())),
            attached: Mutex::new(attached),
            handshake: self.handshake,
            deflate: self.deflate,
            format: self.format,
            peer: peer.into(),
            ended: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            alarm: AtomicU64::new(0),
        };
        Registration::new(Arc::new(conn), permit)
    }
}

/// The bare socket, if there is one: below hyper's own server, or below `axum::serve`. Bytes that were read behind the
/// request head come along.
fn into_tcp(upgraded: Upgraded) -> Result<(TcpStream, Vec<u8>), Upgraded> {
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf.to_vec())),
        Err(upgraded) => upgraded,
    };
    hyper_util::server::conn::auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded)
        .map(|parts| (parts.io.into_inner(), parts.read_buf.to_vec()))
}

/// An answer other than 101.
struct Refused {
    status: StatusCode,
    reason: &'static str,
    message: &'static str,
    headers: Vec<(http::HeaderName, HeaderValue)>,
    retry_after: Option<Duration>,
    /// There is no room: nothing is wrong with the request.
    admission: bool,
}

impl Refused {
    const fn new(status: StatusCode, reason: &'static str, message: &'static str, retry: Option<Duration>) -> Refused {
        Refused { status, reason, message, headers: Vec::new(), retry_after: retry, admission: false }
    }

    const DRAINING: Refused = Refused::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "draining",
        "This node is shutting down: try again.",
        Some(Duration::from_secs(1)),
    );
    const NO_STREAM: Refused = Refused::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "no_stream",
        "This HTTP server does not support upgrades: serve it with upgrades enabled.",
        None,
    );
    const NO_RANDOM: Refused = Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "no_random", "Internal error", None);

    /// JSON that says what to do, and never what was sent.
    fn response(self) -> Response<Body> {
        let reason = serde_json::json!({ "error": self.reason, "message": self.message });
        let mut response = Response::new(Body::from(reason.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(self.headers);
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs() + u64::from(jitter())));
        }
        response
    }
}

/// 0 to 3 seconds, so that those who are sent away do not come back all at once.
fn jitter() -> u32 {
    getrandom::u32().unwrap_or(0) % 4
}

impl From<Full> for Refused {
    fn from(full: Full) -> Refused {
        use StatusCode as Status;
        let (status, reason, message, retry) = match full {
            Full::Node => (
                Status::SERVICE_UNAVAILABLE,
                "admission",
                "This node has as many connections as it may: try again later.",
                2,
            ),
            Full::Memory => {
                (Status::SERVICE_UNAVAILABLE, "memory", "This node is short of memory: try again later.", 5)
            }
            Full::Rate => (
                Status::SERVICE_UNAVAILABLE,
                "accept_rate",
                "Too many connections come to this node at a time: try again.",
                1,
            ),
            Full::AddressConnections => (
                Status::TOO_MANY_REQUESTS,
                "address_connections",
                "This address has as many connections as it may: close one, or try again later.",
                5,
            ),
            Full::AddressRate => (
                Status::TOO_MANY_REQUESTS,
                "address_rate",
                "Too many connections come from this address at a time: try again.",
                1,
            ),
        };
        Refused { admission: true, ..Refused::new(status, reason, message, Some(Duration::from_secs(retry))) }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        Refused { headers: refusal.headers(), ..Refused::new(refusal.status, refusal.reason, refusal.message, None) }
    }
}
