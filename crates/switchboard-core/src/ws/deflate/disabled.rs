//! Without the feature `deflate`: nobody can agree on it.
use crate::ws::Violation;
use http::{HeaderMap, HeaderValue};

/// An agreement that is never made: the feature `deflate` is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deflate {}

impl Deflate {
    /// Always `None`.
    pub fn negotiate(_: &HeaderMap) -> Option<(Deflate, HeaderValue)> {
        None
    }

    /// Never called.
    pub fn may_compress(self, _: usize) -> bool {
        match self {}
    }

    /// Never called.
    pub fn compress(self, _: &[u8], _: u8, _: &mut Vec<u8>) -> Option<usize> {
        match self {}
    }

    pub(crate) fn inflate(self, _: &[u8], _: usize) -> Result<Vec<u8>, Violation> {
        match self {}
    }
}
