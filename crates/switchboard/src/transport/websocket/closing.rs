//! The end of a connection: the answers before it, the closing frames, and the time that the application still gets.
use crate::buffers;
use crate::node::clock::{NEVER, millis};
use crate::outbound::{CloseRequest, DisconnectReason};
use crate::runner::Reach;
use crate::transport::websocket::goodbye::goodbye;
use crate::transport::websocket::task::Task;
use std::task::Context;
use std::time::Duration;
use switchboard_core::ws::{self, Opcode, PeerClose};
use switchboard_core::{Close, CloseCode};

/// The state of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Net {
    Open,
    /// The peer has sent the last thing that counts: a close frame, a violation, or the end of its half of the stream. Messages
    /// before that are answered, for a time; what comes after it is ignored.
    Answering,
    /// Our close frame waits in the outbox.
    Closing,
    /// Everything is written. The peer has `linger` for its close frame, or its end. Until then the stream stays open: browsers
    /// do not report a close as clean if the stream ended before both close frames were exchanged (RFC 6455 §7.1.1).
    Lingering,
    Gone,
}

impl Net {
    /// What the runner needs to know of this state.
    #[inline]
    pub(crate) fn reach(self) -> Reach {
        match self {
            Net::Open => Reach::Open,
            Net::Answering => Reach::Answering,
            Net::Closing | Net::Lingering | Net::Gone => Reach::Ended,
        }
    }

    /// Whether what is sent now may reach the peer.
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
            CloseRequest::Shutdown => {
                // A cloned handle, because a request may come at a point where the turn has not lent the endpoint. A shutdown
                // comes once, so the clone does not matter.
                let conn = self.runner.client.clone();
                self.run(conn.endpoint(), |runner, round| runner.drain(round));
            }
            CloseRequest::Kill => self.kill(),
        }
    }

    /// Closes after everything that waits in the outbox. Messages of the client that wait to be handled are dropped.
    pub(crate) fn close(&mut self, close: Close, reason: DisconnectReason) {
        // An end that was asked for through the writer before this one is obeyed first: its close code counts.
        if self.net.is_served()
            && !self.endpoint().writer.is_open()
            && let Some(request) = self.endpoint().writer.take_request()
        {
            self.obey(request);
        }
        self.runner.drop_inbound();
        match self.net {
            Net::Open => self.say_goodbye(&close, reason, true, false),
            // The peer ended the connection first, and gets the answer to that.
            Net::Answering => self.finish(),
            Net::Closing | Net::Lingering | Net::Gone => {}
        }
    }

    /// Closes at once. What waits in the outbox is dropped, because the peer does not read it.
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

    /// The peer exceeded a limit. Messages before that are still answered, then it is told by `sys.goaway` and the close frame.
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
        self.begin_answering(bytes, reason, self.endpoint().limits().websocket.linger);
    }

    /// The peer has ended its half of the stream, and may still read ours. There was no close frame, so the handlers of its
    /// messages get their usual `handler_timeout`, as long as the peer takes bytes.
    pub(crate) fn peer_ended(&mut self) {
        self.timers.rare_mut().peer_ended = true;
        if self.net == Net::Open {
            self.begin_answering(Vec::new(), DisconnectReason::Lost, self.endpoint().limits().handler_timeout);
        }
    }

    fn answer_before(&mut self, close: &Close, goaway: bool, reason: DisconnectReason) {
        let goodbye = goodbye(self.endpoint(), close, goaway);
        self.begin_answering(goodbye, reason, self.endpoint().limits().websocket.linger);
    }

    /// Answers what the peer has sent so far, for `patience` at most, then sends `goodbye`: the closing frames, or nothing.
    fn begin_answering(&mut self, goodbye: Vec<u8>, reason: DisconnectReason, patience: Duration) {
        self.runner.ends_for(reason);
        self.net = Net::Answering;
        self.endpoint().writer.set_answering();
        let answer_by = self.endpoint().present() + millis(patience);
        let rare = self.timers.rare_mut();
        rare.goodbye = goodbye;
        rare.answer_by = answer_by;
        self.app_loses_connection();
    }

    /// Puts the closing frames after the answers, which are in the outbox.
    pub(crate) fn finish(&mut self) {
        let goodbye = std::mem::take(&mut self.timers.rare_mut().goodbye);
        self.queue_goodbye(&goodbye, false);
    }

    /// The stream has ended, cleanly or not.
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
        let bytes = goodbye(self.endpoint(), close, goaway);
        self.runner.ends_for(reason);
        self.queue_goodbye(&bytes, discard);
        buffers::give(bytes);
    }

    fn queue_goodbye(&mut self, bytes: &[u8], discard: bool) {
        let dropped = self.endpoint().writer.close(bytes, discard, self.endpoint().node());
        self.endpoint().node().counters.dropped(dropped);
        self.net = Net::Closing;
        let (now, limits) = (self.endpoint().present(), self.runner.endpoint().limits());
        // What waits gets time as long as the peer takes bytes. If it was dropped, `linger` is enough.
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

    /// Tells the runner that the connection ends, and gives what still runs a last deadline.
    fn app_loses_connection(&mut self) {
        // The peer's close frame may be among them.
        if let Some(bytes) = self.unread.take() {
            self.overhear(&bytes);
        }
        if self.net != Net::Answering {
            self.timers.rare_mut().answer_by = NEVER;
        }
        let finish_by = self.timers.after(self.endpoint().present(), self.endpoint().limits().handler_timeout);
        self.runner.lost(self.net.reach(), finish_by);
    }

    /// Ends the stream once both close frames are exchanged (RFC 6455 §7.1.1), or the peer has ended its half. If the task owns
    /// the stream, that may take several turns.
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

    /// Closes with `sys.goaway` after everything that waits in the outbox, because the server restarts.
    pub(crate) fn close_for_restart(&mut self) {
        match self.net {
            Net::Open => self.say_goodbye(&Close::service_restart(), DisconnectReason::Shutdown, true, false),
            Net::Answering => self.finish(),
            Net::Closing | Net::Lingering | Net::Gone => {}
        }
    }

    /// The shutdown's patience is over: what runs is cut off, and the stream has `linger` for the last errors and the close
    /// frame.
    fn kill(&mut self) {
        let conn = self.runner.client.clone();
        let last = self.endpoint().present() + millis(self.endpoint().limits().websocket.linger);
        self.run(conn.endpoint(), |runner, round| runner.kill(last, round));
        let rare = self.timers.rare_mut();
        rare.gone_by = rare.gone_by.min(last);
        rare.gone_at_last = last;
    }
}
