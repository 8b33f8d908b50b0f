//! [`Endpoint`]: the state of one connection that is shared between its task and the rest of the program.
//!
//! One task per connection reads, decodes and polls its handlers. All other code reaches the connection through its [`Writer`]: it puts
//! frames into the outbox, or asks the connection to end.
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

/// The parts of the opening request that are kept, because the gateway's handlers declared that they need them.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) headers: Option<Arc<http::HeaderMap>>,
    pub(crate) extensions: http::Extensions,
    /// True while the client uses HTTP polling. `None`: its transport cannot change.
    #[cfg(feature = "socketio")]
    pub(crate) polling: Option<Arc<AtomicBool>>,
}

/// The shared state of a connection.
///
/// For each receiver, a broadcast touches the fields from `id` to the first ones of `writer`. The order of the fields (`repr(C)`) keeps
/// them adjacent, so that a receiver costs as few cache lines as possible.
#[repr(C)]
pub(crate) struct Endpoint {
    pub(crate) id: ClientId,
    pub(crate) space: Arc<Space>,
    pub(crate) profile: Arc<Profile>,
    pub(crate) format: Format,
    /// The negotiated compression. `None`: messages are not compressed in either direction.
    pub(crate) deflate: Option<Deflate>,
    /// True once the connection has ended and its extras are dropped. Set under the lock of `extras`.
    pub(crate) ended: AtomicBool,
    /// True while reading is paused because the inbound queue is full.
    pub(crate) paused: AtomicBool,
    pub(crate) peer_port: PeerPort,
    /// Writes the frames that other tasks put into the outbox, and has the clock. It belongs to the runtime in which the connection's task
    /// runs.
    pub(crate) flusher: Arc<Flusher>,
    pub(crate) writer: Writer,
    /// The time at which the task must be woken, on the flusher's clock.
    pub(crate) alarm: AtomicU64,
    pub(crate) membership: Mutex<Membership>,
    pub(crate) extras: Mutex<Option<Box<Extras>>>,
    pub(crate) kept: Option<Box<Kept>>,
    pub(crate) peer_ip: PeerIp,
}

/// The port of a peer and the family of its address. Every connection stores an address, so it is split into this and [`PeerIp`], which
/// fill padding between other fields.
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
    /// The index of the connection's subprotocol in `Profile::protocols`.
    pub(crate) protocol: Option<u8>,
}

