//! What runs beside the messages that are handled one by one: streams of replies, and handlers with a concurrency of their own.
use crate::Error;
use crate::contain::drop_contained;
use crate::gateway::Group;
use crate::runner::dispatch::Polled;
use crate::runner::serving::Handler;
use crate::transport::websocket::closing::Net;
use crate::transport::websocket::task::Task;
use crate::transport::websocket::timers::NEVER;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use switchboard_core::Id;

/// Items of one stream in one turn; one that always has more lets others run after them.
const ITEMS: usize = 32;

/// Everything of one connection that runs beside. Each is polled when it was woken.
#[derive(Default)]
pub(crate) struct Background {
    slots: Vec<Slot>,
}

struct Slot {
    handler: Box<Handler>,
    /// The handlers that it is counted with; none of a stream.
    group: Option<u16>,
    streams: bool,
    /// It is given up then.
    by: u64,
    waker: Arc<SlotWaker>,
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
        if !self.woken.swap(true, Ordering::AcqRel) {
            let task = self.task.lock().clone();
            if let Some(task) = task {
                task.wake();
            }
        }
    }
}

impl Background {
    pub(crate) fn running(&self, group: Group) -> usize {
        self.slots.iter().filter(|slot| slot.group == Some(group.index)).count()
    }

    fn streams(&self) -> usize {
        self.slots.iter().filter(|slot| slot.streams).count()
    }

    pub(crate) fn contains(&self, id: &Id<'_>) -> bool {
        self.slots.iter().any(|slot| slot.handler.id.as_ref() == Some(id))
    }

    /// When the first of them is given up.
    pub(crate) fn by(&self) -> u64 {
        self.slots.iter().map(|slot| slot.by).min().unwrap_or(NEVER)
    }

    fn take(&mut self, chosen: impl Fn(&Slot) -> bool) -> Vec<Slot> {
        self.slots.extract_if(.., |slot| chosen(slot)).collect()
    }
}

impl Task {
    /// Lets a handler run beside the others.
    pub(crate) fn put_beside(&mut self, handler: Handler, group: Group) {
        let by = self.timers.after(self.present(), self.limits().handler_timeout);
        self.push_slot(handler, Some(group.index), false, by);
    }

    /// Lets a stream run beside the handlers. There are at most `Limits::streams` of them.
    pub(crate) fn put_stream(&mut self, mut handler: Handler) {
        let running = self.background.as_ref().map_or(0, |background| background.streams());
        if let Some(error) = self.refuse_stream(running) {
            let ((event, id), late) = (handler.request(), handler.late());
            drop_contained(handler);
            return self.fail_request(&error, &event, id.as_ref(), late);
        }
        handler.uncount();
        let by = self.timers.after(self.present(), self.limits().stream_timeout);
        self.push_slot(handler, None, true, by);
    }

    /// Why no further stream may run beside so many.
    fn refuse_stream(&self, running: usize) -> Option<Error> {
        if self.draining {
            return Some(Error::draining("The server is about to restart"));
        }
        (running >= self.limits().streams).then(|| Error::rate_limited("Too many streams of this client run"))
    }

    fn push_slot(&mut self, handler: Handler, group: Option<u16>, streams: bool, by: u64) {
        let finish_by = if self.net == Net::Open { NEVER } else { self.timers.rare().finish_by };
        let waker = Arc::new(SlotWaker { woken: AtomicBool::new(true), task: Mutex::default() });
        let slot = Slot { handler: Box::new(handler), group, streams, by: by.min(finish_by), waker };
        self.background.get_or_insert_default().slots.push(slot);
    }

    /// Polls those that were woken. True when one has ended.
    pub(crate) fn poll_background(&mut self, cx: &mut Context<'_>) -> bool {
        // Nothing is put there meanwhile: what ends the connection looks at it again below.
        let Some(mut background) = self.background.take() else { return false };
        let mut ended = false;
        let mut at = 0;
        let mut streams = background.streams();
        while let Some(slot) = background.slots.get_mut(at) {
            let paused = slot.streams && self.congested;
            if paused || !slot.waker.woken.swap(false, Ordering::AcqRel) || self.poll_slot(slot, &mut streams, cx) {
                at += 1;
                continue;
            }
            ended = true;
            drop_contained(background.slots.swap_remove(at));
        }
        if !background.slots.is_empty() {
            self.background = Some(background);
        }
        if self.net != Net::Open {
            self.background_loses_connection();
        }
        ended
    }

