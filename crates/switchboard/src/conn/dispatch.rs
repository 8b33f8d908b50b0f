//! One message's life: decode, find, read the parameters, run, reply.
use super::Conn;
use super::closing::Net;
use super::serving::{Handler, Running, Stage, drop_contained};
use super::task::Task;
use super::timers::NEVER;
use super::{DisconnectReason, Frame, Pushed, buffers};
use crate::gateway::Entry;
use crate::handler::{Data, Invocation, MessageContext, ReplySink};
use crate::hub::InFlight;
use crate::{Error, TraceId, log};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use switchboard_core::codec::json;
use switchboard_core::ws::{self, Opcode};
use switchboard_core::{CloseCode, Id, Incoming};

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
    pub(super) fn dispatch(&mut self, text: &str, cx: &mut Context<'_>) {
        let conn = self.client.conn_arc().clone();
        let mut panicked = None;
        if let Some(glance) = json::glance(text)
            && let Some(entry) = conn.table.find(glance.event)
            && entry.reads_payload
        {
            match self.begin(&conn, entry, Data::Unread(glance.data), glance.id, cx) {
                Begun::Yes => return,
                Begun::Unsettled => {}
                Begun::Panicked(trace) => panicked = Some(trace),
            }
        }
        let request = match json::decode(text) {
            Ok(Incoming::Request(request)) => request,
            Ok(Incoming::Ack { ack, answer }) => return self.settle(ack, answer),
            Ok(Incoming::Cancel(id)) => return self.cancel(&id),
            Err(rejected) => {
                self.exception(&rejected.error, rejected.event.as_deref(), rejected.id.as_ref());
                return self.malformed(rejected.reason);
            }
        };
        let Some(entry) = conn.table.find(&request.event) else {
            conn.node().rejected("message", "unknown_event");
            let error = Error::unknown_event("No handler for this event");
            return self.exception(&error, Some(&request.event), request.id.as_ref());
        };
        if let Some(trace) = panicked {
            return self.exception(&log::panic_error(trace), Some(&entry.event), request.id.as_ref());
        }
        self.begin(&conn, entry, Data::Json(request.data), request.id, cx);
    }

    /// Starts a handler, and polls it once.
    fn begin(&mut self, conn: &Conn, entry: &Entry, data: Data<'_>, id: Option<Id<'_>>, cx: &mut Context<'_>) -> Begun {
        let Entry { event, start, .. } = entry;
        let id = id.as_ref();
        let settled = matches!(data, Data::Json(_));
        if self.draining || conn.node().is_busy(conn.table.limits.handlers) {
            if settled {
                let busy = || Error::overloaded("Too many handlers are running");
                let error = if self.draining { draining() } else { busy() };
                self.exception(&error, Some(event), id);
                return Begun::Yes;
            }
            return Begun::Unsettled;
        }
        let (settled, mut panicked) = (Cell::new(settled), None);
        let context = MessageContext { client: &self.client, event, data, reason: None, settled };
        let started = catch_unwind(AssertUnwindSafe(|| start.start(&context))).unwrap_or_else(|panic| {
            let trace = log::panicked(event, &*panic);
            drop_contained(panic);
            panicked = Some(trace);
            Err(log::panic_error(trace))
        });
        if !context.settled.get() {
            // A handler that was not polled has done nothing.
            drop_contained(started);
            return panicked.map_or(Begun::Unsettled, Begun::Panicked);
        }
        match started {
            Ok(invocation) => self.run(conn, event, invocation, id, cx),
            Err(error) => {
                self.exception(&error, Some(event), id);
                drop_contained(error);
            }
        }
        Begun::Yes
    }

    fn run(
        &mut self,
        conn: &Conn,
        event: &Arc<str>,
        mut invocation: Invocation,
        id: Option<&Id<'_>>,
        cx: &mut Context<'_>,
    ) {
        if self.poll_invocation(&mut invocation, event, id, cx).is_ready() {
            return drop_contained(invocation);
        }
        let id = id.cloned().map(Id::into_owned);
        let handler = Handler::new(invocation, event.clone(), id, InFlight::new(conn.node()));
        self.running = Some(Running::Handler(Box::new(handler)));
        self.work_begins();
        if self.net != Net::Open {
            self.timers.work_by = self.timers.work_by.min(self.timers.seldom().finish_by);
        }
    }

    pub(super) fn poll_invocation(
        &mut self,
        invocation: &mut Invocation,
        event: &str,
        id: Option<&Id<'_>>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let mut out = buffers::take();
        out.resize(ws::HEADER_ROOM, 0);
        let mut sink = ReplySink::new(&mut out, event, id);
        let polled = catch_unwind(AssertUnwindSafe(|| invocation.as_mut().poll(cx, &mut sink)));
        let ready = match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Ok(()))) => {
                if out.len() > ws::HEADER_ROOM {
                    self.reply(&mut out, event, id);
                }
                Poll::Ready(())
            }
            Ok(Poll::Ready(Err(error))) => {
                self.exception(&error, Some(event), id);
                drop_contained(error);
                Poll::Ready(())
            }
            Err(panic) => {
                let trace = log::panicked(event, &*panic);
                drop_contained(panic);
                self.exception(&log::panic_error(trace), Some(event), id);
                Poll::Ready(())
            }
        };
        buffers::give(out);
        ready
    }

    fn reply(&mut self, out: &mut [u8], event: &str, id: Option<&Id<'_>>) {
        if out.len() - ws::HEADER_ROOM > self.limits().max_message_out {
            let error = Error::internal("the reply is longer than `max_message_out`");
            return self.exception(&error, Some(event), id);
        }
        let start = ws::finish_frame(out, 0, Opcode::Text);
        self.send(&out[start..]);
    }

    fn send(&mut self, frame: &[u8]) {
        let conn = self.client.conn();
        match Frame::new(frame).lend(conn, |frame| conn.lane.put_reply(frame, &conn.table.limits, conn.node())) {
            Ok(crowded) => self.congested |= crowded,
            Err(Pushed::Gone) => conn.node().counters.dropped(1),
            Err(_) => {
                conn.node().counters.dropped(1);
                self.abort(CloseCode::SLOW_CONSUMER, DisconnectReason::SlowConsumer);
            }
        }
    }

    /// Answers with the `exception` event. The cause of an internal error goes to the log alone.
    pub(super) fn exception(&mut self, error: &Error, event: Option<&str>, id: Option<&Id<'_>>) {
        log::failed(error, event.unwrap_or(""), &self.client);
        let mut out = buffers::take();
        out.resize(ws::HEADER_ROOM, 0);
        json::encode_exception(&mut out, error, event, id);
        let start = ws::finish_frame(&mut out, 0, Opcode::Text);
        self.send(&out[start..]);
        buffers::give(out);
        if matches!(self.stage, Stage::Serving)
            && let Some(close) = error.close()
        {
            self.close(close.clone(), DisconnectReason::Server { code: close.code });
        }
    }

    fn malformed(&mut self, reason: &'static str) {
        let now = self.now();
        self.conn().node().rejected("message", reason);
        if self.timers.malformed(now, &self.client.conn().table.limits) {
            self.close(
                CloseCode::TOO_MANY_ERRORS.into(),
                DisconnectReason::Violation { code: CloseCode::TOO_MANY_ERRORS },
            );
        }
    }

    pub(super) fn refuse_draining(&mut self, text: &str) {
        if let Ok(Incoming::Request(request)) = json::decode(text) {
            self.exception(&draining(), Some(&request.event), request.id.as_ref());
        }
    }

    /// Stops the request with this id, running or waiting; it is answered `cancelled`.
    pub(super) fn cancel(&mut self, id: &Id<'_>) {
        let error = Error::cancelled("Cancelled by the client");
        if let Some(waiting) = self.inbound.remove(id) {
            if let Ok(Incoming::Request(request)) = json::decode(&waiting.text) {
                self.exception(&error, Some(&request.event), Some(id));
            }
            return;
        }
        match self.running.take() {
            Some(Running::Handler(handler)) if handler.id.as_ref() == Some(id) => {
                self.timers.work_by = NEVER;
                let event = handler.event.clone();
                drop_contained(handler);
                self.exception(&error, Some(&event), Some(id));
            }
            running => {
                self.running = running;
                self.conn().node().rejected("cancel", "unknown_id");
            }
        }
    }
}

fn draining() -> Error {
    Error::draining("The server is about to restart")
}
