//! Where a handler's future stands while it runs: memory that a thread lends to one message after the other.
use super::invocation::{Invocation, Invoke, Step};
use super::sink::ReplySink;
use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How many empty slots a thread keeps, for the handlers that ran last, and of at most how many bytes each.
const KEPT: usize = 8;
const KEPT_SIZE: usize = 4 << 10;

struct Spare {
    handler: TypeId,
    slot: Invocation,
}

thread_local! {
    /// The last one was left last. All are empty: to drop one runs nobody's code.
    static SPARES: RefCell<Vec<Spare>> = const { RefCell::new(Vec::new()) };
}

struct Slot<I> {
    /// In a box of its own, so that the slot itself may be known by its type again.
    occupant: Pin<Box<Option<I>>>,
}

/// Gives a handler its slot: one that the same handler has left, or a new one.
pub(super) fn place<I: Invoke + 'static>(handler: I) -> Invocation {
    if let Some(mut spare) = take(TypeId::of::<I>())
        && let Some(slot) = spare.as_mut().slot().and_then(<dyn Any>::downcast_mut::<Slot<I>>)
    {
        slot.occupant.set(Some(handler));
        return spare;
    }
    Box::pin(Slot { occupant: Box::pin(Some(handler)) })
}

/// Drops a handler, whose `Drop` may panic, and keeps its slot for the next one.
pub(crate) fn leave(mut left: Invocation) {
    if let Some(handler) = left.as_mut().vacate() {
        keep(Spare { handler, slot: left });
    }
}

fn take(handler: TypeId) -> Option<Invocation> {
    let taken = SPARES.try_with(|spares| {
        let mut spares = spares.borrow_mut();
        let at = spares.iter().rposition(|spare| spare.handler == handler)?;
        Some(spares.swap_remove(at).slot)
    });
    // A thread that ends keeps nothing.
    taken.ok().flatten()
}

fn keep(spare: Spare) {
    let _ = SPARES.try_with(|spares| {
        let mut spares = spares.borrow_mut();
        if spares.len() >= KEPT {
            spares.remove(0);
        }
        spares.push(spare);
    });
}

impl<I: Invoke + 'static> Invoke for Slot<I> {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Poll<Step> {
        match self.occupant.as_mut().as_pin_mut() {
            Some(handler) => handler.poll(cx, sink),
            // Nobody polls a slot that was left.
            None => Poll::Ready(Step::Done(Ok(()))),
        }
    }

    fn late(&self) -> Option<u64> {
        self.occupant.as_ref().as_ref().get_ref().as_ref().and_then(I::late)
    }

    fn vacate(mut self: Pin<&mut Self>) -> Option<TypeId> {
        self.occupant.set(None);
        (size_of::<I>() <= KEPT_SIZE).then(TypeId::of::<I>)
    }

    fn slot(self: Pin<&mut Self>) -> Option<&mut dyn Any> {
        Some(self.get_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    struct Handler<const SIZE: usize> {
        _token: Arc<()>,
        marks: [u8; SIZE],
    }

    impl<const SIZE: usize> Invoke for Handler<SIZE> {
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReplySink<'_>) -> Poll<Step> {
            Poll::Pending
        }

        fn late(&self) -> Option<u64> {
            Some(self.marks[0].into())
        }
    }

    fn placed<const SIZE: usize>(token: &Arc<()>, mark: u8) -> Invocation {
        place(Handler { _token: token.clone(), marks: [mark; SIZE] })
    }

    fn address(invocation: &Invocation) -> *const () {
        (&raw const **invocation).cast()
    }

    #[test]
    fn a_slot_is_lent_to_the_same_handler_again_and_to_no_other() {
        let token = Arc::new(());
        let first = placed::<1>(&token, 1);
        let at = address(&first);
        leave(first);
        assert_eq!(Arc::strong_count(&token), 1, "who left is dropped");
        let other = placed::<2>(&token, 2);
        let again = placed::<1>(&token, 3);
        assert_eq!((address(&again), again.late(), other.late()), (at, Some(3), Some(2)));
        let beside = placed::<1>(&token, 4);
        assert_ne!(address(&beside), at);
        drop((again, other, beside));
        assert_eq!(Arc::strong_count(&token), 1);
    }

    #[test]
    fn a_thread_keeps_few_and_small_ones() {
        let token = Arc::new(());
        leave(placed::<{ KEPT_SIZE }>(&token, 0));
        assert!(SPARES.with_borrow(Vec::is_empty), "it is larger with its `Arc`");
        leave(placed::<1>(&token, 0));
        let slots: Vec<_> = (0..KEPT).map(|mark| placed::<2>(&token, mark as u8)).collect();
        slots.into_iter().for_each(leave);
        let kept = SPARES.with_borrow(|spares| spares.iter().map(|spare| spare.handler).collect::<Vec<_>>());
        assert_eq!(kept, [TypeId::of::<Handler<2>>(); KEPT]);
    }
}
