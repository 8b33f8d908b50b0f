//! [`Task`]: the task of one connection. A turn reads, handles and writes, and never waits for any of them.
use crate::contain::drop_contained;
use crate::hub::{Endpoint, Turn};
use crate::log;
use crate::node::clock::{NEVER, millis};
use crate::outbound::outbox::Flushed;
use crate::outbound::{DisconnectReason, Sink, Stream};
use crate::runner::{Asked, EndRequest, Round, Runner};
use crate::transport::Served;
use crate::transport::rates::Rates;
use crate::transport::websocket::closing::Net;
use crate::transport::websocket::reading::ping;
use crate::transport::websocket::timers::Timers;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use switchboard_core::CloseCode;
use switchboard_core::ws::{Decoder, Role};

/// Rounds in one turn, each with at most two reads and one write. After them the task yields, even if its stream always has more
/// to read.
const ROUNDS: usize = 16;

/// The task of one connection. It is ready when the stream is gone and the application has finished with the connection.
///
/// The task owns the WebSocket's state, and the [`Runner`] the client's work. They meet only in [`Task::run`], which lends the
/// runner a `Round`. The runner asks for an end through the round, and the task obeys after the call.
pub(crate) struct Task {
    /// `None` once it is gone.
    pub(crate) stream: Option<Stream>,
    pub(crate) net: Net,
    pub(crate) decoder: Decoder,
    /// Bytes that are read but not parsed yet: they came with the request head, or reading paused while they were parsed. A box
    /// of a box, so that it is one word in all the connections that have none.
    pub(crate) unread: Option<Box<Box<[u8]>>>,
    pub(crate) runner: Runner,
    pub(crate) timers: Timers,
    /// What the client may still send, if its rate is limited.
    pub(crate) rates: Option<Box<Rates>>,
    /// The client does not read: nothing more is handled until it does.
    pub(crate) congested: bool,
    /// The message being handled is the last one of its read: no later message of the read adds a reply to the same write.
    pub(crate) is_last: bool,
    /// Whether to count what the connection holds and inflates: memory is limited, or its messages are compressed.
    pub(crate) is_weighed: bool,
    /// A turn has panicked.
    faulty: bool,
    /// Leaves all rooms and the namespace when dropped, however the task ends. Each turn takes it out of the task, and borrows it
    /// while it changes the task: counting references up and down instead would cost half a percent of an echo.
    served: Option<Served>,
}

impl Task {
    /// `early`: the bytes that the client sent after its request head.
    pub(crate) fn new(served: Served, stream: Stream, early: Vec<u8>) -> Task {
        let client = served.client();
        let conn = client.endpoint();
        // Ids are random, so the first pings of many connections do not coincide.
        let timers = Timers::new(conn.present(), conn.id.low() >> 20, &conn.profile.limits);
        Task {
            stream: Some(stream),
            net: Net::Open,
            decoder: Decoder::new(Role::Server).with_deflate(conn.deflate),
            unread: (!early.is_empty()).then(|| Box::new(early.into_boxed_slice())),
            rates: Rates::new(timers.born, &conn.profile.limits),
            timers,
            congested: false,
            is_last: false,
            is_weighed: conn.node().memory.is_limited() || conn.deflate.is_some(),
            faulty: false,
            runner: Runner::new(client),
            served: Some(served),
        }
    }

