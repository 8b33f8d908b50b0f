//! One message's life: decode, find, read the parameters, run, reply.
use crate::codec::Received;
use crate::codec::{Arity, Data, Format, Part};
use crate::contain::drop_contained;
use crate::di::MessageScope;
use crate::gateway::{CompiledGateway, Entry};
use crate::handler::{Attempt, Begun, Caller, Invocation, Parts};
use crate::hub::{Endpoint, ReplyTo};
use crate::node::{Charge, InFlight, Kind};
use crate::runner::cancel::{draining, settle, short_of_memory};
use crate::runner::handler::{Handler, Polled, poll_invocation};
use crate::runner::round::{Reach, Round};
use crate::runner::runner::{Runner, Running};
use crate::{Error, TraceId, log};
use std::sync::Arc;
use std::task::Context;
use switchboard_core::codec::json;
#[cfg(feature = "socketio")]
use switchboard_core::socketio;
use switchboard_core::{Id, Incoming, PatternKind, Request};

/// The estimated memory of a handler in flight without its payload, in bytes.
const IN_FLIGHT: usize = 512;

/// A decoded message for a handler.
type Message<'a> = Request<'a, Part<'a>>;

/// What became of a message.
enum Dispatched {
    /// It is answered, or its handler runs.
    Done,
    /// See [`Begun::TooEarly`].
    TooEarly,
    /// See [`Begun::TooEarlyPanicked`].
    TooEarlyPanicked(TraceId),
}

impl Runner {
    /// Handles a message: begins its handler, and polls it once. A handler that is ready at once is done when this returns.
    pub(super) fn dispatch(
        &mut self,
        table: &CompiledGateway,
        message: &Received<'_>,
        round: &mut Round<'_>,
        cx: &mut Context<'_>,
    ) {
        let conn = round.endpoint;
        let mut panicked = None;
        // The fast path: the handler's own parameter parses the payload, so that the frame is read once. If that does not work
        // out, the frame is decoded completely below.
        if let (Format::Json, Received::Text(text)) = (conn.format, message)
            && let Some(fast) = json::decode_fast(text)
            && let Some(entry) = table.find(fast.event)
            && entry.takes_fast_path
        {
            let mut parts = Parts {
                data: Data::Unread(fast.data),
                arity: Arity::Payload,
                meta: Data::NOTHING,
                id: fast.id.as_ref(),
                reply_to: ReplyTo::Event,
            };
            if entry.stages.is_some() {
                look_at(&mut parts, fast.data);
            }
            match self.begin(table, entry, &entry.event, &parts, round, cx) {
                Dispatched::Done => return,
                Dispatched::TooEarly => {}
                Dispatched::TooEarlyPanicked(trace) => panicked = Some(trace),
            }
        }
        #[cfg(feature = "socketio")]
        if let (Format::SocketIo, Received::Text(text)) = (conn.format, message) {
            match dispatch_packet(self, table, text, round, cx) {
                Dispatched::Done => return,
                Dispatched::TooEarly => {}
                Dispatched::TooEarlyPanicked(trace) => panicked = Some(trace),
            }
        }
        let request = match conn.decode(message) {
            Ok(Incoming::Request(request)) => request,
            Ok(Incoming::Pattern { kind, request, .. }) => {
                return self.dispatch_pattern(table, kind, request, round, cx);
            }
            Ok(Incoming::Ack { ack, answer, .. }) => return settle(conn, ack, answer),
            Ok(Incoming::Cancel(id)) => return self.cancel(&id, round),
            // `Incoming` may grow. A kind that has no arm above is refused.
            Ok(_) => {
                round.exception(&Error::bad_request("Messages of this kind are not supported"), None, None);
                return round.malformed("kind");
            }
            Err(rejected) => {
                round.exception(&rejected.error, rejected.event.as_deref(), rejected.id.as_ref());
                return round.malformed(rejected.reason);
            }
        };
        let Some(entry) = table.find(&request.event) else {
            return unknown(&request, round);
        };
        if let Some(trace) = panicked {
            return round.exception(&log::panic_error(trace), Some(&entry.event), request.id.as_ref());
        }
        let parts = parts_of(&request, ReplyTo::Event, conn.format);
        if entry.is_catch_all {
            let event: Arc<str> = (*request.event).into();
            self.begin(table, entry, &event, &parts, round, cx);
        } else {
            self.begin(table, entry, &entry.event, &parts, round, cx);
        }
    }

