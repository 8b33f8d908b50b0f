//! [`Endpoint`]: one connection, as everybody except its task sees it.
//!
//! One task per connection reads, decodes and polls its handlers. Everybody else reaches a connection through its [`Writer`]: they put
//! frames into the outbox, or ask for its end.
use crate::client_id::ClientId;
use crate::codec::Received;
use crate::codec::{Encoding, Format, Part, Rejected};
use crate::contain::drop_contained;
use crate::hub::deferred::DeferredReplies;
use crate::hub::{Acks, Flusher, Membership, Port, Profile, Space};
use crate::limits::GatewayLimits;
use crate::log;
use crate::node::{Level, Node};
use crate::outbound::{Agreed, Class, CloseRequest, DisconnectReason, Frame, Pushed, Wake, Writer};
use crate::user::Identity;
use parking_lot::Mutex;
use std::cell::Cell;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use switchboard_core::ws::Deflate;
use switchboard_core::{CloseCode, Incoming};

/// What is kept of the request that opened a connection: what the gateway's handlers declared.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) headers: Option<Arc<http::HeaderMap>>,
    pub(crate) extensions: http::Extensions,
}

/// A connection as others see it.
///
/// Of every member, a broadcast touches the fields down to the first ones of the writer. They are adjacent, so that each member costs
/// as few cache lines as possible.
#[repr(C)]
pub(crate) struct Endpoint {
    pub(crate) id: ClientId,
    pub(crate) space: Arc<Space>,
    pub(crate) profile: Arc<Profile>,
    pub(crate) format: Format,
    /// Messages may be compressed, in both directions.
    pub(crate) deflate: Option<Deflate>,
    /// The task has ended; changed under the lock of `extras`.
    pub(crate) ended: AtomicBool,
    /// Reading has paused because the inbound queue is full.
    pub(crate) paused: AtomicBool,
    pub(crate) peer_port: PeerPort,
    /// Writes what others put into the outbox, and keeps the time: the one of the runtime that the connection lives in.
    pub(crate) flusher: Arc<Flusher>,
    pub(crate) writer: Writer,
    /// When the task wants to be woken, on the flusher's clock.
    pub(crate) alarm: AtomicU64,
    pub(crate) membership: Mutex<Membership>,
    pub(crate) extras: Mutex<Option<Box<Extras>>>,
    pub(crate) kept: Option<Box<Kept>>,
    pub(crate) peer_ip: PeerIp,
}

/// The port of a peer and the kind of its address. Every connection has an address, so it is split to fill the padding of other fields:
/// the rest is [`PeerIp`].
#[derive(Clone, Copy)]
pub(crate) struct PeerPort {
    family: Family,
    port: [u8; 2],
}

/// The IP address of a peer: see [`PeerPort`].
#[derive(Clone, Copy)]
pub(crate) struct PeerIp([u8; 16]);

#[derive(Clone, Copy)]
enum Family {
    Unknown,
    V4,
    V6,
}

pub(crate) fn peer(address: Option<SocketAddr>) -> (PeerPort, PeerIp) {
    let (family, ip) = match address.map(|address| address.ip()) {
        None => (Family::Unknown, [0; 16]),
        Some(IpAddr::V4(ip)) => (Family::V4, ip.to_ipv6_mapped().octets()),
        Some(IpAddr::V6(ip)) => (Family::V6, ip.octets()),
    };
    let port = address.map_or(0, |address| address.port()).to_ne_bytes();
    (PeerPort { family, port }, PeerIp(ip))
}

/// State that most connections never allocate: user state, pending acks, deferred replies.
#[derive(Default)]
pub(crate) struct Extras {
    pub(crate) state: http::Extensions,
    pub(crate) acks: Acks,
    pub(crate) late: Option<Box<DeferredReplies>>,
    /// The raw gateway's end of this connection.
    pub(crate) port: Option<Arc<Port>>,
    /// The number of its subprotocol.
    pub(crate) protocol: Option<u8>,
}

