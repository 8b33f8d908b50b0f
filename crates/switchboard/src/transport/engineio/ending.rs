//! How a session, or a seat of it, ends.
use super::carrier::Carrier;
use super::seat::Seat;
use super::session::Session;
use crate::node::clock::millis;
use crate::outbound::{CloseRequest, DisconnectReason};
use crate::runner::{Asked, EndRequest};
use switchboard_core::ws::{self, Opcode, PeerClose};
use switchboard_core::{Close, CloseCode};
use tokio::time::Instant;

/// The state of the carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Net {
    Open,
    /// The session ends: what waits in the outboxes is still sent, then the last packet or frame.
    Closing,
    /// The last packet or frame is staged, or sent. The peer has a little time for its own.
    Lingering,
    Gone,
}

/// Malformed messages are counted in windows of this many milliseconds.
const MALFORMED_SPAN: u64 = 10_000;

impl Session {
    /// Obeys what the runner of a seat has asked for.
    pub(super) fn obey(&mut self, at: usize, Asked { end, malformed }: Asked) {
        match end {
            Some(EndRequest::Close { close, reason }) => self.end_seat(at, &close, reason),
            Some(EndRequest::Abort { code, reason }) => self.abort(code, reason),
            Some(EndRequest::Restart) => {
                // The runner has finished. The transport ends with the last of them.
                self.seats[at].restarts = true;
                if self.seats.have_finished() {
                    self.close(DisconnectReason::Shutdown);
                }
            }
            None => {}
        }
        for _ in 0..malformed {
            let (now, most) = (self.node().exact(), self.serving.limits.websocket.malformed_per_10s);
            if self.malformed.count(now, MALFORMED_SPAN, most) {
                // The client does not come back after a DISCONNECT of each namespace.
                let code = CloseCode::TOO_MANY_ERRORS;
                self.begin_closing(&DisconnectReason::Violation { code }, true, false);
            }
        }
    }

    /// Obeys what others have asked of a seat.
    pub(super) fn obey_request(&mut self, at: usize, request: CloseRequest) {
        let asked = match request {
            CloseRequest::Graceful { close, reason } => return self.end_seat(at, &close, reason),
            CloseRequest::Abort { close, reason } => return self.abort(close, reason),
            CloseRequest::Reset { reason } => return self.lost(reason),
            CloseRequest::Shutdown => self.seats[at].drain(),
            CloseRequest::Kill => {
                let linger = self.serving.limits.websocket.linger;
                let last = Instant::now() + linger;
                self.clock.gone_by = Some(self.clock.gone_by.map_or(last, |by| by.min(last)));
                self.clock.gone_at_last = self.clock.gone_by;
                self.seats[at].kill(millis(linger))
            }
        };
        if let Some(asked) = asked {
            self.obey(at, *asked);
        }
    }

    /// Ends what the client has in one namespace. A client comes back by itself only after the end of its transport, and never
    /// after a DISCONNECT, so the close code decides which of the two it gets.
    fn end_seat(&mut self, at: usize, close: &Close, reason: DisconnectReason) {
        if close.code.is_retryable() {
            self.close(reason);
        } else if self.net == Net::Open {
            let seat = &mut self.seats[at];
            seat.leave(reason, true, false);
            let name = seat.name().into();
            self.seats.note_left(name, self.serving.options.max_namespaces);
            self.clock.seats_changed(&self.seats);
        }
    }

    /// Ends the session after what waits in the outboxes, without DISCONNECT: the client comes back.
    pub(super) fn close(&mut self, reason: DisconnectReason) {
        self.begin_closing(&reason, false, false);
    }

    /// Ends the session at once. What waits is dropped, because the client does not read it.
    pub(super) fn abort(&mut self, code: CloseCode, reason: DisconnectReason) {
        debug_assert!(code.is_retryable());
        if self.net == Net::Open {
            self.begin_closing(&reason, false, true);
            let rest = self.staging.discard();
            if rest > 0 && !self.carrier.is_polling() {
                // A frame is written in part, and the peer could not parse anything after it.
                self.lost(reason);
            }
        }
    }

    /// `is_told`: the client is sent a DISCONNECT of each namespace. `discards`: what waits is dropped.
    fn begin_closing(&mut self, reason: &DisconnectReason, is_told: bool, discards: bool) {
        if self.net != Net::Open {
            return;
        }
        self.net = Net::Closing;
        self.unread.clear(self.is_broken || discards);
        self.probe.take_if(|probe| !probe.is_answered);
        self.seats.forget_joining();
        for seat in self.seats.iter_mut() {
            seat.leave(reason.clone(), is_told, discards);
        }
        let limits = &self.serving.limits;
        let (now, linger) = (Instant::now(), limits.websocket.linger);
        let at_last = if discards { linger } else { limits.write_timeout.max(linger) };
        // A client between two polls comes back at once, or not at all. Each of its polls gives it the time anew.
        let patience = if self.carrier.is_polling() { linger } else { at_last };
        let before = |by: Instant, known: Option<Instant>| Some(known.map_or(by, |known| known.min(by)));
        self.clock.gone_at_last = before(now + at_last, self.clock.gone_by);
        self.clock.gone_by = before(now + patience, self.clock.gone_by);
    }

    /// The client has left all namespaces, by ending the session.
    pub(super) fn client_left(&mut self, reason: &DisconnectReason) {
        self.unread.clear(self.is_broken);
        self.seats.forget_joining();
        self.seats.iter_mut().for_each(|seat| seat.left(reason.clone()));
    }