    /// Handles a message of a message pattern. Only the form of its answer differs from that of an event.
    #[inline(never)]
    fn dispatch_pattern(
        &mut self,
        table: &CompiledGateway,
        kind: PatternKind,
        request: Message<'_>,
        round: &mut Round<'_>,
        cx: &mut Context<'_>,
    ) {
        let Some(entry) = table.find(&request.event) else { return unknown(&request, round) };
        let parts = parts_of(&request, ReplyTo::from(kind), round.endpoint.format);
        let event: Arc<str> = if entry.is_catch_all { (*request.event).into() } else { entry.event.clone() };
        self.begin(table, entry, &event, &parts, round, cx);
    }

    /// Starts a handler, and polls it once.
    fn begin(
        &mut self,
        table: &CompiledGateway,
        entry: &Entry,
        event: &Arc<str>,
        parts: &Parts<'_>,
        round: &mut Round<'_>,
        cx: &mut Context<'_>,
    ) -> Dispatched {
        let (id, is_whole) = (parts.id, parts.data.is_whole());
        // Stages see the payload, so they are not asked before the frame is decoded.
        if !is_whole && entry.stages.is_some() {
            return Dispatched::TooEarly;
        }
        if self.is_refused(id, round.endpoint) {
            if !is_whole {
                return Dispatched::TooEarly;
            }
            let (error, named) = self.refusal(event, id, round.endpoint);
            round.exception(&error, named, id);
            return Dispatched::Done;
        }
        let (caller, scope) = (Caller::Client(&self.client), MessageScope::default());
        match Attempt::begin(entry, caller, event, parts, table.container.as_ref(), &scope) {
            Begun::TooEarly => Dispatched::TooEarly,
            Begun::TooEarlyPanicked(trace) => Dispatched::TooEarlyPanicked(trace),
            Begun::Started { handler: Ok(mut invocation), deferred } => {
                let reply_to = parts.reply_to;
                match poll_invocation(&mut invocation, event, id, reply_to, deferred, &mut self.deadlines, round, cx) {
                    Polled::Done => drop_contained(invocation),
                    polled => self.keep(entry, event, invocation, parts, deferred, polled, round),
                }
                Dispatched::Done
            }
            Begun::Started { handler: Err(error), deferred } => {
                round.fail_request(&error, event, id, deferred);
                drop_contained(error);
                Dispatched::Done
            }
        }
    }

    /// Whether no handler may begin now.
    #[inline(always)]
    fn is_refused(&self, id: Option<&Id<'_>>, conn: &Endpoint) -> bool {
        let node = conn.node();
        self.deadlines.is_draining()
            || node.is_busy(conn.profile.node.handlers)
            || node.memory.is_short()
            || id.is_some_and(|id| self.runs_beside(id))
    }

