//! The hooks of a gateway, on connect and on disconnect, and how the loop of a raw gateway begins.
use crate::contain::{contained, drop_contained, panicked};
use crate::di::MessageScope;
use crate::gateway::CompiledGateway;
use crate::handler::{Attempt, Caller, HookFuture, MessageContext, Outcome, Parts};
use crate::node::clock::NEVER;
use crate::outbound::{DisconnectReason, because_of, close_code};
use crate::runner::round::{EndRequest, Round};
use crate::runner::runner::{Runner, Running, Stage};
use crate::{Error, log, pipeline};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use switchboard_core::{Close, CloseCode, Code};

impl Runner {
    /// Calls a hook of the gateway.
    fn hook<T>(
        &self,
        table: &CompiledGateway,
        reason: Option<&DisconnectReason>,
        hook: impl FnOnce(&MessageContext<'_>) -> T,
    ) -> T {
        hook(&MessageContext {
            caller: Caller::Client(&self.client),
            event: "",
            parts: Parts::NONE,
            reason,
            attempt: &Attempt::hook(),
            container: table.container.as_ref(),
            scope: &MessageScope::default(),
        })
    }

    pub(super) fn connect(&mut self, table: &CompiledGateway, round: &mut Round<'_>) -> bool {
        if round.endpoint.node().is_draining() {
            // The client came after the shutdown began. The application does not see it: what its hooks use may be closed
            // already.
            self.stage = Stage::Done;
            round.ask(EndRequest::Restart);
            return true;
        }
        if table.on_connect.is_none() && table.connect_stages.is_none() {
            self.connected(table, round);
            return true;
        }
        let begin = |cx: &MessageContext<'_>| {
            pipeline::connecting(table.connect_stages.as_ref(), table.on_connect.as_ref(), cx)
        };
        match contained("on_connect", || self.hook(table, None, begin)) {
            Ok(future) => {
                self.stage = Stage::Connecting(future);
                self.deadlines.work_begins(round);
            }
            Err(error) => self.refuse(error, round),
        }
        true
    }

    pub(super) fn poll_connecting(
        &mut self,
        table: &CompiledGateway,
        round: &mut Round<'_>,
        cx: &mut Context<'_>,
    ) -> bool {
        let Stage::Connecting(hook) = &mut self.stage else { return false };
        let Poll::Ready(outcome) = poll_hook("on_connect", hook, cx) else { return false };
        self.deadlines.work_by = NEVER;
        match outcome {
            Ok(()) => self.connected(table, round),
            Err(error) => self.refuse(error, round),
        }
        true
    }

    fn connected(&mut self, table: &CompiledGateway, round: &mut Round<'_>) {
        let conn = round.endpoint;
        let previous = std::mem::replace(&mut self.stage, Stage::Serving);
        drop_contained(previous);
        let may_run = round.reach.is_served() && conn.writer.is_open() && !self.deadlines.is_draining();
        let Some(raw) = table.raw.as_ref().filter(|_| may_run) else { return };
        match contained("raw", || self.hook(table, None, |cx| raw(cx))) {
            Ok(future) => self.running = Some(Running::Raw(future)),
            Err(error) => fail(error, round),
        }
    }

    /// The on-connect hook refused the client, or failed. The client is told, and the on-disconnect hook does not run.
    fn refuse(&mut self, error: Error, round: &mut Round<'_>) {
        let previous = std::mem::replace(&mut self.stage, Stage::Done);
        drop_contained(previous);
        fail(error, round);
    }

    /// Polls the loop of a raw gateway, which was taken out. True when it has ended.
    pub(super) fn poll_raw(&mut self, mut hook: HookFuture, round: &mut Round<'_>, cx: &mut Context<'_>) -> bool {
        let Poll::Ready(outcome) = poll_hook("raw", &mut hook, cx) else {
            self.running = Some(Running::Raw(hook));
            return false;
        };
        self.deadlines.work_by = NEVER;
        drop_contained(hook);
        match outcome {
            // Asked for in the same way as by `Socket::close`: if the loop has closed the socket itself, its own code counts.
            Ok(()) => {
                round.endpoint.close(crate::outbound::CloseRequest::Graceful {
                    close: CloseCode::NORMAL.into(),
                    reason: DisconnectReason::Server { code: CloseCode::NORMAL },
                });
            }
            Err(error) => fail(error, round),
        }
        true
    }

    /// Nothing of the client runs or waits any more: begins the on-disconnect hook.
    pub(super) fn leave(&mut self, table: &CompiledGateway, round: &Round<'_>) {
        let reason = self.deadlines.reason();
        self.stage = match &table.on_disconnect {
            None => Stage::Done,
            Some(hook) => {
                match contained("on_disconnect", || self.hook(table, Some(&reason), |cx| hook(cx))) {
                    Ok(future) => {
                        // `kill` may have set the time that is left.
                        if self.deadlines.work_by == NEVER {
                            self.deadlines.work_begins(round);
                        }
                        Stage::Leaving(future)
                    }
                    Err(error) => {
                        log::failed(&error, "on_disconnect", round.endpoint);
                        drop_contained(error);
                        Stage::Done
                    }
                }
            }
        };
    }

    pub(super) fn poll_leaving(&mut self, round: &Round<'_>, cx: &mut Context<'_>) -> bool {
        let Stage::Leaving(hook) = &mut self.stage else { return false };
        let Poll::Ready(outcome) = poll_hook("on_disconnect", hook, cx) else { return false };
        self.deadlines.work_by = NEVER;
        if let Err(error) = outcome {
            log::failed(&error, "on_disconnect", round.endpoint);
            drop_contained(error);
        }
        drop_contained(std::mem::replace(&mut self.stage, Stage::Done));
        true
    }
}

/// Sends the error and closes with the code that belongs to it.
pub(super) fn fail(error: Error, round: &mut Round<'_>) {
    let is_raw = round.endpoint.profile.raw;
    if is_raw {
        log::failed(&error, "raw", round.endpoint);
    } else {
        round.tell(&error, None, None);
    }
    let close = because_of(&error, error.close().cloned().unwrap_or_else(|| close_for(&error, is_raw)));
    drop_contained(error);
    let reason = DisconnectReason::of_hook(close.code);
    round.ask(EndRequest::Close { close, reason });
}

/// The close frame of an error that names none. A raw gateway's client gets no `exception`, so the close frame carries the trace id.
fn close_for(error: &Error, is_raw: bool) -> Close {
    if *error.code() == Code::Draining {
        return Close::service_restart();
    }
    let code = close_code(error);
    match error.trace() {
        Some(trace) if is_raw => Close::new(code, format!("{} trace_id={trace}", code.reason())),
        _ => Close::from(code),
    }
}

fn poll_hook(place: &str, hook: &mut HookFuture, cx: &mut Context<'_>) -> Poll<Outcome> {
    match catch_unwind(AssertUnwindSafe(|| hook.as_mut().poll(cx))) {
        Ok(polled) => polled,
        Err(panic) => Poll::Ready(Err(panicked(place, panic))),
    }
}
