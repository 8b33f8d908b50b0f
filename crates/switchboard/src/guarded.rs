//! [`Guarded`]: a value under a lock that is held while code of the application runs.
//!
//! That code may take the same lock again, or one that is held by a thread that waits for this one. Both are deadlocks. Instead
//! of waiting for ever, the code gets a panic that says so.
use crate::text::short_name;
use parking_lot::{Mutex, MutexGuard};
use std::any::type_name;
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

#[derive(Default)]
pub(crate) struct Guarded<T>(Mutex<T>);

/// A lock, known by its address, which does not change while the lock is held or waited for.
type Lock = usize;

thread_local! {
    /// The locks that this thread holds.
    static HELD: RefCell<Vec<Lock>> = const { RefCell::new(Vec::new()) };
}

/// Threads that wait for a lock while they hold others. While a thread waits, it takes no further lock.
static WAITING: Mutex<Vec<Waiter>> = Mutex::new(Vec::new());

struct Waiter {
    wants: Lock,
    holds: Vec<Lock>,
}

impl<T> Guarded<T> {
    pub(crate) fn new(value: T) -> Guarded<T> {
        Guarded(Mutex::new(value))
    }

    /// # Panics
    /// If waiting for the lock would never end.
    #[track_caller]
    pub(crate) fn lock(&self) -> Held<'_, T> {
        let value = self.0.try_lock().unwrap_or_else(|| self.wait());
        let lock = self.address();
        // A thread that ends has no list any more.
        let _ = HELD.try_with(|held| held.borrow_mut().push(lock));
        Held { value, lock }
    }

    fn address(&self) -> Lock {
        std::ptr::from_ref(self).addr()
    }

    #[cold]
    #[track_caller]
    fn wait(&self) -> MutexGuard<'_, T> {
        let wants = self.address();
        let holds = HELD.try_with(|held| held.borrow().clone()).unwrap_or_default();
        // No thread waits for one that holds no lock.
        if holds.is_empty() {
            return self.0.lock();
        }
        if holds.contains(&wants) {
            panic!(
                "the state {} is used inside of its own `with`, and would wait for itself",
                short_name(type_name::<T>())
            );
        }
        {
            let mut waiting = WAITING.lock();
            if never_ends(&waiting, wants, &holds) {
                drop(waiting);
                panic!(
                    "the state {} is used inside of `with` of another one, for which the thread that has it waits: use one \
                     after the other",
                    short_name(type_name::<T>())
                );
            }
            waiting.push(Waiter { wants, holds: holds.clone() });
        }
        let value = self.0.lock();
        let mut waiting = WAITING.lock();
        let own = waiting.iter().position(|waiter| waiter.wants == wants && waiter.holds == holds);
        own.map(|own| waiting.swap_remove(own));
        value
    }
}

/// True if waiting for `wants` would never end: its holder waits for a lock whose holder waits, and so on, for one of `holds`.
fn never_ends(waiting: &[Waiter], mut wants: Lock, holds: &[Lock]) -> bool {
    for _ in 0..=waiting.len() {
        let Some(waiter) = waiting.iter().find(|waiter| waiter.holds.contains(&wants)) else { return false };
        if holds.contains(&waiter.wants) {
            return true;
        }
        wants = waiter.wants;
    }
    false
}

/// The value, while it is locked.
pub(crate) struct Held<'a, T> {
    value: MutexGuard<'a, T>,
    lock: Lock,
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        let _ = HELD.try_with(|held| {
            let mut held = held.borrow_mut();
            let own = held.iter().rposition(|lock| *lock == self.lock);
            own.map(|own| held.swap_remove(own));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{Arc, Barrier};

    /// Each thread of a ring holds one lock and wants that of the next thread. At least one gets a panic, and then all others go
    /// on.
    #[test]
    fn threads_that_wait_for_each_other_do_not_wait_for_ever() {
        for threads in 2..5 {
            let locks: Arc<Vec<Guarded<usize>>> = Arc::new((0..threads).map(|_| Guarded::new(0)).collect());
            let (all_have_one, outside) = (Arc::new(Barrier::new(threads)), Guarded::new(0));
            let ring: Vec<_> = (0..threads)
                .map(|own| {
                    let (locks, all_have_one) = (locks.clone(), all_have_one.clone());
                    std::thread::spawn(move || {
                        let mut first = locks[own].lock();
                        all_have_one.wait();
                        let next = catch_unwind(AssertUnwindSafe(|| *locks[(own + 1) % threads].lock() += 1));
                        *first += 1;
                        next.is_err()
                    })
                })
                .collect();
            *outside.lock() += 1;
            let panicked = ring.into_iter().map(|thread| thread.join().unwrap()).filter(|panicked| *panicked).count();
            assert!((1..threads).contains(&panicked), "{panicked} of {threads}");
            assert_eq!(locks.iter().map(|lock| *lock.lock()).sum::<usize>(), 2 * threads - panicked);
            assert!(WAITING.lock().is_empty());
        }
    }

    #[test]
    fn several_are_had_at_once_and_let_go_in_any_order() {
        let (a, b) = (Guarded::new(1), Guarded::new(2));
        let (first, second) = (a.lock(), b.lock());
        drop(first);
        assert_eq!(*a.lock() + *second, 3);
        assert!(catch_unwind(AssertUnwindSafe(|| *b.lock())).is_err());
        drop(second);
        assert_eq!(*b.lock(), 2);
        assert!(HELD.with_borrow(Vec::is_empty));
    }
}
