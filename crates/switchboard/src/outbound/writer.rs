//! The writer: the one way to a connection for everybody but its task. A lock over the outbox and the writing half.
use crate::hub::Flusher;
use crate::limits::Limits;
use crate::node::Node;
use crate::outbound::close_request::CloseRequest;
use crate::outbound::frame::Frame;
use crate::outbound::outbox::{Class, Flushed, Outbox, Put};
use crate::outbound::stream::{Stream, poll_write, try_write};
use parking_lot::{Mutex, MutexGuard};
use std::io::IoSlice;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::net::tcp::OwnedWriteHalf;

/// A half-written frame up to this length is finished when memory is short.
const FINISHED: usize = 16 << 10;

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    Dropped,
    /// The connection is closing or closed.
    Gone,
}

/// Who has to write what was put.
pub(crate) enum Wake {
    Nobody,
    Flusher,
    Task(Waker),
}

/// Who writes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Nothing waits.
    #[default]
    Idle,
    /// The flusher, soon.
    Scheduled,
    /// The task, at the end of its turn, or when the socket takes bytes again.
    Task,
}

/// How far the end of the connection has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    #[default]
    Open,
    /// No frame is taken any more; what waits is still written.
    Closing,
    /// What waited is thrown away, but for the end of a short frame and the goodbye.
    Discarded,
    /// Nothing is written any more: a frame may be cut off.
    Mute,
}

/// What waits in front of a socket that refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blocked {
    /// The connection is about to end anyway, once its peer has read.
    pub(crate) closing: bool,
    /// Bytes that are free again when this connection alone ends.
    pub(crate) own: usize,
    pub(crate) bytes: usize,
}

/// What the task learns at the end of its turn.
pub(crate) struct TurnEnd {
    pub(crate) flushed: Option<Flushed>,
    pub(crate) request: Option<CloseRequest>,
    /// There is something to do at once.
    pub(crate) again: bool,
    /// Bytes that wait.
    pub(crate) waiting: usize,
    /// The client has to read before more of its messages are handled.
    pub(crate) crowded: bool,
}

#[repr(C)]
pub(crate) struct Writer {
    /// The end of the task's turn has something to do here, or the lane has no waker of it. Most turns write their only reply at once,
    /// leave nothing, and end without the lock. It is changed under the lock, and read without: who changes it beside the turn takes the
    /// waker, or finds that it was taken, and the turn that this wakes reads what was written before it.
    touched: AtomicBool,
    /// The end has begun, or somebody has asked for it: no frame is taken any more. Changed under the lock, and read without.
    closed: AtomicBool,
    /// The peer has said its last, and what it asked before is answered: the task waits for that.
    answering: AtomicBool,
    /// Where its flusher has the connection, which alone knows what that means. It stands here because there is room.
    pub(crate) place: AtomicU32,
    /// Who writes what others put, and keeps the time: of the runtime that the connection lives in.
    pub(crate) flusher: Arc<Flusher>,
    state: Mutex<State>,
}

/// The lane, locked.
struct Held<'a> {
    writer: &'a Writer,
    state: MutexGuard<'a, State>,
}

/// The fields stand in the order of their use: see [`Outbox`].
#[derive(Default)]
#[repr(C)]
struct State {
    phase: Phase,
    end: End,
    /// Somebody wanted to wake the task while it had left no waker.
    woken: bool,
    /// The stream was written to, and has not handed all of it on.
    unflushed: bool,
    /// Bytes of the outbox that the node is charged with.
    charged: u32,
    /// The bare socket's writing half; `None` where the task owns the whole stream, and once the connection is gone.
    socket: Option<OwnedWriteHalf>,
    outbox: Outbox,
    request: Option<Box<CloseRequest>>,
    waker: Option<Waker>,
}

impl Writer {
    pub(crate) fn new(socket: Option<OwnedWriteHalf>, flusher: Arc<Flusher>) -> Writer {
        Writer {
            touched: AtomicBool::new(true),
            closed: AtomicBool::new(false),
            answering: AtomicBool::new(false),
            place: AtomicU32::new(0),
            flusher,
            state: Mutex::new(State { socket, ..State::default() }),
        }
    }

