//! A message that arrives in pieces.
use std::borrow::Cow;

use super::decoder::Item;
use super::deflate::Window;
use super::frame::{Header, Progress};
use super::{Deflate, Opcode, Violation};

/// What has arrived of a message.
pub(super) struct Message {
    body: Body,
    /// Frames that have ended.
    pub(super) fragments: u32,
}

enum Body {
    Text(Text),
    Binary(Vec<u8>),
    /// As it was sent.
    Deflated(Deflate, Opcode, Vec<u8>),
}

impl Message {
    /// An empty message, of the kind that its first frame says.
    pub(super) fn new(first: &Header) -> Message {
        let body = match (first.deflated, first.opcode) {
            (Some(deflate), opcode) => Body::Deflated(deflate, opcode, Vec::new()),
            (None, Opcode::Text) => Body::Text(Text::default()),
            (None, _) => Body::Binary(Vec::new()),
        };
        Message { body, fragments: 0 }
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

    /// Bytes of memory that hold the payload.
    pub(super) fn held(&self) -> usize {
        match &self.body {
            Body::Text(text) => text.done.capacity().max(text.len()),
            Body::Binary(bytes) | Body::Deflated(_, _, bytes) => bytes.capacity(),
        }
    }

    /// Appends unmasked payload. `largest` is what the message may become at most: memory grows as bytes arrive, by
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

    /// The message, with its last piece; borrowed when that is all of it. One that was compressed may be inflated to `most` bytes,
    /// and refer back to `window`.
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

/// What to reserve so that `more` bytes fit: twice what there is, but no more than `largest` in all.
fn growth(len: usize, capacity: usize, more: usize, largest: usize) -> usize {
    if capacity - len >= more {
        return 0;
    }
    let wish = capacity.saturating_mul(2).max(64).min(largest);
    wish.max(len + more) - len
}

/// Text whose UTF-8 is checked once, as it arrives. A code point that is cut waits in `tail`.
#[derive(Default)]
struct Text {
    done: String,
    /// The first bytes of one code point that the next bytes can still make valid.
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

    /// Adds a byte to the code point that is cut.
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

/// How many bytes at the end begin a code point and do not end it: 0 to 3.
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
