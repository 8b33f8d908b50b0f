//! [`Touched`]: how most turns of a connection's task end without the writer's lock.
//!
//! Most turns write their only reply at once and leave nothing to do. Such a turn ends after one relaxed load. The protocol:
//! - The flag is written under the lock and read without it. While it is false, nothing waits for the task, and the slot has the
//!   task's waker.
//! - A setter on another thread changes what waits, sets the flag and takes the waker, all under the lock, and wakes the task after
//!   the lock is released. If there is no waker, somebody has taken it before, or the first turn has not ended yet: the setter leaves
//!   `woken`, which the end of that turn finds.
//! - A setter inside the task's own turn sets the flag alone: the turn that it is in has not ended.
//!
//! So a turn may read a stale `false` only while a setter holds its waker, and the wake-up makes everything that was written before it
//! visible to the next turn: a stale read costs one extra turn, never a lost wake-up. `touched_tests.rs` has loom check this.
use super::sync::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Waker;

/// The part of this protocol that the lock guards. A `&mut` to it proves that the caller holds the lock.
pub(super) trait Slot {
    fn waker(&mut self) -> &mut Option<Waker>;

    /// Somebody wanted to wake the task and found no waker.
    fn woken(&mut self) -> &mut bool;
}

/// Set when the end of a turn must lock the writer: data, a close request, or a missing waker.
pub(super) struct Touched(AtomicBool);

impl Touched {
    /// Of a connection whose task has left no waker yet.
    pub(super) fn new() -> Touched {
        Touched(AtomicBool::new(true))
    }

    /// Without the lock, and only by the task.
    #[inline]
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// With the lock. Whoever calls it outside the task's turn takes the waker as well.
    #[inline(always)]
    pub(super) fn set(&self, _locked: &mut impl Slot) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Sets it, and takes the waker, which the caller wakes after it has released the lock.
    #[inline(always)]
    pub(super) fn take_waker(&self, slot: &mut impl Slot) -> Option<Waker> {
        self.set(slot);
        let waker = slot.waker().take();
        *slot.woken() |= waker.is_none();
        waker
    }

    /// A turn ends and leaves its waker. `stays`: the next turn has to lock as well. Returns whether somebody wanted to wake the task
    /// since the end of the last turn and found no waker: then there is something to do at once.
    #[inline(always)]
    pub(super) fn turn_ends(&self, slot: &mut impl Slot, waker: &Waker, stays: bool) -> bool {
        if !slot.waker().as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot.waker() = Some(waker.clone());
        }
        self.0.store(stays, Ordering::Relaxed);
        std::mem::take(slot.woken())
    }
}