    #[inline(always)]
    fn hold(&self) -> Held<'_> {
        Held { writer: self, state: self.state.lock() }
    }

    /// For the task, whose waker is always the same: false when nothing is left that [`end_turn`](Writer::end_turn) alone does.
    #[inline]
    pub(crate) fn is_touched(&self) -> bool {
        self.touched.load(Ordering::Relaxed)
    }

    /// Puts a frame behind all others. `own`: inside the task's turn, at whose end it is written, unless the flusher is about to.
    /// Returns how many volatile messages made room, too.
    pub(crate) fn push(
        &self,
        frame: &mut Frame<'_>,
        class: Class<'_>,
        limits: &Limits,
        own: bool,
        node: &Arc<Node>,
    ) -> (Pushed, Wake, usize) {
        let mut state = self.hold();
        let evicted = match state.put(frame, class, limits) {
            Ok(evicted) => evicted,
            Err(refused) => {
                let wake = if state.request.is_some() { state.wake_task() } else { Wake::Nobody };
                return (refused, wake, 0);
            }
        };
        let wake = match state.phase {
            _ if state.is_overdue(limits) => state.write_now(),
            Phase::Scheduled | Phase::Task => Wake::Nobody,
            Phase::Idle if own => {
                state.leave_to_task();
                Wake::Nobody
            }
            Phase::Idle => {
                state.phase = Phase::Scheduled;
                Wake::Flusher
            }
        };
        state.settle(node);
        (Pushed::Queued, wake, evicted)
    }

    /// A reply from the task itself, which writes it before the next round of its turn. Where it is the `only` one, and nothing waits in
    /// front of it, it is written now, and no copy is made. Returns whether the outbox is crowded then.
    pub(crate) fn put_reply(
        &self,
        frame: &mut Frame<'_>,
        only: bool,
        limits: &Limits,
        node: &Arc<Node>,
    ) -> Result<bool, Pushed> {
        let mut state = self.hold();
        let mut written = 0;
        if only && let Some(socket) = state.socket_at_rest() {
            // What is refused, or fails, is tried again by `end_turn`, which knows what to do.
            if let Poll::Ready(Ok(n)) = try_write(socket, &[IoSlice::new(frame.bytes)]) {
                written = n;
            }
            if written == frame.bytes.len() {
                return Ok(false);
            }
        }
        state.put(frame, Class::Reply, limits)?;
        if written > 0 {
            let mut written = Some(written);
            state.outbox.flush(|_| written.take().map_or(Poll::Pending, |n| Poll::Ready(Ok(n))));
        }
        state.settle(node);
        state.leave_to_task();
        Ok(state.outbox.is_crowded(limits))
    }

    /// A ping or pong. False when the control lane is full or the connection is closing.
    pub(crate) fn put_control(&self, frame: &[u8]) -> bool {
        let mut state = self.hold();
        let put = state.end == End::Open && state.outbox.put_control(frame);
        if put {
            state.leave_to_task();
        }
        put
    }

    /// The last frames; nothing is taken after them. With `discard`, nothing waits before them either.
    /// Returns how many messages were thrown away.
    pub(crate) fn close(&self, frames: &[u8], discard: bool, node: &Arc<Node>) -> usize {
        let mut state = self.hold();
        if state.end == End::Mute {
            return 0;
        }
        let dropped = if discard { state.outbox.discard() } else { 0 };
        // A long frame that is half written is worth an eviction still.
        let end = if discard && state.outbox.bytes() <= FINISHED { End::Discarded } else { End::Closing };
        state.ends(end);
        if !frames.is_empty() {
            state.outbox.put_close(frames);
        }
        state.settle(node);
        state.leave_to_task();
        dropped
    }

    /// The stream is gone. Returns how many messages were thrown away.
    pub(crate) fn gone(&self, node: &Arc<Node>) -> usize {
        let mut state = self.hold();
        let dropped = state.outbox.messages();
        state.outbox = Outbox::default();
        state.settle(node);
        if let Some(socket) = state.socket.take() {
            // It is closed here, or with the reading half: to shut it down first would be one more call.
            socket.forget();
        }
        state.ends(End::Mute);
        state.phase = Phase::Idle;
        dropped
    }

    /// Asks the task for the end. Returns its waker, and whether the connection was open until now.
    pub(crate) fn request(&self, request: CloseRequest) -> (Option<Waker>, bool) {
        let mut state = self.hold();
        let was_open = state.end == End::Open;
        state.ask(request);
        (state.take_waker(), was_open)
    }

    /// Somebody has asked for the end, which is not obeyed yet.
    pub(crate) fn is_asked_to_end(&self) -> bool {
        self.state.lock().request.as_ref().is_some_and(|request| request.is_an_end())
    }

    /// From now on the task waits for the answers to what its peer has sent.
    pub(crate) fn set_answering(&self) {
        self.answering.store(true, Ordering::Release);
    }

    pub(crate) fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Acquire)
    }

    /// What was asked for and not obeyed yet.
    pub(crate) fn take_request(&self) -> Option<CloseRequest> {
        self.state.lock().request.take().map(|request| *request)
    }

    pub(crate) fn wake(&self) {
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

    /// True when a sender that waits for room has to wait.
    pub(crate) fn is_crowded(&self, limits: &Limits) -> bool {
        self.state.lock().outbox.is_crowded(limits)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.state.lock().outbox.bytes()
    }

    /// What an eviction would throw away; `None` where the socket takes bytes, and where all is thrown away already.
    pub(crate) fn blocked(&self) -> Option<Blocked> {
        let state = self.state.lock();
        let outbox = &state.outbox;
        (outbox.is_blocked() && state.end < End::Discarded).then(|| Blocked {
            closing: state.end == End::Closing,
            own: outbox.frees(),
            bytes: outbox.bytes(),
        })
    }

    /// Throws away what waits, at once, and asks the task for the end. `None`: it is thrown away already. Else how many
    /// messages that were, and the task's waker.
    ///
    /// A close frame would have to wait for the end of the frame that is half written: a long one goes too, and the close frame
    /// with it. So does the goodbye of a connection that is closing: its peer had its time to read it.
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

    /// The end of the task's turn: writes what waits, and leaves the waker for the next turn.
    ///
    /// `stream` is the one that the task owns whole, if it does.
    pub(crate) fn end_turn(
        &self,
        cx: &mut Context<'_>,
        stream: Option<&mut Stream>,
        limits: &Limits,
        node: &Arc<Node>,
    ) -> TurnEnd {
        let mut state = self.state.lock();
        let state = &mut *state;
        let flushed = match (&state.socket, stream) {
            _ if state.end == End::Mute => None,
            (Some(_), _) | (None, None) if state.outbox.is_empty() => None,
            (Some(socket), _) => Some(state.outbox.flush(|bytes| poll_write(socket, cx, bytes))),
            (None, Some(stream)) => state.flush_stream(cx, stream),
            (None, None) => Some(Flushed::Failed),
        };
        state.settle(node);
        state.phase = match flushed {
            Some(Flushed::Blocked { .. }) => Phase::Task,
            _ => Phase::Idle,
        };
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
        let request = state.request.take().map(|request| *request);
        // A stream that the task owns whole may hold bytes back.
        self.touched.store(state.phase == Phase::Task || state.socket.is_none(), Ordering::Relaxed);
        TurnEnd {
            flushed,
            again: std::mem::take(&mut state.woken) || request.is_some(),
            request,
            waiting: state.outbox.bytes(),
            crowded: state.outbox.is_crowded(limits),
        }
    }

    /// Called by the flusher. Returns the task's waker when the task has to act.
    pub(crate) fn flush_scheduled(&self, node: &Arc<Node>) -> Option<Waker> {
        let mut state = self.hold();
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
            // The task registers for the socket's readiness, notices the failure, or owns the stream.
            Some(Flushed::Blocked { .. } | Flushed::Failed) | None => {
                state.leave_to_task();
                state.take_waker()
            }
        }
    }
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

