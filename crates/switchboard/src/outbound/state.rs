//! What the writer's lock guards, and the changes that are made under it.
use crate::limits::GatewayLimits;
use crate::node::Node;
use crate::outbound::close_request::CloseRequest;
use crate::outbound::frame::Frame;
use crate::outbound::outbox::{Class, Flushed, Outbox, Put};
use crate::outbound::stream::{Stream, try_write};
use crate::outbound::touched::{Slot, Touched};
use parking_lot::MutexGuard;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::net::tcp::OwnedWriteHalf;

/// The outcome of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    Dropped,
    /// The connection is closing or closed.
    Gone,
}

/// What the caller has to do so that what was put gets written.
pub(crate) enum Wake {
    Nobody,
    Flusher,
    Task(Waker),
}

/// Whose turn it is to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing waits.
    #[default]
    Idle,
    /// The flusher writes soon: further pushes wake nobody.
    Scheduled,
    /// The task writes, at the end of its turn or when the socket accepts bytes again.
    Task,
}

/// How far the end of the connection has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    #[default]
    Open,
    /// No further frame is accepted; what waits is still written.
    Closing,
    /// What waited is dropped, except the end of a short frame and the close frame.
    Discarded,
    /// Nothing more is written: a frame may have been cut off, after which the peer could not read another one.
    Mute,
}

/// The writer, locked. What it changes, the end of the task's turn has to see: each change sets the flag.
pub(super) struct Held<'a> {
    pub(super) touched: &'a Touched,
    pub(super) closed: &'a AtomicBool,
    pub(super) state: MutexGuard<'a, State>,
}

/// The fields are in the order of their use, for the cache: see [`Outbox`].
#[derive(Default)]
#[repr(C)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) end: End,
    /// Somebody wanted to wake the task and found no waker: see [`Touched`].
    pub(super) woken: bool,
    /// The stream was written to, and may hold bytes that it has not handed to the socket.
    pub(super) unflushed: bool,
    /// How many bytes of the outbox are charged to the node.
    pub(super) charged: u32,
    /// The bare socket's writing half; `None` where the task owns the whole stream, and once the connection is gone.
    pub(super) socket: Option<OwnedWriteHalf>,
    pub(super) outbox: Outbox,
    pub(super) request: Option<Box<CloseRequest>>,
    pub(super) waker: Option<Waker>,
}

impl Deref for Held<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Held<'_> {
    #[inline(always)]
    fn touch(&mut self) {
        self.touched.set(&mut *self.state);
    }

    /// From now on no frame is accepted.
    pub(super) fn ends(&mut self, end: End) {
        self.end = self.end.max(end);
        self.closed.store(true, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(super) fn leave_to_task(&mut self) {
        self.touch();
        self.phase = Phase::Task;
    }

    pub(super) fn ask(&mut self, request: CloseRequest) {
        if request.is_an_end() {
            // At once, and not when the task obeys: what is emitted after this call does not reach the client, and no further message
            // of it is handled.
            self.ends(End::Closing);
        }
        if self.request.as_ref().is_none_or(|known| known.urgency() < request.urgency()) {
            self.touch();
            self.request = Some(Box::new(request));
        }
    }

    pub(super) fn put(
        &mut self,
        frame: &mut Frame<'_>,
        class: Class<'_>,
        limits: &GatewayLimits,
    ) -> Result<usize, Pushed> {
        if self.end > End::Open {
            return Err(Pushed::Gone);
        }
        match self.outbox.put(frame, class, limits) {
            Put::Queued { evicted } => Ok(evicted),
            Put::Dropped => Err(Pushed::Dropped),
            Put::Overflow => {
                self.ask(CloseRequest::slow_consumer());
                Err(Pushed::Dropped)
            }
        }
    }

    /// The task's waker. If there is none, the task is being woken, or is in its first turn, at whose end it looks again.
    pub(super) fn take_waker(&mut self) -> Option<Waker> {
        self.touched.take_waker(&mut *self.state)
    }

    pub(super) fn wake_task(&mut self) -> Wake {
        self.take_waker().map_or(Wake::Nobody, Wake::Task)
    }

    /// Tries the socket although the flusher or the task is about to: otherwise a burst would overflow the outbox of a client that reads.
    pub(super) fn write_now(&mut self) -> Wake {
        let waiting = &mut *self.state;
        let Some(socket) = &waiting.socket else { return Wake::Nobody };
        match waiting.outbox.flush(|bytes| try_write(socket, bytes)) {
            Flushed::Drained => Wake::Nobody,
            Flushed::Blocked { .. } | Flushed::Failed => {
                self.leave_to_task();
                self.wake_task()
            }
        }
    }
}

impl Slot for State {
    fn waker(&mut self) -> &mut Option<Waker> {
        &mut self.waker
    }

    fn woken(&mut self) -> &mut bool {
        &mut self.woken
    }
}

impl State {
    /// Charges the node with what waits for a socket that refuses it. A socket that accepts bytes costs only this check.
    #[inline(always)]
    pub(super) fn settle(&mut self, node: &Arc<Node>) {
        if self.outbox.is_blocked() || self.charged > 0 {
            self.recharge(node);
        }
    }

    #[cold]
    fn recharge(&mut self, node: &Arc<Node>) {
        if node.memory.is_limited() {
            // What waits is below 4 GiB, see `Limits::problems`. If it were not, the amount charged is still the amount returned later.
            let charged = u32::try_from(self.outbox.charge(node)).unwrap_or(u32::MAX);
            node.memory.recharge(self.charged as usize, charged as usize);
            self.charged = charged;
        }
    }

    /// Writes to a stream that may buffer bytes itself (TLS): everything is written only after its flush.
    pub(super) fn flush_stream(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Option<Flushed> {
        if !self.outbox.is_empty() {
            self.unflushed = true;
            match self.outbox.flush(|bytes| stream.poll_write(cx, bytes)) {
                Flushed::Drained => {}
                // The stream may already have handed on what it accepted, so there is nothing to flush; the refused write wakes the task.
                blocked => return Some(blocked),
            }
        }
        if !self.unflushed {
            return None;
        }
        match stream.poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                Some(Flushed::Drained)
            }
            Poll::Ready(Err(_)) => Some(Flushed::Failed),
            Poll::Pending => Some(Flushed::Blocked { progress: false }),
        }
    }

    /// The bare socket of an open connection, if nothing waits for it.
    #[inline(always)]
    pub(super) fn socket_at_rest(&self) -> Option<&OwnedWriteHalf> {
        let rests = self.phase == Phase::Idle && self.end == End::Open && self.outbox.is_empty();
        self.socket.as_ref().filter(|_| rests && !self.outbox.is_blocked())
    }

    /// Whether much was put into the outbox of a bare socket that has not been tried since.
    pub(super) fn is_overdue(&self, limits: &GatewayLimits) -> bool {
        self.outbox.bytes() > limits.outbound_bytes && !self.outbox.is_blocked() && self.socket.is_some()
    }
}
