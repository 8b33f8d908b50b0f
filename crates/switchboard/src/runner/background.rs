//! [`Background`]: what runs beside the messages that are handled one by one. That is streams of replies, and handlers with a
//! concurrency of their own.
use crate::Error;
use crate::contain::drop_contained;
use crate::gateway::Group;
use crate::node::clock::NEVER;
use crate::runner::deadlines::Deadlines;
use crate::runner::handler::{Handler, Polled};
use crate::runner::round::{Reach, Round};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use switchboard_core::Id;

/// The most items that one stream sends in one turn. A stream that always has more lets others run after them.
const ITEMS: usize = 32;

/// All streams and concurrent handlers of one client. Each is polled only if it was woken. Empty, it has no memory.
///
/// These are slots and not a `FuturesUnordered`, because they are cancelled by id, have deadlines, and a stream is not polled
/// while its client does not read.
#[derive(Default)]
pub(super) struct Background(Option<Box<Slots>>);

#[derive(Default)]
struct Slots(Vec<Slot>);

struct Slot {
    handler: Box<Handler>,
    /// The concurrency group in which it counts; `None` for a stream.
    group: Option<u16>,
    streams: bool,
    /// When it is given up.
    by: u64,
    waker: Arc<SlotWaker>,
}

impl Slot {
    fn fail(self, error: &Error, round: &mut Round<'_>) {
        self.handler.fail(error, round);
    }
}

#[derive(Default)]
struct SlotWaker {
    woken: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Only the first wake-up since the last poll wakes the task.
        if !self.woken.swap(true, Ordering::AcqRel) {
            let task = self.task.lock().clone();
            if let Some(task) = task {
                task.wake();
            }
        }
    }
}

impl Background {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn slots(&self) -> &[Slot] {
        self.0.as_deref().map_or(&[], |slots| &slots.0)
    }

    pub(super) fn running(&self, group: Group) -> usize {
        self.slots().iter().filter(|slot| slot.group == Some(group.index)).count()
    }

    fn streams(&self) -> usize {
        self.slots().iter().filter(|slot| slot.streams).count()
    }

    pub(super) fn contains(&self, id: &Id<'_>) -> bool {
        self.slots().iter().any(|slot| slot.handler.id.as_ref() == Some(id))
    }

    /// When the first slot is given up.
    #[inline]
    pub(super) fn by(&self) -> u64 {
        // Most clients have no slots.
        if self.is_empty() { NEVER } else { self.first_by() }
    }

    #[inline(never)]
    fn first_by(&self) -> u64 {
        self.slots().iter().map(|slot| slot.by).min().unwrap_or(NEVER)
    }

    fn take(&mut self, chosen: impl Fn(&Slot) -> bool) -> Vec<Slot> {
        let Some(slots) = &mut self.0 else { return Vec::new() };
        let taken = slots.0.extract_if(.., |slot| chosen(slot)).collect();
        self.forget();
        taken
    }

    fn forget(&mut self) {
        self.0.take_if(|slots| slots.0.is_empty());
    }

    /// Lets a handler run beside the others.
    pub(super) fn put_handler(&mut self, handler: Handler, group: Group, deadlines: &Deadlines, round: &Round<'_>) {
        let by = round.after(round.endpoint.present(), round.endpoint.profile.limits.handler_timeout);
        self.push(handler, Some(group.index), by, deadlines, round);
    }

    /// Lets a stream run beside the handlers. There are at most `Limits::streams` of them.
    pub(super) fn put_stream(&mut self, mut handler: Handler, deadlines: &Deadlines, round: &mut Round<'_>) {
        if let Some(error) = refuse_stream(self.streams(), deadlines, round) {
            return handler.fail(&error, round);
        }
        handler.uncount();
        let by = round.after(round.endpoint.present(), round.endpoint.profile.limits.stream_timeout);
        self.push(handler, None, by, deadlines, round);
    }

    fn push(&mut self, handler: Handler, group: Option<u16>, by: u64, deadlines: &Deadlines, round: &Round<'_>) {
        let finish_by = if round.reach == Reach::Open { NEVER } else { deadlines.finish_by() };
        // Woken already, so that the next turn polls it.
        let waker = Arc::new(SlotWaker { woken: AtomicBool::new(true), task: Mutex::default() });
        let (handler, streams) = (Box::new(handler), group.is_none());
        self.0.get_or_insert_default().0.push(Slot { handler, group, streams, by: by.min(finish_by), waker });
    }

    /// Polls the slots that were woken. True if one has ended.
    #[inline]
    pub(super) fn poll(&mut self, deadlines: &mut Deadlines, round: &mut Round<'_>, cx: &mut Context<'_>) -> bool {
        !self.is_empty() && self.poll_slots(deadlines, round, cx)
    }

