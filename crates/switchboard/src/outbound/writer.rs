//! [`Writer`]: the outbox and the socket's write half, under one lock. Everybody except a connection's task reaches the
//! connection through it alone.
//!
//! It is a lock and not a channel because of the order: a reply, a push from another task and an error leave in the order in
//! which they were emitted.
use crate::limits::GatewayLimits;
use crate::node::Node;
use crate::node::queues::Blocked;
use crate::outbound::close_request::CloseRequest;
use crate::outbound::frame::Frame;
use crate::outbound::outbox::{Class, Flushed, Outbox};
use crate::outbound::state::{End, Held, Phase, Pushed, State, Wake};
use crate::outbound::stream::{Sink, poll_write, try_write};
use crate::outbound::touched::Touched;
use parking_lot::Mutex;
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::net::tcp::OwnedWriteHalf;

/// When memory is short, a half-written frame of at most this many bytes is still finished. A longer one is dropped, and the
/// connection ends without a close frame.
const FINISHED: usize = 16 << 10;

/// What the task learns at the end of its turn.
pub(crate) struct TurnEnd {
    /// `None` if there was nothing to write.
    pub(crate) flushed: Option<Flushed>,
    pub(crate) request: Option<CloseRequest>,
    /// The task has to run again instead of waiting.
    pub(crate) again: bool,
    /// Bytes that still wait.
    pub(crate) waiting: usize,
    /// The client has to read before more of its messages are handled.
    pub(crate) crowded: bool,
}

#[repr(C)]
pub(crate) struct Writer {
    /// Set when the end of a turn must lock the writer: data, a close request, or a missing waker. Written under the lock, read without
    /// it; any setter also takes the waker, so a stale read costs one extra turn, never a lost wake-up.
    touched: Touched,
    /// The end has begun or is asked for: no further frame is accepted. Written under the lock, read without it; a caller that
    /// has to be sure takes the lock.
    closed: AtomicBool,
    /// The peer has sent its last message, and the task waits only for the answers to what the peer sent before.
    answering: AtomicBool,
    /// The index of the connection in its flusher's list. Only the flusher uses it; it is in this struct because padding would be here
    /// otherwise.
    pub(crate) place: AtomicU32,
    state: Mutex<State>,
}

impl Writer {
    pub(crate) fn new(socket: Option<OwnedWriteHalf>) -> Writer {
        Writer {
            touched: Touched::new(),
            closed: AtomicBool::new(false),
            answering: AtomicBool::new(false),
            place: AtomicU32::new(0),
            state: Mutex::new(State { socket, ..State::default() }),
        }
    }

