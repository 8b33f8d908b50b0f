//! How a client's life ends: the connection ends, its time is over, or the server shuts down.
use crate::Error;
use crate::contain::drop_contained;
use crate::log;
use crate::node::clock::NEVER;
use crate::outbound::DisconnectReason;
use crate::runner::cancel::{draining, refuse};
use crate::runner::hooks::fail;
use crate::runner::round::{EndRequest, Reach, Round};
use crate::runner::runner::{Runner, Running, Stage};
use switchboard_core::CloseCode;

impl Runner {
    /// Notes why the connection ends. The first reason counts.
    pub(crate) fn ends_for(&mut self, reason: DisconnectReason) {
        self.deadlines.ends_for(reason);
    }

    /// The connection ends; called again when it ends further (see [`Reach`]). The application learns of it, and what still runs
    /// gets a last deadline.
    ///
    /// `finish_by`: that deadline, unless there is one already.
    pub(crate) fn lost(&mut self, reach: Reach, finish_by: u64) {
        let acks = self.endpoint().extras.lock().as_mut().map(|extras| extras.acks.take());
        // Dropped outside the lock, because each wakes the caller that awaits it.
        drop(acks);
        let conn = self.client.endpoint();
        if self.deadlines.finish_by() == NEVER {
            self.deadlines.set_finish_by(finish_by);
        }
        if let Some(port) = &self.port {
            match reach {
                Reach::Answering => port.end(),
                Reach::Open | Reach::Ended => port.close(),
            }
            self.deadlines.work_finishes();
        }
        let all = conn.profile.cancel_on_disconnect;
        if all {
            self.drop_inbound();
            if let Some(running) = self.running.take() {
                self.deadlines.work_by = NEVER;
                drop_contained(running);
            }
        }
        self.background.lost(reach, &self.deadlines, all);
    }

    /// True if everything that the client has sent is answered.
    pub(crate) fn is_answered(&self) -> bool {
        let (runs, connects) = (self.running.is_some(), matches!(self.stage, Stage::New | Stage::Connecting(_)));
        let waits = match &self.port {
            Some(port) => (runs || connects) && !port.is_answered(),
            None => runs,
        };
        !waits && self.inbound.is_empty() && self.background.is_empty() && !self.endpoint().waits_deferred()
    }

    /// Drops the messages that wait.
    pub(crate) fn drop_inbound(&mut self) {
        if self.port.is_some() {
            self.endpoint().cut_port();
        }
        let dropped = self.inbound.clear();
        if dropped > 0 {
            self.endpoint().node().counters.dropped_inbound(dropped);
            log::limited!(debug, (), "messages that waited were dropped, because the connection ends");
        }
    }

    /// The server shuts down. Messages that have not begun are answered `draining`. The connection is closed when those that have
    /// begun are finished: see `serve_next`.
    pub(crate) fn drain(&mut self, round: &mut Round<'_>) {
        self.deadlines.drain();
        // An answer may find that the client does not read, and ask for an end. That end drops the rest.
        while !round.is_asked_to_end()
            && let Some(waiting) = self.inbound.pop()
        {
            refuse(&waiting.message, &draining(), round);
        }
        self.background.end(&Error::draining("The server is about to restart"), false, round);
        if matches!(self.running, Some(Running::Raw(_))) {
            round.ask(EndRequest::Restart);
        }
    }

    /// The shutdown's patience is over: what runs is cut off, its caller told, the client closed, all by the time `last`.
    pub(crate) fn kill(&mut self, last: u64, round: &mut Round<'_>) {
        let conn = round.endpoint;
        self.drop_inbound();
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Serving => self.stage = Stage::Serving,
            Stage::Connecting(hook) | Stage::Leaving(hook) => {
                conn.node().counters.aborted();
                drop_contained(hook);
            }
            Stage::New | Stage::Done => {}
        }
        let error = Error::draining("The server restarts; the handler was cut off");
        for _ in 0..self.background.end(&error, true, round) {
            conn.node().counters.aborted();
        }
        for open in conn.take_all_deferred() {
            round.exception(&error, Some(&open.event), open.id.as_ref());
        }
        if let Some(running) = self.running.take() {
            conn.node().counters.aborted();
            match running {
                Running::Handler(handler) => handler.fail(&error, round),
                Running::Raw(hook) => drop_contained(hook),
            }
        }
        round.ask(EndRequest::Restart);
        // Only the on-disconnect hook is left. It has this long, and no time of its own in addition.
        self.deadlines.work_by = last;
        self.deadlines.set_finish_by(last);
    }

    /// Ends the handler or hook that runs, because its time is over.
    pub(super) fn work_timed_out(&mut self, round: &mut Round<'_>) {
        self.deadlines.work_by = NEVER;
        let error = Error::timeout("The handler took too long");
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Connecting(hook) => {
                drop_contained(hook);
                fail(error.closing(CloseCode::INTERNAL), round);
            }
            Stage::Leaving(hook) => {
                if self.deadlines.is_draining() {
                    round.endpoint.node().counters.aborted();
                }
                log::failed(&error, "on_disconnect", round.endpoint);
                drop_contained(hook);
            }
            stage => {
                self.stage = stage;
                match self.running.take() {
                    Some(Running::Handler(handler)) => handler.fail(&error, round),
                    Some(Running::Raw(hook)) => drop_contained(hook),
                    None => {}
                }
            }
        }
    }
}