impl Endpoint {
    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.space.node
    }

    /// The cached time of the connection's runtime, in milliseconds. It moves only when the clock is advanced, so it may lag behind the
    /// real time; see `exact`.
    pub(crate) fn now(&self) -> u64 {
        self.flusher.now()
    }

    /// Advances the clock to the real time and returns it, in milliseconds. Deadlines start from it, so that a stall of the runtime before
    /// the start does not use them up.
    pub(crate) fn present(&self) -> u64 {
        self.flusher.present()
    }

    /// The real time in milliseconds, read without advancing the clock. Used for rate limits.
    pub(crate) fn exact(&self) -> u64 {
        self.flusher.exact()
    }

    pub(crate) fn limits(&self) -> &GatewayLimits {
        &self.profile.limits
    }

    /// True while reading is paused because the inbound queue is full.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// Returns the address of the peer, if it is known.
    pub(crate) fn peer_addr(&self) -> Option<SocketAddr> {
        let (PeerPort { family, port }, ip) = (self.peer_port, Ipv6Addr::from(self.peer_ip.0));
        let ip = match family {
            Family::Unknown => return None,
            Family::V4 => ip.to_canonical(),
            Family::V6 => ip.into(),
        };
        Some((ip, u16::from_ne_bytes(port)).into())
    }

    /// Returns the current user of the connection.
    pub(crate) fn identity(&self) -> Option<Identity> {
        self.membership.lock().owner.as_ref().map(|owner| owner.identity.clone())
    }

    /// Returns the encoding of the connection's frames.
    pub(crate) fn encoding(&self) -> Encoding<'_> {
        self.profile.codecs.encoding(self.format, || self.space.name())
    }

    /// Returns the compression that applies to the connection's frames.
    #[inline]
    pub(crate) fn agreed(&self) -> Agreed<'_> {
        Agreed { deflate: self.deflate, compression: &self.profile.compression }
    }

    /// Decodes a frame. Frames of message patterns are rejected unless the gateway accepts them.
    pub(crate) fn decode<'f>(&'f self, message: &'f Received<'_>) -> Result<Incoming<'f, Part<'f>>, Rejected<'f>> {
        self.encoding().decode(message, self.profile.patterns)
    }

    /// Calls `work` with the extras, which are allocated on first use. `None` once the connection has ended.
    pub(crate) fn extras<T>(&self, work: impl FnOnce(&mut Extras) -> T) -> Option<T> {
        let mut extras = self.extras.lock();
        if self.ended.load(Ordering::Relaxed) { None } else { Some(work(extras.get_or_insert_default())) }
    }

    /// Ends the connection's state: drops the extras, that is, pending acks and the application's state, which may hold a handle of this
    /// connection.
    pub(crate) fn end(&self) {
        let extras = {
            let mut extras = self.extras.lock();
            self.ended.store(true, Ordering::Relaxed);
            extras.take()
        };
        drop_contained(extras);
    }

    /// Puts a frame into the outbox. The flusher writes it, or the connection's task at the end of its turn.
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

    /// True if a message of this length is within the gateway's `max_message_out`.
    pub(crate) fn takes(&self, len: usize) -> bool {
        len <= self.profile.limits.max_message_out
    }

    /// Puts an event into the outbox. Clients of a raw gateway get no events, because the gateway has its own protocol.
    pub(crate) fn push_event(self: &Arc<Self>, frame: &mut Frame<'_>, class: Class<'_>) -> Pushed {
        if self.profile.raw { Pushed::Gone } else { self.push(frame, class) }
    }

    /// Ends the connection with 4008, and frees its queued frames at once. Returns false if the connection was already evicted.
    pub(crate) fn evict(&self) -> bool {
        let Some((dropped, waker)) = self.writer.evict(self.node()) else { return false };
        self.node().counters.dropped(dropped);
        self.cut_port();
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Asks the task to end the connection. A request that `is_an_end` takes effect at once: see `CloseRequest::is_an_end`. Returns true if
    /// the connection was open.
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

    /// Ends the raw gateway's side of the connection: its loop receives nothing more, not even messages that have already arrived.
    pub(crate) fn cut_port(&self) {
        if self.profile.raw {
            let port = self.extras.lock().as_ref().and_then(|extras| extras.port.clone());
            let dropped = port.map_or(0, |port| port.cut());
            self.node().counters.dropped_inbound(dropped);
        }
    }

    /// Called by the flusher. Writes the queued frames, or wakes the task if the task must write them.
    pub(crate) fn flush_scheduled(&self) {
        if let Some(waker) = self.writer.flush_scheduled(self.node()) {
            waker.wake();
        }
    }

    /// Loads the cache lines that a push touches first, without taking a lock: see `hub::prefetch`.
    #[inline]
    pub(crate) fn fetch(&self) -> u64 {
        self.id.low() ^ u64::from(self.writer.is_locked())
    }

    pub(crate) fn is_open(&self) -> bool {
        self.writer.is_open()
    }

    /// True inside this connection's own task. What the task emits to its own client is written at the end of its turn, or by the flusher
    /// if that is scheduled already.
    pub(crate) fn is_current(&self) -> bool {
        CURRENT.get() == std::ptr::from_ref(self).addr()
    }

    pub(crate) fn alarm_is_due(&self, now: u64) -> bool {
        self.alarm.load(Ordering::Relaxed) <= now
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // Extensions of the request and the data of the user are types of the application, whose `Drop` may panic.
        drop_contained(self.kept.take());
        drop_contained(self.membership.get_mut().owner.take());
    }
}

thread_local! {
    /// The address of the `Endpoint` whose task runs on this thread; 0 for none.
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

/// Returns the request to close a connection with 4503 (`kicked`).
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

    /// With the counts of its `Arc` it fits 336 bytes, because rare state is boxed. For the size of the task see `http::opening`.
    #[test]
    fn an_idle_connection_is_small() {
        assert!(size_of::<Endpoint>() <= 312, "{}", size_of::<Endpoint>());
    }
}
