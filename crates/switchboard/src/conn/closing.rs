//! The end of a connection: close frames, half-close, and what is still owed to the application.
use super::serving::{Running, Stage, drop_contained};
use super::task::Task;
use super::timers::{NEVER, millis};
use super::{CloseRequest, DisconnectReason, Stream, buffers};
use crate::{Error, log};
use std::task::Context;
use switchboard_core::codec::GoAway;
use switchboard_core::ws::{self, Opcode};
use switchboard_core::{Close, CloseCode};

/// The state of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Net {
    Open,
    /// Our close frame waits in the outbox; what the peer sends is ignored.
    Closing,
    /// All is written and half-closed; the peer's end is awaited, at most `linger`.
    Lingering,
    Gone,
}

impl Task {
    pub(super) fn obey(&mut self, request: CloseRequest) {
        match request {
            CloseRequest::Graceful { close, reason } => self.close(close, reason),
            CloseRequest::Abort { close, reason } => self.abort(close, reason),
            CloseRequest::Reset { reason } => {
                self.ends_for(reason);
                self.drop_inbound();
                self.lost();
            }
            CloseRequest::Shutdown => self.drain(),
            CloseRequest::Kill => self.kill(),
        }
    }

    /// Closes behind all that waits. Messages that wait to be handled are dropped.
    pub(super) fn close(&mut self, close: Close, reason: DisconnectReason) {
        if self.net == Net::Open {
            self.drop_inbound();
            self.say_goodbye(&close, reason, true, false);
        }
    }

    /// Closes at once; what waits to be sent is thrown away, because the peer does not take it.
    pub(super) fn abort(&mut self, code: CloseCode, reason: DisconnectReason) {
        if self.net == Net::Open {
            self.drop_inbound();
            self.say_goodbye(&code.into(), reason, false, true);
        }
    }

    /// The peer broke the protocol or passed a limit. Messages before that are still handled.
    pub(super) fn violation(&mut self, code: CloseCode, reason: &'static str) {
        if self.net == Net::Open {
            self.conn().node().rejected("frame", reason);
            self.say_goodbye(&Close::new(code, reason), DisconnectReason::Violation { code }, false, false);
        }
    }

    /// The peer sent a close frame: it is answered with the same code, and the messages before it are still handled.
    pub(super) fn peer_closed(&mut self, code: Option<u16>, reason: String) {
        if self.net == Net::Open {
            let mut bytes = buffers::take();
            match code.and_then(CloseCode::new) {
                Some(code) => ws::write_close(&mut bytes, &Close::new(code, "")),
                None => ws::write_control(&mut bytes, Opcode::Close, &[]),
            }
            self.queue_goodbye(bytes, DisconnectReason::Client { code, reason }, false);
        }
    }

    /// The stream is at its end, in order or not.
    pub(super) fn lost(&mut self) {
        if self.net == Net::Gone {
            return;
        }
        self.net = Net::Gone;
        self.stream = None;
        self.unread = None;
        self.timers.seldom_mut().gone_by = NEVER;
        self.ends_for(DisconnectReason::Lost);
        let dropped = self.conn().lane.gone(self.conn().node());
        self.conn().node().counters.dropped(dropped);
        self.app_loses_connection();
    }

    /// Why the connection ends: the first reason is the one.
    fn ends_for(&mut self, reason: DisconnectReason) {
        self.reason.get_or_insert_with(|| Box::new(reason));
    }

    fn say_goodbye(&mut self, close: &Close, reason: DisconnectReason, goaway: bool, discard: bool) {
        let mut bytes = buffers::take();
        if goaway && self.conn().table.raw.is_none() {
            bytes.resize(ws::HEADER_ROOM, 0);
            let retryable = close.code.is_retryable();
            let retry_after_ms = retryable.then(|| 500 + u32::try_from(self.conn().id.low() % 1500).unwrap_or(0));
            let (code, reason, encoding) = (close.code.get(), close.reason(), self.conn().encoding());
            match encoding.goaway(&mut bytes, &GoAway { code, reason, retryable, retry_after_ms }) {
                Ok(()) => {
                    let start = ws::finish_frame(&mut bytes, 0, encoding.opcode());
                    bytes.drain(..start);
                }
                // The close frame tells the most of it.
                Err(_) => bytes.clear(),
            }
        }
        ws::write_close(&mut bytes, close);
        self.queue_goodbye(bytes, reason, discard);
    }

