//! The connection task: one turn reads, handles and writes, and never waits for any of them.
use super::closing::Net;
use super::inbound::Inbound;
use super::lane::{CloseRequest, TurnEnd};
use super::outbox::Flushed;
use super::serving::{Running, Stage};
use super::timers::{NEVER, Timers};
use super::{Conn, DisconnectReason, Stream, Turn};
use crate::Client;
use crate::hub::Registration;
use crate::limits::Limits;
use crate::raw::Port;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use switchboard_core::CloseCode;
use switchboard_core::ws::{Decoder, FrameLimits, Role};

/// Reads in one turn; a stream that always has more lets other tasks run after them.
const READS: usize = 32;

/// The task of one connection; ready when the stream is gone and the application has finished with it.
pub(crate) struct Task {
    pub(super) client: Client,
    /// `None` once it is gone.
    pub(super) stream: Option<Stream>,
    pub(super) net: Net,
    pub(super) decoder: Decoder,
    /// Bytes that were read while the inbound queue became full.
    pub(super) unread: Vec<u8>,
    pub(super) inbound: Inbound,
    pub(super) stage: Stage,
    pub(super) running: Option<Running>,
    /// The other end of a raw gateway's socket.
    pub(super) port: Option<Arc<Port>>,
    pub(super) timers: Timers,
    /// The client does not read: nothing more is handled until it does.
    pub(super) congested: bool,
    /// The server shuts down: nothing new is handled.
    pub(super) draining: bool,
    pub(super) reason: Option<DisconnectReason>,
    /// Leaves all rooms and the hub when dropped, however the task ends.
    _registration: Registration,
}

impl Task {
    /// `early`: what the client sent behind its request head.
    pub(crate) fn new(registration: Registration, stream: Stream, early: Vec<u8>) -> Task {
        let client = registration.client();
        let conn = client.conn();
        let timers = Timers::new(conn.hub.now(), conn.id.low() >> 20, &conn.table.limits);
        let port = conn.attached.lock().as_ref().and_then(|attached| attached.port.clone());
        Task {
            stream: Some(stream),
            net: Net::Open,
            decoder: Decoder::new(Role::Server),
            unread: early,
            inbound: Inbound::default(),
            stage: Stage::New,
            running: None,
            port,
            timers,
            congested: false,
            draining: false,
            reason: None,
            client,
            _registration: registration,
        }
    }

    pub(super) fn conn(&self) -> &Conn {
        self.client.conn()
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.client.conn().table.limits
    }

    pub(super) fn frame_limits(&self) -> FrameLimits {
        self.limits().frames()
    }

    pub(super) fn now(&self) -> u64 {
        self.conn().hub.now()
    }

    fn end_turn(&mut self, cx: &mut Context<'_>) -> TurnEnd {
        let conn = self.client.conn();
        let (lane, limits) = (&conn.lane, &conn.table.limits);
        match &mut self.stream {
            Some(stream @ Stream::Other(_)) => {
                let mut write = |cx: &mut Context<'_>, bytes: &[IoSlice<'_>]| -> Poll<io::Result<usize>> {
                    stream.poll_write(cx, bytes)
                };
                let end = lane.end_turn(cx, Some(&mut write), limits);
                // What a TLS stream holds back is its own: a failure shows at the next read or write.
                let _ = stream.poll_flush(cx);
                end
            }
            _ => lane.end_turn(cx, None, limits),
        }
    }

    /// Writes what waits. True when there is something to do at once.
    fn finish_turn(&mut self, cx: &mut Context<'_>) -> bool {
        let end = self.end_turn(cx);
        let was_congested = self.congested;
        match end.flushed {
            None | Some(Flushed::Drained) => {
                self.timers.write_by = NEVER;
                self.timers.soft_by = NEVER;
                self.congested = false;
                if self.net == Net::Closing {
                    self.half_close();
                }
            }
            Some(Flushed::Blocked { progress }) => {
                self.congested = end.crowded;
                self.blocked(progress, end.waiting);
            }
            Some(Flushed::Failed) => self.lost(),
        }
        if let Some(port) = &self.port
            && !end.crowded
        {
            port.writable();
        }
        let asked = end.request.is_some();
        if let Some(request) = end.request {
            self.obey(request);
        }
        asked || (was_congested && !self.congested)
    }

    fn blocked(&mut self, progress: bool, waiting: usize) {
        let (now, limits) = (self.conn().hub.present(), self.client.conn().table.limits.clone());
        if progress || self.timers.write_by == NEVER {
            self.timers.write_by = self.timers.after(now, limits.write_timeout);
        }
        if waiting <= limits.outbound_soft_bytes {
            self.timers.soft_by = NEVER;
        } else if self.timers.soft_by == NEVER {
            self.timers.soft_by = self.timers.after(now, limits.outbound_soft_time);
        }
    }

    /// Acts on what is due.
    fn check_timers(&mut self) {
        let now = self.now();
        if now < self.conn().alarm.load(Ordering::Relaxed) {
            return;
        }
        if now >= self.timers.work_by {
            self.work_timed_out();
        }
        if now >= self.timers.gone_by {
            self.lost();
        }
        if self.net != Net::Open {
            return;
        }
        if now >= self.timers.write_by || now >= self.timers.soft_by {
            self.abort(CloseCode::SLOW_CONSUMER, DisconnectReason::SlowConsumer);
        } else if now >= self.timers.pong_by {
            self.abort(CloseCode::NO_PONG, DisconnectReason::NoPong);
        } else if self.decoder.is_partial() && !self.is_paused() && now >= self.timers.partial_by(self.limits()) {
            self.violation(CloseCode::POLICY, "drip");
        } else if now >= self.timers.expires_at(self.limits()) {
            self.obey(CloseRequest::Graceful {
                close: CloseCode::GOING_AWAY.into(),
                reason: DisconnectReason::Expired,
            });
        } else if now >= self.timers.ping_at {
            self.ping(now);
        }
    }

    fn set_alarm(&self) {
        let mut alarm = self.timers.earliest();
        if self.net == Net::Open {
            alarm = alarm.min(self.timers.expires_at(self.limits()));
            if self.decoder.is_partial() {
                alarm = alarm.min(self.timers.partial_by(self.limits()));
            }
        } else {
            alarm = self.timers.work_by.min(self.timers.gone_by);
        }
        self.conn().alarm.store(alarm, Ordering::Relaxed);
    }
}

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let client = this.client.clone();
        let _turn = Turn::of(client.conn());
        this.check_timers();
        for _ in 0..READS {
            this.poll_work(cx);
            let read = this.poll_read(cx);
            let again = this.finish_turn(cx);
            this.poll_goodbye(cx);
            if this.net == Net::Gone && matches!(this.stage, Stage::Done) {
                return Poll::Ready(());
            }
            if !read && !again && !this.has_work() {
                this.set_alarm();
                return Poll::Pending;
            }
        }
        this.set_alarm();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
