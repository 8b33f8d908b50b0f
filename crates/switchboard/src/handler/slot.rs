//! Where a handler stands while it runs: memory that a thread lends to one message after the other.
use super::invocation::{Invoke, Step};
use super::sink::ReplySink;
use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How many empty slots a thread keeps, of the handlers that ran last, and of at most how many bytes each.
const KEPT: usize = 8;
const KEPT_SIZE: usize = 4 << 10;

/// A handler that runs. When it is dropped, which may panic as the handler's own drop may, its slot is free for another.
pub(crate) struct Invocation(Option<Box<dyn Slot>>);

/// A slot of which the handler's type is not known.
trait Slot: Send {
    /// Nothing, where it is empty.
    fn poll(&mut self, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Option<Poll<Step>>;
    fn late(&self) -> Option<u64>;
    /// Drops the handler, and says whose slot it is where it is worth to be kept.
    fn vacate(&mut self) -> Option<TypeId>;
    fn as_any(&mut self) -> &mut dyn Any;
}

/// The slot of an `I`, which stands in a box of its own: it is pinned, and the slot is not.
struct SlotOf<I>(Pin<Box<Option<I>>>);

struct Spare {
    handler: TypeId,
    slot: Box<dyn Slot>,
}

thread_local! {
    /// The last one was left last. All are empty: to drop one runs nobody's code.
    static SPARES: RefCell<Vec<Spare>> = const { RefCell::new(Vec::new()) };
}

impl Invocation {
    /// Gives a handler its slot: one that the same handler has left, or a new one.
    pub(crate) fn new<I: Invoke + 'static>(handler: I) -> Invocation {
        if let Some(mut spare) = take(TypeId::of::<I>())
            && let Some(SlotOf(slot)) = spare.as_any().downcast_mut::<SlotOf<I>>()
        {
            slot.set(Some(handler));
            return Invocation(Some(spare));
        }
        Invocation(Some(Box::new(SlotOf(Box::pin(Some(handler))))))
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Poll<Step> {
        let polled = self.0.as_mut().and_then(|slot| slot.poll(cx, sink));
        // It is in its slot as long as it is not dropped.
        polled.unwrap_or(Poll::Ready(Step::Done(Ok(()))))
    }

    pub(crate) fn late(&self) -> Option<u64> {
        self.0.as_ref()?.late()
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        if let Some(mut slot) = self.0.take()
            && let Some(handler) = slot.vacate()
        {
            keep(Spare { handler, slot });
        }
    }
}

fn take(handler: TypeId) -> Option<Box<dyn Slot>> {
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

impl<I: Invoke + 'static> Slot for SlotOf<I> {
    fn poll(&mut self, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Option<Poll<Step>> {
        Some(self.0.as_mut().as_pin_mut()?.poll(cx, sink))
    }

    fn late(&self) -> Option<u64> {
        self.0.as_ref().as_pin_ref()?.late()
    }

    fn vacate(&mut self) -> Option<TypeId> {
        self.0.set(None);
        (size_of::<I>() <= KEPT_SIZE).then(TypeId::of::<I>)
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
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
        Invocation::new(Handler { _token: token.clone(), marks: [mark; SIZE] })
    }

    fn address(invocation: &Invocation) -> *const () {
        (&raw const **invocation.0.as_ref().unwrap()).cast()
    }

    #[test]
    fn a_slot_is_lent_to_the_same_handler_again_and_to_no_other() {
        let token = Arc::new(());
        let first = placed::<1>(&token, 1);
        let at = address(&first);
        drop(first);
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
        drop(placed::<{ KEPT_SIZE }>(&token, 0));
        assert!(SPARES.with_borrow(Vec::is_empty), "it is larger with its `Arc`");
        drop(placed::<1>(&token, 0));
        let slots: Vec<_> = (0..KEPT).map(|mark| placed::<2>(&token, mark as u8)).collect();
        drop(slots);
        let kept = SPARES.with_borrow(|spares| spares.iter().map(|spare| spare.handler).collect::<Vec<_>>());
        assert_eq!(kept, [TypeId::of::<Handler<2>>(); KEPT]);
    }
}