    /// Calls the runner, and obeys what it asks for. `conn` is borrowed from the turn, or from a handle that was cloned for this
    /// call.
    #[inline(always)]
    pub(crate) fn run<T>(&mut self, conn: &Endpoint, work: impl FnOnce(&mut Runner, &mut Round<'_>) -> T) -> T {
        let mut round = Round {
            endpoint: conn,
            reach: self.net.reach(),
            congested: &mut self.congested,
            only: self.is_last,
            unread: self.unread.is_some(),
            tick: self.timers.tick,
            asked: None,
        };
        let result = work(&mut self.runner, &mut round);
        if let Some(asked) = round.asked {
            self.obey_runner(*asked);
        }
        result
    }

    /// The end is obeyed before malformed messages are counted, because the answer that asked for it was sent first.
    #[cold]
    fn obey_runner(&mut self, Asked { end, malformed }: Asked) {
        match end {
            Some(EndRequest::Close { close, reason }) => self.close(close, reason),
            Some(EndRequest::Abort { code, reason }) => self.abort(code, reason),
            Some(EndRequest::Restart) => self.close_for_restart(),
            None => {}
        }
        for _ in 0..malformed {
            let now = self.endpoint().now();
            if self.timers.malformed(now, self.runner.endpoint().limits()) {
                self.passes_limit(CloseCode::TOO_MANY_ERRORS);
            }
        }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.runner.endpoint()
    }

    /// Ends a round. True if there is something to do at once.
    fn finish_turn(&mut self, cx: &mut Context<'_>) -> bool {
        // The writer is locked only if it has something for the task, or if something waits for what `end_turn` reports: a
        // connection that ends once all is written, messages that wait until the client reads, a raw socket that waits for room.
        let waits = self.net != Net::Open || self.congested || self.runner.port.is_some();
        (waits || self.endpoint().writer.is_touched()) && self.write_rest(cx)
    }

    /// Writes what waits, obeys a request to end, and leaves the waker. True if there is something to do at once.
    fn write_rest(&mut self, cx: &mut Context<'_>) -> bool {
        // First, because it may add the closing frames to what is written now.
        if self.net == Net::Answering && self.runner.is_answered() {
            self.finish();
        }
        let whole = match &mut self.stream {
            Some(stream @ Stream::Other(_)) => Some(stream as &mut dyn Sink),
            _ => None,
        };
        let conn = self.runner.client.endpoint();
        let end = conn.writer.end_turn(cx, whole, &conn.profile.limits, conn.node());
        let was_congested = self.congested;
        match end.flushed {
            None | Some(Flushed::Drained) => {
                self.timers.drained();
                self.congested = false;
                // Everything is written, the close frame too.
                if self.net == Net::Closing {
                    // The peer has this long for its close frame.
                    self.net = Net::Lingering;
                    self.timers.rare_mut().gone_by = conn.present() + millis(conn.profile.limits.websocket.linger);
                }
            }
            Some(Flushed::Blocked { progress }) => {
                self.congested = end.crowded;
                let (now, limits) = (conn.present(), &conn.profile.limits);
                self.timers.blocked(now, limits, progress, end.waiting, self.net == Net::Closing);
            }
            Some(Flushed::Failed) => self.lost(),
        }
        if let Some(port) = &self.runner.port
            && !end.crowded
        {
            port.writable();
        }
        if let Some(request) = end.request {
            self.obey(request);
        }
        // Messages that waited until the client reads can be handled now.
        end.again || (was_congested && !self.congested)
    }

    /// Ends what has used up its time: handlers and hooks, the answers after the peer's end, the stream.
    fn check_own_time(&mut self, conn: &Endpoint) {
        let now = self.endpoint().now();
        self.run(conn, |runner, round| runner.check_time(now, round));
        if now >= self.timers.rare().answer_by {
            self.finish();
        }
        if now >= self.timers.rare().gone_by {
            self.lost();
        }
    }

    /// Judges the peer by the clock. True if something was done. All that the peer sent is read before this: after a stall of
    /// this process, the pong is in the socket already.
    fn check_peers_time(&mut self) -> bool {
        if !self.net.is_served() {
            return false;
        }
        let now = self.endpoint().now();
        let rare = self.timers.rare();
        if now >= rare.write_by || now >= rare.soft_by {
            self.abort(CloseCode::SLOW_CONSUMER, DisconnectReason::SlowConsumer);
        } else if self.net != Net::Open {
            return false;
        } else if now >= self.timers.pong_by {
            self.abort(CloseCode::NO_PONG, DisconnectReason::NoPong);
        } else if now >= self.partial_by() {
            match now >= self.timers.partial_by(self.endpoint().limits()) && !self.timers.rare().is_short {
                true => self.violation(CloseCode::POLICY, "drip"),
                false => self.give_up(self.decoder.buffered()),
            }
        } else if now >= self.timers.expires_at(self.endpoint().limits()) {
            self.close(CloseCode::GOING_AWAY.into(), DisconnectReason::Expired);
        } else if now >= self.timers.ping_at {
            ping(self.runner.endpoint(), &mut self.timers);
        } else {
            return false;
        }
        true
    }

    /// When an unfinished message is given up. While reading is paused it is not, because that is not the peer's fault; unless
    /// memory is short, which has to be freed somewhere.
    fn partial_by(&self) -> u64 {
        if self.decoder.is_partial() && (!self.endpoint().is_paused() || self.timers.rare().is_short) {
            let (conn, timers) = (self.runner.endpoint(), &self.timers);
            timers.partial_by(conn.limits()).min(timers.whole_by(conn.node().memory.is_short(), conn.limits()))
        } else {
            NEVER
        }
    }

    /// Stores when the sweep has to wake this task.
    fn set_alarm(&self) {
        let conn = self.runner.endpoint();
        let alarm = self.timers.alarm(self.net, self.partial_by(), conn.limits());
        conn.alarm.store(alarm.min(self.runner.alarm()), Ordering::Relaxed);
    }

    /// True if the runner has nothing to do before more is read.
    fn is_at_rest(&self) -> bool {
        self.net == Net::Open && self.runner.is_at_rest(self.congested)
    }

    /// One turn: handle, read, write, until each waits for something.
    fn turn(&mut self, conn: &Served, cx: &mut Context<'_>) -> Poll<()> {
        let due = conn.alarm_is_due(conn.now());
        if due {
            self.check_own_time(conn);
        }
        for _ in 0..ROUNDS {
            // `poll` returns true when it asked for an end, which is obeyed by then: the runner goes on with what that leaves.
            // Most turns begin with a message that has just come, and nothing else to do.
            while !self.is_at_rest() && self.run(conn, |runner, round| runner.poll(&conn.table, round, cx)) {}
            // If nothing runs, there is a second read before the write: usually it finds nothing, and one write ends the turn.
            let read = self.poll_read(conn, cx) && (!self.is_at_rest() || self.poll_read(conn, cx));
            let again = self.finish_turn(cx);
            self.poll_goodbye(cx);
            if self.net == Net::Gone && self.runner.is_done() {
                return Poll::Ready(());
            }
            // The peer's deadlines come last: by then everything that it sent is read.
            if read
                || again
                || self.runner.has_work(self.net.reach(), self.congested)
                || (due && self.check_peers_time())
            {
                continue;
            }
            self.charge(conn);
            self.set_alarm();
            return Poll::Pending;
        }
        self.charge(conn);
        self.set_alarm();
        // There is more to do, after other tasks had their turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Some(served) = this.served.take() else { return Poll::Ready(()) };
        let _turn = Turn::of(&served);
        let polled = catch_unwind(AssertUnwindSafe(|| this.turn(&served, cx)));
        // Put back before anything else: it has to be dropped after what runs, which is in other fields of the task.
        this.served = Some(served);
        polled.unwrap_or_else(|panic| {
            // Panics of the application are caught where its code is called, so this one is a fault of ours. The task drops the
            // stream, and the connection then ends like any other. After a second panic the task ends at once.
            log::panicked("connection", &*panic);
            drop_contained(panic);
            if std::mem::replace(&mut this.faulty, true) {
                return Poll::Ready(());
            }
            this.lost();
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }
}
