//! What a connection does by the clock. The sweep wakes the task when the earliest of these is due.
//!
//! Times are milliseconds on the node's clock, which moves in steps of `Limits::tick`; a deadline gets one step on top, so
//! that it is never early.
use crate::limits::GatewayLimits;
use crate::node::Charge;
use crate::node::clock::{NEVER, millis};
use std::time::Duration;

pub(crate) struct Timers {
    pub(crate) tick: u64,
    pub(crate) born: u64,
    /// When bytes of a message, finished or not, last came.
    pub(crate) last_progress: u64,
    pub(crate) last_message: u64,
    pub(crate) ping_at: u64,
    /// The payload of the last ping: when it was sent.
    pub(crate) pinged: u64,
    pub(crate) pong_by: u64,
    rare: Option<Box<RareDeadlines>>,
}

/// What a connection that does well never needs: an idle one has no memory for it.
pub(crate) struct RareDeadlines {
    /// The socket must have taken bytes by then.
    pub(crate) write_by: u64,
    /// The outbox must be under its soft limit by then.
    pub(crate) soft_by: u64,
    /// The stream must be gone by then …
    pub(crate) gone_by: u64,
    /// … which progress may move, but not beyond this.
    pub(crate) gone_at_last: u64,
    /// What the peer sent before its end is answered until then.
    pub(crate) answer_by: u64,
    /// What is said after these answers: a close frame, or nothing to a peer that has ended without one.
    pub(crate) goodbye: Vec<u8>,
    /// Reading has paused for another reason than a full queue, and is tried again then.
    pub(crate) read_at: u64,
    /// That is because memory is short.
    pub(crate) is_short: bool,
    /// How many times it was tried, while memory is short.
    pub(crate) tried: u32,
    /// What of this connection's messages is held against the memory.
    pub(crate) charge: Option<Charge>,
    /// Since then a message has not been whole, where memory is limited; it is another one than the last that was.
    pub(crate) partial_since: u64,
    /// Bytes that were inflated.
    pub(crate) inflated: Window,
    /// Bytes that came after the end, and were thrown away.
    pub(crate) ignored: usize,
    /// The peer's close frame has come.
    pub(crate) heard_close: bool,
    /// The peer has ended its half of the stream.
    pub(crate) peer_ended: bool,
    pings: Window,
    malformed: Window,
}

impl RareDeadlines {
    const NONE: RareDeadlines = RareDeadlines {
        write_by: NEVER,
        soft_by: NEVER,
        gone_by: NEVER,
        gone_at_last: NEVER,
        answer_by: NEVER,
        goodbye: Vec::new(),
        read_at: NEVER,
        is_short: false,
        tried: 0,
        charge: None,
        partial_since: NEVER,
        inflated: Window { since: 0, count: 0 },
        ignored: 0,
        heard_close: false,
        peer_ended: false,
        pings: Window { since: 0, count: 0 },
        malformed: Window { since: 0, count: 0 },
    };
}

/// Events in a span of time.
#[derive(Default)]
pub(crate) struct Window {
    since: u64,
    count: u64,
}

impl Window {
    /// Counts one; true when there are more than `most` in `span`.
    pub(crate) fn count(&mut self, now: u64, span: u64, most: u32) -> bool {
        self.add(now, span, 1, most)
    }

    /// True while the span lasts in which so much was counted.
    pub(crate) fn reaches(&self, now: u64, span: u64, most: u64) -> bool {
        now < self.ends(span) && self.count >= most
    }

    /// When the span ends that was begun.
    pub(crate) fn ends(&self, span: u64) -> u64 {
        self.since + span
    }

    /// Counts so many; true when there are more than `most` in `span`.
    pub(crate) fn add(&mut self, now: u64, span: u64, count: u64, most: u32) -> bool {
        if now >= self.since + span {
            *self = Window { since: now, count: 0 };
        }
        self.count += count;
        self.count > u64::from(most)
    }
}

impl Timers {
    /// `random` is any number: it decides when the first ping is sent.
    pub(crate) fn new(now: u64, random: u64, limits: &GatewayLimits) -> Timers {
        let interval = millis(limits.websocket.ping_interval).max(1);
        Timers {
            tick: millis(limits.tick()),
            born: now,
            last_progress: now,
            last_message: now,
            ping_at: now + random % interval,
            pinged: 0,
            pong_by: NEVER,
            rare: None,
        }
    }

    pub(crate) fn rare(&self) -> &RareDeadlines {
        static NONE: RareDeadlines = RareDeadlines::NONE;
        self.rare.as_deref().unwrap_or(&NONE)
    }

    /// False for most connections: [`seldom`](Timers::seldom) is nothing.
    pub(crate) fn has_seldom(&self) -> bool {
        self.rare.is_some()
    }

    pub(crate) fn rare_mut(&mut self) -> &mut RareDeadlines {
        self.rare.get_or_insert_with(|| Box::new(RareDeadlines::NONE))
    }

    /// True where something is charged, or would have to be.
    pub(crate) fn is_charged(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.charge.is_some())
    }

    /// Nothing waits for the socket.
    pub(crate) fn drained(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.write_by = NEVER;
            rare.soft_by = NEVER;
        }
    }

    pub(crate) fn after(&self, now: u64, duration: Duration) -> u64 {
        now + millis(duration) + self.tick
    }

    /// Counts a ping, or a pong that nobody asked for. True when there are too many.
    pub(crate) fn ping_received(&mut self, now: u64, limits: &GatewayLimits) -> bool {
        self.rare_mut().pings.count(now, 1000, limits.websocket.pings_per_second)
    }

    /// True when the client has sent too many malformed messages.
    pub(crate) fn malformed(&mut self, now: u64, limits: &GatewayLimits) -> bool {
        self.rare_mut().malformed.count(now, 10_000, limits.websocket.malformed_per_10s)
    }

    pub(crate) fn partial_by(&self, limits: &GatewayLimits) -> u64 {
        self.after(self.last_progress, limits.websocket.partial_timeout)
    }

    /// When an idle or old connection ends.
    pub(crate) fn expires_at(&self, limits: &GatewayLimits) -> u64 {
        let idle = limits.idle_timeout.map_or(NEVER, |idle| self.after(self.last_message, idle));
        let old = limits.max_lifetime.map_or(NEVER, |lifetime| self.after(self.born, lifetime));
        idle.min(old)
    }
}
