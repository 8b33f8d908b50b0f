//! The end of a connection: the answers that come before it, the close frames, and what is still owed to the application.
use crate::buffers;
use crate::node::clock::{NEVER, millis};
use crate::outbound::{CloseRequest, DisconnectReason};
use crate::runner::Reach;
use crate::transport::websocket::task::Task;
use std::task::Context;
use std::time::Duration;
use switchboard_core::codec::GoAway;
use switchboard_core::ws::{self, Opcode, PeerClose};
use switchboard_core::{Close, CloseCode};

/// The state of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Net {
    Open,
    /// The peer has said its last: a close frame, a violation, the end of its half. What it sent before is answered, for a time; what it
    /// sends now is ignored.
    Answering,
    /// Our close frame waits in the outbox.
    Closing,
    /// All is written; the peer's close frame, or its end, is awaited, at most `linger`. Until then the stream stays open: an end before
    /// both close frames is no clean one for browsers (RFC 6455 §7.1.1).
    Lingering,
    Gone,
}

impl Net {
    /// What the runner has to know of it.
    #[inline]
    pub(crate) fn reach(self) -> Reach {
        match self {
            Net::Open => Reach::Open,
            Net::Answering => Reach::Answering,
            Net::Closing | Net::Lingering | Net::Gone => Reach::Ended,
        }
    }

    /// What is sent now may reach the peer.
    pub(crate) fn is_served(self) -> bool {
        self.reach().is_served()
    }
}

impl Task {
    pub(crate) fn obey(&mut self, request: CloseRequest) {
        match request {
            CloseRequest::Graceful { close, reason } => self.close(close, reason),
            CloseRequest::Abort { close, reason } => self.abort(close, reason),
            CloseRequest::Reset { reason } => {
                self.runner.ends_for(reason);
                self.runner.drop_inbound();
                self.lost();
            }
            CloseRequest::Shutdown => self.drain(),
            CloseRequest::Kill => self.kill(),
        }
    }

    /// Closes behind all that waits. Messages that wait to be handled are dropped.
    pub(crate) fn close(&mut self, close: Close, reason: DisconnectReason) {
        self.heed();
        self.runner.drop_inbound();
        match self.net {
            Net::Open => self.say_goodbye(&close, reason, true, false),
            // The peer has ended it before, and hears the answer to that.
            Net::Answering => self.finish(),
            Net::Closing | Net::Lingering | Net::Gone => {}
        }
    }

    /// Whoever has asked for the end before has said with which code.
    fn heed(&mut self) {
        if self.net.is_served()
            && !self.endpoint().writer.is_open()
            && let Some(request) = self.endpoint().writer.take_request()
        {
            self.obey(request);
        }
    }

    /// Closes at once; what waits to be sent is thrown away, because the peer does not take it.
    pub(crate) fn abort(&mut self, code: CloseCode, reason: DisconnectReason) {
        if self.net.is_served() {
            self.runner.drop_inbound();
            self.say_goodbye(&code.into(), reason, false, true);
        }
    }

    /// The peer broke the protocol. Messages before that are still answered.
    pub(crate) fn violation(&mut self, code: CloseCode, reason: &'static str) {
        if self.net == Net::Open {
            self.endpoint().node().rejected("frame", reason);
            self.answer_before(&Close::new(code, reason), false, DisconnectReason::Violation { code });
        }
    }

    /// The peer passed a limit of the application. The same, with `sys.goaway`.
    pub(crate) fn passes_limit(&mut self, code: CloseCode) {
        if self.net == Net::Open {
            self.answer_before(&code.into(), true, DisconnectReason::Violation { code });
        }
    }

    /// The peer sent a close frame: the messages before it are still answered, and then it is echoed.
    pub(crate) fn peer_closed(&mut self, close: Option<PeerClose>) {
        self.timers.rare_mut().heard_close = true;
        if self.net != Net::Open {
            return;
        }
        let mut bytes = Vec::new();
        let reason = match close {
            Some(close) => {
                ws::write_close(&mut bytes, &Close::new(close.code, close.reason.clone()));
                DisconnectReason::Client { code: Some(close.code.get()), reason: close.reason }
            }
            None => {
                ws::write_control(&mut bytes, Opcode::Close, &[]);
                DisconnectReason::Client { code: None, reason: String::new() }
            }
        };
        self.begin_answering(bytes, reason, self.limits().websocket.linger);
    }

    /// The peer has ended its half of the stream, and may still read the other one. Without a close frame its handlers have their own
    /// time for what it sent before, as long as it takes bytes.
    pub(crate) fn peer_ended(&mut self) {
        self.timers.rare_mut().peer_ended = true;
        if self.net == Net::Open {
            self.begin_answering(Vec::new(), DisconnectReason::Lost, self.limits().handler_timeout);
        }
    }

    fn answer_before(&mut self, close: &Close, goaway: bool, reason: DisconnectReason) {
        let goodbye = self.goodbye(close, goaway);
        self.begin_answering(goodbye, reason, self.limits().websocket.linger);
    }

    fn begin_answering(&mut self, goodbye: Vec<u8>, reason: DisconnectReason, patience: Duration) {
        self.runner.ends_for(reason);
        self.net = Net::Answering;
        self.endpoint().writer.set_answering();
        let answer_by = self.present() + millis(patience);
        let rare = self.timers.rare_mut();
        rare.goodbye = goodbye;
        rare.answer_by = answer_by;
        self.app_loses_connection();
    }

