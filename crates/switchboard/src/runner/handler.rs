//! A handler in flight: one poll of it, and what it sends.
use crate::buffers;
use crate::contain::drop_contained;
use crate::handler::{Invocation, ReplySink, Step};
use crate::hub::ReplyTo;
use crate::hub::deferred::{Returned, dropped};
use crate::node::{Charge, InFlight};
use crate::runner::deadlines::Deadlines;
use crate::runner::round::Round;
use crate::{Error, log};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use switchboard_core::Id;
use switchboard_core::ws;

/// What became of a handler that was polled.
pub(crate) enum Polled {
    Pending,
    /// It has answered, or it has failed and the client was told.
    Done,
    /// It has returned a stream, which is polled from now on.
    Streams,
    /// It has sent an item of its stream, and may have more at once.
    Item,
}

/// A handler in flight.
pub(crate) struct Handler {
    pub(super) invocation: Invocation,
    pub(super) event: Arc<str>,
    pub(super) id: Option<Id<'static>>,
    reply_to: ReplyTo,
    /// The number of the deferred reply, if an `Ack` had opened it when the handler began.
    late: Option<u64>,
    counted: Option<InFlight>,
    /// The memory that is charged for its message, if memory is limited. It is charged until the handler ends, or its stream.
    _charge: Option<Charge>,
}

impl Handler {
    pub(super) fn new(
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

    /// Counts it no longer as a handler in flight: it is a stream now, and streams have a limit of their own.
    pub(super) fn uncount(&mut self) {
        self.counted = None;
    }

    /// The number of the deferred reply, if an `Ack` answers the request.
    pub(super) fn late(&self) -> Option<u64> {
        self.late.or_else(|| self.invocation.late())
    }

    /// The event and the id of the request.
    pub(super) fn request(&self) -> (Arc<str>, Option<Id<'static>>) {
        (self.event.clone(), self.id.clone())
    }

    #[inline(never)]
    pub(super) fn poll(&mut self, deadlines: &mut Deadlines, round: &mut Round<'_>, cx: &mut Context<'_>) -> Polled {
        let Handler { invocation, event, id, reply_to, late, .. } = self;
        poll_invocation(invocation, event, id.as_ref(), *reply_to, *late, deadlines, round, cx)
    }

    /// Drops what runs, and tells the caller why.
    pub(super) fn fail(self, error: &Error, round: &mut Round<'_>) {
        let ((event, id), late) = (self.request(), self.late());
        drop_contained(self);
        round.fail_request(error, &event, id.as_ref(), late);
    }
}

/// Polls a handler once, and sends what it has answered.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the parts of one request")]
pub(super) fn poll_invocation(
    invocation: &mut Invocation,
    event: &str,
    id: Option<&Id<'_>>,
    reply_to: ReplyTo,
    late: Option<u64>,
    deadlines: &mut Deadlines,
    round: &mut Round<'_>,
    cx: &mut Context<'_>,
) -> Polled {
    let mut out = buffers::scratch();
    out.extend_from_slice(&[0; ws::HEADER_ROOM]);
    let encoding = round.endpoint.encoding();
    let mut sink = ReplySink::new(&mut out, encoding, event, id, reply_to);
    let polled = catch_unwind(AssertUnwindSafe(|| invocation.poll(cx, &mut sink)));
    let polled = match polled {
        Ok(Poll::Pending) => Polled::Pending,
        // Most messages end here.
        Ok(Poll::Ready(Step::Done(Ok(())))) if late.is_none() && sink.is_plain() => {
            // A plain sink holds nothing that has to be dropped: an error would have been returned.
            std::mem::forget(sink);
            if out.len() > ws::HEADER_ROOM {
                round.reply(&mut out, encoding, event, id);
            }
            Polled::Done
        }
        polled => {
            let (stream, late) = (sink.take_stream(), late.or(sink.late()));
            drop(sink);
            polled_otherwise(polled, invocation, stream, &mut out, event, id, late, deadlines, round)
        }
    };
    buffers::keep_scratch(out);
    polled
}

#[inline(never)]
#[allow(clippy::too_many_arguments, reason = "the rest of `poll_invocation`")]
fn polled_otherwise(
    polled: std::thread::Result<Poll<Step>>,
    invocation: &mut Invocation,
    stream: Option<Invocation>,
    out: &mut [u8],
    event: &str,
    id: Option<&Id<'_>>,
    late: Option<u64>,
    deadlines: &mut Deadlines,
    round: &mut Round<'_>,
) -> Polled {
    let encoding = round.endpoint.encoding();
    match polled {
        Ok(Poll::Pending) => Polled::Pending,
        Ok(Poll::Ready(Step::Streams)) => Polled::Streams,
        // Nothing was encoded, because nobody waits for the item.
        Ok(Poll::Ready(Step::Item)) if out.len() <= ws::HEADER_ROOM => Polled::Item,
        Ok(Poll::Ready(Step::Item)) => match round.reply(out, encoding, event, id) {
            true => Polled::Item,
            false => Polled::Done,
        },
        Ok(Poll::Ready(Step::Done(Ok(())))) => {
            if let Some(stream) = stream {
                drop_contained(std::mem::replace(invocation, stream));
                return Polled::Streams;
            }
            match late {
                Some(late) => returned(late, deadlines, round),
                None if out.len() > ws::HEADER_ROOM => {
                    round.reply(out, encoding, event, id);
                }
                None => {}
            }
            Polled::Done
        }
        Ok(Poll::Ready(Step::Done(Err(error)))) => {
            round.fail_request(&error, event, id, late);
            drop_contained(error);
            Polled::Done
        }
        Err(panic) => {
            let trace = log::panicked(round.endpoint.profile.known(event), &*panic);
            drop_contained(panic);
            round.fail_request(&log::panic_error(trace), event, id, late.or_else(|| invocation.late()));
            Polled::Done
        }
    }
}

/// A handler has returned, and left its answer to an `Ack`.
fn returned(late: u64, deadlines: &mut Deadlines, round: &mut Round<'_>) {
    let conn = round.endpoint;
    let by = round.after(conn.present(), conn.profile.limits.deferred_reply_timeout);
    match conn.returned_deferred(late, by) {
        Returned::Answered => {}
        Returned::Waits(by) => deadlines.set_deferred_by(deadlines.deferred_by().min(by)),
        Returned::Abandoned => {
            if let Some(open) = conn.take_deferred(late) {
                conn.node().rejected("ack", "dropped");
                round.exception(&dropped(), Some(&open.event), open.id.as_ref());
            }
        }
    }
}
