//! The end of a connection: close frames, half-close, and what is still owed to the application.
use super::serving::{Running, Stage, drop_contained};
use super::task::Task;
use super::timers::NEVER;
use super::{CloseRequest, DisconnectReason, buffers};
use crate::log;
use std::task::Context;
use switchboard_core::codec::json;
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
            self.conn().hub.rejected("frame", reason);
            self.say_goodbye(&Close::new(code, reason), DisconnectReason::Violation(code), false, false);
        }
    }

    /// The peer sent a close frame: it is answered with the same code, and the messages before it are still handled.
    pub(super) fn peer_closed(&mut self, code: Option<u16>) {
        if self.net == Net::Open {
            let mut bytes = buffers::take();
            match code.and_then(CloseCode::new) {
                Some(code) => ws::write_close(&mut bytes, &Close::new(code, "")),
                None => ws::write_control(&mut bytes, Opcode::Close, &[]),
            }
            self.queue_goodbye(bytes, DisconnectReason::Client(code), false);
        }
    }

    /// The stream has ended or broken.
    pub(super) fn lost(&mut self) {
        if self.net == Net::Gone {
            return;
        }
        self.net = Net::Gone;
        self.stream = None;
        self.timers.gone_by = NEVER;
        self.reason.get_or_insert(DisconnectReason::Lost);
        let dropped = self.conn().lane.gone();
        // A close frame that the peer did not wait for is no loss.
        self.conn().hub.counters.dropped(dropped);
        self.app_loses_connection();
    }

    fn say_goodbye(&mut self, close: &Close, reason: DisconnectReason, goaway: bool, discard: bool) {
        let mut bytes = buffers::take();
        if goaway && self.conn().table.raw.is_none() {
            bytes.resize(ws::HEADER_ROOM, 0);
            let retryable = close.code.is_retryable();
            let retry_after_ms = retryable.then(|| 500 + u32::try_from(self.conn().id.low() % 1500).unwrap_or(0));
            json::encode_goaway(&mut bytes, close.code.get(), close.reason(), retryable, retry_after_ms);
            let start = ws::finish_frame(&mut bytes, 0, Opcode::Text);
            bytes.drain(..start);
        }
        ws::write_close(&mut bytes, close);
        self.queue_goodbye(bytes, reason, discard);
    }

    fn queue_goodbye(&mut self, bytes: Vec<u8>, reason: DisconnectReason, discard: bool) {
        let dropped = self.conn().lane.close(&bytes, discard);
        buffers::give(bytes);
        self.conn().hub.counters.dropped(dropped);
        self.net = Net::Closing;
        self.unread = Vec::new();
        self.reason.get_or_insert(reason);
        let limits = self.limits();
        let patience = if discard { limits.linger } else { limits.write_timeout.max(limits.linger) };
        self.timers.gone_by = self.now() + super::timers::millis(patience);
        self.app_loses_connection();
    }

    /// The application learns that the connection ends, where it waits for nothing else.
    fn app_loses_connection(&mut self) {
        let conn = self.client.conn_arc().clone();
        if let Some(attached) = conn.attached.lock().as_mut() {
            attached.acks.clear();
        }
        if let Some(port) = &self.port {
            port.close();
            if self.timers.work_by == NEVER {
                self.timers.work_by = self.timers.after(self.now(), self.limits().handler_timeout);
            }
        }
        if conn.table.cancel_on_disconnect
            && let Some(running) = self.running.take()
        {
            self.timers.work_by = NEVER;
            running.drop_contained();
        }
    }

    /// All is written: the peer reads our end, and has `linger` to send its own.
    pub(super) fn half_close(&mut self) {
        if matches!(self.reason, Some(DisconnectReason::Client(_))) {
            // Both close frames are exchanged (RFC 6455 §7.1.1): nothing more is expected.
            return self.lost();
        }
        self.net = Net::Lingering;
        self.timers.gone_by = self.now() + super::timers::millis(self.limits().linger);
        self.conn().lane.half_close();
    }

    /// Where the task owns the stream, half-closing it may take several turns.
    pub(super) fn poll_goodbye(&mut self, cx: &mut Context<'_>) {
        if self.net == Net::Lingering
            && let Some(stream) = &mut self.stream
        {
            // A failure shows at the next read; until then `linger` bounds it.
            let _ = stream.poll_shutdown(cx);
        }
    }

    /// Answers what has not begun with `draining`, and closes after what has.
    fn drain(&mut self) {
        self.draining = true;
        while let Some(waiting) = self.inbound.pop() {
            self.refuse_draining(&waiting.text);
        }
        self.close_if_drained();
    }

    pub(super) fn close_if_drained(&mut self) {
        let idle = match (&self.stage, &self.running) {
            (Stage::New | Stage::Connecting(_), _) | (_, Some(Running::Handler(_))) => false,
            (_, Some(Running::Raw(_)) | None) => true,
        };
        if self.draining && idle && self.net == Net::Open {
            self.say_goodbye(&CloseCode::SERVICE_RESTART.into(), DisconnectReason::Shutdown, true, false);
        }
    }

    /// The shutdown's patience is over.
    fn kill(&mut self) {
        self.reason.get_or_insert(DisconnectReason::Shutdown);
        self.drop_inbound();
        self.lost();
        if let Some(running) = self.running.take() {
            self.conn().hub.counters.aborted();
            running.drop_contained();
        }
        match std::mem::replace(&mut self.stage, Stage::Serving) {
            Stage::Connecting(hook) => {
                self.conn().hub.counters.aborted();
                drop_contained(hook);
                self.stage = Stage::Done;
            }
            Stage::New => self.stage = Stage::Done,
            Stage::Leaving(hook) => {
                self.conn().hub.counters.aborted();
                drop_contained(hook);
                self.stage = Stage::Done;
            }
            stage => self.stage = stage,
        }
        self.timers.work_by = self.now() + super::timers::millis(self.limits().linger);
    }

    fn drop_inbound(&mut self) {
        let dropped = self.inbound.clear();
        if dropped > 0 {
            self.conn().hub.counters.dropped_inbound(dropped);
            log::limited!(debug, "messages that waited were dropped, because the server closed the connection");
        }
    }
}
