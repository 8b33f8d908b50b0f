//! From a request to a 101: every check, the guards, and what is kept.
use super::opening::{Opened, Opening};
use super::refused::Refused;
use super::{OwnListener, Proxies};
use crate::client_id::ClientId;
use crate::codec::{Format, is_unknown_version};
use crate::contain::drop_contained;
use crate::gateway::{CompiledGateway, NoSeat};
use crate::handshake::Handshake;
use crate::http::close_only::close_only;
use crate::hub::{Hub, Owner};
use crate::limits::NodeLimits;
use crate::node::{ConnectionPermit, Node, UserPlace};
use crate::{Error, Origins, log};
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use switchboard_core::CloseCode;
use switchboard_core::ws::Deflate;
use switchboard_core::ws::handshake::{HeadLimits, Refusal, Upgrade as Asked, check_allowed_host, check_request};

/// The HTTP service of one gateway.
#[derive(Clone)]
pub(crate) struct UpgradeService(Arc<Inner>);

struct Inner {
    table: Arc<CompiledGateway>,
    hub: Arc<Hub>,
    node: Arc<Node>,
    proxies: Proxies,
}

impl UpgradeService {
    pub(crate) fn new(table: Arc<CompiledGateway>, hub: &Arc<Hub>, proxies: Proxies) -> UpgradeService {
        UpgradeService(Arc::new(Inner { table, hub: hub.clone(), node: hub.node.clone(), proxies }))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.table.name
    }
}

impl tower::Service<Request<Body>> for UpgradeService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Responding;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Responding {
        let mut admitted = match self.0.admit(request) {
            Ok(admitted) => admitted,
            Err(refused) => return Responding::Ready(Some(self.0.refuse(refused))),
        };
        if let Some(protocol) = admitted.unknown_version.take() {
            return Responding::Ready(Some(self.0.turn_away(admitted, &protocol)));
        }
        if self.0.table.connect_guards.is_empty() {
            return Responding::Ready(Some(self.0.answer(admitted)));
        }
        let inner = self.0.clone();
        Responding::Guarded(Guarded { endpoint: self.0.clone(), future: Some(Box::pin(inner.guard(admitted))) })
    }
}

/// A response. It is ready at once if there are no guards.
pub(crate) enum Responding {
    Ready(Option<Response<Body>>),
    Guarded(Guarded),
}

/// The guards of one request. Their panics are contained. If the client goes away, this is dropped, and nothing is left of them.
pub(crate) struct Guarded {
    endpoint: Arc<Inner>,
    future: Option<Pin<Box<dyn Future<Output = Response<Body>> + Send>>>,
}

impl Future for Responding {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Responding::Ready(response) => Poll::Ready(Ok(response.take().unwrap_or_default())),
            Responding::Guarded(guarded) => guarded.poll(cx).map(Ok),
        }
    }
}

impl Guarded {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Response<Body>> {
        let Some(future) = &mut self.future else { return Poll::Ready(Response::default()) };
        let response = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(response)) => response,
            Err(panic) => {
                let trace = log::panicked("a guard before the upgrade", &*panic);
                drop_contained(panic);
                self.endpoint.refuse(Refused::panicked(trace))
            }
        };
        drop_contained(self.future.take());
        Poll::Ready(response)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop_contained(self.future.take());
    }
}

/// A request that has passed all checks of the protocol and has a permit, before its guards are asked.
struct Admitted {
    handshake: Handshake,
    on_upgrade: OnUpgrade,
    permit: ConnectionPermit,
    accept: HeaderValue,
    chosen: Option<Chosen>,
    /// The offered subprotocol that is of an unknown version, if no other offer was understood.
    unknown_version: Option<Box<str>>,
    deflate: Option<(Deflate, HeaderValue)>,
}

/// The subprotocol that the answer names.
#[derive(Clone, Copy)]
enum Chosen {
    Format(Format),
    /// A raw gateway's subprotocol of this number.
    Raw(u8),
}

