//! One connection's work: hooks and handlers, one at a time, polled by the connection task.
use crate::contain::{contained, drop_contained, panicked};
use crate::di::MessageScope;
use crate::gateway::Group;
use crate::handler::{HookFuture, Invocation, MessageContext, Outcome, Parts};
use crate::hub::ReplyTo;
use crate::node::{Charge, InFlight};
use crate::outbound::{CloseRequest, DisconnectReason};
use crate::runner::dispatch::Polled;
use crate::transport::websocket::closing::{Net, because_of};
use crate::transport::websocket::task::{Served, Task};
use crate::transport::websocket::timers::NEVER;
use crate::{Error, log, pipeline};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use switchboard_core::Id;
use switchboard_core::{Close, CloseCode};

/// How far the application is with a connection.
pub(crate) enum Stage {
    New,
    /// The on-connect hook runs; messages wait.
    Connecting(HookFuture),
    Serving,
    /// The on-disconnect hook runs.
    Leaving(HookFuture),
    Done,
}

/// What runs while the stage is `Serving`.
pub(crate) enum Running {
    Handler(Box<Handler>),
    /// The loop of a raw gateway.
    Raw(HookFuture),
}

/// A handler in flight.
pub(crate) struct Handler {
    pub(crate) invocation: Invocation,
    pub(crate) event: Arc<str>,
    pub(crate) id: Option<Id<'static>>,
    pub(crate) reply_to: ReplyTo,
    /// An `Ack` answers, which is known by this number.
    late: Option<u64>,
    counted: Option<InFlight>,
    /// What it may keep of its message, where memory is limited: until it ends, as a stream too.
    _charge: Option<Charge>,
}

impl Handler {
    pub(crate) fn new(
        invocation: Invocation,
        event: Arc<str>,
        id: Option<Id<'static>>,
        reply_to: ReplyTo,
        late: Option<u64>,
        counted: InFlight,
        charge: Option<Charge>,
    ) -> Handler {
        Handler { invocation, event, id, reply_to, late, counted: Some(counted), _charge: charge }
    }

    /// It is a stream from now on: those have a limit of their own.
    pub(crate) fn uncount(&mut self) {
        self.counted = None;
    }

    /// The same, as far as it was known when the handler began.
    pub(crate) fn known_deferred(&self) -> Option<u64> {
        self.late
    }

    /// The number of the `Ack` that answers.
    pub(crate) fn late(&self) -> Option<u64> {
        self.late.or_else(|| self.invocation.late())
    }

    /// The event and the id of the request.
    pub(crate) fn request(&self) -> (Arc<str>, Option<Id<'static>>) {
        (self.event.clone(), self.id.clone())
    }
}

impl Running {
    pub(crate) fn drop_contained(self) {
        drop_contained(self);
    }
}

impl Task {
    /// Runs hooks and handlers until each waits for something.
    pub(crate) fn poll_work(&mut self, conn: &Served, cx: &mut Context<'_>) {
        loop {
            let moved = match self.stage {
                Stage::New => self.connect(conn),
                Stage::Connecting(_) => self.poll_connecting(conn, cx),
                Stage::Serving => self.poll_serving(conn, cx),
                Stage::Leaving(_) => self.poll_leaving(cx),
                Stage::Done => false,
            };
            if !moved {
                return;
            }
        }
    }

