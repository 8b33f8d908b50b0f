//! [`Attempt`]: the start of a handler before its frame is fully decoded, which may turn out to be too early.
//!
//! A JSON frame is read in two phases. The first one (`json::decode_fast`) finds the event, the id, and the text of
//! what may be the payload, without looking whether that text is JSON. The second one is the handler's own parameter,
//! which parses the payload. If that succeeds, the frame is the message that it seemed to be, and was read only once.
//! If it fails, or no parameter has parsed the payload, the attempt came too early: what it started is undone, and the
//! caller decodes the whole frame, which either shows what is wrong with it or starts the handler again.
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
    /// True once the frame is known to be the message that it seems to be.
    is_whole: Cell<bool>,
    /// The number of the deferred reply that an `Ack` has opened.
    deferred: Cell<Option<u64>>,
    may_defer: bool,
}

/// The result of starting a handler.
pub(crate) enum Begun {
    Started {
        /// The handler, which has not been polled yet, or why it did not start.
        handler: Result<Invocation, Error>,
        deferred: Option<u64>,
    },
    /// The frame may not be what it seems. Everything was undone: decode the whole frame.
    TooEarly,
    /// As `TooEarly`, but the application's code has also panicked, so it is not called again.
    TooEarlyPanicked(TraceId),
}

impl Attempt {
    /// Returns the attempt for a message whose frame was decoded, or for no message.
    pub(crate) const fn whole() -> Attempt {
        Attempt { is_whole: Cell::new(true), deferred: Cell::new(None), may_defer: true }
    }

    /// Returns the attempt for a hook, which cannot defer a reply.
    pub(crate) const fn hook() -> Attempt {
        Attempt { may_defer: false, ..Attempt::whole() }
    }

    /// Starts a handler: reads its parameters, and contains panics of the application's code. The handler is not
    /// polled.
    ///
    /// The caller keeps `scope` until the handler was polled once. Most services of the message are then dropped with
    /// the scope, where the panic of each drop is contained separately. Two such panics while the handler's parameters
    /// are dropped would abort the process.
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
        // A handler that was not polled has done nothing, so it can be dropped.
        drop_contained(handler);
        if let Some(number) = deferred {
            caller.endpoint().take_deferred(number);
        }
        panicked.map_or(Begun::TooEarly, Begun::TooEarlyPanicked)
    }

    /// Notes that the payload was parsed: the frame is the message that it seems to be.
    pub(crate) fn confirm(&self) {
        self.is_whole.set(true);
    }

    /// Errors: in a hook, which has no reply; or if the handler has another `Ack` already.
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