    fn queue_goodbye(&mut self, bytes: Vec<u8>, reason: DisconnectReason, discard: bool) {
        let dropped = self.conn().lane.close(&bytes, discard, self.conn().node());
        buffers::give(bytes);
        self.conn().node().counters.dropped(dropped);
        self.net = Net::Closing;
        self.unread = None;
        self.ends_for(reason);
        let (now, limits) = (self.present(), &self.client.conn().table.limits);
        // What waits is sent as long as the peer takes it; what is thrown away needs no time.
        let (patience, at_last) = match discard {
            true => (limits.linger, limits.linger),
            false => {
                (limits.write_timeout.max(limits.linger), limits.write_timeout.saturating_mul(3).max(limits.linger))
            }
        };
        let seldom = self.timers.seldom_mut();
        seldom.gone_by = now + millis(patience);
        seldom.gone_at_last = now + millis(at_last);
        self.app_loses_connection();
    }

    /// The application learns that the connection ends, and gets a last time for what it still does.
    fn app_loses_connection(&mut self) {
        let acks = self.conn().attached.lock().as_mut().map(|attached| attached.acks.take());
        drop(acks);
        if self.timers.seldom().finish_by == NEVER {
            self.timers.seldom_mut().finish_by = self.timers.after(self.present(), self.limits().handler_timeout);
        }
        if let Some(port) = &self.port {
            port.close();
            self.timers.work_by = self.timers.work_by.min(self.timers.seldom().finish_by);
        }
        if self.conn().table.cancel_on_disconnect {
            self.drop_inbound();
            if let Some(running) = self.running.take() {
                self.timers.work_by = NEVER;
                running.drop_contained();
            }
        }
        self.background_loses_connection();
    }

    /// All is written: the peer reads our end, and has `linger` to send its own.
    pub(super) fn half_close(&mut self) {
        self.net = Net::Lingering;
        self.timers.seldom_mut().gone_by = self.present() + millis(self.limits().linger);
        if matches!(self.stream, Some(Stream::Tcp(_))) {
            if self.is_closed_by_both() {
                return self.lost();
            }
            self.conn().lane.half_close();
        }
    }

    /// Where the task owns the stream, half-closing it may take several turns.
    pub(super) fn poll_goodbye(&mut self, cx: &mut Context<'_>) {
        if self.net == Net::Lingering
            && let Some(stream) = &mut self.stream
            && stream.poll_shutdown(cx).is_ready()
            && self.is_closed_by_both()
        {
            // A failure of the shutdown is an end too.
            self.lost();
        }
    }

    /// Both close frames are exchanged (RFC 6455 §7.1.1): nothing more is expected of the peer.
    fn is_closed_by_both(&self) -> bool {
        matches!(self.reason.as_deref(), Some(DisconnectReason::Client { .. }))
    }

    /// Answers what has not begun with `draining`; the connection is closed after what has: see `serve_next`.
    fn drain(&mut self) {
        self.draining = true;
        while let Some(waiting) = self.inbound.pop() {
            self.refuse_draining(&waiting.message);
        }
        self.end_background(&Error::draining("The server is about to restart"), false);
        if matches!(self.running, Some(Running::Raw(_))) {
            self.close_for_restart();
        }
    }

    pub(super) fn close_for_restart(&mut self) {
        if self.net == Net::Open {
            self.say_goodbye(&CloseCode::SERVICE_RESTART.into(), DisconnectReason::Shutdown, true, false);
        }
    }

    /// The shutdown's patience is over: what runs is cut off, its caller told, the client closed, all within `linger`.
    fn kill(&mut self) {
        self.drop_inbound();
        let stage = std::mem::replace(&mut self.stage, Stage::Serving);
        let cut_off = match stage {
            Stage::New => Stage::Done,
            Stage::Connecting(hook) | Stage::Leaving(hook) => {
                self.conn().node().counters.aborted();
                drop_contained(hook);
                Stage::Done
            }
            Stage::Serving => Stage::Serving,
            Stage::Done => Stage::Done,
        };
        self.stage = cut_off;
        let error = Error::draining("The server restarts; the handler was cut off");
        for _ in 0..self.end_background(&error, true) {
            self.conn().node().counters.aborted();
        }
        for open in self.conn().take_all_late() {
            self.exception(&error, Some(&open.event), open.id.as_ref());
        }
        if let Some(running) = self.running.take() {
            self.conn().node().counters.aborted();
            let request = match &running {
                Running::Handler(handler) => Some((handler.request(), handler.late())),
                Running::Raw(_) => None,
            };
            running.drop_contained();
            if let Some(((event, id), late)) = request {
                self.fail_request(&error, &event, id.as_ref(), late);
            }
        }
        self.close_for_restart();
        let last = self.present() + millis(self.limits().linger);
        self.timers.work_by = last;
        let seldom = self.timers.seldom_mut();
        seldom.finish_by = last;
        seldom.gone_by = seldom.gone_by.min(last);
        seldom.gone_at_last = last;
    }

    pub(super) fn drop_inbound(&mut self) {
        let dropped = self.inbound.clear();
        if dropped > 0 {
            self.conn().node().counters.dropped_inbound(dropped);
            log::limited!(debug, (), "messages that waited were dropped, because the connection ends");
        }
    }
}