impl Inner {
    /// Counts the refusal, and answers the request.
    fn refuse(&self, refused: Refused) -> Response<Body> {
        match refused.is_admission() {
            true => self.node.refused("handshake", refused.reason()),
            false => self.node.rejected("handshake", refused.reason()),
        }
        refused.response()
    }

    fn admit(&self, request: Request<Body>) -> Result<Admitted, Refused> {
        let mut handshake = Handshake::new(request.into_parts().0);
        let on_upgrade = handshake.parts_mut().extensions.remove::<OnUpgrade>();
        let has_bad_parameter = handshake.has_bad_parameter();
        let head = head_limits(&self.table.profile.node);
        let parts = handshake.parts();
        let headers = &parts.headers;
        let socket = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        let asked = check_request(&parts.method, &parts.uri, parts.version, headers, &head)?;
        if has_bad_parameter {
            return Err(Refusal::URI.into());
        }
        if socket.is_none() && !self.proxies.is_empty() {
            log::limited!(
                warn,
                (),
                "trust_proxies has no effect, for the peers are not known: give axum::serve the router's \
                 into_make_service_with_connect_info::<SocketAddr>()"
            );
        }
        let host = self.proxies.host(socket, headers, asked.host());
        if let Some(hosts) = &self.table.hosts {
            check_allowed_host(&host, hosts)?;
        }
        self.check_origin(asked.origin(), &host)?;
        let chosen = self.select_protocol(&asked)?;
        let unknown_version = match (chosen, &self.table.raw) {
            (None, None) => asked.protocols().find(|offered| is_unknown_version(offered)).map(Into::into),
            _ => None,
        };
        let deflate = self.table.profile.compression.and_then(|compression| compression.negotiate(headers));
        let on_upgrade = on_upgrade.ok_or_else(Refused::no_stream)?;
        let peer = self.proxies.client(socket, headers);
        let permit = ConnectionPermit::new(&self.node, peer.map(|peer| peer.ip()));
        // Read after the permit is taken: a shutdown that does not see this permit is seen here. See `Hub::shutdown`.
        if self.node.is_draining() {
            return Err(Refused::draining());
        }
        let (mut permit, accept) = (permit?, asked.accept_value());
        // Without room for the window, compression is not negotiated: a client that keeps its window does so whatever it is told.
        let deflate = deflate.filter(|(deflate, _)| permit.keeps_window(deflate.kept_window()));
        handshake.set_peer(peer);
        Ok(Admitted { handshake, on_upgrade, permit, accept, chosen, unknown_version, deflate })
    }

    /// Checks the origin. A function of the application may decide ([`Origins::by`]), so panics are caught.
    fn check_origin(&self, origin: Option<&str>, host: &str) -> Result<(), Refused> {
        let check = || match &self.table.origins {
            Some(origins) => origins.check(origin, host),
            None => Origins::same().check(origin, host),
        };
        match catch_unwind(AssertUnwindSafe(check)) {
            Ok(checked) => Ok(checked?),
            Err(panic) => {
                let trace = log::panicked("what says which origins may connect", &*panic);
                drop_contained(panic);
                Err(Refused::panicked(trace))
            }
        }
    }

    /// Answers a client that offers an unknown version only. A page learns nothing from an answer that names none of the
    /// subprotocols it offered. So the answer is a 101 that names what was offered, followed by a close frame.
    fn turn_away(&self, admitted: Admitted, protocol: &str) -> Response<Body> {
        let code = CloseCode::UNSUPPORTED_VERSION;
        self.node.rejected("handshake", code.reason());
        let Admitted { on_upgrade, permit, accept, .. } = admitted;
        tokio::spawn(close_only(on_upgrade, code, self.table.clone(), permit));
        switching(accept, Some(protocol), None)
    }

