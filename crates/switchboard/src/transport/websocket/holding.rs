//! What a connection holds of its client's messages, and when it reads no more of them: while memory is short, and where much is inflated.
use crate::buffers::READ;
use crate::hub::Endpoint;
use crate::log;
use crate::node::clock::NEVER;
use crate::node::{Charge, Kind, Level};
use crate::outbound::CloseRequest;
use crate::transport::websocket::task::Task;

/// Where nobody is read any more, who holds no more than this is, in pieces of this: so a short message is answered.
const LITTLE: usize = 4 << 10;
/// Time between two looks at whether memory is short still.
const AGAIN: u64 = 500;
const SECOND: u64 = 1000;
/// From how many bytes on one who waits to be read gives up what it holds, at the first look after the beginning, and at later ones.
const GIVEN_UP: [usize; 3] = [16 << 10, 1 << 10, 1];

impl Task {
    /// Charges the node with what outlives this turn.
    #[inline]
    pub(crate) fn charge(&mut self, conn: &Endpoint) {
        if self.is_weighed && conn.node().memory.is_limited() {
            self.recharge(conn);
        }
    }

    #[inline(never)]
    fn recharge(&mut self, conn: &Endpoint) {
        let bytes = self.runner.held() + self.unread.as_ref().map_or(0, |bytes| bytes.len()) + self.decoder.buffered();
        if bytes == 0 && !self.timers.is_charged() {
            return;
        }
        let (is_partial, now) = (self.decoder.is_partial(), self.now());
        let rare = self.timers.rare_mut();
        rare.partial_since = if is_partial { rare.partial_since.min(now) } else { NEVER };
        let kept = &mut rare.charge;
        let charge = kept.take().or_else(|| Charge::new(conn.node(), Kind::Waiting)).filter(|_| bytes > 0);
        *kept = charge.map(|mut charge| {
            charge.set(bytes);
            charge
        });
        conn.node().memory.notice();
    }

    /// How many bytes may be read now: 0 while memory is short or much was inflated. A paused read is not a missed pong.
    #[inline(never)]
    pub(crate) fn room_beside_others(&mut self, conn: &Endpoint) -> usize {
        let (is_short, room) = match conn.node().memory.pressure() {
            Level::Normal | Level::NoNewConnections => (false, READ),
            // It is told `overloaded`, for which its message has to be read to the end.
            Level::Shed if !self.runner.has_messages() => (false, READ),
            Level::Evict if !self.runner.has_messages() && !self.has_begun() => (false, LITTLE),
            Level::Shed | Level::Evict => (true, 0),
        };
        let inflates = conn.deflate.is_some() && self.has_inflated_enough(conn);
        let (now, read_at) = (self.now(), self.timers.rare().read_at);
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
        if !self.is_paused() {
            self.set_paused(true);
        }
        let again = if is_short { now + AGAIN } else { self.timers.rare().inflated.ends(SECOND) };
        let rare = self.timers.rare_mut();
        rare.is_short = is_short;
        if read_at == NEVER || now >= read_at {
            rare.read_at = again;
        }
        0
    }

    /// Counts what was inflated for the message that was decoded last. True when it is enough for this second.
    #[inline(never)]
    pub(crate) fn inflates_too_much(&mut self, conn: &Endpoint) -> bool {
        let bytes = self.decoder.take_inflated();
        if bytes > 0 {
            let now = conn.exact();
            self.timers.rare_mut().inflated.add(now, SECOND, bytes as u64, u32::MAX);
        }
        self.has_inflated_enough(conn)
    }

    /// True until the end of a second in which as much was inflated as may be.
    fn has_inflated_enough(&self, conn: &Endpoint) -> bool {
        let most = conn.profile.limits.websocket.inflated_per_second as u64;
        self.timers.rare().inflated.reaches(conn.exact(), SECOND, most)
    }

    /// More than a little has come of a message that is not whole.
    fn has_begun(&self) -> bool {
        self.decoder.is_partial() && self.decoder.buffered() > LITTLE
    }

    /// What waits would stop everybody's reading for ever, if nobody gave up what it holds: those with most do first.
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

    /// Ends the connection, and frees what it holds.
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
        // Nothing more is decoded.
        self.decoder.pass_over(&[]);
        self.charge(&conn);
    }
}
