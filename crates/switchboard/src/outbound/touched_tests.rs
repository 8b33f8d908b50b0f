//! The protocol under loom, which runs every order in which threads can see each other's writes. This compiles `touched` again,
//! with loom's types instead of those of std.
use loom::sync::{Arc, Mutex};
use loom::thread;
use std::task::{Wake, Waker};

mod sync {
    pub(super) use loom::sync::atomic::AtomicBool;
}

#[path = "touched.rs"]
#[allow(clippy::duplicate_mod, reason = "the same source with the types of loom")]
mod touched;

use touched::{Slot, Touched};

/// A connection, as far as the protocol is concerned.
struct Model {
    touched: Touched,
    state: Mutex<State>,
    /// Work that is not under the writer's lock, such as a due deadline. A turn looks for it before its end.
    work: Mutex<usize>,
}

#[derive(Default)]
struct State {
    waiting: usize,
    written: usize,
    woken: bool,
    waker: Option<Waker>,
}

impl Slot for State {
    fn waker(&mut self) -> &mut Option<Waker> {
        &mut self.waker
    }

    fn woken(&mut self) -> &mut bool {
        &mut self.woken
    }
}

/// What another thread does after it has put a message into the queue.
type Setter = fn(&Touched, &mut State) -> Option<Waker>;

impl Model {
    fn push(&self, setter: Setter) {
        *self.work.lock().unwrap() += 1;
        let waker = {
            let mut state = self.state.lock().unwrap();
            state.waiting += 1;
            setter(&self.touched, &mut state)
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// A turn of the task. Returns how much work it did.
    fn turn(&self, waker: &Waker) -> usize {
        let mut done = 0;
        loop {
            done += std::mem::take(&mut *self.work.lock().unwrap());
            if !self.touched.get() {
                return done;
            }
            let mut state = self.state.lock().unwrap();
            state.written += std::mem::take(&mut state.waiting);
            if !self.touched.turn_ends(&mut *state, waker, false) {
                return done;
            }
        }
    }
}

/// The runtime's part: a wake-up makes what was written before it visible to the turn that it causes.
struct Notified(Mutex<bool>);

impl Wake for Notified {
    fn wake(self: std::sync::Arc<Self>) {
        *self.0.lock().unwrap() = true;
    }
}

/// Each setter runs on a thread of its own, and leaves one message and one piece of work. The task runs a turn for each wake-up,
/// and for nothing else.
fn every_message_is_written(setters: &'static [Setter]) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let model = Arc::new(Model { touched: Touched::new(), state: Mutex::default(), work: Mutex::default() });
        // A task begins with a turn.
        let notified = std::sync::Arc::new(Notified(Mutex::new(true)));
        let waker = Waker::from(notified.clone());
        let mut done = 0;
        let mut run = || {
            while std::mem::take(&mut *notified.0.lock().unwrap()) {
                done += model.turn(&waker);
            }
        };
        let push = |setter: &'static Setter| {
            let model = model.clone();
            thread::spawn(move || model.push(*setter))
        };
        let threads: Vec<_> = setters.iter().map(push).collect();
        run();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        run();
        let written = model.state.lock().unwrap().written;
        assert_eq!((written, done), (setters.len(), setters.len()), "a wake-up is lost");
    });
}

#[test]
fn no_wake_up_is_lost() {
    const TAKES: Setter = |touched, state| touched.take_waker(state);
    every_message_is_written(&[TAKES]);
    every_message_is_written(&[TAKES, TAKES]);
}

#[test]
#[should_panic(expected = "a wake-up is lost")]
fn a_setter_that_leaves_the_waker_is_found() {
    every_message_is_written(&[|touched, state| {
        touched.set(state);
        None
    }]);
}

#[test]
#[should_panic(expected = "a wake-up is lost")]
fn a_setter_that_does_not_set_the_flag_is_found() {
    every_message_is_written(&[|_, state| {
        let waker = state.waker.take();
        state.woken |= waker.is_none();
        waker
    }]);
}
