//! [`Attempt`]: the beginning of a handler, which may come too early.
//!
//! A JSON frame is read in two phases. The first one (`json::decode_fast`) finds the event, the id, and the text of what may be the
//! payload, and does not look whether that text is JSON. The second one is the handler's own parameter, which parses the payload. If
//! that succeeds, the frame is the message that it seemed to be, and was read once. If it does not, or nothing has parsed the payload,
//! the attempt came too early: what it began is undone, and the caller decodes the frame as a whole, which says what is wrong with it,
//! or begins again.
use crate::contain::drop_contained;
use crate::di::{Container, MessageScope};
use crate::gateway::Entry;
use crate::handler::{Caller, Invocation, MessageContext, Parts};
use crate::{Error, TraceId, log, pipeline};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What is known of a message while its parameters are read.
pub(crate) struct Attempt {
    /// The frame is the message that it seems to be.
    is_whole: Cell<bool>,
    /// The number of the deferred reply that an `Ack` has opened.
    deferred: Cell<Option<u64>>,
    may_defer: bool,
}

/// What became of a handler that was to begin.
pub(crate) enum Begun {
    Started {
        /// The handler, which was not polled yet, or why there is none.
        handler: Result<Invocation, Error>,
        deferred: Option<u64>,
    },
    /// The frame may not be what it seems. Nothing has happened: it is to be decoded as a whole.
    TooEarly,
    /// The same, and the application's code has panicked with it, so that it is not asked again.
    TooEarlyPanicked(TraceId),
}

impl Attempt {
    /// Of a message whose frame was decoded, or of none.
    pub(crate) const fn whole() -> Attempt {
        Attempt { is_whole: Cell::new(true), deferred: Cell::new(None), may_defer: true }
    }

    /// Of a hook, which nobody awaits an answer of.
    pub(crate) const fn hook() -> Attempt {
        Attempt { may_defer: false, ..Attempt::whole() }
    }

    /// Begins a handler: reads its parameters, and keeps panics of the application's code in. The handler is not polled.
    ///
    /// The caller keeps `scope` until the handler was polled once: then most services of the message are dropped with the scope, where
    /// each panic of a drop is contained by itself. Two such panics in the drop of the handler's parameters would abort the process.
    #[inline(always)]
    pub(crate) fn begin(
        entry: &Entry,
        caller: Caller<'_>,
        event: &str,
        parts: &Parts<'_>,
        container: Option<&Arc<Container>>,
        scope: &MessageScope,
    ) -> Begun {
        let attempt = &Attempt { is_whole: Cell::new(parts.data.is_whole()), ..Attempt::whole() };
        let mut panicked = None;
        let cx = MessageContext { caller, event, parts, reason: None, attempt, container, scope };
        let start = || match &entry.stages {
            None => entry.start.start(&cx),
            Some(stages) => pipeline::start(stages, &entry.start, &cx),
        };
        let handler = catch_unwind(AssertUnwindSafe(start)).unwrap_or_else(|panic| {
            let trace = log::panicked(caller.endpoint().profile.known(event), &*panic);
            drop_contained(panic);
            panicked = Some(trace);
            Err(log::panic_error(trace))
        });
        let deferred = attempt.deferred.get();
        if attempt.is_whole.get() {
            return Begun::Started { handler, deferred };
        }
        // A handler that was not polled has done nothing.
        drop_contained(handler);
        if let Some(number) = deferred {
            caller.endpoint().take_deferred(number);
        }
        panicked.map_or(Begun::TooEarly, Begun::TooEarlyPanicked)
    }

    /// The payload was parsed: the frame is the message that it seems to be.
    pub(crate) fn confirm(&self) {
        self.is_whole.set(true);
    }

    /// Errors: a hook has nobody to answer; the handler has another `Ack`.
    pub(crate) fn may_defer(&self) -> Result<(), Error> {
        if !self.may_defer {
            return Err(Error::internal("`Ack` is a parameter of handlers only: a hook has nobody to answer"));
        }
        if self.deferred.get().is_some() {
            return Err(Error::internal("a handler takes one `Ack`"));
        }
        Ok(())
    }

    pub(crate) fn defer(&self, number: u64) {
        self.deferred.set(Some(number));
    }

    pub(crate) fn deferred(&self) -> Option<u64> {
        self.deferred.get()
    }
}
