//! [`SocketIoService`]: the HTTP requests of Engine.IO, and the WebSockets that its sessions begin with or move to.
use super::cross_origin::{allow_origin, preflight};
use super::listener::HeldBy;
use super::opening::into_tcp;
use super::refused::Refused;
use super::upgrade::head_limits;
use super::{OwnListener, Proxies};
use crate::contain::drop_contained;
use crate::gateway::Unions;
use crate::handshake::Handshake;
use crate::hub::{Handle, Hub};
use crate::node::{Charge, ConnectionPermit, Kind, Node};
use crate::outbound::Io;
use crate::socketio::SocketIo;
use crate::transport::engineio::{Mailbox, Posting, Serving, Session, Sessions, Socket, Upgrading};
use crate::{Origins, log};
use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use switchboard_core::engineio::{Purpose, Query, Refusal, Transport};
use switchboard_core::ws::handshake::{check_allowed_host, check_head, check_request_of_any_path};
use tokio::time::timeout;

const TEXT: &str = "text/plain; charset=UTF-8";
const JSON: &str = "application/json";
const JAVASCRIPT: &str = "text/javascript; charset=UTF-8";

/// The HTTP service of Engine.IO.
#[derive(Clone)]
pub(crate) struct SocketIoService(Arc<Inner>);

struct Inner {
    serving: Arc<Serving>,
    origins: Origins,
    hosts: Option<Arc<[String]>>,
    proxies: Proxies,
}

/// A request whose head is checked.
struct Asked {
    parts: Parts,
    body: Body,
    /// The client, which may be behind proxies.
    peer: Option<SocketAddr>,
    /// The host that it asked for.
    host: Box<str>,
    /// The page that has sent it, if it may.
    origin: Option<HeaderValue>,
}

/// The answer to a request that is not served.
enum Answer {
    EngineIo(Refusal),
    Http(Refused),
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Answer {
        Answer::EngineIo(refusal)
    }
}

impl<T: Into<Refused>> From<T> for Answer {
    fn from(refused: T) -> Answer {
        Answer::Http(refused.into())
    }
}

impl SocketIoService {
    /// # Panics
    /// If the system has no random numbers, which the ids of sessions are made of.
    pub(crate) fn new(
        unions: Arc<Unions>,
        hub: &Arc<Hub>,
        options: SocketIo,
        origins: Origins,
        hosts: Option<Arc<[String]>>,
        proxies: Proxies,
        application: Handle,
    ) -> SocketIoService {
        let mut limits = hub.node.gateway_limits().clone();
        limits.max_message = options.max_http_buffer_size;
        let origins = options.cors.clone().unwrap_or(origins);
        let serving = Arc::new(Serving {
            hub: hub.clone(),
            unions,
            options,
            sessions: Sessions::new().expect("the system has random numbers"),
            limits,
            _application: application,
        });
        SocketIoService(Arc::new(Inner { serving, origins, hosts, proxies }))
    }
}

impl tower::Service<Request<Body>> for SocketIoService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let inner = self.0.clone();
        Box::pin(async move { Ok(inner.answer(request).await) })
    }
}

impl Inner {
    fn node(&self) -> &Arc<Node> {
        &self.serving.hub.node
    }

    async fn answer(self: Arc<Self>, request: Request<Body>) -> Response<Body> {
        let asked = match self.check(request) {
            Ok(asked) => asked,
            Err(answer) => return self.refuse(answer, None),
        };
        let origin = asked.origin.clone();
        if asked.parts.method == Method::OPTIONS {
            return preflight(&asked.parts.headers, origin.as_ref());
        }
        match self.serve(asked).await {
            Ok(mut response) => {
                allow_origin(&mut response, origin.as_ref());
                response
            }
            Err(answer) => self.refuse(answer, origin.as_ref()),
        }
    }

