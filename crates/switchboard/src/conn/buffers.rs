//! Buffers of a thread, lent to whichever connection has work: an idle connection holds none.
use std::cell::{Cell, RefCell};

/// One read takes at most this many bytes.
pub(crate) const READ: usize = 64 << 10;
/// Buffers that are kept for the next use, and the largest that is.
const KEPT: usize = 64;
const KEPT_CAPACITY: usize = 64 << 10;

thread_local! {
    static READ_BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
    static WRITE_BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Lends the thread's read buffer. A nested call gets one of its own.
pub(crate) fn with_read_buffer<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = READ_BUFFER.take().unwrap_or_else(|| vec![0; READ].into_boxed_slice());
    let result = work(&mut buffer);
    READ_BUFFER.set(Some(buffer));
    result
}

/// An empty buffer, which may have capacity.
pub(crate) fn take() -> Vec<u8> {
    WRITE_BUFFERS.try_with(|kept| kept.borrow_mut().pop()).ok().flatten().unwrap_or_default()
}

/// Gives a buffer back.
pub(crate) fn give(mut buffer: Vec<u8>) {
    if buffer.capacity() == 0 || buffer.capacity() > KEPT_CAPACITY {
        return;
    }
    buffer.clear();
    // A thread that ends has no buffers any more.
    let _ = WRITE_BUFFERS.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        if kept.len() < KEPT {
            kept.push(buffer);
        }
    });
}