/// What the end of the task's turn has to see.
impl Held<'_> {
    #[inline(always)]
    fn touch(&self) {
        self.writer.touched.store(true, Ordering::Relaxed);
    }

    /// From now on no frame is taken, by nobody.
    fn ends(&mut self, end: End) {
        self.end = self.end.max(end);
        self.writer.closed.store(true, Ordering::Relaxed);
    }

    #[inline(always)]
    fn leave_to_task(&mut self) {
        self.touch();
        self.phase = Phase::Task;
    }

    fn ask(&mut self, request: CloseRequest) {
        if request.is_an_end() {
            // Nothing that is emitted after the call reaches the client, and no further message of it is handled.
            self.ends(End::Closing);
        }
        if self.request.as_ref().is_none_or(|known| known.urgency() < request.urgency()) {
            self.touch();
            self.request = Some(Box::new(request));
        }
    }

    fn put(&mut self, frame: &mut Frame<'_>, class: Class<'_>, limits: &Limits) -> Result<usize, Pushed> {
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

    /// The task's waker. Without one it is being woken, or in its first turn; at the end of that turn it looks again.
    fn take_waker(&mut self) -> Option<Waker> {
        self.touch();
        let waker = self.waker.take();
        self.woken |= waker.is_none();
        waker
    }

    fn wake_task(&mut self) -> Wake {
        self.take_waker().map_or(Wake::Nobody, Wake::Task)
    }

    /// Tries the socket, so that a client that reads is not taken for one that does not.
    fn write_now(&mut self) -> Wake {
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

impl State {
    /// Charges the node with what waits in front of a socket that refuses it.
    #[inline(always)]
    fn settle(&mut self, node: &Arc<Node>) {
        if self.outbox.is_blocked() || self.charged > 0 {
            self.recharge(node);
        }
    }

    #[cold]
    fn recharge(&mut self, node: &Arc<Node>) {
        if node.memory.is_limited() {
            // What waits is bounded by less, see `Limits::problems`; what is charged is what is given back, whatever it is.
            let charged = u32::try_from(self.outbox.charge(node)).unwrap_or(u32::MAX);
            node.memory.recharge(self.charged as usize, charged as usize);
            self.charged = charged;
        }
    }

    /// Writes to a stream that may hold bytes back itself (TLS): all is written only when it has handed them on.
    fn flush_stream(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Option<Flushed> {
        if !self.outbox.is_empty() {
            self.unflushed = true;
            match self.outbox.flush(|bytes| stream.poll_write(cx, bytes)) {
                Flushed::Drained => {}
                // What was taken may be handed on already; the write that is refused wakes the task.
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

    /// The bare socket of an open connection for which nothing waits.
    #[inline(always)]
    fn socket_at_rest(&self) -> Option<&OwnedWriteHalf> {
        let rests = self.phase == Phase::Idle && self.end == End::Open && self.outbox.is_empty();
        self.socket.as_ref().filter(|_| rests && !self.outbox.is_blocked())
    }

    /// True when much was put into the outbox of a bare socket before it was tried.
    fn is_overdue(&self, limits: &Limits) -> bool {
        self.outbox.bytes() > limits.outbound_bytes && !self.outbox.is_blocked() && self.socket.is_some()
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