    /// Why no handler may begin now, and the event that the answer names.
    #[cold]
    fn refusal<'e>(&self, event: &'e str, id: Option<&Id<'_>>, conn: &Endpoint) -> (Error, Option<&'e str>) {
        let node = conn.node();
        if self.deadlines.is_draining() {
            (draining(), Some(event))
        } else if node.memory.is_short() {
            (short_of_memory(), Some(event))
        } else if !node.is_busy(conn.profile.node.handlers) && id.is_some_and(|id| self.runs_beside(id)) {
            (Error::conflict("A request with this id is in flight"), None)
        } else {
            // A handler of another connection may have ended in between, and the answer must not blame the id for that.
            (Error::overloaded("Too many handlers are running"), Some(event))
        }
    }

    /// Keeps a handler that has not ended with its first poll.
    #[inline(never)]
    #[allow(clippy::too_many_arguments, reason = "the parts of one request")]
    fn keep(
        &mut self,
        entry: &Entry,
        event: &Arc<str>,
        invocation: Invocation,
        parts: &Parts<'_>,
        deferred: Option<u64>,
        polled: Polled,
        round: &mut Round<'_>,
    ) {
        let conn = round.endpoint;
        let id = parts.id.cloned().map(Id::into_owned);
        let charge = charge(conn, parts);
        let handler =
            Handler::new(invocation, event.clone(), id, parts.reply_to, deferred, InFlight::new(conn.node()), charge);
        match (polled, entry.group) {
            (Polled::Pending, None) => {
                self.running = Some(Running::Handler(Box::new(handler)));
                self.deadlines.work_begins(round);
                if round.reach != Reach::Open {
                    self.deadlines.work_finishes();
                }
            }
            (Polled::Pending, Some(group)) => self.background.put_handler(handler, group, &self.deadlines, round),
            (Polled::Streams | Polled::Item | Polled::Done, _) => {
                self.background.put_stream(handler, &self.deadlines, round);
            }
        }
    }
}

/// The fast path of Socket.IO: its client sends the payload as the only argument.
#[cfg(feature = "socketio")]
#[inline(never)]
fn dispatch_packet(
    runner: &mut Runner,
    table: &CompiledGateway,
    text: &str,
    round: &mut Round<'_>,
    cx: &mut Context<'_>,
) -> Dispatched {
    let Some(fast) = socketio::decode_fast(text) else { return Dispatched::TooEarly };
    let Some(entry) = table.find(fast.event).filter(|entry| entry.takes_fast_path) else {
        return Dispatched::TooEarly;
    };
    // Null may be an argument, or stand for none.
    if fast.data == "null" {
        return Dispatched::TooEarly;
    }
    let id = fast.ack.map(Id::Number);
    let mut parts = Parts {
        data: Data::Unread(fast.data),
        arity: Arity::Only,
        meta: Data::NOTHING,
        id: id.as_ref(),
        reply_to: ReplyTo::Event,
    };
    if entry.stages.is_some() {
        look_at(&mut parts, fast.data);
    }
    runner.begin(table, entry, &entry.event, &parts, round, cx)
}

/// The parts of a message that was decoded as a whole.
fn parts_of<'a>(request: &'a Message<'_>, reply_to: ReplyTo, format: Format) -> Parts<'a> {
    let Request { data, meta, id, .. } = request;
    let arity = Arity::of(format, data.as_ref());
    Parts { data: Data::from(data), arity, meta: Data::from(meta), id: id.as_ref(), reply_to }
}

#[cold]
fn unknown(request: &Message<'_>, round: &mut Round<'_>) {
    round.endpoint.node().rejected("message", "unknown_event");
    let error = Error::unknown_event("No handler for this event");
    round.exception(&error, Some(&request.event), request.id.as_ref());
}

/// Charges the node for a handler in flight. Its payload is a value by now, whose size only the allocator knows: this is an
/// estimate. `None` if memory is not limited.
fn charge(conn: &Endpoint, parts: &Parts<'_>) -> Option<Charge> {
    let mut charge = Charge::new(conn.node(), Kind::Estimated)?;
    let bytes = parts.data.len() + parts.meta.len();
    charge.set(IN_FLIGHT + bytes.saturating_mul(conn.profile.limits.payload_factor));
    conn.node().memory.notice();
    Some(charge)
}

/// Checks that the payload is JSON, because stages are asked only about messages. If it is not, the frame is decoded completely,
/// which tells what is wrong.
#[inline(never)]
fn look_at<'a>(parts: &mut Parts<'a>, payload: &'a str) {
    if let Some(data) = Data::looked_at(payload) {
        parts.data = data;
    }
}
