//! One message's life: decode, find, read the parameters, run, reply.
use crate::codec::Received;
use crate::codec::{Data, Format, Part};
use crate::contain::drop_contained;
use crate::di::MessageScope;
use crate::gateway::Entry;
use crate::handler::{Answer, Invocation, MessageContext, Parts};
use crate::hub::Endpoint;
use crate::node::{Charge, InFlight, Kind};
use crate::runner::cancel::{draining, short_of_memory};
use crate::runner::handler::{Handler, Polled, poll_invocation};
use crate::runner::round::{Reach, Round};
use crate::runner::runner::{Runner, Running};
use crate::{Error, TraceId, log, pipeline};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Context;
use switchboard_core::codec::json;
use switchboard_core::{Id, Incoming, PatternKind, Request};

/// What a handler in flight has beside its payload, as a guess.
const IN_FLIGHT: usize = 512;

/// A message for a handler, as it came.
type Message<'a> = Request<'a, Part<'a>>;

/// What became of a message that was begun with.
enum Begun {
    /// It is answered, or its handler runs.
    Yes,
    /// It may not be what it seems: nothing was answered, and the frame is to be decoded.
    Unsettled,
    /// The same, and the application's code has panicked with it: it is not asked again.
    Panicked(TraceId),
}

impl Runner {
    /// Begins with a message; a handler that is ready at once is done when this returns.
    pub(super) fn dispatch(&mut self, message: &Received<'_>, round: &mut Round<'_>, cx: &mut Context<'_>) {
        let conn = round.endpoint;
        let mut panicked = None;
        if let (Format::Json, Received::Text(text)) = (conn.format, message)
            && let Some(glance) = json::glance(text)
            && let Some(entry) = conn.table.find(glance.event)
            && entry.takes_fast_path
        {
            let mut parts = Parts { data: Data::Unread(glance.data), meta: Data::NOTHING, id: glance.id.as_ref() };
            if entry.stages.is_some() {
                look_at(&mut parts, glance.data);
            }
            match self.begin(entry, &entry.event, &parts, round, cx) {
                Begun::Yes => return,
                Begun::Unsettled => {}
                Begun::Panicked(trace) => panicked = Some(trace),
            }
        }
        let request = match conn.decode(message) {
            Ok(Incoming::Request(request)) => request,
            Ok(Incoming::Pattern { kind, request, .. }) => return self.dispatch_pattern(kind, request, round, cx),
            Ok(Incoming::Ack { ack, answer, .. }) => return self.settle(ack, answer),
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
        let Some(entry) = conn.table.find(&request.event) else {
            return unknown(&request, round);
        };
        if let Some(trace) = panicked {
            return round.exception(&log::panic_error(trace), Some(&entry.event), request.id.as_ref());
        }
        let parts = Parts { data: Data::from(&request.data), meta: Data::from(&request.meta), id: request.id.as_ref() };
        if entry.is_catch_all {
            let event: Arc<str> = request.event.into();
            self.begin(entry, &event, &parts, round, cx);
        } else {
            self.begin(entry, &entry.event, &parts, round, cx);
        }
    }

    /// Begins with a message in the frame of a pattern: the same, but for its answer.
    #[inline(never)]
    fn dispatch_pattern(
        &mut self,
        kind: PatternKind,
        request: Message<'_>,
        round: &mut Round<'_>,
        cx: &mut Context<'_>,
    ) {
        let Some(entry) = round.endpoint.table.find(&request.event) else { return unknown(&request, round) };
        let parts = Parts { data: Data::from(&request.data), meta: Data::from(&request.meta), id: request.id.as_ref() };
        let event: Arc<str> = if entry.is_catch_all { (*request.event).into() } else { entry.event.clone() };
        self.begin(&entry.answering(Answer::from(kind)), &event, &parts, round, cx);
    }

    /// Starts a handler, and polls it once.
    fn begin(
        &mut self,
        entry: &Entry,
        event: &Arc<str>,
        parts: &Parts<'_>,
        round: &mut Round<'_>,
        cx: &mut Context<'_>,
    ) -> Begun {
        let (conn, id) = (round.endpoint, parts.id);
        let parsed = parts.data.is_settled();
        if !parsed && entry.stages.is_some() {
            return Begun::Unsettled;
        }
        let node = conn.node();
        if self.deadlines.is_draining() || node.is_busy(conn.table.limits.handlers) || node.memory.is_short() {
            if parsed {
                let busy = || Error::overloaded("Too many handlers are running");
                let error = match self.deadlines.is_draining() {
                    true => draining(),
                    false if node.memory.is_short() => short_of_memory(),
                    false => busy(),
                };
                round.exception(&error, Some(event), id);
                return Begun::Yes;
            }
            return Begun::Unsettled;
        }
        if let Some(id) = id
            && self.runs_beside(id)
        {
            if parsed {
                let error = Error::conflict("A request with this id is in flight");
                round.exception(&error, None, Some(id));
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
            let trace = log::panicked(conn.table.known(event), &*panic);
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
            Ok(mut invocation) => {
                match poll_invocation(&mut invocation, event, id, late, &mut self.deadlines, round, cx) {
                    Polled::Done => drop_contained(invocation),
                    polled => self.keep(entry, event, invocation, parts, late, polled, round),
                }
            }
            Err(error) => {
                round.fail_request(&error, event, id, late);
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
        entry: &Entry,
        event: &Arc<str>,
        invocation: Invocation,
        parts: &Parts<'_>,
        late: Option<u64>,
        polled: Polled,
        round: &mut Round<'_>,
    ) {
        let conn = round.endpoint;
        let id = parts.id.cloned().map(Id::into_owned);
        let charge = charge(conn, parts);
        let handler = Handler::new(invocation, event.clone(), id, late, InFlight::new(conn.node()), charge);
        match (polled, entry.group) {
            (Polled::Pending, None) => {
                self.running = Some(Running::Handler(Box::new(handler)));
                self.work_begins(round);
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

#[cold]
fn unknown(request: &Message<'_>, round: &mut Round<'_>) {
    round.endpoint.node().rejected("message", "unknown_event");
    let error = Error::unknown_event("No handler for this event");
    round.exception(&error, Some(&request.event), request.id.as_ref());
}

/// What a handler in flight may keep of its message: its payload is a value by now, of a size that only the allocator knows.
fn charge(conn: &Endpoint, parts: &Parts<'_>) -> Option<Charge> {
    let mut charge = Charge::new(conn.node(), Kind::Estimated)?;
    let bytes = parts.data.len() + parts.meta.len();
    charge.set(IN_FLIGHT + bytes.saturating_mul(conn.table.limits.payload_factor));
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