    /// False when it has ended.
    fn poll_slot(&mut self, slot: &mut Slot, streams: &mut usize, cx: &mut Context<'_>) -> bool {
        {
            let mut task = slot.waker.task.lock();
            if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
                *task = Some(cx.waker().clone());
            }
        }
        let waker = Waker::from(slot.waker.clone());
        let mut beside = Context::from_waker(&waker);
        for _ in 0..ITEMS {
            match self.poll_handler(&mut slot.handler, &mut beside) {
                Polled::Pending => return true,
                Polled::Done => return false,
                Polled::Streams => {
                    if let Some(error) = self.refuse_stream(*streams) {
                        let ((event, id), late) = (slot.handler.request(), slot.handler.late());
                        self.fail_request(&error, &event, id.as_ref(), late);
                        return false;
                    }
                    *streams += 1;
                    slot.streams = true;
                    slot.group = None;
                    slot.handler.uncount();
                    slot.by = self.timers.after(self.present(), self.limits().stream_timeout);
                }
                Polled::Item => {
                    slot.by = self.timers.after(self.now(), self.limits().stream_timeout);
                    if self.congested {
                        break;
                    }
                }
            }
        }
        slot.waker.woken.store(true, Ordering::Release);
        if !self.congested {
            cx.waker().wake_by_ref();
        }
        true
    }

    /// Gives up those whose time is over.
    pub(crate) fn check_background(&mut self, now: u64) {
        let Some(background) = &mut self.background else { return };
        if self.congested {
            // A stream that is paused is not silent.
            let by = self.timers.after(now, self.client.endpoint().profile.limits.stream_timeout);
            background.slots.iter_mut().filter(|slot| slot.streams).for_each(|slot| slot.by = slot.by.max(by));
        }
        for slot in background.take(|slot| now >= slot.by) {
            let (event, id) = slot.handler.request();
            let text = if slot.streams { "The stream was silent for too long" } else { "The handler took too long" };
            let late = slot.handler.late();
            drop_contained(slot);
            self.fail_request(&Error::timeout(text), &event, id.as_ref(), late);
        }
        self.forget_background();
    }

    /// Stops the one with this id. False: there is none.
    pub(crate) fn cancel_beside(&mut self, id: &Id<'_>, error: &Error) -> bool {
        let Some(background) = &mut self.background else { return false };
        let Some(slot) = background.take(|slot| slot.handler.id.as_ref() == Some(id)).pop() else { return false };
        self.forget_background();
        let ((event, id), late) = (slot.handler.request(), slot.handler.late());
        drop_contained(slot);
        self.fail_request(error, &event, id.as_ref(), late);
        true
    }

    /// The connection ends: streams do, too, those of a peer that is still answered when they have nothing more at once; handlers have their
    /// last time.
    pub(crate) fn background_loses_connection(&mut self) {
        let all = self.endpoint().profile.cancel_on_disconnect;
        let finish_by = self.timers.rare().finish_by;
        let Some(background) = &mut self.background else { return };
        let has_more = |slot: &Slot| self.net == Net::Answering && slot.waker.woken.load(Ordering::Acquire);
        let dropped = background.take(|slot| all || (slot.streams && !has_more(slot)));
        for slot in &mut background.slots {
            slot.by = slot.by.min(finish_by);
        }
        self.forget_background();
        dropped.into_iter().for_each(drop_contained);
    }

    /// The server shuts down: streams end now, or everything. Returns how many handlers were cut off.
    pub(crate) fn end_background(&mut self, error: &Error, all: bool) -> usize {
        let Some(background) = &mut self.background else { return 0 };
        let ended = background.take(|slot| slot.streams || all);
        self.forget_background();
        let handlers = ended.iter().filter(|slot| !slot.streams).count();
        for slot in ended {
            let (event, id) = slot.handler.request();
            let late = slot.handler.late();
            drop_contained(slot);
            self.fail_request(error, &event, id.as_ref(), late);
        }
        handlers
    }

    fn forget_background(&mut self) {
        self.background.take_if(|background| background.slots.is_empty());
    }
}