    /// What waits for the answers to what the peer sent goes on, if they are all given.
    pub(crate) fn finish_if_answered(&mut self) {
        if self.net == Net::Answering && self.runner.is_answered() {
            self.finish();
        }
    }

    /// All that the peer is answered is in the outbox: the goodbye goes behind it.
    pub(crate) fn finish(&mut self) {
        let goodbye = std::mem::take(&mut self.timers.rare_mut().goodbye);
        self.queue_goodbye(&goodbye, false);
    }

    /// The stream is at its end, in order or not.
    pub(crate) fn lost(&mut self) {
        if self.net == Net::Gone {
            return;
        }
        self.net = Net::Gone;
        self.stream = None;
        self.timers.rare_mut().gone_by = NEVER;
        self.runner.ends_for(DisconnectReason::Lost);
        let dropped = self.endpoint().writer.gone(self.endpoint().node());
        self.endpoint().node().counters.dropped(dropped);
        self.app_loses_connection();
    }

    fn say_goodbye(&mut self, close: &Close, reason: DisconnectReason, goaway: bool, discard: bool) {
        let bytes = self.goodbye(close, goaway);
        self.runner.ends_for(reason);
        self.queue_goodbye(&bytes, discard);
        buffers::give(bytes);
    }

    /// The last frames.
    fn goodbye(&self, close: &Close, goaway: bool) -> Vec<u8> {
        let mut bytes = buffers::take();
        if goaway && !self.endpoint().profile.raw {
            bytes.resize(ws::HEADER_ROOM, 0);
            let retryable = close.code.is_retryable();
            let jittered = || 500 + u32::try_from(self.endpoint().id.low() % 1500).unwrap_or(0);
            let retry_after_ms = retryable.then(|| close.retry_after_ms().unwrap_or_else(jittered));
            let (code, reason, encoding) = (close.code.get(), close.reason(), self.endpoint().encoding());
            match encoding.goaway(&mut bytes, &GoAway { code, reason, retryable, retry_after_ms }) {
                Ok(()) if bytes.len() - ws::HEADER_ROOM <= self.limits().max_message_out => {
                    let start = ws::finish_frame(&mut bytes, 0, encoding.opcode());
                    bytes.drain(..start);
                }
                // It cannot be said, or is too long: the close frame tells the most of it.
                Ok(()) | Err(_) => {
                    self.endpoint().node().counters.dropped(1);
                    bytes.clear();
                }
            }
        }
        ws::write_close(&mut bytes, close);
        bytes
    }

    fn queue_goodbye(&mut self, bytes: &[u8], discard: bool) {
        let dropped = self.endpoint().writer.close(bytes, discard, self.endpoint().node());
        self.endpoint().node().counters.dropped(dropped);
        self.net = Net::Closing;
        let (now, limits) = (self.present(), &self.runner.client.endpoint().profile.limits);
        // What waits is sent as long as the peer takes it; what is thrown away needs no time.
        let (patience, at_last) = match discard {
            true => (limits.websocket.linger, limits.websocket.linger),
            false => (
                limits.write_timeout.max(limits.websocket.linger),
                limits.write_timeout.saturating_mul(3).max(limits.websocket.linger),
            ),
        };
        let rare = self.timers.rare_mut();
        rare.gone_by = now + millis(patience);
        rare.gone_at_last = now + millis(at_last);
        self.app_loses_connection();
    }

    /// The application learns that the connection ends, and gets a last time for what it still does.
    fn app_loses_connection(&mut self) {
        if let Some(bytes) = self.unread.take() {
            self.overhear(&bytes);
        }
        if self.net != Net::Answering {
            self.timers.rare_mut().answer_by = NEVER;
        }
        let finish_by = self.timers.after(self.present(), self.limits().handler_timeout);
        self.runner.lost(self.net.reach(), finish_by);
    }

    /// All is written: the peer has `linger` for its close frame.
    pub(crate) fn linger(&mut self) {
        self.net = Net::Lingering;
        self.timers.rare_mut().gone_by = self.present() + millis(self.limits().websocket.linger);
    }

    /// Ends the stream once both close frames are exchanged (RFC 6455 §7.1.1), or the peer has ended its half. Where the task owns the
    /// stream, that may take several turns.
    pub(crate) fn poll_goodbye(&mut self, cx: &mut Context<'_>) {
        let rare = self.timers.rare();
        if self.net == Net::Lingering
            && (rare.heard_close || rare.peer_ended)
            && let Some(stream) = &mut self.stream
            && stream.poll_shutdown(cx).is_ready()
        {
            // A failure of the shutdown is an end too.
            self.lost();
        }
    }

    fn drain(&mut self) {
        // A handle of its own: a request may come from a place that the turn has not lent the endpoint to, and it comes once.
        let conn = self.runner.client.clone();
        self.run(conn.endpoint(), |runner, round| runner.drain(round));
    }

    pub(crate) fn close_for_restart(&mut self) {
        match self.net {
            Net::Open => self.say_goodbye(&Close::service_restart(), DisconnectReason::Shutdown, true, false),
            Net::Answering => self.finish(),
            Net::Closing | Net::Lingering | Net::Gone => {}
        }
    }

    /// The shutdown's patience is over: what runs is cut off, and the stream has `linger` for what is said about that.
    fn kill(&mut self) {
        let conn = self.runner.client.clone();
        let last = self.present() + millis(self.limits().websocket.linger);
        self.run(conn.endpoint(), |runner, round| runner.kill(last, round));
        let rare = self.timers.rare_mut();
        rare.gone_by = rare.gone_by.min(last);
        rare.gone_at_last = last;
    }
}