    /// Nothing runs or waits that `poll_work` would have to look at before more is read.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.is_free() && self.net == Net::Open && !self.draining && self.background.is_none()
    }

    /// True when `poll_work` has something to do that nobody will wake it for.
    pub(crate) fn has_work(&self) -> bool {
        matches!(self.stage, Stage::Serving)
            && self.running.is_none()
            && ((!self.net.is_served() && self.background.is_none()) || (self.next_may_start() && !self.congested))
    }

    fn hook_context<'a>(
        &'a self,
        conn: &'a Served,
        reason: Option<&'a DisconnectReason>,
        scope: &'a MessageScope,
    ) -> MessageContext<'a> {
        MessageContext {
            client: &self.client,
            event: "",
            parts: Parts::NONE,
            reason,
            parsed: Cell::new(true),
            late: None,
            container: conn.table.container.as_ref(),
            scope,
        }
    }

    pub(crate) fn work_begins(&mut self) {
        self.timers.work_by = self.timers.after(self.endpoint().present(), self.limits().handler_timeout);
    }

    fn connect(&mut self, conn: &Served) -> bool {
        if self.endpoint().node().is_draining() {
            // It came too late: the application has not seen it, and what its hooks use may be closed already.
            self.stage = Stage::Done;
            self.close_for_restart();
            return true;
        }
        let table = &conn.table;
        if table.on_connect.is_none() && table.connect_stages.is_none() {
            self.connected(conn);
            return true;
        }
        let scope = MessageScope::default();
        let begin = || {
            let cx = self.hook_context(conn, None, &scope);
            let hook = || match &table.on_connect {
                Some(hook) => hook(&cx),
                None => Ok(Box::pin(std::future::ready(Ok(()))) as HookFuture),
            };
            match &table.connect_stages {
                None => hook(),
                Some(stages) => Ok(pipeline::around(stages, &cx, contained("on_connect", hook))),
            }
        };
        match contained("on_connect", begin) {
            Ok(future) => {
                self.stage = Stage::Connecting(future);
                self.work_begins();
            }
            Err(error) => self.refuse(error),
        }
        true
    }

    fn poll_connecting(&mut self, conn: &Served, cx: &mut Context<'_>) -> bool {
        let Stage::Connecting(hook) = &mut self.stage else { return false };
        let Poll::Ready(outcome) = poll_hook("on_connect", hook, cx) else { return false };
        self.timers.work_by = NEVER;
        match outcome {
            Ok(()) => self.connected(conn),
            Err(error) => self.refuse(error),
        }
        true
    }

    fn connected(&mut self, conn: &Served) {
        let table = &conn.table;
        let previous = std::mem::replace(&mut self.stage, Stage::Serving);
        drop_contained(previous);
        let Some(raw) =
            table.raw.as_ref().filter(|_| self.net.is_served() && self.endpoint().writer.is_open() && !self.draining)
        else {
            return;
        };
        match contained("raw", || raw(&self.hook_context(conn, None, &MessageScope::default()))) {
            Ok(future) => self.running = Some(Running::Raw(future)),
            Err(error) => self.fail(error),
        }
    }

    /// The on-connect hook said no, or failed: the client is told, and the on-disconnect hook does not run.
    fn refuse(&mut self, error: Error) {
        let previous = std::mem::replace(&mut self.stage, Stage::Done);
        drop_contained(previous);
        self.fail(error);
    }

    /// Sends the error and closes with the code that belongs to it.
    fn fail(&mut self, error: Error) {
        if self.port.is_none() {
            self.exception(&error, None, None);
        } else {
            log::failed(&error, "raw", &self.client);
        }
        let close = because_of(&error, error.close().cloned().unwrap_or_else(|| self.close_for(&error)));
        drop_contained(error);
        let reason = match close.code {
            CloseCode::INTERNAL => DisconnectReason::Fault,
            code => DisconnectReason::Server { code },
        };
        self.close(close, reason);
    }

    /// Of an error that names none. A raw gateway has no `exception`: its close frame tells what the log is found by.
    fn close_for(&self, error: &Error) -> Close {
        if *error.code() == switchboard_core::Code::Draining {
            return Close::service_restart();
        }
        let code = close_code(error);
        match error.trace() {
            Some(trace) if self.port.is_some() => Close::new(code, format!("{} trace_id={trace}", code.reason())),
            _ => Close::from(code),
        }
    }

    fn poll_serving(&mut self, conn: &Served, cx: &mut Context<'_>) -> bool {
        let ended = self.poll_background(cx);
        match self.running.take() {
            Some(Running::Handler(mut handler)) => match self.poll_handler(&mut handler, cx) {
                Polled::Pending => {
                    self.running = Some(Running::Handler(handler));
                    // Messages with a concurrency of their own do not wait for it.
                    (self.next_may_start() && self.serve_next(conn, cx)) || ended
                }
                polled => {
                    self.timers.work_by = NEVER;
                    match polled {
                        Polled::Streams | Polled::Item => self.put_stream(*handler),
                        Polled::Done | Polled::Pending => drop_contained(handler),
                    }
                    true
                }
            },
            Some(Running::Raw(mut hook)) => match poll_hook("raw", &mut hook, cx) {
                Poll::Pending => {
                    self.running = Some(Running::Raw(hook));
                    false
                }
                Poll::Ready(outcome) => {
                    self.timers.work_by = NEVER;
                    drop_contained(hook);
                    match outcome {
                        // Asked for, as `Socket::close` asks: where the loop has done that, its own code stands.
                        Ok(()) => {
                            self.endpoint().close(CloseRequest::Graceful {
                                close: CloseCode::NORMAL.into(),
                                reason: DisconnectReason::Server { code: CloseCode::NORMAL },
                            });
                        }
                        Err(error) => self.fail(error),
                    }
                    true
                }
            },
            None => self.serve_next(conn, cx) || ended,
        }
    }

    /// True when the message that waits for longest need not wait any more.
    fn next_may_start(&self) -> bool {
        self.inbound.front().is_some_and(|waiting| self.may_start(waiting.group))
    }

    pub(crate) fn may_start(&self, group: Option<Group>) -> bool {
        match group {
            None => self.running.is_none(),
            Some(group) => self.background.as_ref().map_or(0, |background| background.running(group)) < group.most,
        }
    }

    fn serve_next(&mut self, conn: &Served, cx: &mut Context<'_>) -> bool {
        // The way of most turns.
        if self.inbound.is_empty() && self.net == Net::Open && !self.draining {
            return false;
        }
        let waits = match self.net.is_served() {
            true => self.congested || !self.endpoint().writer.is_open(),
            false => self.endpoint().writer.is_asked_to_end(),
        };
        if waits {
            return false;
        }
        if self.net != Net::Open && self.now() >= self.timers.rare().finish_by {
            self.drop_inbound();
        }
        if self.next_may_start()
            && let Some(waiting) = self.inbound.pop()
        {
            // There is room in the queue again: what the handler asks its own client can be answered.
            self.pauses();
            self.dispatch(conn, &waiting.message, cx);
            return true;
        }
        if self.net.is_served() {
            let idle = self.background.is_none() && self.running.is_none() && self.unread.is_none();
            if self.net == Net::Open && self.draining && idle && !self.endpoint().waits_deferred() {
                self.close_for_restart();
            }
            return false;
        }
        if self.background.is_some() || self.running.is_some() || !self.inbound.is_empty() {
            return false;
        }
        self.leave(conn);
        true
    }

    fn leave(&mut self, conn: &Served) {
        let table = &conn.table;
        let reason = self.reason.as_deref().cloned().unwrap_or(DisconnectReason::Lost);
        self.stage = match &table.on_disconnect {
            None => Stage::Done,
            Some(hook) => {
                match contained("on_disconnect", || {
                    hook(&self.hook_context(conn, Some(&reason), &MessageScope::default()))
                }) {
                    Ok(future) => {
                        // After a shutdown's patience is over the time that is left is set already.
                        if self.timers.work_by == NEVER {
                            self.work_begins();
                        }
                        Stage::Leaving(future)
                    }
                    Err(error) => {
                        log::failed(&error, "on_disconnect", &self.client);
                        drop_contained(error);
                        Stage::Done
                    }
                }
            }
        };
    }

    fn poll_leaving(&mut self, cx: &mut Context<'_>) -> bool {
        let Stage::Leaving(hook) = &mut self.stage else { return false };
        let Poll::Ready(outcome) = poll_hook("on_disconnect", hook, cx) else { return false };
        self.timers.work_by = NEVER;
        if let Err(error) = outcome {
            log::failed(&error, "on_disconnect", &self.client);
            drop_contained(error);
        }
        drop_contained(std::mem::replace(&mut self.stage, Stage::Done));
        true
    }

    /// The handler or hook that runs has used up its time.
    pub(crate) fn work_timed_out(&mut self) {
        self.timers.work_by = NEVER;
        let error = Error::timeout("The handler took too long");
        match std::mem::replace(&mut self.stage, Stage::Serving) {
            Stage::Connecting(hook) => {
                drop_contained(hook);
                self.stage = Stage::Done;
                self.fail(error.closing(CloseCode::INTERNAL));
            }
            Stage::Leaving(hook) => {
                if self.draining {
                    self.endpoint().node().counters.aborted();
                }
                log::failed(&error, "on_disconnect", &self.client);
                drop_contained(hook);
                self.stage = Stage::Done;
            }
            stage => {
                self.stage = stage;
                match self.running.take() {
                    Some(Running::Handler(handler)) => {
                        let ((event, id), late) = (handler.request(), handler.late());
                        drop_contained(handler);
                        self.fail_request(&error, &event, id.as_ref(), late);
                    }
                    Some(raw) => raw.drop_contained(),
                    None => {}
                }
            }
        }
    }
}

/// The close code of an error that a hook returned.
fn close_code(error: &Error) -> CloseCode {
    use switchboard_core::Code;
    match error.code() {
        Code::Internal | Code::Timeout => CloseCode::INTERNAL,
        Code::Unauthenticated => CloseCode::INVALID_TOKEN,
        Code::RateLimited => CloseCode::RATE_LIMITED,
        Code::Overloaded | Code::BrokerUnavailable => CloseCode::TRY_AGAIN_LATER,
        Code::Draining => CloseCode::GOING_AWAY,
        Code::BadRequest | Code::ValidationFailed => CloseCode::BAD_REQUEST,
        _ => CloseCode::FORBIDDEN,
    }
}

fn poll_hook(place: &str, hook: &mut HookFuture, cx: &mut Context<'_>) -> Poll<Outcome> {
    match catch_unwind(AssertUnwindSafe(|| hook.as_mut().poll(cx))) {
        Ok(polled) => polled,
        Err(panic) => Poll::Ready(Err(panicked(place, panic))),
    }
}
