//! What a connection holds of its client's messages, and when it stops reading because of that: memory is short, or much was
//! inflated.
use crate::buffers::READ;
use crate::hub::Endpoint;
use crate::log;
use crate::node::clock::NEVER;
use crate::node::{Charge, Level};
use crate::outbound::CloseRequest;
use crate::transport::websocket::reading::set_paused;
use crate::transport::websocket::task::Task;
use crate::transport::websocket::timers::SECOND;

/// At [`Level::Evict`], where reading stops, a connection that holds no more than this is still read, in pieces of this many
/// bytes. So a short message still gets its answer, `overloaded`.
const LITTLE: usize = 4 << 10;
/// Milliseconds between two checks of whether memory is still short.
const AGAIN: u64 = 500;
/// How many bytes a connection has to hold to be evicted while it waits to be read: at the first check, at the second, and at all
/// later ones.
const GIVEN_UP: [usize; 3] = [16 << 10, 1 << 10, 1];

impl Task {
    /// Updates what the node is charged with: what this connection holds after this turn.
    #[inline]
    pub(crate) fn charge(&mut self, conn: &Endpoint) {
        if self.is_weighed && conn.node().memory.is_limited() {
            let unread = self.unread.as_ref().map_or(0, |bytes| bytes.len());
            let bytes = self.runner.held() + unread + self.decoder.buffered();
            self.timers.recharge(conn, bytes, self.decoder.is_partial());
        }
    }

    /// How many bytes may be read now: 0 while memory is short or much was inflated. While reading is paused, a missing pong is
    /// not held against the peer.
    #[inline(never)]
    pub(crate) fn room_beside_others(&mut self, conn: &Endpoint) -> usize {
        let (is_short, room) = match conn.node().memory.pressure() {
            Level::Normal | Level::NoNewConnections => (false, READ),
            // The client is told `overloaded`, for which its message has to be read completely.
            Level::Shed if !self.runner.has_messages() => (false, READ),
            Level::Evict
                if !(self.runner.has_messages() || self.decoder.is_partial() && self.decoder.buffered() > LITTLE) =>
            {
                (false, LITTLE)
            }
            Level::Shed | Level::Evict => (true, 0),
        };
        let inflates = conn.deflate.is_some() && self.timers.has_inflated_enough(conn);
        let (now, read_at) = (self.endpoint().now(), self.timers.rare().read_at);
        if !is_short && !inflates {
            if read_at != NEVER {
                let rare = self.timers.rare_mut();
                (rare.read_at, rare.tried, rare.is_short) = (NEVER, 0, false);
            }
            return room;
        }
        if is_short && now >= read_at && self.gives_up(conn) {
            return 0;
        }
        if !self.endpoint().is_paused() {
            set_paused(conn, &mut self.timers, true);
        }
        let again = if is_short { now + AGAIN } else { self.timers.rare().inflated.ends(SECOND) };
        let rare = self.timers.rare_mut();
        rare.is_short = is_short;
        if read_at == NEVER || now >= read_at {
            rare.read_at = again;
        }
        0
    }

    /// Counts what was inflated for the message that was decoded last. True if no more may be inflated in this second.
    #[inline(never)]
    pub(crate) fn inflates_too_much(&mut self, conn: &Endpoint) -> bool {
        let bytes = self.decoder.take_inflated();
        if bytes > 0 {
            let now = conn.exact();
            self.timers.rare_mut().inflated.add(now, SECOND, bytes as u64, u32::MAX);
        }
        self.timers.has_inflated_enough(conn)
    }

    /// Evicts this connection if it holds much, see [`GIVEN_UP`]; true if so. If no connection gave up what it holds, memory
    /// would stay short, and no connection could ever be read again. Those that hold most go first.
    fn gives_up(&mut self, conn: &Endpoint) -> bool {
        let tried = self.timers.rare().tried as usize;
        self.timers.rare_mut().tried += 1;
        if !conn.node().memory.is_exhausted() {
            return false;
        }
        self.charge(conn);
        let held = self.timers.rare().charge.as_ref().map_or(0, Charge::bytes);
        let bytes = held + self.runner.port.as_ref().map_or(0, |port| port.held());
        if bytes < GIVEN_UP[tried.min(GIVEN_UP.len() - 1)] {
            return false;
        }
        self.give_up(bytes);
        true
    }

    /// Evicts the connection: ends it, and frees what it holds.
    #[cold]
    pub(crate) fn give_up(&mut self, bytes: usize) {
        let conn = self.runner.client.endpoint_arc().clone();
        conn.node().counters.evicted();
        let client = conn.id;
        log::limited!(warn, (), %client, bytes, "evicted: memory is short, and its messages wait");
        if let Some(port) = &self.runner.port {
            conn.node().counters.dropped_inbound(port.discard());
        }
        self.obey(CloseRequest::try_again_later(true));
        // Drops the unfinished message; nothing more is decoded.
        self.decoder.pass_over(&[]);
        self.charge(&conn);
    }
}
