//! [`Inbound`]: messages that wait for the handlers of earlier ones.
use crate::codec::Received;
use crate::gateway::Group;
use crate::limits::GatewayLimits;
use std::collections::VecDeque;
use switchboard_core::Id;

/// A message that waits.
pub(crate) struct Waiting {
    pub(crate) message: Received<'static>,
    pub(crate) id: Option<Id<'static>>,
    /// The concurrency group of its handler, if that runs beside others.
    pub(crate) group: Option<Group>,
}

impl Waiting {
    fn held(&self) -> usize {
        self.message.held() + size_of::<Waiting>()
    }
}

/// The queue, in arrival order. The transport bounds it: it stops reading while the queue is full. Empty, it has no memory.
#[derive(Default)]
pub(crate) struct Inbound(Option<Box<Queue>>);

#[derive(Default)]
struct Queue {
    messages: VecDeque<Waiting>,
    bytes: usize,
    /// Bytes of memory that the messages take.
    held: usize,
}

impl Inbound {
    /// True if reading has to pause.
    pub(crate) fn is_full(&self, limits: &GatewayLimits) -> bool {
        let full =
            |queue: &Queue| queue.messages.len() >= limits.inbound_messages || queue.bytes >= limits.inbound_bytes;
        self.0.as_deref().is_some_and(full)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Bytes of memory that the messages take.
    pub(crate) fn held(&self) -> usize {
        self.0.as_deref().map_or(0, |queue| queue.held)
    }

    pub(crate) fn push(&mut self, waiting: Waiting) {
        let queue = self.0.get_or_insert_default();
        queue.bytes += waiting.message.len();
        queue.held += waiting.held();
        queue.messages.push_back(waiting);
    }

    pub(crate) fn front(&self) -> Option<&Waiting> {
        self.0.as_deref()?.messages.front()
    }

    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        self.take_at(0)
    }

    pub(crate) fn contains(&self, id: &Id<'_>) -> bool {
        self.position(id).is_some()
    }

    /// Takes a waiting message out.
    pub(crate) fn remove(&mut self, id: &Id<'_>) -> Option<Waiting> {
        self.take_at(self.position(id)?)
    }

    /// Drops all messages. Returns how many there were.
    pub(crate) fn clear(&mut self) -> usize {
        self.0.take().map_or(0, |queue| queue.messages.len())
    }

    fn position(&self, id: &Id<'_>) -> Option<usize> {
        self.0.as_deref()?.messages.iter().position(|waiting| waiting.id.as_ref() == Some(id))
    }

    fn take_at(&mut self, at: usize) -> Option<Waiting> {
        let queue = self.0.as_deref_mut()?;
        let waiting = queue.messages.remove(at)?;
        queue.bytes -= waiting.message.len();
        queue.held -= waiting.held();
        if queue.messages.is_empty() {
            self.0 = None;
        }
        Some(waiting)
    }
}
