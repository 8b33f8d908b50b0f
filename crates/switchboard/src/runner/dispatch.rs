//! One message's life: decode, find, read the parameters, run, reply.
use crate::buffers;
use crate::codec::Received;
use crate::codec::{Data, Format, Part};
use crate::contain::drop_contained;
use crate::di::MessageScope;
use crate::gateway::Entry;
use crate::handler::{Invocation, MessageContext, Parts, ReplySink, Step};
use crate::hub::deferred::{self, Returned};
use crate::hub::{Endpoint, ReplyTo};
use crate::node::{Charge, InFlight, Kind};
use crate::outbound::{DisconnectReason, Frame, Pushed};
use crate::runner::serving::{Handler, Running, Stage};
use crate::transport::websocket::closing::{Net, because_of};
use crate::transport::websocket::task::{Served, Task};
use crate::transport::websocket::timers::NEVER;
use crate::{Error, TraceId, log, pipeline};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use switchboard_core::codec::json;
use switchboard_core::ws::{self, Opcode};
use switchboard_core::{CloseCode, Id, Incoming, PatternKind, Request};

/// What a handler in flight has beside its payload, as a guess.
const IN_FLIGHT: usize = 512;

/// A message for a handler, as it came.
type Message<'a> = Request<'a, Part<'a>>;

/// What became of a handler that was polled.
pub(crate) enum Polled {
    Pending,
    /// It has answered, or failed, which the client was told.
    Done,
    /// It is a stream from now on.
    Streams,
    /// It has sent an item of its stream, and may have more at once.
    Item,
}

/// What became of a message that was begun with.
enum Begun {
    /// It is answered, or its handler runs.
    Yes,
    /// It may not be what it seems: nothing was answered, and the frame is to be decoded.
    Unsettled,
    /// The same, and the application's code has panicked with it: it is not asked again.
    Panicked(TraceId),
}

impl Task {
    /// Begins with a message; a handler that is ready at once is done when this returns.
    pub(crate) fn dispatch(&mut self, conn: &Served, message: &Received<'_>, cx: &mut Context<'_>) {
        let mut panicked = None;
        if let (Format::Json, Received::Text(text)) = (conn.format, message)
            && let Some(fast) = json::decode_fast(text)
            && let Some(entry) = conn.table.find(fast.event)
            && entry.takes_fast_path
        {
            let mut parts = Parts {
                data: Data::Unread(fast.data),
                meta: Data::NOTHING,
                id: fast.id.as_ref(),
                reply_to: ReplyTo::Event,
            };
            if entry.stages.is_some() {
                look_at(&mut parts, fast.data);
            }
            match self.begin(conn, entry, &entry.event, &parts, cx) {
                Begun::Yes => return,
                Begun::Unsettled => {}
                Begun::Panicked(trace) => panicked = Some(trace),
            }
        }
        let request = match conn.decode(message) {
            Ok(Incoming::Request(request)) => request,
            Ok(Incoming::Pattern { kind, request, .. }) => return self.dispatch_pattern(conn, kind, request, cx),
            Ok(Incoming::Ack { ack, answer, .. }) => return self.settle(ack, answer),
            Ok(Incoming::Cancel(id)) => return self.cancel(&id),
            // `Incoming` may grow. A kind that has no arm above is refused.
            Ok(_) => {
                self.exception(&Error::bad_request("Messages of this kind are not supported"), None, None);
                return self.malformed("kind");
            }
            Err(rejected) => {
                self.exception(&rejected.error, rejected.event.as_deref(), rejected.id.as_ref());
                return self.malformed(rejected.reason);
            }
        };
        let Some(entry) = conn.table.find(&request.event) else {
            return self.unknown(&request);
        };
        if let Some(trace) = panicked {
            return self.exception(&log::panic_error(trace), Some(&entry.event), request.id.as_ref());
        }
        let parts = parts_of(&request, ReplyTo::Event);
        if entry.is_catch_all {
            let event: Arc<str> = (*request.event).into();
            self.begin(conn, entry, &event, &parts, cx);
        } else {
            self.begin(conn, entry, &entry.event, &parts, cx);
        }
    }

