//! [`Clock`]: the deadlines of a session. They are exact: the clock wakes the task itself, and does not wait for a sweep.
use super::probe::Probe;
use super::seats::Seats;
use crate::limits::GatewayLimits;
use crate::socketio::SocketIo;
use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// The time within which the attachments of a packet must come.
const ATTACHMENTS: Duration = Duration::from_secs(10);
/// The time between two polls that are released while an upgrade is under way.
const RELEASE: Duration = Duration::from_millis(100);
/// A ping that is sent later than this gives its client the whole time for the pong; one that is less late keeps the time of
/// its schedule, so that a busy machine does not make the deadlines of all clients later.
const LATE: Duration = Duration::from_millis(100);

pub(super) struct Clock {
    ping_interval: Duration,
    ping_timeout: Duration,
    connect_timeout: Duration,
    pub(super) last_message: Instant,
    /// When the next ping is sent, or when the last one was.
    ping_at: Instant,
    /// A ping is sent, and not answered.
    is_pinged: bool,
    /// By when the client must be in a namespace: after guards have answered, if they are asked.
    connect_by: Option<Instant>,
    /// Guards are asked, so that the client waits for us.
    is_asking: bool,
    /// By when a message of a WebSocket must go on that is not whole.
    pub(super) partial_by: Option<Instant>,
    partial_timeout: Duration,
    /// By when the awaited attachments must have come.
    pub(super) attachments_by: Option<Instant>,
    /// By when the client has to take bytes.
    pub(super) write_by: Option<Instant>,
    /// By when the outboxes must be under their soft limit.
    pub(super) soft_by: Option<Instant>,
    /// By when the carrier has to be gone.
    pub(super) gone_by: Option<Instant>,
    /// The latest time to which polls may move `gone_by`.
    pub(super) gone_at_last: Option<Instant>,
    /// By when the client sends a message, and when its time is over.
    pub(super) idle_timeout: Option<Duration>,
    pub(super) expires: Option<Instant>,
    /// When reading is tried again, while memory is short.
    pub(super) read_at: Option<Instant>,
    /// When a poll is released for the upgrade that is under way.
    pub(super) noop_at: Option<Instant>,
    sleep: Pin<Box<Sleep>>,
}

impl Clock {
    pub(super) fn new(options: &SocketIo, limits: &GatewayLimits) -> Clock {
        let now = Instant::now();
        Clock {
            ping_interval: options.ping_interval,
            ping_timeout: options.ping_timeout,
            connect_timeout: options.connect_timeout,
            last_message: now,
            ping_at: now + options.ping_interval,
            is_pinged: false,
            connect_by: Some(now + options.connect_timeout),
            is_asking: false,
            partial_by: None,
            partial_timeout: limits.websocket.partial_timeout,
            attachments_by: None,
            write_by: None,
            soft_by: None,
            gone_by: None,
            gone_at_last: None,
            idle_timeout: limits.idle_timeout,
            expires: limits.max_lifetime.map(|lifetime| now + lifetime),
            read_at: None,
            noop_at: None,
            sleep: Box::pin(sleep_until(now + options.ping_interval)),
        }
    }

    /// When the session ends without a sign of its client.
    pub(super) fn expiry(&self) -> Instant {
        self.ping_at + self.ping_timeout
    }

    /// True when it is time for a ping, which the caller sends.
    pub(super) fn is_ping_due(&mut self, now: Instant) -> bool {
        let is_due = !self.is_pinged && now >= self.ping_at;
        if is_due {
            self.is_pinged = true;
            if now - self.ping_at > LATE {
                self.ping_at = now;
            }
        }
        is_due
    }

    /// True when the client has not answered a ping in time.
    pub(super) fn is_pong_overdue(&self, now: Instant) -> bool {
        self.is_pinged && now >= self.expiry()
    }

    /// The ping that is not answered counts no longer, because the pong could not be read. The next ping comes one interval after
    /// it, or at once: a client expects one within the interval and the timeout.
    pub(super) fn forgive(&mut self) {
        self.is_pinged = false;
        self.ping_at = (self.ping_at + self.ping_interval).max(Instant::now());
    }

    /// The client has answered. The next ping comes one interval later.
    pub(super) fn is_heard(&mut self) {
        self.is_pinged = false;
        self.ping_at = Instant::now() + self.ping_interval;
    }

    /// Whether a pong is awaited.
    pub(super) fn is_pinged(&self) -> bool {
        self.is_pinged
    }

