//! One client's work: hooks and handlers, one at a time, polled by the task of its transport.
use crate::contain::drop_contained;
use crate::gateway::{CompiledGateway, Group};
use crate::node::clock::NEVER;
use crate::runner::handler::Polled;
use crate::runner::round::{EndRequest, Reach, Round};
use crate::runner::runner::{Runner, Running, Stage};
use std::task::Context;

impl Runner {
    /// Runs hooks and handlers until each waits for something. True if the end was asked for before that: then the transport
    /// obeys, and polls again.
    #[inline]
    pub(crate) fn poll(&mut self, table: &CompiledGateway, round: &mut Round<'_>, cx: &mut Context<'_>) -> bool {
        loop {
            let moved = match self.stage {
                Stage::New => self.connect(table, round),
                Stage::Connecting(_) => self.poll_connecting(table, round, cx),
                Stage::Serving => self.poll_serving(table, round, cx),
                Stage::Leaving(_) => self.poll_leaving(round, cx),
                Stage::Done => false,
            };
            if !moved {
                return false;
            }
            // What comes next depends on `round.reach`, which the end changes.
            if round.is_asked_to_end() {
                return true;
            }
        }
    }

    /// Gives the handler or hook that begins now its deadline.
    fn poll_serving(&mut self, table: &CompiledGateway, round: &mut Round<'_>, cx: &mut Context<'_>) -> bool {
        let ended = self.background.poll(&mut self.deadlines, round, cx);
        if round.is_asked_to_end() {
            // The transport ends the connection first: what runs must not be polled as if it were open.
            return true;
        }
        match self.running.take() {
            Some(Running::Handler(mut handler)) => match handler.poll(&mut self.deadlines, round, cx) {
                Polled::Pending => {
                    self.running = Some(Running::Handler(handler));
                    // Messages for concurrent handlers do not wait for this one.
                    (self.next_may_start() && self.serve_next(table, round, cx)) || ended
                }
                polled => {
                    self.deadlines.work_by = NEVER;
                    match polled {
                        Polled::Streams | Polled::Item => {
                            self.background.put_stream(*handler, &self.deadlines, round);
                        }
                        Polled::Done | Polled::Pending => drop_contained(handler),
                    }
                    true
                }
            },
            Some(Running::Raw(hook)) => self.poll_raw(hook, round, cx),
            None => self.serve_next(table, round, cx) || ended,
        }
    }

    /// True if the message at the front of the queue may start now.
    pub(super) fn next_may_start(&self) -> bool {
        self.inbound.front().is_some_and(|waiting| self.may_start(waiting.group))
    }

    /// True if a handler of this group may start now. `None`: a handler that runs alone.
    pub(super) fn may_start(&self, group: Option<Group>) -> bool {
        match group {
            None => self.running.is_none(),
            Some(group) => self.background.running(group) < group.most,
        }
    }

    /// Starts the next waiting message, or goes on towards the end of the client. True if something happened.
    fn serve_next(&mut self, table: &CompiledGateway, round: &mut Round<'_>, cx: &mut Context<'_>) -> bool {
        let conn = round.endpoint;
        // Most calls end here.
        if self.inbound.is_empty() && round.reach == Reach::Open && !self.deadlines.is_draining() {
            return false;
        }
        // Nothing new begins while the client does not read, or while an end is asked for that the transport has yet to obey.
        let waits = match round.reach.is_served() {
            true => *round.congested || !conn.writer.is_open(),
            false => conn.writer.is_asked_to_end(),
        };
        if waits {
            return false;
        }
        if round.reach != Reach::Open && conn.now() >= self.deadlines.finish_by() {
            self.drop_inbound();
        }
        if self.next_may_start()
            && let Some(waiting) = self.inbound.pop()
        {
            // The queue has room again. Reading goes on before the handler begins, which may ask its own client something: the
            // answer has to be read.
            self.resume(round);
            self.dispatch(table, &waiting.message, round, cx);
            return true;
        }
        let is_idle = self.background.is_empty() && self.running.is_none();
        if round.reach.is_served() {
            let is_over = round.reach == Reach::Open && self.deadlines.is_draining() && is_idle && !round.unread;
            // A shutdown closes the connection once nothing runs, waits, is unread or is deferred.
            if is_over && !conn.waits_deferred() {
                round.ask(EndRequest::Restart);
            }
            return false;
        }
        if !is_idle || !self.inbound.is_empty() {
            return false;
        }
        self.leave(table, round);
        true
    }
}