impl Endpoint {
    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.space.node
    }

    /// Milliseconds on the clock of its runtime, in steps.
    pub(crate) fn now(&self) -> u64 {
        self.flusher.now()
    }

    /// Milliseconds at this moment: where a deadline begins that a stall of the runtime must not use up.
    pub(crate) fn present(&self) -> u64 {
        self.flusher.present()
    }

    /// Milliseconds at this moment, which moves nothing: for rates.
    pub(crate) fn exact(&self) -> u64 {
        self.flusher.exact()
    }

    pub(crate) fn limits(&self) -> &GatewayLimits {
        &self.profile.limits
    }

    /// True while reading is paused.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// The address of the peer, where it is known.
    pub(crate) fn peer_addr(&self) -> Option<SocketAddr> {
        let (PeerPort { family, port }, ip) = (self.peer_port, Ipv6Addr::from(self.peer_ip.0));
        let ip = match family {
            Family::Unknown => return None,
            Family::V4 => ip.to_canonical(),
            Family::V6 => ip.into(),
        };
        Some((ip, u16::from_ne_bytes(port)).into())
    }

    /// The user that it belongs to at this moment.
    pub(crate) fn identity(&self) -> Option<Identity> {
        self.membership.lock().owner.as_ref().map(|owner| owner.identity.clone())
    }

    /// How its frames are read and written.
    pub(crate) fn encoding(&self) -> Encoding<'_> {
        self.profile.codecs.encoding(self.format)
    }

    /// How its frames may be compressed.
    #[inline]
    pub(crate) fn agreed(&self) -> Agreed<'_> {
        Agreed { deflate: self.deflate, compression: &self.profile.compression }
    }

    /// Reads a frame, of a kind that its gateway takes.
    pub(crate) fn decode<'f>(&'f self, message: &'f Received<'_>) -> Result<Incoming<'f, Part<'f>>, Rejected<'f>> {
        self.encoding().decode(message, self.profile.patterns)
    }

    /// Lends the extras; `None` once the connection has ended.
    pub(crate) fn extras<T>(&self, work: impl FnOnce(&mut Extras) -> T) -> Option<T> {
        let mut extras = self.extras.lock();
        if self.ended.load(Ordering::Relaxed) { None } else { Some(work(extras.get_or_insert_default())) }
    }

    /// Drops the extras: state of the application, which may hold this very connection, and acks that wait.
    pub(crate) fn end(&self) {
        let extras = {
            let mut extras = self.extras.lock();
            self.ended.store(true, Ordering::Relaxed);
            extras.take()
        };
        drop_contained(extras);
    }

    /// Puts a frame into the outbox; the flusher, or the task at the end of its turn, writes it.
    pub(crate) fn push(self: &Arc<Self>, frame: &mut Frame<'_>, class: Class<'_>) -> Pushed {
        if matches!(class, Class::Volatile(_)) && self.node().memory.fullness() >= Level::Shed {
            self.node().counters.dropped(1);
            return Pushed::Dropped;
        }
        let put = |frame: &mut Frame<'_>| {
            self.writer.push(frame, class, &self.profile.limits, self.is_current(), self.node())
        };
        let (pushed, wake, evicted) = frame.lend(self.agreed(), put);
        match wake {
            Wake::Nobody => {}
            Wake::Flusher => self.flusher.flush_later(self.clone()),
            Wake::Task(waker) => waker.wake(),
        }
        let dropped = evicted + usize::from(pushed == Pushed::Dropped);
        if dropped > 0 {
            self.node().counters.dropped(dropped);
        }
        pushed
    }

    /// True when it may be sent a message of this length.
    pub(crate) fn takes(&self, len: usize) -> bool {
        len <= self.profile.limits.max_message_out
    }

    /// Puts an event into the outbox. A raw gateway speaks a protocol of its own: no event reaches its clients.
    pub(crate) fn push_event(self: &Arc<Self>, frame: &mut Frame<'_>, class: Class<'_>) -> Pushed {
        if self.profile.raw { Pushed::Gone } else { self.push(frame, class) }
    }

    /// Ends the connection with 4008, and frees at once what waits for it. False if that has been done already.
    pub(crate) fn evict(&self) -> bool {
        let Some((dropped, waker)) = self.writer.evict(self.node()) else { return false };
        self.node().counters.dropped(dropped);
        self.cut_port();
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Asks the task to end the connection. It takes effect at once: see `CloseRequest::is_an_end`. Returns whether it was open.
    pub(crate) fn close(&self, request: CloseRequest) -> bool {
        let is_an_end = request.is_an_end();
        let (waker, was_open) = self.writer.request(request);
        if is_an_end {
            self.cut_port();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
        was_open
    }

    /// The loop of a raw gateway receives nothing more, not even what has come already.
    pub(crate) fn cut_port(&self) {
        if self.profile.raw {
            let port = self.extras.lock().as_ref().and_then(|extras| extras.port.clone());
            let dropped = port.map_or(0, |port| port.cut());
            self.node().counters.dropped_inbound(dropped);
        }
    }

    /// Called by the flusher: writes what waits, or wakes the task that has to.
    pub(crate) fn flush_scheduled(&self) {
        if let Some(waker) = self.writer.flush_scheduled(self.node()) {
            waker.wake();
        }
    }

    /// Reads what a push to it touches first, and waits for no lock: see `hub::prefetch`.
    #[inline]
    pub(crate) fn fetch(&self) -> u64 {
        self.id.low() ^ u64::from(self.writer.is_locked())
    }

    pub(crate) fn is_open(&self) -> bool {
        self.writer.is_open()
    }

    /// True inside this connection's own task: what it emits to itself leaves at the end of its turn, or with what the flusher is about to write.
    pub(crate) fn is_current(&self) -> bool {
        CURRENT.get() == std::ptr::from_ref(self).addr()
    }

    pub(crate) fn alarm_is_due(&self, now: u64) -> bool {
        self.alarm.load(Ordering::Relaxed) <= now
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // Extensions of the request, and the data of the user, are the application's.
        drop_contained(self.kept.take());
        drop_contained(self.membership.get_mut().owner.take());
    }
}

thread_local! {
    /// The address of the connection whose task runs on this thread.
    static CURRENT: Cell<usize> = const { Cell::new(0) };
}

/// Marks a connection as the current one of this thread, until dropped.
pub(crate) struct Turn(usize);

impl Turn {
    pub(crate) fn of(conn: &Endpoint) -> Turn {
        Turn(CURRENT.replace(std::ptr::from_ref(conn).addr()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// What the application says with a close code.
pub(crate) fn kicked() -> CloseRequest {
    CloseRequest::Graceful {
        close: CloseCode::KICKED.into(),
        reason: DisconnectReason::Server { code: CloseCode::KICKED },
    }
}

impl log::Subject for Endpoint {
    fn id(&self) -> ClientId {
        self.id
    }

    fn known<'e>(&self, event: &'e str) -> &'e str {
        self.profile.known(event)
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    /// With the counts of its `Arc` it fits 336 bytes: what it holds seldom is behind a pointer. The task's size: `http::opening`.
    #[test]
    fn an_idle_connection_is_small() {
        assert!(size_of::<Endpoint>() <= 312, "{}", size_of::<Endpoint>());
    }
}
