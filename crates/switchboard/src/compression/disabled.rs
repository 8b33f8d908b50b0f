//! Compression without the feature `deflate`: a type without values, so that every branch on it is compiled away.

use http::{HeaderMap, HeaderValue};
use switchboard_core::ws::Deflate;

#[derive(Clone, Copy)]
pub(crate) enum Compression {}

impl Compression {
    pub(crate) fn negotiate(self, _: &HeaderMap) -> Option<(Deflate, HeaderValue)> {
        match self {}
    }

    pub(crate) fn threshold_bytes(self) -> usize {
        match self {}
    }

    pub(crate) fn level_number(self) -> u8 {
        match self {}
    }
}