    /// The client has broken a protocol: `parse error`, as the reference implementation calls it.
    pub(super) fn violation(&mut self, reason: &'static str) {
        if self.net == Net::Open {
            self.is_broken = true;
            self.node().rejected("packet", reason);
            let why = DisconnectReason::Violation { code: CloseCode::POLICY };
            if self.carrier.is_polling() && !self.mailbox.has_poll() {
                // A client that breaks the protocol is not waited for.
                return self.lost(why);
            }
            self.close(why);
        }
    }

    /// The carrier has ended, cleanly or not.
    pub(super) fn lost(&mut self, reason: DisconnectReason) {
        if self.net == Net::Gone {
            return;
        }
        self.net = Net::Gone;
        self.carrier = Carrier::Gone;
        self.probe = None;
        self.seats.forget_joining();
        self.unread.clear(true);
        self.staging.clear();
        self.clock.gone_by = None;
        self.mailbox.close();
        self.serving.sessions.close(&self.sid);
        for seat in self.seats.iter_mut() {
            seat.left(reason.clone());
            seat.is_lost();
        }
    }

    /// After all that waited is on its way: stages the last packet of polling, or the close frame.
    pub(super) fn say_goodbye(&mut self) {
        if self.net != Net::Closing || !self.staging.is_empty() || !self.seats.iter().all(Seat::is_gone) {
            return;
        }
        let linger = Instant::now() + self.serving.limits.websocket.linger;
        self.clock.gone_by = Some(self.clock.gone_by.map_or(linger, |by| by.min(linger)));
        if self.probe.is_some() && !self.mailbox.has_poll() {
            // A client whose probe was answered does not poll before it has moved to that WebSocket. Without it,
            // socket.io-client neither polls again nor notices the end before its own timeout.
            return;
        }
        self.net = Net::Lingering;
        self.probe = None;
        match &self.carrier {
            Carrier::Polling => self.staging.text(b"1"),
            Carrier::WebSocket(_) => {
                let mut frame = Vec::new();
                ws::write_close(&mut frame, &self.goodbye.into());
                self.staging.frames(&frame);
            }
            Carrier::Gone => {}
        }
    }

    /// The client has ended the WebSocket: nothing more is sent to it but the echo of its close frame.
    pub(super) fn peer_closed(&mut self, close: Option<PeerClose>) {
        if let Carrier::WebSocket(socket) = &mut self.carrier {
            socket.heard_close = true;
        }
        if self.net != Net::Open {
            return;
        }
        let mut frame = Vec::new();
        let reason = match close {
            Some(close) => {
                ws::write_close(&mut frame, &Close::new(close.code, close.reason.clone()));
                DisconnectReason::Client { code: Some(close.code.get()), reason: close.reason }
            }
            None => {
                ws::write_control(&mut frame, Opcode::Close, &[]);
                DisconnectReason::Client { code: None, reason: String::new() }
            }
        };
        self.client_left(&reason);
        self.staging.discard();
        self.staging.frames(&frame);
        self.net = Net::Lingering;
        self.clock.gone_by = Some(Instant::now() + self.serving.limits.websocket.linger);
    }

    /// Judges the client by the clock. True if something was done.
    pub(super) fn check_time(&mut self) -> bool {
        let now = Instant::now();
        let is_due = |by: Option<Instant>| by.is_some_and(|by| now >= by);
        if is_due(self.clock.gone_by) {
            self.lost(DisconnectReason::Lost);
            return true;
        }
        if self.net != Net::Open {
            return false;
        }
        if is_due(self.clock.write_by) || is_due(self.clock.soft_by) {
            self.abort(CloseCode::SLOW_CONSUMER, DisconnectReason::SlowConsumer);
        } else if self.clock.is_pong_overdue(now)
            && (self.is_paused || !self.unread.is_empty() || self.mailbox.is_posting())
        {
            // The pong is not read, or the client cannot send it before its POST is answered. Both are up to us.
            self.forgive_pong();
        } else if self.clock.is_pong_overdue(now) {
            self.abort(CloseCode::NO_PONG, DisconnectReason::NoPong);
        } else if is_due(self.clock.connect_by()) {
            self.node().rejected("packet", "connect_timeout");
            self.close(DisconnectReason::Expired);
        } else if is_due(self.clock.partial_by) {
            self.violation("drip");
        } else if is_due(self.clock.attachments_by) {
            if self.is_paused || self.carrier.is_partial() || self.mailbox.is_posting() {
                // An attachment is on its way, which has deadlines of its own: those of unfinished messages and of POSTs.
                self.clock.await_attachments();
            } else {
                self.violation("attachments_timeout");
            }
        } else if is_due(self.clock.idle_at()) || is_due(self.clock.expires) {
            self.close(DisconnectReason::Expired);
        } else if self.clock.is_ping_due(now) {
            self.mailbox.set_expiry(self.clock.expiry());
            match self.carrier.is_polling() {
                true => self.staging.ahead(b"2"),
                false => self.staging.text(b"2"),
            }
        } else if is_due(self.clock.read_at) {
            self.clock.read_at = None;
        } else if self.probe.as_ref().is_some_and(|probe| now >= probe.by) {
            self.end_probe("timeout");
        } else {
            return false;
        }
        true
    }
}
