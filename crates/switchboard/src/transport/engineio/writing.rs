//! Writing: from the outboxes of the seats to the carrier.
use super::carrier::Carrier;
use super::ending::Net;
use super::mailbox::Mailbox;
use super::session::Session;
use super::staging::{Staging, Written};
use crate::outbound::outbox::Flushed;
use crate::outbound::{CloseRequest, DisconnectReason, Io, Sink};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use switchboard_core::ws;
use tokio::time::Instant;

/// How much may be staged before nothing more is taken from outboxes, and nothing is read from the client.
pub(super) const MARK: usize = 16 << 10;
/// The most bytes of one answer to a poll, unless its first packet is longer.
const ANSWER: usize = 1_000_000;

impl Session {
    /// Writes what waits, until the carrier takes no more. True if there is something to do at once.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> bool {
        if self.net == Net::Gone {
            return false;
        }
        let was_full = self.staging.len() > MARK;
        let mut moved = self.write_staged(cx);
        let Flow { mut again, is_blocked, waits_for_staging, waiting } = self.flush_seats(cx);
        self.say_goodbye();
        moved |= self.write_staged(cx);
        // The socket has taken what was staged. The outboxes that waited for that have not registered for anything.
        again |= waits_for_staging && self.staging.is_empty();
        moved |= self.answer_poll();
        // Reading has paused until now, and has not registered for anything either.
        again |= was_full && self.staging.len() <= MARK;
        if self.net == Net::Open {
            // A polling client takes nothing while it does not poll.
            let polls = self.carrier.is_polling() && self.mailbox.has_poll();
            let waits = (is_blocked || !self.staging.is_empty()) && !polls;
            let limits = &self.serving.limits;
            self.clock.set_write_deadlines(waits, moved, waiting, limits);
        }
        if self.net == Net::Lingering && self.staging.is_empty() && self.carrier.poll_end(cx) {
            self.lost(DisconnectReason::Lost);
        }
        again || self.net == Net::Gone
    }

    /// Moves what waits in the outboxes.
    fn flush_seats(&mut self, cx: &mut Context<'_>) -> Flow {
        let mut flow = Flow::default();
        let mut requests: Vec<(usize, CloseRequest)> = Vec::new();
        for at in self.seats.in_turn() {
            let seat = &mut self.seats[at];
            let (was_congested, was_gone) = (seat.is_congested(), seat.is_gone());
            let end = match &mut self.carrier {
                Carrier::WebSocket(socket) => {
                    let mut sink = SocketSink {
                        stream: socket.stream.as_mut(),
                        staging: &mut self.staging,
                        waits_for_staging: false,
                    };
                    let end = seat.flush(&mut sink, cx);
                    flow.waits_for_staging |= sink.waits_for_staging;
                    end
                }
                Carrier::Polling => {
                    let mut sink = PollSink { mailbox: &self.mailbox, staging: &mut self.staging };
                    seat.flush(&mut sink, cx)
                }
                Carrier::Gone => return flow,
            };
            match end.flushed {
                Some(Flushed::Blocked { .. }) => {
                    flow.is_blocked = true;
                    flow.waiting = flow.waiting.max(end.waiting);
                }
                Some(Flushed::Failed) => {
                    self.lost(DisconnectReason::Lost);
                    return flow;
                }
                None | Some(Flushed::Drained) => {}
            }
            // Messages that waited until the client reads can be handled now, or the application learns that it has left.
            flow.again |= end.again || (was_congested && !seat.is_congested()) || (!was_gone && seat.is_gone());
            requests.extend(end.request.map(|request| (at, request)));
        }
        for (at, request) in requests {
            self.obey_request(at, request);
        }
        flow
    }

    /// Writes what is staged for a WebSocket. True if something was written.
    fn write_staged(&mut self, cx: &mut Context<'_>) -> bool {
        let Carrier::WebSocket(socket) = &mut self.carrier else { return false };
        if self.staging.is_empty() {
            return false;
        }
        match self.staging.write(socket.stream.as_mut(), cx) {
            Written::All => true,
            Written::Blocked { progress } => progress,
            Written::Failed => {
                self.lost(DisconnectReason::Lost);
                false
            }
        }
    }

    /// Answers the parked poll with what is staged. True if it was answered.
    fn answer_poll(&mut self) -> bool {
        if !self.carrier.is_polling() || !self.mailbox.has_poll() {
            return false;
        }
        let payload = if !self.staging.is_empty() {
            self.staging.payload(self.serving.options.max_packets_per_poll, ANSWER)
        } else if self.net == Net::Open && self.clock.releases_poll() {
            b"6".to_vec()
        } else {
            return false;
        };
        let is_answered = self.mailbox.answer(payload);
        if !is_answered {
            // The client has cancelled its poll, by which it ends the session.
            self.lost(DisconnectReason::Lost);
        } else if self.net == Net::Closing {
            let by = Instant::now() + self.serving.limits.websocket.linger;
            self.clock.gone_by = Some(self.clock.gone_at_last.map_or(by, |last| last.min(by)));
        }
        is_answered
    }
}

/// What moving the outboxes came to.
#[derive(Default)]
struct Flow {
    /// There is something to do at once.
    again: bool,
    /// The carrier refuses more.
    is_blocked: bool,
    /// An outbox waits until what is staged is written.
    waits_for_staging: bool,
    /// How many bytes wait at most in one outbox.
    waiting: usize,
}

/// A WebSocket, as the outboxes see it. It takes whole pieces of an outbox, which end with a frame: so frames of several
/// outboxes are never mixed.
struct SocketSink<'a> {
    stream: Pin<&'a mut dyn Io>,
    staging: &'a mut Staging,
    waits_for_staging: bool,
}

impl Sink for SocketSink<'_> {
    fn poll_write(&mut self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if !self.staging.is_empty() {
            self.waits_for_staging = true;
            return Poll::Pending;
        }
        let written = ready!(self.stream.as_mut().poll_write_vectored(cx, pieces))?;
        let mut begin = 0;
        for piece in pieces {
            let end = begin + piece.len();
            if written <= begin {
                break;
            }
            if written < end {
                self.staging.half(piece, written - begin);
                return Poll::Ready(Ok(end));
            }
            begin = end;
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }
}

/// A poll, as the outboxes see it. Nothing is taken while none is parked: then messages that may be dropped are dropped.
struct PollSink<'a> {
    mailbox: &'a Mailbox,
    staging: &'a mut Staging,
}

impl Sink for PollSink<'_> {
    fn poll_write(&mut self, _: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.staging.len() >= MARK || !self.mailbox.has_poll() {
            // A poll that comes wakes the task, and so does the room that its answer makes.
            return Poll::Pending;
        }
        let mut taken = 0;
        for piece in pieces {
            self.staging.frames(piece);
            taken += piece.len();
            if self.staging.len() >= MARK {
                break;
            }
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Staging {
    /// Takes the frames of a piece of which the first `written` bytes are sent.
    fn half(&mut self, piece: &[u8], written: usize) {
        let mut begin = 0;
        while let Some(len) = piece.get(begin..).and_then(ws::frame_len).filter(|len| begin + len <= written) {
            begin += len;
        }
        self.frames(&piece[begin..]);
        self.skip(written - begin);
    }
}
