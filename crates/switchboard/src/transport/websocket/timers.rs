//! [`Timers`]: the deadlines of a connection. The sweep wakes the task when the earliest of them is due.
//!
//! Times are milliseconds on the clock of the connection's runtime, which moves in steps of `Limits::tick`. A deadline gets one
//! step on top, so that it is never early.
use crate::hub::Endpoint;
use crate::limits::GatewayLimits;
use crate::node::clock::{NEVER, millis};
use crate::node::{Charge, Kind};
use crate::transport::websocket::closing::Net;
use crate::transport::window::Window;
use std::time::Duration;

pub(crate) const SECOND: u64 = 1000;
/// The header of a client's control frame: two bytes and a masking key.
const CONTROL_HEADER: usize = 6;

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
        inflated: Window::NONE,
        ignored: 0,
        heard_close: false,
        peer_ended: false,
        pings: Window::NONE,
        malformed: Window::NONE,
    };
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

    /// The socket refuses bytes: sets the deadlines by which a slow client has to read.
    pub(crate) fn blocked(
        &mut self,
        now: u64,
        limits: &GatewayLimits,
        progress: bool,
        waiting: usize,
        is_closing: bool,
    ) {
        let write_by = self.after(now, limits.write_timeout);
        let soft_by = self.after(now, limits.outbound_soft_time);
        let rare = self.rare_mut();
        // Progress begins the time anew; a further refusal alone does not.
        if progress || rare.write_by == NEVER {
            rare.write_by = write_by;
        }
        if progress && is_closing {
            rare.gone_by = rare.write_by.min(rare.gone_at_last);
        }
        if waiting <= limits.outbound_soft_bytes {
            rare.soft_by = NEVER;
        } else if rare.soft_by == NEVER {
            rare.soft_by = soft_by;
        }
    }

    /// When an unfinished message is given up although its bytes keep coming: only while memory is short. Otherwise clients that
    /// send a byte now and then would hold that memory for ever, and nobody would be served.
    pub(crate) fn whole_by(&self, is_short: bool, limits: &GatewayLimits) -> u64 {
        let since = self.rare().partial_since;
        match since != NEVER && is_short {
            true => self.after(since.max(self.last_message), limits.websocket.partial_timeout),
            false => NEVER,
        }
    }

    /// The earliest of the deadlines that hold now. `partial_by`: when an unfinished message is given up.
    #[inline]
    pub(crate) fn alarm(&self, net: Net, partial_by: u64, limits: &GatewayLimits) -> u64 {
        let peers = match net {
            Net::Open => self.ping_at.min(self.pong_by).min(partial_by).min(self.expires_at(limits)),
            _ => NEVER,
        };
        // Most connections have no rare deadlines.
        if self.rare.is_some() { peers.min(self.rare_alarm(net)) } else { peers }
    }

    #[inline(never)]
    fn rare_alarm(&self, net: Net) -> u64 {
        let rare = self.rare();
        let own = rare.gone_by.min(rare.answer_by);
        match net {
            Net::Open => own.min(rare.write_by).min(rare.soft_by).min(rare.read_at),
            Net::Answering => own.min(rare.write_by).min(rare.soft_by),
            _ => own,
        }
    }

    /// True until the end of a second in which as much was inflated as may be.
    pub(crate) fn has_inflated_enough(&self, conn: &Endpoint) -> bool {
        let most = conn.profile.limits.websocket.inflated_per_second as u64;
        self.rare().inflated.reaches(conn.exact(), SECOND, most)
    }

    /// Charges the node with `bytes` of messages. `is_partial`: a message is unfinished.
    #[inline(never)]
    pub(crate) fn recharge(&mut self, conn: &Endpoint, bytes: usize, is_partial: bool) {
        if bytes == 0 && !self.is_charged() {
            return;
        }
        let now = conn.now();
        let rare = self.rare_mut();
        rare.partial_since = if is_partial { rare.partial_since.min(now) } else { NEVER };
        let kept = &mut rare.charge;
        let charge = kept.take().or_else(|| Charge::new(conn.node(), Kind::Waiting)).filter(|_| bytes > 0);
        *kept = charge.map(|mut charge| {
            charge.set(bytes);
            charge
        });
        conn.node().memory.notice();
    }

    /// A ping or pong in the middle of a message is no progress of that message, unless bytes of the message were read with it.
    pub(crate) fn progress_beside(&mut self, now: u64, consumed: usize, payload: usize) {
        if consumed > CONTROL_HEADER + payload {
            self.last_progress = now;
        }
    }

    /// Whether a pong answers the outstanding ping. Then the next ping comes one interval later.
    pub(crate) fn settles_ping(&mut self, payload: &[u8], conn: &Endpoint) -> bool {
        let settles = self.pong_by != NEVER && payload == self.pinged.to_be_bytes();
        if settles {
            self.pong_by = NEVER;
            self.ping_at = self.after(conn.now(), conn.limits().websocket.ping_interval);
        }
        settles
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
