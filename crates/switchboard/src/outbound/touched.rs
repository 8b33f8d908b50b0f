//! [`Touched`]: how most turns of a connection's task end without the writer's lock.
//!
//! Most turns write their only reply at once and leave nothing to do. Such a turn ends after one relaxed load. The protocol:
//! - The flag is written under the lock and read without it. While it is false, nothing waits for the task, and the slot has the
//!   task's waker.
//! - A setter on another thread changes what waits, sets the flag and takes the waker, all under the lock, and wakes the task
//!   after it has released the lock. If there is no waker, another setter has taken it, or the first turn has not ended yet. Then
//!   the setter leaves `woken`, which the next end of a turn finds.
//! - A setter inside the task's own turn sets the flag alone, because the end of that turn is still to come.
//!
//! So a turn may read a stale `false` only while a setter holds its waker, and the wake-up makes everything that was written before it
//! visible to the next turn: a stale read costs one extra turn, never a lost wake-up. `touched_tests.rs` has loom check this.
use super::sync::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Waker;

/// The part of the protocol's state that the lock guards. A `&mut` to it proves that the caller holds the lock.
pub(super) trait Slot {
    fn waker(&mut self) -> &mut Option<Waker>;

    /// A setter wanted to wake the task and found no waker.
    fn woken(&mut self) -> &mut bool;
}

/// Set when the end of a turn must lock the writer: data, a close request, or a missing waker.
pub(super) struct Touched(AtomicBool);

impl Touched {
    /// For a new connection. The flag is set, because the task has left no waker yet.
    pub(super) fn new() -> Touched {
        Touched(AtomicBool::new(true))
    }

    /// Reads the flag without the lock; only the task does. Relaxed is enough: a stale `false` costs one extra turn, see above.
    #[inline]
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets the flag under the lock. A caller outside the task's turn has to take the waker as well.
    #[inline(always)]
    pub(super) fn set(&self, _locked: &mut impl Slot) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Sets the flag, and takes the waker, which the caller wakes after it has released the lock.
    #[inline(always)]
    pub(super) fn take_waker(&self, slot: &mut impl Slot) -> Option<Waker> {
        self.set(slot);
        let waker = slot.waker().take();
        *slot.woken() |= waker.is_none();
        waker
    }

    /// Ends a turn: stores its waker, and clears the flag unless the next turn has to lock as well (`stays`). Returns whether a
    /// setter found no waker since the last turn ended: then the task has something to do at once.
    #[inline(always)]
    pub(super) fn turn_ends(&self, slot: &mut impl Slot, waker: &Waker, stays: bool) -> bool {
        // The waker of the last turn is usually still there, and the same: then it is not cloned.
        if !slot.waker().as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot.waker() = Some(waker.clone());
        }
        self.0.store(stays, Ordering::Relaxed);
        std::mem::take(slot.woken())
    }
}
