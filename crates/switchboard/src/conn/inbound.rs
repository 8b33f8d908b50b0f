//! Messages that wait for the handler in front of them.
use crate::limits::Limits;
use std::collections::VecDeque;
use switchboard_core::Id;

/// A message that waits.
pub(crate) struct Waiting {
    pub(crate) text: String,
    pub(crate) id: Option<Id<'static>>,
}

/// A bounded queue, in arrival order.
#[derive(Default)]
pub(crate) struct Inbound {
    queue: VecDeque<Waiting>,
    bytes: usize,
}

impl Inbound {
    /// True when reading has to pause.
    pub(crate) fn is_full(&self, limits: &Limits) -> bool {
        self.queue.len() >= limits.inbound_messages || self.bytes >= limits.inbound_bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn push(&mut self, waiting: Waiting) {
        self.bytes += waiting.text.len();
        self.queue.push_back(waiting);
    }

    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        let waiting = self.queue.pop_front()?;
        self.bytes -= waiting.text.len();
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        Some(waiting)
    }

    pub(crate) fn contains(&self, id: &Id<'_>) -> bool {
        self.queue.iter().any(|waiting| waiting.id.as_ref() == Some(id))
    }

    /// Takes a waiting message out.
    pub(crate) fn remove(&mut self, id: &Id<'_>) -> Option<Waiting> {
        let at = self.queue.iter().position(|waiting| waiting.id.as_ref() == Some(id))?;
        let waiting = self.queue.remove(at)?;
        self.bytes -= waiting.text.len();
        Some(waiting)
    }

    /// Throws all away. Returns how many there were.
    pub(crate) fn clear(&mut self) -> usize {
        let count = self.queue.len();
        *self = Inbound::default();
        count
    }
}
