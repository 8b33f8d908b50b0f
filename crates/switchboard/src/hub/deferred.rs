//! The list of requests with a deferred reply: an `Ack` that may be sent long after the handler has returned. The code that writes the
//! reply is next to [`Ack`](crate::Ack).
use crate::hub::{Endpoint, ReplyTo};
use crate::outbound::Event;
use crate::outbound::because_of;
use crate::outbound::{Class, CloseRequest, DisconnectReason};
use crate::{Error, log};
use std::sync::Arc;
use switchboard_core::{CloseCode, Id};

/// The requests with a deferred reply. Each is answered exactly once, by the code that removes it from the list.
#[derive(Default)]
pub(crate) struct DeferredReplies {
    last: u64,
    open: Vec<Open>,
}

/// A request whose deferred reply has not been sent.
pub(crate) struct Open {
    number: u64,
    pub(crate) event: Arc<str>,
    pub(crate) id: Option<Id<'static>>,
    pub(crate) reply_to: ReplyTo,
    /// The deadline of the reply, on the clock of the connection's runtime. `None` while the handler runs, because the handler has its own
    /// deadline.
    by: Option<u64>,
    /// True if the `Ack` was dropped while the handler ran.
    abandoned: bool,
}

impl DeferredReplies {
    fn take(&mut self, number: u64) -> Option<Open> {
        let at = self.open.iter().position(|open| open.number == number)?;
        Some(self.open.swap_remove(at))
    }

    pub(crate) fn contains(&self, id: &Id<'_>) -> bool {
        self.open.iter().any(|open| open.by.is_some() && open.id.as_ref() == Some(id))
    }

    pub(crate) fn take_id(&mut self, id: &Id<'_>) -> Option<Open> {
        let at = self.open.iter().position(|open| open.by.is_some() && open.id.as_ref() == Some(id))?;
        Some(self.open.swap_remove(at))
    }

    /// Removes the requests whose deadline has passed. Returns them, and the earliest deadline of the remaining ones.
    pub(crate) fn expired(&mut self, now: u64) -> (Vec<Open>, Option<u64>) {
        let expired = self.open.extract_if(.., |open| open.by.is_some_and(|by| now >= by)).collect();
        (expired, self.open.iter().filter_map(|open| open.by).min())
    }
}

/// The state of an `Ack` when its handler returns.
pub(crate) enum Returned {
    /// The reply was sent.
    Answered,
    /// The `Ack` was dropped without a reply, so none can come.
    Abandoned,
    /// The reply may still come, until this time.
    Waits(u64),
}

pub(crate) fn dropped() -> Error {
    Error::internal("the handler's `Ack` was dropped without an answer")
}

impl Endpoint {
    /// Records a request that an `Ack` will answer, and returns its number. Errors: `rate_limited` beyond `Limits::deferred_replies`;
    /// `not_found` if the client has left.
    pub(crate) fn open_deferred(&self, event: &str, id: Option<&Id<'_>>, reply_to: ReplyTo) -> Result<u64, Error> {
        let opened = self.extras(|extras| {
            let late = extras.late.get_or_insert_default();
            if late.open.len() >= self.profile.limits.deferred_replies {
                return None;
            }
            late.last += 1;
            let id = id.cloned().map(Id::into_owned);
            let (number, event) = (late.last, Arc::from(event));
            late.open.push(Open { number, event, id, reply_to, by: None, abandoned: false });
            Some(number)
        });
        match opened {
            Some(Some(number)) => Ok(number),
            Some(None) => Err(Error::rate_limited("Too many requests of this client wait for an answer")),
            None => Err(crate::hub::acks::left()),
        }
    }

    fn late<T>(&self, work: impl FnOnce(&mut DeferredReplies) -> T) -> Option<T> {
        self.extras.lock().as_mut().and_then(|extras| extras.late.as_deref_mut()).map(work)
    }

    /// Removes a request from the list, to answer it. `None` if it is no longer in the list.
    pub(crate) fn take_deferred(&self, number: u64) -> Option<Open> {
        self.late(|late| late.take(number)).flatten()
    }

    pub(crate) fn take_deferred_id(&self, id: &Id<'_>) -> Option<Open> {
        self.late(|late| late.take_id(id)).flatten()
    }