    /// Begins with a message in the frame of a pattern: the same, but for its answer.
    #[inline(never)]
    fn dispatch_pattern(&mut self, conn: &Served, kind: PatternKind, request: Message<'_>, cx: &mut Context<'_>) {
        let Some(entry) = conn.table.find(&request.event) else { return self.unknown(&request) };
        let parts = parts_of(&request, ReplyTo::from(kind));
        let event: Arc<str> = if entry.is_catch_all { (*request.event).into() } else { entry.event.clone() };
        self.begin(conn, entry, &event, &parts, cx);
    }

    #[cold]
    fn unknown(&mut self, request: &Message<'_>) {
        self.endpoint().node().rejected("message", "unknown_event");
        let error = Error::unknown_event("No handler for this event");
        self.exception(&error, Some(&request.event), request.id.as_ref());
    }

    /// Starts a handler, and polls it once.
    fn begin(
        &mut self,
        conn: &Served,
        entry: &Entry,
        event: &Arc<str>,
        parts: &Parts<'_>,
        cx: &mut Context<'_>,
    ) -> Begun {
        let id = parts.id;
        let parsed = parts.data.is_settled();
        if !parsed && entry.stages.is_some() {
            return Begun::Unsettled;
        }
        let node = conn.node();
        if self.draining || node.is_busy(conn.profile.node.handlers) || (self.is_weighed && node.memory.is_short()) {
            if parsed {
                let busy = || Error::overloaded("Too many handlers are running");
                let error = match self.draining {
                    true => draining(),
                    false if node.memory.is_short() => short_of_memory(),
                    false => busy(),
                };
                self.exception(&error, Some(event), id);
                return Begun::Yes;
            }
            return Begun::Unsettled;
        }
        if let Some(id) = id
            && self.runs_beside(id)
        {
            if parsed {
                let error = Error::conflict("A request with this id is in flight");
                self.exception(&error, None, Some(id));
                return Begun::Yes;
            }
            return Begun::Unsettled;
        }
        let (parsed, mut panicked) = (Cell::new(parsed), None);
        let (number, client) = (Cell::new(None), &self.client);
        let (late, scope) = (Some(&number), &MessageScope::default());
        let container = conn.table.container.as_ref();
        let context = MessageContext { client, event, parts, reason: None, parsed, late, container, scope };
        let start = || match &entry.stages {
            None => entry.start.start(&context),
            Some(stages) => pipeline::start(stages, &entry.start, &context),
        };
        let started = catch_unwind(AssertUnwindSafe(start)).unwrap_or_else(|panic| {
            let trace = log::panicked(conn.profile.known(event), &*panic);
            drop_contained(panic);
            panicked = Some(trace);
            Err(log::panic_error(trace))
        });
        if !context.parsed.get() {
            // A handler that was not polled has done nothing.
            drop_contained(started);
            if let Some(number) = number.get() {
                conn.take_deferred(number);
            }
            return panicked.map_or(Begun::Unsettled, Begun::Panicked);
        }
        let late = number.get();
        match started {
            Ok(mut invocation) => match self.poll_invocation(&mut invocation, event, id, parts.reply_to, late, cx) {
                Polled::Done => drop_contained(invocation),
                polled => self.keep(conn, entry, event, invocation, parts, late, polled),
            },
            Err(error) => {
                self.fail_request(&error, event, id, late);
                drop_contained(error);
            }
        }
        Begun::Yes
    }

    /// Keeps a handler that has not ended with its first poll.
    #[inline(never)]
    #[allow(clippy::too_many_arguments, reason = "the parts of one request")]
    fn keep(
        &mut self,
        conn: &Served,
        entry: &Entry,
        event: &Arc<str>,
        invocation: Invocation,
        parts: &Parts<'_>,
        late: Option<u64>,
        polled: Polled,
    ) {
        let id = parts.id.cloned().map(Id::into_owned);
        let charge = charge(conn, parts);
        let handler =
            Handler::new(invocation, event.clone(), id, parts.reply_to, late, InFlight::new(conn.node()), charge);
        match (polled, entry.group) {
            (Polled::Pending, None) => {
                self.running = Some(Running::Handler(Box::new(handler)));
                self.work_begins();
                if self.net != Net::Open {
                    self.timers.work_by = self.timers.work_by.min(self.timers.rare().finish_by);
                }
            }
            (Polled::Pending, Some(group)) => self.put_beside(handler, group),
            (Polled::Streams | Polled::Item | Polled::Done, _) => self.put_stream(handler),
        }
    }

