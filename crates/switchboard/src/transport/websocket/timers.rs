//! [`Timers`]: the deadlines of a connection. The sweep wakes the task when the earliest of them is due.
//!
//! Times are milliseconds on the clock of the connection's runtime, which moves in steps of `Limits::tick`. A deadline gets one
//! step on top, so that it is never early.
use crate::limits::GatewayLimits;
use crate::node::Charge;
use crate::node::clock::{NEVER, millis};
use std::time::Duration;

pub(crate) struct Timers {
    pub(crate) tick: u64,
    pub(crate) born: u64,
    /// When bytes of a message, finished or not, last arrived.
    pub(crate) last_progress: u64,
    pub(crate) last_message: u64,
    pub(crate) ping_at: u64,
    /// When the last ping was sent, which is its payload.
    pub(crate) pinged: u64,
    pub(crate) pong_by: u64,
    rare: Option<Box<RareDeadlines>>,
}

/// State that a healthy connection never needs. It is allocated when first needed, so that an idle connection is small.
pub(crate) struct RareDeadlines {
    /// By when the socket has to accept bytes again.
    pub(crate) write_by: u64,
    /// By when the outbox has to be under its soft limit.
    pub(crate) soft_by: u64,
    /// By when the stream has to be gone. Progress of its last writes may move this.
    pub(crate) gone_by: u64,
    /// The latest time to which progress may move `gone_by`.
    pub(crate) gone_at_last: u64,
    /// Until when the messages are answered that the peer sent before its end.
    pub(crate) answer_by: u64,
    /// The closing frames that follow these answers; empty if the peer has ended without a close frame.
    pub(crate) goodbye: Vec<u8>,
    /// When reading is tried again, if it has paused for another reason than a full queue.
    pub(crate) read_at: u64,
    /// That pause is because memory is short.
    pub(crate) is_short: bool,
    /// How many times this connection was checked for eviction since memory became short.
    pub(crate) tried: u32,
    /// What the node's memory is charged with for this connection's messages.
    pub(crate) charge: Option<Charge>,
    /// Since when a message has been unfinished, if memory is limited. That may be an earlier message than the one that is
    /// unfinished now, so `last_message` has to be looked at, too.
    pub(crate) partial_since: u64,
    /// Bytes that were inflated, counted per second.
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

/// A count of events in a span of time, which begins with the first event after the last span.
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

    /// True if at least `most` was counted in a span that has not ended.
    pub(crate) fn reaches(&self, now: u64, span: u64, most: u64) -> bool {
        now < self.ends(span) && self.count >= most
    }

    /// When the span ends that began last.
    pub(crate) fn ends(&self, span: u64) -> u64 {
        self.since + span
    }

    /// Counts `count` events at once; true when there are more than `most` in `span`.
    pub(crate) fn add(&mut self, now: u64, span: u64, count: u64, most: u32) -> bool {
        if now >= self.since + span {
            *self = Window { since: now, count: 0 };
        }
        self.count += count;
        self.count > u64::from(most)
    }
}

impl Timers {
    /// `random` is any number. It decides when the first ping is sent, so that the pings of many connections do not coincide.
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

    /// False for most connections: all of [`rare`](Timers::rare) has its initial value.
    pub(crate) fn has_seldom(&self) -> bool {
        self.rare.is_some()
    }

    pub(crate) fn rare_mut(&mut self) -> &mut RareDeadlines {
        self.rare.get_or_insert_with(|| Box::new(RareDeadlines::NONE))
    }

    /// True if the node is charged for something of this connection.
    pub(crate) fn is_charged(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.charge.is_some())
    }

    /// Nothing waits for the socket any more: the deadlines of a slow client end.
    pub(crate) fn drained(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.write_by = NEVER;
            rare.soft_by = NEVER;
        }
    }

    /// The deadline that is `duration` after `now`, and one step of the clock more.
    pub(crate) fn after(&self, now: u64, duration: Duration) -> u64 {
        now + millis(duration) + self.tick
    }

    /// Counts a ping, or an unsolicited pong. True when there are too many.
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