    pub(crate) fn has_deferred(&self, id: &Id<'_>) -> bool {
        self.late(|late| late.contains(id)).unwrap_or(false)
    }

    pub(crate) fn expired_deferred(&self, now: u64) -> (Vec<Open>, Option<u64>) {
        self.late(|late| late.expired(now)).unwrap_or_default()
    }

    /// Called when the handler has returned. Sets the deadline of the reply to `by`.
    pub(crate) fn returned_deferred(&self, number: u64, by: u64) -> Returned {
        let waits = self.late(|late| {
            let open = late.open.iter_mut().find(|open| open.number == number)?;
            open.by = Some(by);
            Some(open.abandoned)
        });
        match waits.flatten() {
            None => Returned::Answered,
            Some(true) => Returned::Abandoned,
            Some(false) => Returned::Waits(by),
        }
    }

    /// True while a deferred reply is open.
    pub(crate) fn waits_deferred(&self) -> bool {
        self.late(|late| !late.open.is_empty()).unwrap_or(false)
    }

    pub(crate) fn take_all_deferred(&self) -> Vec<Open> {
        self.late(|late| std::mem::take(&mut late.open)).unwrap_or_default()
    }

    pub(crate) fn is_deferred_open(&self, number: u64) -> bool {
        self.late(|late| late.open.iter().any(|open| open.number == number)).unwrap_or(false)
    }

    /// Answers a request with an error.
    pub(crate) fn fail_deferred(self: &Arc<Self>, number: u64, error: &Error) -> Result<(), Error> {
        let open = self.take_deferred(number).ok_or_else(over)?;
        self.fail_open(&open, error);
        Ok(())
    }

    pub(crate) fn fail_open(self: &Arc<Self>, open: &Open, error: &Error) {
        log::failed(error, &open.event, &**self);
        let most = self.profile.limits.max_message_out;
        match Event::exception(self.encoding(), most, error, Some(&open.event), open.id.as_ref()) {
            // A reply that cannot be queued is counted there.
            Ok(event) => drop(self.sent_deferred(&event)),
            // The error cannot be encoded. The connection is closed, so that the client does not wait for a reply that never comes.
            Err(_) => {
                self.node().counters.dropped(1);
                let (close, reason) = (CloseCode::INTERNAL.into(), DisconnectReason::Fault);
                self.close(CloseRequest::Graceful { close, reason });
            }
        }
        if let Some(close) = error.close() {
            let (close, reason) = (because_of(error, close.clone()), DisconnectReason::Server { code: close.code });
            self.close(CloseRequest::Graceful { close, reason });
        }
    }

    pub(crate) fn sent_deferred(self: &Arc<Self>, event: &Event) -> Result<(), Error> {
        let pushed = self.push(&mut event.frame(), Class::Reply);
        self.ended_deferred();
        match pushed {
            crate::outbound::Pushed::Queued => Ok(()),
            // `push` has counted it.
            crate::outbound::Pushed::Dropped => Err(crate::hub::acks::left()),
            crate::outbound::Pushed::Gone => {
                self.node().counters.dropped(1);
                Err(crate::hub::acks::left())
            }
        }
    }

    /// Wakes the connection's task if the connection is draining or its peer has sent its last message: the task may be waiting only for
    /// this reply.
    pub(crate) fn ended_deferred(&self) {
        if self.node().is_draining() || self.writer.is_answering() {
            self.writer.wake();
        }
    }

    /// Called when an `Ack` was dropped. If its handler has returned, the request is answered with an error; otherwise this is only
    /// recorded, and the handler's return decides.
    pub(crate) fn abandon_deferred(self: &Arc<Self>, number: u64) {
        let abandoned = self.late(|late| {
            let open = late.open.iter_mut().find(|open| open.number == number)?;
            open.abandoned = true;
            open.by.is_some().then(|| late.take(number)).flatten()
        });
        if let Some(open) = abandoned.flatten() {
            self.node().rejected("ack", "dropped");
            self.fail_open(&open, &dropped());
        }
    }
}

pub(crate) fn over() -> Error {
    Error::not_found("The request has its answer already, or its client has left")
}
