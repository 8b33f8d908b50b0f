//! A frame that is being written.
use std::ops::{Deref, DerefMut};

/// A frame that is being written. Unless [`keep`](Draft::keep) is called, its bytes are removed on drop, so that neither an error nor a
/// panic of the user's `Serialize` leaves half a frame in a write buffer.
pub(crate) struct Draft<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Draft<'a> {
        Draft { start: out.len(), out }
    }

    pub(crate) fn keep(mut self) {
        self.start = usize::MAX;
    }
}

impl Deref for Draft<'_> {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        self.out
    }
}

impl DerefMut for Draft<'_> {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        self.out
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        self.out.truncate(self.start);
    }
}