    /// Asks the guards, one after the other, within the time of the handshake.
    async fn guard(self: Arc<Self>, mut admitted: Admitted) -> Response<Body> {
        let asked = async {
            for guard in &self.table.connect_guards {
                guard.connect(&mut admitted.handshake).await?;
            }
            Ok::<(), Error>(())
        };
        // After a shutdown has begun, the connection would be closed again at once: the guards are not awaited.
        let asked = async {
            tokio::select! {
                biased;
                () = self.node.drained() => Err(Refused::draining()),
                asked = asked => asked.map_err(|error| refusal(self.table.told(error))),
            }
        };
        match tokio::time::timeout(self.table.profile.node.handshake_timeout, asked).await {
            Ok(Ok(())) => self.answer(admitted),
            Ok(Err(refused)) => self.refuse(refused),
            Err(_) => self.refuse(Refused::timeout()),
        }
    }

    fn answer(&self, admitted: Admitted) -> Response<Body> {
        self.switch(admitted).unwrap_or_else(|refused| self.refuse(refused))
    }

    /// The 101. Spawns the task that waits for the upgraded stream.
    fn switch(&self, admitted: Admitted) -> Result<Response<Body>, Refused> {
        let Admitted { mut handshake, on_upgrade, permit, accept, chosen, deflate, .. } = admitted;
        let place = handshake.user().map(|user| UserPlace::new(&self.node, user)).transpose()?.flatten();
        let lease = self.table.lease(&self.hub, &handshake, None).map_err(|why| match why {
            NoSeat::Told(error) => refusal(error),
            NoSeat::Full(full) => Refused::from(full),
        })?;
        let owner = handshake.take_identity().map(|identity| Owner::new(identity, place));
        let kept = self.table.keep(&handshake).map_err(refusal)?;
        let opening = Opening {
            id: ClientId::random().map_err(|_| Refused::no_random())?,
            table: self.table.clone(),
            owner,
            kept,
            format: match chosen {
                Some(Chosen::Format(format)) => format,
                Some(Chosen::Raw(_)) | None => self.table.default_format,
            },
            raw_protocol: match chosen {
                Some(Chosen::Raw(number)) => Some(number),
                Some(Chosen::Format(_)) | None => None,
            },
            deflate: deflate.as_ref().map(|(deflate, _)| *deflate),
            peer: handshake.peer_addr(),
            configured: handshake.extension::<OwnListener>().is_some(),
        };
        tokio::spawn(Opened::new(opening, on_upgrade, permit, lease));
        let protocol = chosen.and_then(|chosen| match chosen {
            Chosen::Format(format) => Some(self.table.profile.codecs.protocol(format)),
            Chosen::Raw(number) => self.table.protocols.name(number),
        });
        Ok(switching(accept, protocol, deflate.map(|(_, answer)| answer)))
    }

    /// The first subprotocol offered by the client that this gateway knows: one of a raw gateway's own, or a format.
    fn select_protocol(&self, asked: &Asked<'_>) -> Result<Option<Chosen>, Refusal> {
        if self.table.profile.raw {
            return Ok(self.table.protocols.select(asked)?.map(Chosen::Raw));
        }
        if asked.protocols().next().is_none() {
            return asked.select_protocol(&[], false).map(|_| None);
        }
        let ours: Vec<(&str, Format)> = self.table.profile.codecs.offers(self.table.profile.frames).collect();
        let names: Vec<&str> = ours.iter().map(|(name, _)| *name).collect();
        let chosen = asked.select_protocol(&names, false)?;
        Ok(ours.iter().find(|(name, _)| Some(*name) == chosen).map(|(_, format)| Chosen::Format(*format)))
    }
}

pub(super) fn head_limits(limits: &NodeLimits) -> HeadLimits {
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

/// The answer to an error that the client is told.
fn refusal(error: Error) -> Refused {
    let refused = Refused::from(&error);
    drop_contained(error);
    refused
}

fn switching(accept: HeaderValue, protocol: Option<&str>, extension: Option<HeaderValue>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    // A token is always a valid header value.
    if let Some(Ok(protocol)) = protocol.map(HeaderValue::from_str) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    if let Some(extension) = extension {
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, extension);
    }
    response
}
