//! Messages that are answered without a handler: cancelled, refused, or answers to what the server asked.
use crate::Error;
use crate::codec::{Answered, Data, Part, Received};
use crate::contain::contained;
use crate::hub::Endpoint;
use crate::hub::acks::Answer;
use crate::node::clock::NEVER;
use crate::runner::round::Round;
use crate::runner::runner::{Runner, Running};
use switchboard_core::{Id, Incoming};

impl Runner {
    /// Stops the request with this id, running or waiting. It is answered `cancelled`, with the id in the form that the request
    /// had.
    pub(super) fn cancel(&mut self, id: &Id<'_>, round: &mut Round<'_>) {
        let conn = round.endpoint;
        let error = Error::cancelled("Cancelled by the client");
        if let Some(waiting) = self.inbound.remove(id) {
            let (event, id) = match conn.decode(&waiting.message) {
                Ok(Incoming::Request(request) | Incoming::Pattern { request, .. }) => (Some(request.event), request.id),
                Ok(_) => (None, None),
                // Every request has one end, even if it turns out to be malformed.
                Err(rejected) => (rejected.event, rejected.id),
            };
            return round.exception(&error, event.as_deref(), id.as_ref());
        }
        match self.running.take() {
            Some(Running::Handler(handler)) if handler.id.as_ref() == Some(id) => {
                self.deadlines.work_by = NEVER;
                handler.fail(&error, round);
            }
            running => {
                self.running = running;
                if self.background.cancel(id, &error, round) {
                    return;
                }
                match conn.take_deferred_id(id) {
                    Some(open) => round.exception(&error, Some(&open.event), open.id.as_ref()),
                    None => conn.node().rejected("cancel", "unknown_id"),
                }
            }
        }
    }

    pub(super) fn has_in_flight(&self, id: &Id<'_>) -> bool {
        let running = match &self.running {
            Some(Running::Handler(handler)) => handler.id.as_ref() == Some(id),
            _ => false,
        };
        running || self.inbound.contains(id) || self.runs_beside(id)
    }

    /// True if a request with this id is in flight for which others do not wait: a stream, a concurrent handler, or a deferred
    /// reply.
    pub(super) fn runs_beside(&self, id: &Id<'_>) -> bool {
        self.background.contains(id) || (self.deadlines.deferred_by() != NEVER && self.endpoint().has_deferred(id))
    }

    /// Answers a message over the client's rate with `error`. An ack that the server awaits, and a cancel of a request in flight,
    /// are handled all the same: there are no more of them than requests. False: it was one of these, and nothing was refused.
    #[cold]
    pub(crate) fn refuse_rate(&mut self, message: &Received<'_>, error: &Error, round: &mut Round<'_>) -> bool {
        let awaited = |ack| self.endpoint().extras.lock().as_ref().is_some_and(|extras| extras.acks.contains(ack));
        match round.endpoint.decode(message) {
            Ok(Incoming::Ack { ack, answer, .. }) if awaited(ack) => {
                settle(round.endpoint, ack, answer);
                return false;
            }
            Ok(Incoming::Cancel(id)) if self.has_in_flight(&id) => {
                self.cancel(&id, round);
                return false;
            }
            Ok(Incoming::Request(request) | Incoming::Pattern { request, .. }) => {
                round.exception(error, Some(&request.event), request.id.as_ref());
            }
            Err(rejected) => round.exception(error, rejected.event.as_deref(), rejected.id.as_ref()),
            Ok(_) => {}
        }
        true
    }
}

/// Settles an ack: the client has answered a request of the server.
pub(super) fn settle(conn: &Endpoint, ack: u64, answer: Result<Option<Part<'_>>, Part<'_>>) {
    let answer: Answer = match answer {
        Ok(data) => Ok(Answered::of(conn.format, data)),
        Err(error) => Err(client_error(Some(error))),
    };
    let waiting = conn.extras.lock().as_mut().and_then(|extras| extras.acks.remove(ack));
    // Settled outside the lock, because it wakes the caller that awaits the answer.
    if !waiting.is_some_and(|waiting| waiting.settle(answer)) {
        conn.node().rejected("ack", "unknown_ack");
    }
}

/// Answers a message that is not handled. A malformed one is answered as such.
#[cold]
pub(super) fn refuse(message: &Received<'_>, error: &Error, round: &mut Round<'_>) {
    match round.endpoint.decode(message) {
        Ok(Incoming::Request(request) | Incoming::Pattern { request, .. }) => {
            round.exception(error, Some(&request.event), request.id.as_ref());
        }
        Ok(_) => {}
        Err(rejected) => {
            round.exception(&rejected.error, rejected.event.as_deref(), rejected.id.as_ref());
            round.malformed(rejected.reason);
        }
    }
}

pub(super) fn draining() -> Error {
    Error::draining("The server is about to restart")
}

pub(super) fn short_of_memory() -> Error {
    Error::overloaded("The server is short of memory")
}

/// The error of a client that has answered with one: its code and message, if it has the shape of one.
fn client_error(error: Option<Part<'_>>) -> Error {
    #[derive(serde::Deserialize)]
    struct Shape {
        code: Option<String>,
        message: Option<String>,
    }
    // An application codec may panic here. The panic is contained, and the error then gets the default code and message, as if it could not
    // be parsed as a `Shape`.
    let shape: Option<Shape> = contained("codec", || Data::from(&error).read()).ok();
    let (code, message) = shape.map_or((None, None), |shape| (shape.code, shape.message));
    Error::new(
        switchboard_core::Code::Custom(code.unwrap_or_else(|| "client_error".to_owned()).into()),
        message.unwrap_or_else(|| "The client answered with an error".to_owned()),
    )
}
