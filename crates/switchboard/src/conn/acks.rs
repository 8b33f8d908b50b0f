//! Requests of the server that wait for the client's answer.
use super::Conn;
use crate::Error;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

/// The client's answer: its data, or the error that it sent, both as JSON.
pub(crate) type Answer = Result<Option<Box<RawValue>>, Error>;

#[derive(Default)]
pub(crate) struct Acks {
    last: u64,
    pending: HashMap<u64, Waiting>,
}

/// One that waits. It is settled, or dropped, outside of the lock that it is kept under: that runs a waker.
pub(crate) struct Waiting {
    answer: oneshot::Sender<Answer>,
    /// Awaited by a handler of the same connection, which reading may depend on.
    own: bool,
}

impl Waiting {
    /// False when nobody waits any more.
    pub(crate) fn settle(self, answer: Answer) -> bool {
        self.answer.send(answer).is_ok()
    }
}

impl Acks {
    pub(crate) fn contains(&self, ack: u64) -> bool {
        self.pending.contains_key(&ack)
    }

    pub(crate) fn remove(&mut self, ack: u64) -> Option<Waiting> {
        self.pending.remove(&ack)
    }

    /// Those that a handler of the same connection awaits. While reading pauses no answer to them can come.
    pub(crate) fn take_own(&mut self) -> Vec<Waiting> {
        self.pending.extract_if(|_, waiting| waiting.own).map(|(_, waiting)| waiting).collect()
    }

    /// All of them. Nobody answers any more: each waiting future learns it by its sender's end.
    pub(crate) fn take(&mut self) -> HashMap<u64, Waiting> {
        std::mem::take(&mut self.pending)
    }
}

pub(crate) fn paused() -> Error {
    Error::overloaded("The client has sent so much that no answer of it can be read now")
}

/// A request that waits for an answer; forgotten when dropped.
pub(crate) struct PendingAck {
    conn: Arc<Conn>,
    pub(crate) ack: u64,
    pub(crate) answer: oneshot::Receiver<Answer>,
}

impl PendingAck {
    /// Errors: `overloaded` when the connection's own handler asks while reading is paused; `rate_limited` when too many
    /// answers are awaited already.
    pub(crate) fn new(conn: &Arc<Conn>) -> Result<PendingAck, Error> {
        let own = conn.is_current();
        if own && conn.paused.load(Ordering::Relaxed) {
            return Err(paused());
        }
        let limits = &conn.table.limits;
        let node = &conn.node().counters.pending_acks;
        if node.fetch_add(1, Ordering::Relaxed) >= limits.pending_acks_node {
            node.fetch_sub(1, Ordering::Relaxed);
            return Err(too_many());
        }
        let (sender, answer) = oneshot::channel();
        let ack = conn.attached(|attached| {
            let acks = &mut attached.acks;
            if acks.pending.len() >= limits.pending_acks {
                return None;
            }
            acks.last += 1;
            acks.pending.insert(acks.last, Waiting { answer: sender, own });
            Some(acks.last)
        });
        match ack {
            Some(Some(ack)) => Ok(PendingAck { conn: conn.clone(), ack, answer }),
            refused => {
                node.fetch_sub(1, Ordering::Relaxed);
                Err(if refused.is_some() { too_many() } else { left() })
            }
        }
    }
}

impl Drop for PendingAck {
    fn drop(&mut self) {
        let waiting = self.conn.attached.lock().as_mut().and_then(|attached| attached.acks.remove(self.ack));
        drop(waiting);
        self.conn.node().counters.pending_acks.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) fn left() -> Error {
    Error::not_found("The client has left")
}

fn too_many() -> Error {
    Error::rate_limited("Too many answers are awaited")
}
