//! [`Acks`]: requests of the server that wait for the client's answer.
use crate::codec::Answered;
use crate::hub::Endpoint;
use crate::{ClientId, Error};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{mpsc, oneshot};

/// The client's answer: its data, or the error that it sent.
pub(crate) type Answer = Result<Answered, Error>;

#[derive(Default)]
pub(crate) struct Acks {
    last: u64,
    pending: HashMap<u64, Waiting>,
}

/// The sender for one pending answer. It must be settled or dropped outside the lock that guards it, because both run a waker.
pub(crate) struct Waiting {
    answer: Asker,
    /// True if a handler of the same connection awaits the answer. Reading may depend on that handler.
    own: bool,
}

enum Asker {
    One(oneshot::Sender<Answer>),
    /// One of several clients that got the same request. Each sends at most one answer.
    Several(ClientId, mpsc::Sender<(ClientId, Answer)>),
}

impl Waiting {
    /// Passes the answer to the waiting future. Returns false if that is gone.
    pub(crate) fn settle(self, answer: Answer) -> bool {
        match self.answer {
            Asker::One(asker) => asker.send(answer).is_ok(),
            Asker::Several(id, askers) => askers.try_send((id, answer)).is_ok(),
        }
    }
}

impl Acks {
    /// Counts up to the next number, from 1 to below [`SEVERAL`], that no waiting request has.
    fn next(&mut self) -> u64 {
        loop {
            self.last = if self.last + 1 < SEVERAL { self.last + 1 } else { 1 };
            // Fewer requests wait than there are numbers: see `Limits::pending_acks`.
            if !self.pending.contains_key(&self.last) {
                return self.last;
            }
        }
    }

    pub(crate) fn contains(&self, ack: u64) -> bool {
        self.pending.contains_key(&ack)
    }

    pub(crate) fn remove(&mut self, ack: u64) -> Option<Waiting> {
        self.pending.remove(&ack)
    }

    /// Removes the requests that a handler of the same connection awaits. While reading is paused no answer to them can arrive.
    pub(crate) fn take_own(&mut self) -> Vec<Waiting> {
        self.pending.extract_if(|_, waiting| waiting.own).map(|(_, waiting)| waiting).collect()
    }

    /// Removes all requests. No answer can come any more; each waiting future learns it when its sender is dropped.
    pub(crate) fn take(&mut self) -> HashMap<u64, Waiting> {
        std::mem::take(&mut self.pending)
    }
}

pub(crate) fn paused() -> Error {
    Error::overloaded("The client has sent so much that no answer of it can be read now")
}

/// The smallest number of a request to several clients; each connection counts up to it itself. All numbers are below 2^31, because some
/// clients of Socket.IO (Java, Swift, Dart, C++) read them as an `int`.
const SEVERAL: u64 = 1 << 30;

/// Returns a number for a request to several clients. It is random, so that clients cannot tell how many such requests there are.
pub(crate) fn number_for_several() -> Result<u64, Error> {
    let random = getrandom::u64().map_err(|_| Error::internal("the system has no random numbers"))?;
    Ok(SEVERAL | (random >> 34))
}

/// A request that waits for an answer. Dropping it gives up the answer.
pub(crate) struct PendingAck {
    pub(crate) conn: Arc<Endpoint>,
    pub(crate) ack: u64,
}

impl PendingAck {
    /// Registers a request to a connection. Errors: `overloaded` if a handler of the same connection asks while reading is paused;
    /// `rate_limited` if too many answers are awaited already; `not_found` if the client has left.
    pub(crate) fn new(conn: &Arc<Endpoint>) -> Result<(PendingAck, oneshot::Receiver<Answer>), Error> {
        let (sender, answer) = oneshot::channel();
        Ok((PendingAck::register(conn, None, Asker::One(sender))?, answer))
    }

    /// Registers a request to one of several clients that are asked under the same number. Errors: as of [`PendingAck::new`].
    pub(crate) fn of_several(
        conn: &Arc<Endpoint>,
        ack: u64,
        answers: &mpsc::Sender<(ClientId, Answer)>,
    ) -> Result<PendingAck, Error> {
        PendingAck::register(conn, Some(ack), Asker::Several(conn.id, answers.clone()))
    }

    fn register(conn: &Arc<Endpoint>, ack: Option<u64>, answer: Asker) -> Result<PendingAck, Error> {
        if conn.writer.is_answering() {
            // Nothing that the client still sends is handled, so no answer can come.
            return Err(left());
        }
        let own = conn.is_current();
        if own && conn.paused.load(Ordering::Relaxed) {
            return Err(paused());
        }
        let limits = &conn.profile.limits;
        let node = &conn.node().counters.pending_acks;
        if node.fetch_add(1, Ordering::Relaxed) >= conn.profile.node.pending_acks_node {
            node.fetch_sub(1, Ordering::Relaxed);
            return Err(too_many());
        }
        let ack = conn.extras(|extras| {
            let acks = &mut extras.acks;
            if acks.pending.len() >= limits.pending_acks {
                return None;
            }
            let ack = ack.unwrap_or_else(|| acks.next());
            match acks.pending.entry(ack) {
                Entry::Vacant(vacant) => {
                    vacant.insert(Waiting { answer, own });
                    Some(ack)
                }
                // Another request to several clients has the same random number.
                Entry::Occupied(_) => None,
            }
        });
        match ack {
            Some(Some(ack)) => Ok(PendingAck { conn: conn.clone(), ack }),
            refused => {
                node.fetch_sub(1, Ordering::Relaxed);
                Err(if refused.is_some() { too_many() } else { left() })
            }
        }
    }

    /// Stops waiting for the answer. Returns false if it has already arrived, or if the client has left.
    pub(crate) fn give_up(&self) -> bool {
        let waiting = self.conn.extras.lock().as_mut().and_then(|extras| extras.acks.remove(self.ack));
        waiting.is_some()
    }
}

impl Drop for PendingAck {
    fn drop(&mut self) {
        self.give_up();
        self.conn.node().counters.pending_acks.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) fn left() -> Error {
    Error::not_found("The client has left")
}

fn too_many() -> Error {
    Error::rate_limited("Too many answers are awaited")
}

#[cfg(test)]
mod tests {
    use super::{Acks, Asker, SEVERAL, Waiting, number_for_several};
    use tokio::sync::oneshot;

    #[test]
    fn numbers_stay_below_2_to_31_and_are_used_again() {
        let mut acks = Acks::default();
        assert_eq!([acks.next(), acks.next()], [1, 2]);
        let waiting = || Waiting { answer: Asker::One(oneshot::channel().0), own: false };
        for waits in [1, 2, SEVERAL - 2] {
            acks.pending.insert(waits, waiting());
        }
        acks.last = SEVERAL - 3;
        assert_eq!([acks.next(), acks.next(), acks.next()], [SEVERAL - 1, 3, 4]);
        for _ in 0..100 {
            let number = number_for_several().unwrap();
            assert!((SEVERAL..1 << 31).contains(&number), "{number}");
        }
    }
}
