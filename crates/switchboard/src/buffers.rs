//! Buffers of a thread, which are lent to the connection that has work: an idle connection holds none.
use std::cell::{Cell, RefCell};

/// One read takes at most this many bytes.
pub(crate) const READ: usize = 64 << 10;
/// What the pool keeps for the next use: the capacity of one buffer at most, how many buffers at most, and how many bytes of all
/// together. That is enough for a broadcast of a short message to some ten thousand clients.
const KEPT_CAPACITY: usize = 64 << 10;
const KEPT: usize = 16 << 10;
const KEPT_BYTES: usize = 4 << 20;

struct Pool {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

thread_local! {
    static READ_BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static WRITE_BUFFERS: RefCell<Pool> = const { RefCell::new(Pool { buffers: Vec::new(), bytes: 0 }) };
}

/// Lends the thread's read buffer. A nested call gets one of its own.
pub(crate) fn with_read_buffer<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = READ_BUFFER.take().unwrap_or_else(|| vec![0; READ].into_boxed_slice());
    let result = work(&mut buffer);
    READ_BUFFER.set(Some(buffer));
    result
}

/// The buffer in which the thread builds a reply, empty. A nested call gets another one.
pub(crate) fn scratch() -> Vec<u8> {
    match SCRATCH.try_with(Cell::take) {
        Ok(buffer) if buffer.capacity() > 0 => buffer,
        _ => take(),
    }
}

/// Gives the buffer of [`scratch`] back.
pub(crate) fn keep_scratch(mut buffer: Vec<u8>) {
    if buffer.capacity() <= KEPT_CAPACITY {
        buffer.clear();
        let _ = SCRATCH.try_with(|kept| kept.set(buffer));
    }
}

/// An empty buffer from the pool, which may have capacity.
pub(crate) fn take() -> Vec<u8> {
    let taken = WRITE_BUFFERS.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        let buffer = kept.buffers.pop()?;
        kept.bytes -= buffer.capacity();
        Some(buffer)
    });
    taken.ok().flatten().unwrap_or_default()
}

/// Gives a buffer back to the pool.
pub(crate) fn give(mut buffer: Vec<u8>) {
    let capacity = buffer.capacity();
    if capacity == 0 || capacity > KEPT_CAPACITY {
        return;
    }
    buffer.clear();
    // A thread that ends has no pool any more.
    let _ = WRITE_BUFFERS.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        if kept.buffers.len() < KEPT && kept.bytes + capacity <= KEPT_BYTES {
            kept.bytes += capacity;
            kept.buffers.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_of_replies_is_kept_unless_it_is_large() {
        let mut buffer = Vec::with_capacity(KEPT_CAPACITY);
        buffer.push(1);
        keep_scratch(buffer);
        keep_scratch(Vec::with_capacity(KEPT_CAPACITY + 1));
        let kept = scratch();
        assert_eq!((kept.capacity(), kept.len()), (KEPT_CAPACITY, 0));
        assert_eq!(scratch().capacity(), 0, "a nested call has another one");
    }
}