    #[inline(never)]
    fn poll_slots(&mut self, deadlines: &mut Deadlines, round: &mut Round<'_>, cx: &mut Context<'_>) -> bool {
        let mut streams = self.streams();
        // Taken out, so that a panic of ours drops what runs instead of polling it again.
        let Some(mut slots) = self.0.take() else { return false };
        let mut ended = false;
        let mut at = 0;
        while let Some(slot) = slots.0.get_mut(at) {
            let paused = slot.streams && *round.congested;
            if paused
                || !slot.waker.woken.swap(false, Ordering::AcqRel)
                || poll_slot(slot, &mut streams, deadlines, round, cx)
            {
                at += 1;
                continue;
            }
            ended = true;
            drop_contained(slots.0.swap_remove(at));
        }
        self.0 = Some(slots).filter(|slots| !slots.0.is_empty());
        if round.reach != Reach::Open {
            self.lost(round.reach, deadlines, round.endpoint.profile.cancel_on_disconnect);
        }
        ended
    }

    /// Gives up the slots whose deadline has passed.
    pub(super) fn check(&mut self, now: u64, round: &mut Round<'_>) {
        let Some(slots) = &mut self.0 else { return };
        if *round.congested {
            // A stream that is paused, because its client does not read, is not silent by its own fault.
            let by = round.after(now, round.endpoint.profile.limits.stream_timeout);
            slots.0.iter_mut().filter(|slot| slot.streams).for_each(|slot| slot.by = slot.by.max(by));
        }
        for slot in self.take(|slot| now >= slot.by) {
            let text = if slot.streams { "The stream was silent for too long" } else { "The handler took too long" };
            slot.fail(&Error::timeout(text), round);
        }
    }

    /// Stops the slot with this id. False if there is none.
    pub(super) fn cancel(&mut self, id: &Id<'_>, error: &Error, round: &mut Round<'_>) -> bool {
        let slot = self.take(|slot| slot.handler.id.as_ref() == Some(id)).pop();
        slot.map(|slot| slot.fail(error, round)).is_some()
    }

    /// The connection ends, and streams with it. While the client is still answered, a stream that has more at once goes on.
    /// Handlers get a last deadline, or are dropped too if `all` is true.
    pub(super) fn lost(&mut self, reach: Reach, deadlines: &Deadlines, all: bool) {
        let has_more = |slot: &Slot| reach == Reach::Answering && slot.waker.woken.load(Ordering::Acquire);
        let dropped = self.take(|slot| all || (slot.streams && !has_more(slot)));
        for slot in self.0.iter_mut().flat_map(|slots| slots.0.iter_mut()) {
            slot.by = slot.by.min(deadlines.finish_by());
        }
        dropped.into_iter().for_each(drop_contained);
    }

    /// The server shuts down: ends the streams, or all slots. Returns how many handlers were cut off.
    pub(super) fn end(&mut self, error: &Error, all: bool, round: &mut Round<'_>) -> usize {
        let ended = self.take(|slot| slot.streams || all);
        let handlers = ended.iter().filter(|slot| !slot.streams).count();
        ended.into_iter().for_each(|slot| slot.fail(error, round));
        handlers
    }
}

/// Why no further stream may begin while this many run; `None`: it may.
fn refuse_stream(running: usize, deadlines: &Deadlines, round: &Round<'_>) -> Option<Error> {
    if deadlines.is_draining() {
        return Some(Error::draining("The server is about to restart"));
    }
    let full = running >= round.endpoint.profile.limits.streams;
    full.then(|| Error::rate_limited("Too many streams of this client run"))
}

/// Polls one slot. False if it has ended.
fn poll_slot(
    slot: &mut Slot,
    streams: &mut usize,
    deadlines: &mut Deadlines,
    round: &mut Round<'_>,
    cx: &mut Context<'_>,
) -> bool {
    {
        let mut task = slot.waker.task.lock();
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
    }
    let waker = Waker::from(slot.waker.clone());
    let mut beside = Context::from_waker(&waker);
    let (conn, timeout) = (round.endpoint, round.endpoint.profile.limits.stream_timeout);
    for _ in 0..ITEMS {
        match slot.handler.poll(deadlines, round, &mut beside) {
            Polled::Pending => return true,
            Polled::Done => return false,
            Polled::Streams => {
                if let Some(error) = refuse_stream(*streams, deadlines, round) {
                    let ((event, id), late) = (slot.handler.request(), slot.handler.late());
                    round.fail_request(&error, &event, id.as_ref(), late);
                    return false;
                }
                *streams += 1;
                slot.streams = true;
                slot.group = None;
                slot.handler.uncount();
                slot.by = round.after(conn.present(), timeout);
            }
            Polled::Item => {
                slot.by = round.after(conn.now(), timeout);
                if *round.congested {
                    break;
                }
            }
        }
    }
    // The stream may have more at once, and is polled again in the next turn. If the client does not read, that turn comes when
    // it does.
    slot.waker.woken.store(true, Ordering::Release);
    if !*round.congested {
        cx.waker().wake_by_ref();
    }
    true
}
