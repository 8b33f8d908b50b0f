//! Without the feature `deflate`: nobody can ask for it.

#[derive(Clone, Copy)]
pub(crate) enum Compression {}

impl Compression {
    pub(crate) fn threshold_bytes(self) -> usize {
        match self {}
    }

    pub(crate) fn level_number(self) -> u8 {
        match self {}
    }
}