    /// Counts the refusal, and answers the request.
    fn refuse(&self, answer: Answer, origin: Option<&HeaderValue>) -> Response<Body> {
        let mut response = match answer {
            Answer::EngineIo(refusal) => {
                self.node().rejected("engineio", refusal.reason);
                let mut response = plain(refusal.status, JSON, refusal.body);
                if refusal.status == StatusCode::METHOD_NOT_ALLOWED {
                    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
                }
                if refusal == Refusal::TOO_LARGE {
                    // The rest of the body is not read.
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                response
            }
            Answer::Http(refused) => {
                match refused.is_admission() {
                    true => self.node().refused("engineio", refused.reason()),
                    false => self.node().rejected("engineio", refused.reason()),
                }
                refused.response()
            }
        };
        allow_origin(&mut response, origin);
        response
    }

    /// The checks of every request: its head, its host and its origin.
    fn check(&self, request: Request<Body>) -> Result<Asked, Answer> {
        let (mut parts, body) = request.into_parts();
        if parts.version == Version::HTTP_2
            && !parts.headers.contains_key(HOST)
            && let Some(host) = parts.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok())
        {
            // HTTP/2 has the host in the target (RFC 9113 §8.3.1).
            parts.headers.insert(HOST, host);
        }
        check_head(&parts.method, &parts.uri, &parts.headers, &head_limits(self.node().limits()))?;
        let socket = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        let text = |name| parts.headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or(""));
        let host = self.proxies.host(socket, &parts.headers, text(HOST).unwrap_or(""));
        if let Some(hosts) = &self.hosts {
            check_allowed_host(&host, hosts)?;
        }
        // A function of the application may decide.
        let check = || self.origins.check(text(ORIGIN), &host).is_ok();
        let is_allowed = catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|panic| {
            log::panicked("what says which origins may connect", &*panic);
            drop_contained(panic);
            false
        });
        if !is_allowed {
            return Err(Refusal::FORBIDDEN.into());
        }
        let origin = parts.headers.get(ORIGIN).cloned();
        let (host, peer) = (host.into(), self.proxies.client(socket, &parts.headers));
        Ok(Asked { peer, host, origin, parts, body })
    }

    async fn serve(self: &Arc<Self>, asked: Asked) -> Result<Response<Body>, Answer> {
        if let Some(client) = self.serving.options.client.as_ref().filter(|_| is_client(&asked.parts)) {
            return Ok(plain(StatusCode::OK, JAVASCRIPT, client.clone()));
        }
        let is_upgrade = asks_for_websocket(&asked.parts.headers);
        let query = Query::parse(asked.parts.uri.query().unwrap_or(""))?;
        let options = &self.serving.options;
        let is_served = match query.transport {
            Transport::Polling => options.polling,
            Transport::WebSocket => options.websocket,
        };
        if !is_served {
            return Err(Refusal::UNKNOWN_TRANSPORT.into());
        }
        let transport = query.transport;
        let mailbox = match query.sid.as_deref() {
            None => None,
            Some(sid) => match self.serving.sessions.find(sid) {
                Some(mailbox) => Some(mailbox),
                None => return Err(self.unknown(sid)),
            },
        };
        match (query.purpose(&asked.parts.method, is_upgrade)?, mailbox) {
            (Purpose::Open, _) => self.open(asked, transport),
            (Purpose::Poll, Some(mailbox)) => {
                let parked = mailbox.park()?;
                let held = asked.parts.extensions.get::<HeldBy>().and_then(|held| held.0.upgrade());
                let _connection = held.map(|visit| visit.park());
                // The session has ended.
                let payload = parked.await.map_err(|_| Refusal::BAD_REQUEST)?;
                Ok(plain(StatusCode::OK, TEXT, payload))
            }
            (Purpose::Post, Some(mailbox)) => {
                let posting = mailbox.begin_post()?;
                self.post(asked, posting).await?;
                Ok(plain(StatusCode::OK, TEXT, "ok"))
            }
            (Purpose::Upgrade, Some(mailbox)) => {
                let upgrading = mailbox.begin_upgrade()?;
                self.upgrade(asked, Next::Probe(upgrading))
            }
            (_, None) => Err(Refusal::UNKNOWN_SID.into()),
        }
    }

    fn unknown(&self, sid: &str) -> Answer {
        if self.serving.sessions.is_of_another_node(sid) {
            log::limited!(
                warn,
                (),
                "a request has the session id of another node, or of an earlier run of this one. If there are several nodes: the balancer has to send all requests of a session to one node \
                 (sticky sessions), or clients have to use `transports: [\"websocket\"]`"
            );
        }
        Refusal::UNKNOWN_SID.into()
    }

    /// A new session.
    fn open(self: &Arc<Self>, asked: Asked, transport: Transport) -> Result<Response<Body>, Answer> {
        // Nobody else does, before a client is in a namespace.
        self.serving.hub.watch_memory();
        let permit = ConnectionPermit::new(self.node(), asked.peer.map(|peer| peer.ip()));
        // Read after the permit is taken: a shutdown that does not see this permit is seen here. See `Hub::shutdown`.
        if self.node().is_draining() {
            return Err(Answer::Http(Refused::draining()));
        }
        let permit = permit?;
        let options = &self.serving.options;
        let may_upgrade = options.websocket && options.allow_upgrades && transport == Transport::Polling;
        if transport == Transport::WebSocket {
            return self.upgrade(asked, Next::Open(permit));
        }
        let mailbox = Arc::new(Mailbox::new(true, may_upgrade));
        let sid = self.serving.sessions.open(&mailbox).map_err(|_| Answer::Http(Refused::no_random()))?;
        let upgrades: &[Transport] = if may_upgrade { &[Transport::WebSocket] } else { &[] };
        let packet = self.serving.open(&sid, upgrades);
        let request = handshake(asked.parts, asked.peer, asked.host);
        tokio::spawn(Session::new(self.serving.clone(), mailbox, sid, request, None, permit));
        Ok(plain(StatusCode::OK, TEXT, packet))
    }

    /// Reads the body of a POST, and hands it to the session.
    async fn post(&self, asked: Asked, posting: Posting) -> Result<(), Answer> {
        let Asked { parts, body, .. } = asked;
        let content = parts.headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        if content.starts_with(b"application/octet-stream") {
            // This was how the third version of the protocol sent bytes.
            posting.malformed("content_type");
            return Err(Refusal::BAD_REQUEST.into());
        }
        let most = self.serving.options.max_http_buffer_size;
        let length = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if length.is_some_and(|length| length > most) {
            posting.refuse();
            return Err(Refusal::TOO_LARGE.into());
        }
        let mut charge = Charge::new(self.node(), Kind::Waiting);
        let mut stream = body.into_data_stream();
        let mut read = BytesMut::new();
        loop {
            let next = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx));
            // The time that an unfinished message may go without a byte, as on a WebSocket. When `posting` is dropped, the session
            // ends: packets of the client are lost.
            let next = timeout(self.serving.limits.websocket.partial_timeout, next);
            let Ok(next) = next.await else { return Err(Refusal::BAD_REQUEST.into()) };
            match next {
                None => break,
                _ if posting.is_over() => return Err(Refusal::UNKNOWN_SID.into()),
                Some(Err(_)) => return Err(Refusal::BAD_REQUEST.into()),
                Some(Ok(bytes)) if read.len() + bytes.len() > most => {
                    drop(bytes);
                    posting.refuse();
                    return Err(Refusal::TOO_LARGE.into());
                }
                Some(Ok(bytes)) => read.extend_from_slice(&bytes),
            }
            if let Some(charge) = &mut charge {
                charge.set(read.len());
                self.node().memory.notice();
            }
        }
        Ok(posting.hand_over(read.freeze()).await?)
    }

    /// The 101. Spawns the task that waits for the stream.
    fn upgrade(self: &Arc<Self>, asked: Asked, next: Next) -> Result<Response<Body>, Answer> {
        let Asked { mut parts, peer, host, .. } = asked;
        let on_upgrade = parts.extensions.remove::<OnUpgrade>();
        let checked = check_request_of_any_path(
            &parts.method,
            &parts.uri,
            parts.version,
            &parts.headers,
            &head_limits(self.node().limits()),
        )?;
        let accept = checked.accept_value();
        // A browser that offers subprotocols gives up if none is chosen. They have no meaning here.
        let protocol = checked.protocols().next().and_then(|protocol| HeaderValue::from_str(protocol).ok());
        let on_upgrade = on_upgrade.ok_or_else(|| Answer::Http(Refused::no_stream()))?;
        let is_configured = parts.extensions.get::<OwnListener>().is_some();
        let inner = self.clone();
        tokio::spawn(async move {
            let time = inner.node().limits().handshake_timeout;
            let Ok(Ok(upgraded)) = timeout(time, on_upgrade).await else {
                inner.node().rejected("engineio", "upgrade");
                return;
            };
            let socket = match into_tcp(upgraded) {
                Ok((stream, early)) => {
                    if !is_configured {
                        super::listener::configure(&stream);
                    }
                    super::listener::allow(&stream, &inner.serving.limits);
                    Socket::new(Box::pin(stream), early)
                }
                Err(upgraded) => Socket::new(Box::pin(TokioIo::new(upgraded)) as Pin<Box<dyn Io>>, Vec::new()),
            };
            match next {
                Next::Probe(upgrading) => upgrading.hand_over(socket),
                Next::Open(permit) => {
                    let mailbox = Arc::new(Mailbox::new(false, false));
                    let Ok(sid) = inner.serving.sessions.open(&mailbox) else { return };
                    let request = handshake(parts, peer, host);
                    let serving = inner.serving.clone();
                    // This task is not needed any more.
                    drop(inner);
                    Session::new(serving, mailbox, sid, request, Some(socket), permit).await;
                }
            }
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        if let Some(protocol) = protocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        Ok(response)
    }
}

/// What guards see of the request that opens a session.
fn handshake(parts: Parts, peer: Option<SocketAddr>, host: Box<str>) -> Handshake {
    let mut request = Handshake::new(parts);
    request.set_peer(peer);
    request.set_host(host);
    request
}

/// True if the request asks to become a WebSocket. Other protocols, such as `h2c`, may be ignored (RFC 9110 §7.8).
fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let mut asked =
        headers.get_all(UPGRADE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    asked.any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}

/// True if the client library is asked for. The path was checked when the service was mounted.
fn is_client(parts: &Parts) -> bool {
    parts.method == Method::GET && parts.uri.path().ends_with("/socket.io.js")
}

/// What a WebSocket is for.
enum Next {
    /// A new session.
    Open(ConnectionPermit),
    /// A polling session that may move to it.
    Probe(Upgrading),
}

fn plain(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
