//! The state that the writer's lock guards, and the changes that are made under that lock.
use crate::limits::GatewayLimits;
use crate::node::Node;
use crate::outbound::close_request::CloseRequest;
use crate::outbound::frame::Frame;
use crate::outbound::outbox::{Class, Flushed, Outbox, Put};
use crate::outbound::stream::{Sink, try_write};
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

/// What the caller has to do, after it has released the lock, so that the frame gets written.
pub(crate) enum Wake {
    Nobody,
    Flusher,
    Task(Waker),
}

/// Which task writes what waits in the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing waits.
    #[default]
    Idle,
    /// The connection is in its flusher's list, which writes soon: further pushes wake nobody.
    Scheduled,
    /// The connection's task writes, at the end of its turn or when the socket accepts bytes again.
    Task,
}

/// How far the end of the connection has progressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    #[default]
    Open,
    /// No further frame is accepted; what waits is still written.
    Closing,
    /// What waited is dropped, except the rest of a short half-written frame, and the close frame.
    Discarded,
    /// Nothing more is written: a frame may have been cut off, and the peer could not parse anything after it.
    Mute,
}

/// The locked writer. A change that the end of the task's turn has to act on also sets `touched`.
pub(super) struct Held<'a> {
    pub(super) touched: &'a Touched,
    pub(super) closed: &'a AtomicBool,
    pub(super) state: MutexGuard<'a, State>,
}

/// The fields are in the order in which a push uses them, so that it touches few cache lines: see [`Outbox`].
#[derive(Default)]
#[repr(C)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) end: End,
    /// A wake-up was due, and there was no waker: see [`Touched`].
    pub(super) woken: bool,
    /// The stream was written to since its last flush, and may buffer bytes that have not reached the socket.
    pub(super) unflushed: bool,
    /// How many bytes of the outbox are charged to the node.
    pub(super) charged: u32,
    /// The bare socket's write half; `None` if the task owns the whole stream, or once the connection is gone.
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

    /// Begins the end, or takes it further: it never goes back. From now on no frame is accepted.
    pub(super) fn ends(&mut self, end: End) {
        self.end = self.end.max(end);
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Leaves the writing to the task: the end of its current or next turn has to lock the writer.
    #[inline(always)]
    pub(super) fn leave_to_task(&mut self) {
        self.touch();
        self.phase = Phase::Task;
    }

    /// Keeps the request for the task, unless a request that is at least as urgent is there already.
    pub(super) fn ask(&mut self, request: CloseRequest) {
        if request.is_an_end() {
            // This takes effect at once, and not when the task obeys: what is emitted after this call must not reach the client,
            // and none of its further messages may be handled.
            self.ends(End::Closing);
        }
        if self.request.as_ref().is_none_or(|known| known.urgency() < request.urgency()) {
            self.touch();
            self.request = Some(Box::new(request));
        }
    }

    /// Puts a frame into the outbox. Returns how many volatile messages were dropped for it. Errors: why it is not queued.
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

    /// Takes the task's waker, which the caller wakes after it has released the lock. `None` if the task is being woken already,
    /// or is still in its first turn: the end of that turn looks again.
    pub(super) fn take_waker(&mut self) -> Option<Waker> {
        self.touched.take_waker(&mut *self.state)
    }

    pub(super) fn wake_task(&mut self) -> Wake {
        self.take_waker().map_or(Wake::Nobody, Wake::Task)
    }

    /// Writes at once, although the flusher or the task will write soon: otherwise a burst would overflow the outbox of a client
    /// that does read.
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
    /// Updates what the node is charged with: the bytes that wait for a socket that refuses them. If the socket accepts bytes,
    /// this is only a check.
    #[inline(always)]
    pub(super) fn settle(&mut self, node: &Arc<Node>) {
        if self.outbox.is_blocked() || self.charged > 0 {
            self.recharge(node);
        }
    }

    #[cold]
    fn recharge(&mut self, node: &Arc<Node>) {
        if node.memory.is_limited() {
            // Less than 4 GiB waits, see `Limits::problems`. Even if more did, the amount that is charged is the amount that is
            // returned later.
            let charged = u32::try_from(self.outbox.charge(node)).unwrap_or(u32::MAX);
            node.memory.recharge(self.charged as usize, charged as usize);
            self.charged = charged;
        }
    }

    /// Writes to a stream that may buffer bytes itself (TLS). Nothing counts as drained before its flush is complete.
    pub(super) fn flush_stream(&mut self, cx: &mut Context<'_>, stream: &mut dyn Sink) -> Option<Flushed> {
        if !self.outbox.is_empty() {
            self.unflushed = true;
            match self.outbox.flush(|bytes| stream.poll_write(cx, bytes)) {
                Flushed::Drained => {}
                // No flush now: the stream may have passed on all that it accepted, and the refused write has registered the
                // waker.
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

    /// The bare socket, if the connection is open and nothing waits to be written before a new frame.
    #[inline(always)]
    pub(super) fn socket_at_rest(&self) -> Option<&OwnedWriteHalf> {
        let rests = self.phase == Phase::Idle && self.end == End::Open && self.outbox.is_empty();
        self.socket.as_ref().filter(|_| rests && !self.outbox.is_blocked())
    }

    /// Whether more than `outbound_bytes` wait for a bare socket that has not refused bytes: it is tried now, before the outbox
    /// overflows.
    pub(super) fn is_overdue(&self, limits: &GatewayLimits) -> bool {
        self.outbox.bytes() > limits.outbound_bytes && !self.outbox.is_blocked() && self.socket.is_some()
    }
}
