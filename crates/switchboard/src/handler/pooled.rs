//! [`Invocation`]: the future of a running handler, in memory that the thread reuses for the next message.
use crate::handler::invocation::{Invoke, Step};
use crate::handler::sink::ReplySink;
use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context, Poll};

/// How many free places a thread keeps (the most recently used), and the most bytes of each.
const KEPT: usize = 16;
const KEPT_SIZE: usize = 2 << 10;

/// The future of a running handler. When it is dropped, its place is kept for reuse. The drop may panic, if that of the
/// handler does.
pub(crate) struct Invocation(Option<Box<dyn Place>>);

/// A place for a handler future, with the handler's type erased.
trait Place: Send {
    /// Polls the handler; `None` if the place is empty.
    fn poll(&mut self, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Option<Poll<Step>>;
    fn late(&self) -> Option<u64>;
    /// Drops the handler. Returns the type of the handler if the place is small enough to be kept.
    fn vacate(&mut self) -> Option<TypeId>;
    fn as_any(&mut self) -> &mut dyn Any;
}

/// The place of an `I`. The future is in a box of its own because it must be pinned, but the place must not.
struct PlaceOf<I>(Pin<Box<Option<I>>>);

struct Reserve {
    handler: TypeId,
    place: Box<dyn Place>,
}

thread_local! {
    /// The most recently freed place: usually the next message is for the same handler.
    static LAST: Cell<Option<Reserve>> = const { Cell::new(None) };
    /// The other free places, in the order in which they were freed. All are empty, so dropping one runs none of the
    /// application's code.
    static OTHERS: RefCell<Vec<Reserve>> = const { RefCell::new(Vec::new()) };
}

impl Invocation {
    /// Stores a handler in a place: one that the same type of handler has freed, or a new one.
    pub(crate) fn new<I: Invoke + 'static>(handler: I) -> Invocation {
        if let Some(mut spare) = take(TypeId::of::<I>())
            && let Some(PlaceOf(place)) = spare.as_any().downcast_mut::<PlaceOf<I>>()
        {
            place.set(Some(handler));
            return Invocation(Some(spare));
        }
        Invocation(Some(Box::new(PlaceOf(Box::pin(Some(handler))))))
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Poll<Step> {
        let polled = self.0.as_mut().and_then(|place| place.poll(cx, sink));
        // The place holds the handler until it is dropped, so this default is never used.
        polled.unwrap_or(Poll::Ready(Step::Done(Ok(()))))
    }

    pub(crate) fn late(&self) -> Option<u64> {
        self.0.as_ref()?.late()
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        if let Some(mut place) = self.0.take()
            && let Some(handler) = place.vacate()
        {
            keep(Reserve { handler, place });
        }
    }
}

// While a thread is being destroyed its thread-locals are gone; places are then not kept.

fn take(handler: TypeId) -> Option<Box<dyn Place>> {
    match LAST.try_with(Cell::take).ok()? {
        Some(last) if last.handler == handler => return Some(last.place),
        Some(last) => put_by(last),
        None => {}
    }
    take_other(handler)
}

#[inline(never)]
fn take_other(handler: TypeId) -> Option<Box<dyn Place>> {
    let taken = OTHERS.try_with(|others| {
        let mut others = others.borrow_mut();
        let at = others.iter().rposition(|spare| spare.handler == handler)?;
        Some(others.remove(at).place)
    });
    taken.ok().flatten()
}

fn keep(spare: Reserve) {
    if let Ok(Some(before)) = LAST.try_with(|last| last.replace(Some(spare))) {
        put_by(before);
    }
}

#[inline(never)]
fn put_by(spare: Reserve) {
    let _ = OTHERS.try_with(|others| {
        let mut others = others.borrow_mut();
        if others.len() + 1 >= KEPT {
            others.remove(0);
        }
        others.push(spare);
    });
}

impl<I: Invoke + 'static> Place for PlaceOf<I> {
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
    use std::panic::{AssertUnwindSafe, catch_unwind};
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

    fn begun<const SIZE: usize>(token: &Arc<()>, mark: u8) -> Invocation {
        Invocation::new(Handler { _token: token.clone(), marks: [mark; SIZE] })
    }

    fn address(invocation: &Invocation) -> *const () {
        (&raw const **invocation.0.as_ref().unwrap()).cast()
    }

    /// Returns the types of the kept places, in their order.
    fn kept() -> Vec<TypeId> {
        let last = LAST.take();
        let kept = OTHERS.with_borrow(|others| others.iter().chain(&last).map(|spare| spare.handler).collect());
        LAST.set(last);
        kept
    }

    #[test]
    fn a_place_is_lent_to_the_same_handler_again_and_to_no_other() {
        let token = Arc::new(());
        let first = begun::<1>(&token, 1);
        let at = address(&first);
        drop(first);
        assert_eq!(Arc::strong_count(&token), 1, "who left is dropped");
        let other = begun::<2>(&token, 2);
        let again = begun::<1>(&token, 3);
        assert_eq!((address(&again), again.late(), other.late()), (at, Some(3), Some(2)));
        let beside = begun::<1>(&token, 4);
        assert_ne!(address(&beside), at);
        drop((again, other, beside));
        assert_eq!(Arc::strong_count(&token), 1);
    }

    #[test]
    fn a_thread_keeps_few_and_small_ones_and_forgets_the_oldest() {
        let token = Arc::new(());
        drop(begun::<{ KEPT_SIZE }>(&token, 0));
        assert!(kept().is_empty(), "it is larger with its `Arc`");
        drop((begun::<1>(&token, 0), begun::<2>(&token, 0), begun::<3>(&token, 0)));
        drop(begun::<1>(&token, 0));
        let (one, two, three) = (TypeId::of::<Handler<1>>(), TypeId::of::<Handler<2>>(), TypeId::of::<Handler<3>>());
        assert_eq!(kept(), [two, three, one]);
        let several: Vec<_> = (0..KEPT - 2).map(|_| begun::<4>(&token, 0)).collect();
        drop(several);
        let kept = kept();
        assert_eq!((kept.len(), &kept[..2]), (KEPT, &[three, one][..]));
    }

    struct Around(Invocation);

    impl Invoke for Around {
        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Poll<Step> {
            self.0.poll(cx, sink)
        }
    }

    #[test]
    fn a_handler_inside_of_another_leaves_its_place_too() {
        let inner = begun::<1>(&Arc::new(()), 0);
        drop(Invocation::new(Around(inner)));
        assert_eq!(kept(), [TypeId::of::<Handler<1>>(), TypeId::of::<Around>()]);
    }

    struct Panics {
        _token: Arc<()>,
    }

    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("the handler's");
        }
    }

    impl Invoke for Panics {
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReplySink<'_>) -> Poll<Step> {
            Poll::Pending
        }
    }

    #[test]
    fn one_that_panics_as_it_is_dropped_is_dropped_once_and_its_place_is_not_kept() {
        let token = Arc::new(());
        for _ in 0..2 {
            let panics = Invocation::new(Panics { _token: token.clone() });
            assert!(catch_unwind(AssertUnwindSafe(|| drop(panics))).is_err());
            assert_eq!(Arc::strong_count(&token), 1);
            assert!(kept().is_empty());
        }
    }
}