    #[inline(always)]
    fn hold(&self) -> Held<'_> {
        Held { touched: &self.touched, closed: &self.closed, state: self.state.lock() }
    }

    /// False if the task may skip [`end_turn`](Writer::end_turn), which has nothing to do. This relies on the task's waker being
    /// the same in every turn.
    #[inline]
    pub(crate) fn is_touched(&self) -> bool {
        self.touched.get()
    }

    /// Puts a frame after all others. `own`: the caller runs inside the task's turn, whose end writes the frame unless the
    /// flusher will. Also returns how many volatile messages were dropped for the frame.
    pub(crate) fn push(
        &self,
        frame: &mut Frame<'_>,
        class: Class<'_>,
        limits: &GatewayLimits,
        own: bool,
        node: &Arc<Node>,
    ) -> (Pushed, Wake, usize) {
        let mut state = self.hold();
        let evicted = match state.put(frame, class, limits) {
            Ok(evicted) => evicted,
            Err(refused) => {
                // After an overflow there is a request for the end, which the task has to learn of.
                let wake = if state.request.is_some() { state.wake_task() } else { Wake::Nobody };
                return (refused, wake, 0);
            }
        };
        let wake = match state.phase {
            _ if state.is_overdue(limits) => state.write_now(),
            // A write is due already, and takes this frame along.
            Phase::Scheduled | Phase::Task => Wake::Nobody,
            Phase::Idle if own => {
                state.leave_to_task();
                Wake::Nobody
            }
            // The flusher writes it, together with everything that is pushed until then.
            Phase::Idle => {
                state.phase = Phase::Scheduled;
                Wake::Flusher
            }
        };
        state.settle(node);
        (Pushed::Queued, wake, evicted)
    }

    /// Puts a reply from the task itself, which writes it before the next round of its turn. The `only` reply to a read is
    /// written now if nothing waits before it: that saves the copy into the outbox and, usually, `end_turn`. Returns whether the
    /// outbox is crowded afterwards.
    ///
    /// Errors: why the reply is not queued.
    pub(crate) fn put_reply(
        &self,
        frame: &mut Frame<'_>,
        only: bool,
        limits: &GatewayLimits,
        node: &Arc<Node>,
    ) -> Result<bool, Pushed> {
        let mut state = self.hold();
        let mut written = 0;
        if only && let Some(socket) = state.socket_at_rest() {
            // A write that is refused or fails is left to `end_turn`, which tries again, and then registers for readiness or
            // reports the failure.
            if let Poll::Ready(Ok(n)) = try_write(socket, &[IoSlice::new(frame.bytes)]) {
                written = n;
            }
            if written == frame.bytes.len() {
                return Ok(false);
            }
        }
        state.put(frame, Class::Reply, limits)?;
        if written > 0 {
            // Tells the outbox that the socket has taken the first `written` bytes and then refused the rest.
            let mut written = Some(written);
            state.outbox.flush(|_| written.take().map_or(Poll::Pending, |n| Poll::Ready(Ok(n))));
        }
        state.settle(node);
        state.leave_to_task();
        Ok(state.outbox.is_crowded(limits))
    }

    /// Puts a ping or pong. False if too many control frames wait or the connection is closing.
    pub(crate) fn put_control(&self, frame: &[u8]) -> bool {
        let mut state = self.hold();
        let put = state.end == End::Open && state.outbox.put_control(frame);
        if put {
            state.leave_to_task();
        }
        put
    }

    /// Puts the closing frames: nothing is accepted after them. `discard` drops what waits before them. Returns how many messages
    /// were dropped.
    pub(crate) fn close(&self, frames: &[u8], discard: bool, node: &Arc<Node>) -> usize {
        let mut state = self.hold();
        if state.end == End::Mute {
            return 0;
        }
        let dropped = if discard { state.outbox.discard() } else { 0 };
        // If a long half-written frame is left, the end is only `Closing`, so that `evict` can still drop it when memory is
        // short.
        let end = if discard && state.outbox.bytes() <= FINISHED { End::Discarded } else { End::Closing };
        state.ends(end);
        if !frames.is_empty() {
            state.outbox.put_close(frames);
        }
        state.settle(node);
        state.leave_to_task();
        dropped
    }

    /// The stream is gone. Returns how many messages were dropped.
    pub(crate) fn gone(&self, node: &Arc<Node>) -> usize {
        let mut state = self.hold();
        let dropped = state.outbox.messages();
        state.outbox = Outbox::default();
        state.settle(node);
        if let Some(socket) = state.socket.take() {
            // Both halves are dropped, which closes the socket. Dropping this half alone would also shut it down, which is one
            // more system call.
            socket.forget();
        }
        state.ends(End::Mute);
        state.phase = Phase::Idle;
        dropped
    }

    /// Asks the task to end the connection. Returns the task's waker, and whether the connection was open until now.
    pub(crate) fn request(&self, request: CloseRequest) -> (Option<Waker>, bool) {
        let mut state = self.hold();
        let was_open = state.end == End::Open;
        state.ask(request);
        (state.take_waker(), was_open)
    }

    /// Whether an end is asked for that the task has not carried out yet.
    pub(crate) fn is_asked_to_end(&self) -> bool {
        self.state.lock().request.as_ref().is_some_and(|request| request.is_an_end())
    }

    /// From now on the task waits only for the answers to what its peer has sent.
    pub(crate) fn set_answering(&self) {
        self.answering.store(true, Ordering::Release);
    }

    pub(crate) fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Acquire)
    }

    /// Takes the request that the task has not obeyed yet.
    pub(crate) fn take_request(&self) -> Option<CloseRequest> {
        self.state.lock().request.take().map(|request| *request)
    }

    /// Wakes the task; if it is running, it runs another turn after this one.
    pub(crate) fn wake(&self) {
        // The lock is released at the end of this statement, before the task wakes.
        let waker = self.hold().take_waker();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    #[inline]
    pub(crate) fn is_locked(&self) -> bool {
        self.state.is_locked()
    }

    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Relaxed)
    }

    /// Whether a sender that waits for room has to go on waiting.
    pub(crate) fn is_crowded(&self, limits: &GatewayLimits) -> bool {
        self.state.lock().outbox.is_crowded(limits)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.state.lock().outbox.bytes()
    }

    /// What an eviction would drop; `None` if the socket accepts bytes, or everything is dropped already.
    pub(crate) fn blocked(&self) -> Option<Blocked> {
        let state = self.state.lock();
        let outbox = &state.outbox;
        (outbox.is_blocked() && state.end < End::Discarded).then(|| Blocked {
            closing: state.end == End::Closing,
            own: outbox.frees(),
            bytes: outbox.bytes(),
        })
    }

    /// Drops what waits, at once, and asks the task for the end. Returns how many messages were dropped, and the task's waker;
    /// `None` if that was done before.
    ///
    /// A half-written frame has to be finished before a close frame can follow. If it is long, it is dropped, and there is no
    /// close frame: the peer cannot parse anything after a frame that was cut off. The close frame of a connection that is
    /// already closing is dropped as well: its peer had time to read it.
    pub(crate) fn evict(&self, node: &Arc<Node>) -> Option<(usize, Option<Waker>)> {
        let mut state = self.hold();
        if state.end >= End::Discarded {
            return None;
        }
        let polite = state.end == End::Open && state.outbox.begun() <= FINISHED;
        state.ends(if polite { End::Discarded } else { End::Mute });
        let dropped = match polite {
            true => state.outbox.discard(),
            false => std::mem::take(&mut state.outbox).messages(),
        };
        state.settle(node);
        state.ask(CloseRequest::try_again_later(polite));
        Some((dropped, state.take_waker()))
    }

    /// Ends the task's turn: writes what waits, and leaves the waker for the next turn. `stream`: what is written to, if only the
    /// task may write to it (TLS, or the transport of an Engine.IO session).
    pub(crate) fn end_turn(
        &self,
        cx: &mut Context<'_>,
        stream: Option<&mut dyn Sink>,
        limits: &GatewayLimits,
        node: &Arc<Node>,
    ) -> TurnEnd {
        let mut state = self.state.lock();
        let state = &mut *state;
        let flushed = match (&state.socket, stream) {
            _ if state.end == End::Mute => None,
            (Some(_), _) | (None, None) if state.outbox.is_empty() => None,
            (Some(socket), _) => Some(state.outbox.flush(|bytes| poll_write(socket, cx, bytes))),
            (None, Some(stream)) => state.flush_stream(cx, stream),
            // Something waits, and there is nothing to write it to.
            (None, None) => Some(Flushed::Failed),
        };
        state.settle(node);
        // A refused write has registered the task for readiness, so that only the task goes on writing.
        state.phase = match flushed {
            Some(Flushed::Blocked { .. }) => Phase::Task,
            _ => Phase::Idle,
        };
        let request = state.request.take().map(|request| *request);
        // A stream that the task owns may buffer bytes, so that every turn has to flush it.
        let stays = state.phase == Phase::Task || state.socket.is_none();
        let woken = self.touched.turn_ends(state, cx.waker(), stays);
        TurnEnd {
            flushed,
            again: woken || request.is_some(),
            request,
            waiting: state.outbox.bytes(),
            crowded: state.outbox.is_crowded(limits),
        }
    }

    /// Called by the flusher: writes what waits. Returns the task's waker if the task has to act.
    pub(crate) fn flush_scheduled(&self, node: &Arc<Node>) -> Option<Waker> {
        let mut state = self.hold();
        // The task has written in the meantime, or will.
        if state.phase != Phase::Scheduled {
            return None;
        }
        let waiting = &mut *state.state;
        let flushed = waiting.socket.as_ref().map(|socket| waiting.outbox.flush(|bytes| try_write(socket, bytes)));
        waiting.settle(node);
        match flushed {
            Some(Flushed::Drained) => {
                waiting.phase = Phase::Idle;
                None
            }
            // The flusher cannot wait for the socket. Only the task can: it registers for readiness, reports the failure, or owns
            // the stream.
            Some(Flushed::Blocked { .. } | Flushed::Failed) | None => {
                state.leave_to_task();
                state.take_waker()
            }
        }
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
