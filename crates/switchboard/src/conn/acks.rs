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

struct Waiting {
    answer: oneshot::Sender<Answer>,
    /// Awaited by a handler of the same connection, which reading may depend on.
    own: bool,
}

impl Acks {
    /// Settles one. False when nobody waits for it.
    pub(crate) fn settle(&mut self, ack: u64, answer: Answer) -> bool {
        self.pending.remove(&ack).is_some_and(|waiting| waiting.answer.send(answer).is_ok())
    }

    /// Fails those that a handler of the same connection awaits: reading has paused, so that no answer can come.
    pub(crate) fn fail_own(&mut self) {
        let own: Vec<u64> = self.pending.iter().filter(|(_, waiting)| waiting.own).map(|(ack, _)| *ack).collect();
        for ack in own {
            self.settle(ack, Err(paused()));
        }
    }

    /// Nobody answers any more: each waiting future learns it by its sender's end.
    pub(crate) fn clear(&mut self) {
        self.pending = HashMap::new();
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
        let node = &conn.hub.counters.pending_acks;
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
            Some(ack) => Ok(PendingAck { conn: conn.clone(), ack, answer }),
            None => {
                node.fetch_sub(1, Ordering::Relaxed);
                Err(too_many())
            }
        }
    }
}

impl Drop for PendingAck {
    fn drop(&mut self) {
        self.conn.attached(|attached| attached.acks.pending.remove(&self.ack));
        self.conn.hub.counters.pending_acks.fetch_sub(1, Ordering::Relaxed);
    }
}

fn too_many() -> Error {
    Error::rate_limited("Too many answers are awaited")
}
