//! [`Assembly`]: a message that is put together from the pieces that arrive.
use std::borrow::Cow;

use super::decoder::Item;
use super::deflate::Window;
use super::frame::{Header, Progress};
use super::{Deflate, Opcode, Violation};

/// The part of a message that has arrived.
pub(super) struct Assembly {
    body: Body,
    /// The number of complete frames.
    pub(super) fragments: u32,
}

enum Body {
    Text(Text),
    Binary(Vec<u8>),
    /// A compressed payload, as it was sent.
    Deflated(Deflate, Opcode, Vec<u8>),
}

impl Assembly {
    /// An empty message of the kind of its first frame.
    pub(super) fn new(first: &Header) -> Assembly {
        let body = match (first.deflated, first.opcode) {
            (Some(deflate), opcode) => Body::Deflated(deflate, opcode, Vec::new()),
            (None, Opcode::Text) => Body::Text(Text::default()),
            (None, _) => Body::Binary(Vec::new()),
        };
        Assembly { body, fragments: 0 }
    }

    pub(super) fn progress(&self) -> Progress {
        Progress { len: self.len(), fragments: self.fragments }
    }

    pub(super) fn is_deflated(&self) -> bool {
        matches!(self.body, Body::Deflated(..))
    }

    fn len(&self) -> usize {
        match &self.body {
            Body::Text(text) => text.len(),
            Body::Binary(bytes) | Body::Deflated(_, _, bytes) => bytes.len(),
        }
    }

    /// The memory that the payload occupies, in bytes.
    pub(super) fn held(&self) -> usize {
        match &self.body {
            Body::Text(text) => text.done.capacity().max(text.len()),
            Body::Binary(bytes) | Body::Deflated(_, _, bytes) => bytes.capacity(),
        }
    }

    /// Appends unmasked payload. `largest` is the limit of the message: memory grows as bytes arrive, by
    /// doubling, and never beyond it.
    pub(super) fn push(&mut self, payload: &[u8], largest: usize) -> Result<(), Violation> {
        match &mut self.body {
            Body::Text(text) => text.push(payload, largest),
            Body::Binary(bytes) | Body::Deflated(_, _, bytes) => {
                bytes.reserve_exact(growth(bytes.len(), bytes.capacity(), payload.len(), largest));
                bytes.extend_from_slice(payload);
                Ok(())
            }
        }
    }

    /// The message with its last piece; borrowed if that piece is the whole message. A compressed message may be inflated to at most `most`
    /// bytes, and may refer back to `window`.
    pub(super) fn finish<'a>(
        mut self,
        last: &'a [u8],
        most: usize,
        window: &mut Window,
    ) -> Result<Item<'a>, Violation> {
        let len = self.len();
        if len == 0 {
            return match self.body {
                Body::Text(_) => Item::whole(Opcode::Text, last),
                Body::Binary(_) => Item::whole(Opcode::Binary, last),
                Body::Deflated(deflate, opcode, _) => Item::inflated(opcode, deflate.inflate(last, most, window)?),
            };
        }
        self.push(last, len + last.len())?;
        match self.body {
            Body::Text(text) => Ok(Item::Text(Cow::Owned(text.finish()?))),
            Body::Binary(bytes) => Ok(Item::Binary(Cow::Owned(bytes))),
            Body::Deflated(deflate, opcode, bytes) => Item::inflated(opcode, deflate.inflate(&bytes, most, window)?),
        }
    }
}

/// How many bytes to reserve for `more` bytes: the capacity is doubled, but not beyond `largest`.
fn growth(len: usize, capacity: usize, more: usize, largest: usize) -> usize {
    if capacity - len >= more {
        return 0;
    }
    let wish = capacity.saturating_mul(2).max(64).min(largest);
    wish.max(len + more) - len
}

/// Text whose UTF-8 is checked once, as it arrives. A code point that is split between pieces waits in `tail`.
#[derive(Default)]
struct Text {
    done: String,
    /// The first bytes of a code point that the next bytes may complete.
    tail: [u8; 4],
    tail_len: usize,
}

impl Text {
    fn len(&self) -> usize {
        self.done.len() + self.tail_len
    }

    /// Fails at the first byte after which no continuation is valid.
    fn push(&mut self, mut bytes: &[u8], largest: usize) -> Result<(), Violation> {
        let more = self.tail_len + bytes.len();
        self.done.reserve_exact(growth(self.done.len(), self.done.capacity(), more, largest));
        while self.tail_len > 0 {
            let Some((&byte, rest)) = bytes.split_first() else { return Ok(()) };
            bytes = rest;
            self.complete(byte)?;
        }
        let (whole, cut) = bytes.split_at(bytes.len() - cut_at_end(bytes));
        self.done.push_str(simdutf8::basic::from_utf8(whole).map_err(|_| Violation::INVALID_UTF8)?);
        cut.iter().try_for_each(|&byte| self.complete(byte))
    }

    /// Adds a byte to the incomplete code point.
    fn complete(&mut self, byte: u8) -> Result<(), Violation> {
        self.tail[self.tail_len] = byte;
        self.tail_len += 1;
        match str::from_utf8(&self.tail[..self.tail_len]) {
            Ok(char) => {
                self.done.push_str(char);
                self.tail_len = 0;
                Ok(())
            }
            Err(error) if error.error_len().is_none() => Ok(()),
            Err(_) => Err(Violation::INVALID_UTF8),
        }
    }

    fn finish(self) -> Result<String, Violation> {
        if self.tail_len == 0 { Ok(self.done) } else { Err(Violation::INVALID_UTF8) }
    }
}

/// How many bytes at the end belong to an incomplete code point: 0 to 3.
fn cut_at_end(bytes: &[u8]) -> usize {
    for (back, &byte) in (1..=3).zip(bytes.iter().rev()) {
        let width = match byte {
            0x80..=0xBF => continue,
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xFF => 4,
            _ => 1,
        };
        return if width > back { back } else { 0 };
    }
    0
}
