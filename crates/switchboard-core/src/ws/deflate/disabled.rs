//! The replacement of [`Deflate`] without the feature `deflate`: compression is never negotiated.
use super::Window;
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

    /// Always `None`.
    pub fn negotiate_keeping(_: &HeaderMap, _: u8) -> Option<(Deflate, HeaderValue)> {
        None
    }

    /// How many bytes of the client's messages are kept for the next one; 0 for none.
    pub fn kept_window(self) -> usize {
        match self {}
    }

    /// Never called.
    pub fn may_compress(self, _: usize) -> bool {
        match self {}
    }

    /// Never called.
    pub fn compress(self, _: &[u8], _: u8, _: &mut Vec<u8>) -> Option<usize> {
        match self {}
    }

    pub(crate) fn inflate(self, _: &[u8], _: usize, _: &mut Window) -> Result<Vec<u8>, Violation> {
        match self {}
    }
}