    /// The client has entered or left a namespace, asks for one, or has its answer. One that is refused gets no more time.
    pub(super) fn seats_changed(&mut self, seats: &Seats) {
        self.is_asking = !seats.joining.is_empty();
        if seats.are_any_present() {
            self.connect_by = None;
        } else if self.connect_by.is_none() {
            self.connect_by = Some(Instant::now() + self.connect_timeout);
        }
    }

    /// By when the client must be in a namespace. While guards are asked, it does not have to.
    pub(super) fn connect_by(&self) -> Option<Instant> {
        self.connect_by.filter(|_| !self.is_asking)
    }

    /// True if the client has had its time to enter a namespace.
    pub(super) fn is_late_to_connect(&self) -> bool {
        self.connect_by.is_some_and(|by| Instant::now() >= by)
    }

    /// True if the parked poll has to be released for an upgrade now. The next one is released a while later.
    pub(super) fn releases_poll(&mut self) -> bool {
        let now = Instant::now();
        let is_due = self.noop_at.is_some_and(|at| now >= at);
        if is_due {
            self.noop_at = Some(now + RELEASE);
        }
        is_due
    }

    /// The client has to take what waits within a time, which begins anew whenever it takes something. `waits`: something waits
    /// because of the client. `most`: the bytes that wait in the fullest outbox.
    pub(super) fn set_write_deadlines(&mut self, waits: bool, moved: bool, most: usize, limits: &GatewayLimits) {
        if !waits {
            self.write_by = None;
        } else if moved || self.write_by.is_none() {
            self.write_by = Some(Instant::now() + limits.write_timeout);
        }
        if most <= limits.outbound_soft_bytes {
            self.soft_by = None;
        } else if self.soft_by.is_none() {
            self.soft_by = Some(Instant::now() + limits.outbound_soft_time);
        }
    }

    /// The attachments of a packet must come within a time.
    pub(super) fn await_attachments(&mut self) {
        self.attachments_by = Some(Instant::now() + ATTACHMENTS);
    }

    /// A message that is not whole must go on within a time, while it is read. `is_awaited`: there is one.
    pub(super) fn expect_rest(&mut self, is_awaited: bool) {
        self.partial_by = is_awaited.then(|| Instant::now() + self.partial_timeout);
    }

    pub(super) fn idle_at(&self) -> Option<Instant> {
        self.idle_timeout.map(|timeout| self.last_message + timeout)
    }

    fn next(&self, probe: Option<&Probe>) -> Instant {
        let ping = if self.is_pinged { self.expiry() } else { self.ping_at };
        let others = [
            self.connect_by(),
            self.partial_by,
            self.attachments_by,
            self.write_by,
            self.soft_by,
            self.idle_at(),
            self.expires,
            self.read_at,
            // A poll that is parked later wakes the task itself.
            self.noop_at.filter(|at| *at > Instant::now()),
            probe.map(|probe| probe.by),
        ];
        // While the session ends, nothing else is waited for.
        self.gone_by.unwrap_or_else(|| others.into_iter().flatten().fold(ping, Instant::min))
    }

    /// True if a deadline is due. If none is, the task is woken at the first.
    pub(super) fn poll(&mut self, probe: Option<&Probe>, cx: &mut Context<'_>) -> bool {
        let next = self.next(probe);
        if self.sleep.deadline() != next {
            self.sleep.as_mut().reset(next);
        }
        self.sleep.as_mut().poll(cx).is_ready()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_ping_that_is_a_little_late_keeps_the_deadline_of_its_pong() {
        let [interval, timeout] = [300, 200].map(Duration::from_millis);
        let options = SocketIo::default().ping_interval(interval).ping_timeout(timeout);
        for (late, allowed) in [(0, 0), (20, 0), (100, 0), (101, 101), (5000, 5000)]
            .map(|(late, allowed)| (Duration::from_millis(late), Duration::from_millis(allowed)))
        {
            let mut clock = Clock::new(&options, &GatewayLimits::default());
            let born = Instant::now();
            assert!(!clock.is_ping_due(born + interval - Duration::from_millis(1)));
            assert!(clock.is_ping_due(born + interval + late));
            let expiry = born + interval + timeout + allowed;
            assert!(!clock.is_pong_overdue(expiry - Duration::from_millis(1)), "{late:?}");
            assert!(clock.is_pong_overdue(expiry), "{late:?}");
        }
    }
}