    pub(crate) fn poll_handler(&mut self, handler: &mut Handler, cx: &mut Context<'_>) -> Polled {
        let late = handler.known_deferred();
        let Handler { invocation, event, id, reply_to, .. } = handler;
        self.poll_invocation(invocation, event, id.as_ref(), *reply_to, late, cx)
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one request")]
    fn poll_invocation(
        &mut self,
        invocation: &mut Invocation,
        event: &str,
        id: Option<&Id<'_>>,
        reply_to: ReplyTo,
        late: Option<u64>,
        cx: &mut Context<'_>,
    ) -> Polled {
        let mut out = buffers::scratch();
        out.extend_from_slice(&[0; ws::HEADER_ROOM]);
        let encoding = self.client.endpoint().encoding();
        let mut sink = ReplySink::new(&mut out, encoding, event, id, reply_to);
        let polled = catch_unwind(AssertUnwindSafe(|| invocation.poll(cx, &mut sink)));
        let polled = match polled {
            Ok(Poll::Pending) => Polled::Pending,
            // The way of most messages.
            Ok(Poll::Ready(Step::Done(Ok(())))) if late.is_none() && sink.is_plain() => {
                // Nothing is in it that must be dropped: an error would have been returned.
                std::mem::forget(sink);
                if out.len() > ws::HEADER_ROOM {
                    self.reply(&mut out, encoding.opcode(), event, id);
                }
                Polled::Done
            }
            polled => {
                let (stream, late) = (sink.take_stream(), late.or(sink.late()));
                drop(sink);
                self.polled_otherwise(polled, invocation, stream, &mut out, event, id, late)
            }
        };
        buffers::keep_scratch(out);
        polled
    }

    #[inline(never)]
    #[allow(clippy::too_many_arguments, reason = "the rest of `poll_invocation`")]
    fn polled_otherwise(
        &mut self,
        polled: std::thread::Result<Poll<Step>>,
        invocation: &mut Invocation,
        stream: Option<Invocation>,
        out: &mut [u8],
        event: &str,
        id: Option<&Id<'_>>,
        late: Option<u64>,
    ) -> Polled {
        match polled {
            Ok(Poll::Pending) => Polled::Pending,
            Ok(Poll::Ready(Step::Streams)) => Polled::Streams,
            // Nobody waits for it.
            Ok(Poll::Ready(Step::Item)) if out.len() <= ws::HEADER_ROOM => Polled::Item,
            Ok(Poll::Ready(Step::Item)) => match self.reply(out, self.endpoint().encoding().opcode(), event, id) {
                true => Polled::Item,
                false => Polled::Done,
            },
            Ok(Poll::Ready(Step::Done(Ok(())))) => {
                if let Some(stream) = stream {
                    drop_contained(std::mem::replace(invocation, stream));
                    return Polled::Streams;
                }
                match late {
                    Some(late) => self.returned(late),
                    None if out.len() > ws::HEADER_ROOM => {
                        self.reply(out, self.endpoint().encoding().opcode(), event, id);
                    }
                    None => {}
                }
                Polled::Done
            }
            Ok(Poll::Ready(Step::Done(Err(error)))) => {
                self.fail_request(&error, event, id, late);
                drop_contained(error);
                Polled::Done
            }
            Err(panic) => {
                let trace = log::panicked(self.endpoint().profile.known(event), &*panic);
                drop_contained(panic);
                self.fail_request(&log::panic_error(trace), event, id, late.or_else(|| invocation.late()));
                Polled::Done
            }
        }
    }

    /// Tells the caller that its request has failed, unless an `Ack` has answered it.
    pub(crate) fn fail_request(&mut self, error: &Error, event: &str, id: Option<&Id<'_>>, late: Option<u64>) {
        match late {
            Some(number) if self.endpoint().take_deferred(number).is_none() => {
                log::failed(error, event, &self.client);
                self.close_asked(error);
            }
            _ => self.exception(error, Some(event), id),
        }
    }

    /// A handler has left its answer to an `Ack`.
    fn returned(&mut self, late: u64) {
        let by = self.timers.after(self.present(), self.limits().deferred_reply_timeout);
        match self.endpoint().returned_deferred(late, by) {
            Returned::Answered => {}
            Returned::Waits(by) => {
                let rare = self.timers.rare_mut();
                rare.deferred_by = rare.deferred_by.min(by);
            }
            Returned::Abandoned => {
                if let Some(open) = self.endpoint().take_deferred(late) {
                    self.endpoint().node().rejected("ack", "dropped");
                    self.exception(&deferred::dropped(), Some(&open.event), open.id.as_ref());
                }
            }
        }
    }

    /// Answers those whose `Ack` took too long.
    pub(crate) fn check_deferred(&mut self, now: u64) {
        let (expired, next) = self.endpoint().expired_deferred(now);
        self.timers.rare_mut().deferred_by = next.unwrap_or(NEVER);
        for open in expired {
            self.exception(&Error::timeout("The answer took too long"), Some(&open.event), open.id.as_ref());
        }
    }

    /// True when a request with this id is in flight that others do not wait for.
    pub(crate) fn runs_beside(&self, id: &Id<'_>) -> bool {
        self.background.as_ref().is_some_and(|background| background.contains(id))
            || (self.timers.rare().deferred_by != NEVER && self.endpoint().has_deferred(id))
    }

    /// False when it is too long, which the caller was told.
    #[inline(always)]
    fn reply(&mut self, out: &mut [u8], opcode: Opcode, event: &str, id: Option<&Id<'_>>) -> bool {
        if out.len() - ws::HEADER_ROOM > self.limits().max_message_out {
            self.refuse_reply(event, id);
            return false;
        }
        let start = ws::finish_frame(out, 0, opcode);
        self.send(&out[start..]);
        true
    }

    #[cold]
    fn refuse_reply(&mut self, event: &str, id: Option<&Id<'_>>) {
        let error = Error::internal("the reply is longer than `max_message_out`");
        self.exception(&error, Some(event), id);
    }

    fn send(&mut self, frame: &[u8]) {
        let (conn, only) = (self.client.endpoint(), self.is_last);
        match Frame::new(frame)
            .lend(conn.agreed(), |frame| conn.writer.put_reply(frame, only, &conn.profile.limits, conn.node()))
        {
            Ok(crowded) => self.congested |= crowded,
            Err(Pushed::Gone) => conn.node().counters.dropped(1),
            Err(_) => {
                conn.node().counters.dropped(1);
                self.abort(CloseCode::SLOW_CONSUMER, DisconnectReason::SlowConsumer);
            }
        }
    }

    /// Answers with the `exception` event. The cause of an internal error goes to the log alone.
    pub(crate) fn exception(&mut self, error: &Error, event: Option<&str>, id: Option<&Id<'_>>) {
        log::failed(error, event.unwrap_or(""), &self.client);
        let mut out = buffers::take();
        out.resize(ws::HEADER_ROOM, 0);
        let encoding = self.client.endpoint().encoding();
        match encoding.exception_within(self.limits().max_message_out, &mut out, error, event, id) {
            Ok(()) => {
                let start = ws::finish_frame(&mut out, 0, encoding.opcode());
                self.send(&out[start..]);
            }
            Err(unspeakable) => self.speechless(&unspeakable),
        }
        buffers::give(out);
        self.close_asked(error);
    }

    /// Closes the connection, if the error says so.
    fn close_asked(&mut self, error: &Error) {
        if matches!(self.stage, Stage::Serving)
            && let Some(close) = error.close()
        {
            self.close(because_of(error, close.clone()), DisconnectReason::Server { code: close.code });
        }
    }

    /// What went wrong cannot be said: nobody waits for an answer that does not come.
    #[cold]
    fn speechless(&mut self, error: &Error) {
        log::failed(error, "exception", &self.client);
        self.endpoint().node().counters.dropped(1);
        self.close(CloseCode::INTERNAL.into(), DisconnectReason::Fault);
    }

    fn malformed(&mut self, reason: &'static str) {
        let now = self.now();
        self.endpoint().node().rejected("message", reason);
        if self.timers.malformed(now, &self.client.endpoint().profile.limits) {
            self.passes_limit(CloseCode::TOO_MANY_ERRORS);
        }
    }

    /// Answers a message that waits while the server shuts down.
    pub(crate) fn refuse_draining(&mut self, message: &Received<'_>) {
        self.turn_down(message, &draining());
    }

    /// Answers a message that would have to wait while memory is short.
    #[cold]
    pub(crate) fn refuse_waiting(&mut self, message: &Received<'_>) {
        self.turn_down(message, &short_of_memory());
    }

    /// Answers a message that is not handled, in any case: what is malformed is told so.
    fn turn_down(&mut self, message: &Received<'_>, error: &Error) {
        let conn = self.client.endpoint_arc().clone();
        match conn.decode(message) {
            Ok(Incoming::Request(request) | Incoming::Pattern { request, .. }) => {
                self.exception(error, Some(&request.event), request.id.as_ref());
            }
            Ok(_) => {}
            Err(rejected) => {
                self.exception(&rejected.error, rejected.event.as_deref(), rejected.id.as_ref());
                self.malformed(rejected.reason);
            }
        }
    }

    /// Stops the request with this id, running or waiting; it is answered `cancelled`, with the id as the request had it.
    pub(crate) fn cancel(&mut self, id: &Id<'_>) {
        let error = Error::cancelled("Cancelled by the client");
        if let Some(waiting) = self.inbound.remove(id) {
            let conn = self.client.endpoint_arc().clone();
            let (event, id) = match conn.decode(&waiting.message) {
                Ok(Incoming::Request(request) | Incoming::Pattern { request, .. }) => (Some(request.event), request.id),
                Ok(_) => (None, None),
                // It has one end, be it that it was none.
                Err(rejected) => (rejected.event, rejected.id),
            };
            return self.exception(&error, event.as_deref(), id.as_ref());
        }
        match self.running.take() {
            Some(Running::Handler(handler)) if handler.id.as_ref() == Some(id) => {
                self.timers.work_by = NEVER;
                let ((event, id), late) = (handler.request(), handler.late());
                drop_contained(handler);
                self.fail_request(&error, &event, id.as_ref(), late);
            }
            running => {
                self.running = running;
                if self.cancel_beside(id, &error) {
                    return;
                }
                match self.endpoint().take_deferred_id(id) {
                    Some(open) => self.exception(&error, Some(&open.event), open.id.as_ref()),
                    None => self.endpoint().node().rejected("cancel", "unknown_id"),
                }
            }
        }
    }
}

/// The parts of a message that was decoded as a whole.
fn parts_of<'a>(request: &'a Message<'_>, reply_to: ReplyTo) -> Parts<'a> {
    Parts { data: Data::from(&request.data), meta: Data::from(&request.meta), id: request.id.as_ref(), reply_to }
}

fn draining() -> Error {
    Error::draining("The server is about to restart")
}

fn short_of_memory() -> Error {
    Error::overloaded("The server is short of memory")
}

/// What a handler in flight may keep of its message: its payload is a value by now, of a size that only the allocator knows.
fn charge(conn: &Endpoint, parts: &Parts<'_>) -> Option<Charge> {
    let mut charge = Charge::new(conn.node(), Kind::Estimated)?;
    let bytes = parts.data.len() + parts.meta.len();
    charge.set(IN_FLIGHT + bytes.saturating_mul(conn.profile.limits.payload_factor));
    conn.node().memory.notice();
    Some(charge)
}

/// Stages are asked about messages alone: the payload has to be JSON before. Where it is not, the frame is decoded as a whole, which
/// says why.
#[inline(never)]
fn look_at<'a>(parts: &mut Parts<'a>, payload: &'a str) {
    if let Some(data) = Data::looked_at(payload) {
        parts.data = data;
    }
}
