//! [`Round`]: what a transport lends its runner, what the runner sends through it, and what it asks for.
use crate::buffers;
use crate::codec::Encoding;
use crate::hub::Endpoint;
use crate::node::clock::millis;
use crate::outbound::{DisconnectReason, Frame, Pushed, because_of};
use crate::{Error, log};
use std::time::Duration;
use switchboard_core::ws;
use switchboard_core::{Close, CloseCode, Id};

/// How far the client can still be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It sends, and reads.
    Open,
    /// It sends nothing more that counts. What it has sent is answered, for a time.
    Answering,
    /// Nothing that is sent now reaches it.
    Ended,
}

impl Reach {
    /// Whether what is sent now may reach the client.
    pub(crate) fn is_served(self) -> bool {
        self != Reach::Ended
    }
}

/// An end that the runner asks its transport for.
///
/// The transport obeys when the runner has returned, because the end calls the runner again: see `Runner::lost`.
#[derive(Debug)]
pub(crate) enum EndRequest {
    /// After all that waits in the outbox. Messages that wait to be handled are dropped.
    Close { close: Close, reason: DisconnectReason },
    /// At once. What waits in the outbox is dropped, because the client does not read it.
    Abort { code: CloseCode, reason: DisconnectReason },
    /// After all that waits in the outbox, because the server restarts. The loop of a raw gateway still receives what has
    /// arrived.
    Restart,
}

/// What a transport lends its runner for one call. The transport makes it on its stack, and reads it after the call.
///
/// The task's `Context` is no part of it: refusals, deadlines and ends need a round, but have no waker.
pub(crate) struct Round<'t> {
    /// Borrowed from the registration, which the turn has taken out of the task: so no reference is counted for a message.
    pub(crate) endpoint: &'t Endpoint,
    pub(crate) reach: Reach,
    /// The client does not read: nothing more is handled until it does.
    pub(crate) congested: &'t mut bool,
    /// The message being handled is the last one of its read: no later message of the read adds a reply to the same write.
    pub(crate) only: bool,
    /// The transport has read bytes that may hold further messages.
    pub(crate) unread: bool,
    /// A step of the clock: each deadline gets one on top, so that it is never early.
    pub(crate) tick: u64,
    /// What most calls do not ask for: one word, because the round is made and read for each message.
    pub(crate) asked: Option<Box<Asked>>,
}

/// What the runner asks of its transport during one call.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The first request counts: whatever is sent after it does not reach the client.
    pub(crate) end: Option<EndRequest>,
    /// Malformed messages of this call. The transport counts them in a window of time, and closes when there are too many.
    pub(crate) malformed: u32,
}

impl Round<'_> {
    /// The deadline that is `duration` after `now`.
    pub(super) fn after(&self, now: u64, duration: Duration) -> u64 {
        now + millis(duration) + self.tick
    }

    /// Sends a reply, which is in `out` after the room for the header. False if it is too long, which the caller was told.
    #[inline(always)]
    pub(crate) fn reply(&mut self, out: &mut [u8], encoding: Encoding<'_>, event: &str, id: Option<&Id<'_>>) -> bool {
        if out.len() - ws::HEADER_ROOM > self.endpoint.profile.limits.max_message_out {
            self.refuse_reply(event, id);
            return false;
        }
        self.finish(out, encoding);
        true
    }

    #[cold]
    fn refuse_reply(&mut self, event: &str, id: Option<&Id<'_>>) {
        let error = Error::internal("the reply is longer than `max_message_out`");
        self.exception(&error, Some(event), id);
    }

    #[inline(always)]
    fn finish(&mut self, out: &mut [u8], encoding: Encoding<'_>) {
        let start = encoding.finish(out);
        let frame = &out[start..];
        self.send(frame, encoding.messages(frame));
    }

    /// `messages`: how many WebSocket messages the frame is.
    fn send(&mut self, frame: &[u8], messages: u32) {
        let (conn, only) = (self.endpoint, self.only);
        if self.is_asked_to_end() {
            // The writer is still open, because the transport has not obeyed yet. The client must not see anything after the end
            // that was asked for, so the frame is dropped.
            return conn.node().counters.dropped(1);
        }
        match Frame::of(frame, messages)
            .lend(conn.agreed(), |frame| conn.writer.put_reply(frame, only, &conn.profile.limits, conn.node()))
        {
            Ok(crowded) => *self.congested |= crowded,
            Err(Pushed::Gone) => conn.node().counters.dropped(1),
            Err(_) => {
                conn.node().counters.dropped(1);
                self.ask(EndRequest::Abort { code: CloseCode::SLOW_CONSUMER, reason: DisconnectReason::SlowConsumer });
            }
        }
    }

    /// Answers with the `exception` event, and asks for the end, if the error says so.
    pub(crate) fn exception(&mut self, error: &Error, event: Option<&str>, id: Option<&Id<'_>>) {
        self.tell(error, event, id);
        if let Some(close) = error.close() {
            let (close, reason) = (because_of(error, close.clone()), DisconnectReason::Server { code: close.code });
            self.ask(EndRequest::Close { close, reason });
        }
    }

    /// Answers with the `exception` event alone. The cause of an internal error goes to the log and not to the client.
    pub(crate) fn tell(&mut self, error: &Error, event: Option<&str>, id: Option<&Id<'_>>) {
        // Before the error is encoded: an internal error gets here the trace id that its answer carries.
        log::failed(error, event.unwrap_or(""), self.endpoint);
        let mut out = buffers::take();
        out.resize(ws::HEADER_ROOM, 0);
        let encoding = self.endpoint.encoding();
        match encoding.exception_within(self.endpoint.profile.limits.max_message_out, &mut out, error, event, id) {
            Ok(()) => self.finish(&mut out, encoding),
            Err(unspeakable) => self.speechless(&unspeakable),
        }
        buffers::give(out);
    }

    /// An error cannot be encoded. The client would wait for an answer that never comes, so its connection is closed.
    #[cold]
    fn speechless(&mut self, error: &Error) {
        log::failed(error, "exception", self.endpoint);
        self.endpoint.node().counters.dropped(1);
        self.ask(EndRequest::Close { close: CloseCode::INTERNAL.into(), reason: DisconnectReason::Fault });
    }

    /// Tells the caller that its request has failed, unless an `Ack` has answered it.
    pub(crate) fn fail_request(&mut self, error: &Error, event: &str, id: Option<&Id<'_>>, late: Option<u64>) {
        match late {
            // The request has its answer. The error is only logged, but may still close the connection.
            Some(number) if self.endpoint.take_deferred(number).is_none() => {
                log::failed(error, event, self.endpoint);
                if let Some(close) = error.close() {
                    let reason = DisconnectReason::Server { code: close.code };
                    self.ask(EndRequest::Close { close: because_of(error, close.clone()), reason });
                }
            }
            _ => self.exception(error, Some(event), id),
        }
    }

    /// Reports a malformed message, which was answered.
    #[cold]
    pub(crate) fn malformed(&mut self, reason: &'static str) {
        self.endpoint.node().rejected("message", reason);
        self.asked.get_or_insert_default().malformed += 1;
    }

    /// Whether this call has asked for the end, which the transport has not obeyed yet.
    #[inline]
    pub(crate) fn is_asked_to_end(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.end.is_some())
    }

    /// Asks the transport for the end. The first request counts.
    #[cold]
    pub(crate) fn ask(&mut self, end: EndRequest) {
        self.asked.get_or_insert_default().end.get_or_insert(end);
    }
}
