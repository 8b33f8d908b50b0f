//! The outbox: one ordered lane of frames, bounded in bytes and messages, written without waiting.
//!
//! Replies, pushes, errors and acks leave in the order in which they were put in. Pings and pongs go to the front, at
//! the first place where a frame begins.
use super::buffers;
use crate::limits::{CONTROL_LANE, Limits, VolatilePolicy};
use bytes::Bytes;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::Poll;
use switchboard_core::ws;

/// Up to this length a message is copied behind the one before it, so that both leave in one piece of memory; a longer
/// one is shared between all that get it.
pub(crate) const COPIED: usize = 512;
/// The most pieces of one write.
const PIECES: usize = 64;

/// A frame to be sent: its bytes, shared from the second longer use on.
pub(crate) struct Frame<'a> {
    bytes: &'a [u8],
    shared: Option<Bytes>,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Frame<'a> {
        Frame { bytes, shared: None }
    }

    fn share(&mut self) -> Bytes {
        self.shared.get_or_insert_with(|| Bytes::copy_from_slice(self.bytes)).clone()
    }
}

/// How a message may be treated when its receiver does not keep up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Class<'a> {
    /// A reply, an error or an ack: may use the reserved places.
    Reply,
    /// A push.
    Push,
    /// May be dropped; with a key the latest of that key replaces the one before.
    Volatile(Option<&'a str>),
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    Queued,
    Dropped,
    /// The limit is passed and nothing may be dropped in silence: the client has to go.
    Overflow,
}

/// What a write came to.
#[derive(Debug)]
pub(crate) enum Flushed {
    /// All is written.
    Drained,
    /// The socket refuses more; `progress` says whether it took anything.
    Blocked { progress: bool },
    /// The connection is broken.
    Failed,
}

enum Segment {
    Copied { bytes: Vec<u8>, messages: usize },
    Shared(Bytes),
    Volatile(Box<Volatile>),
}

struct Volatile {
    bytes: Vec<u8>,
    key: Option<Box<str>>,
}

impl Segment {
    fn bytes(&self) -> &[u8] {
        match self {
            Segment::Copied { bytes, .. } => bytes,
            Segment::Shared(bytes) => bytes,
            Segment::Volatile(volatile) => &volatile.bytes,
        }
    }

    fn messages(&self) -> usize {
        match self {
            Segment::Copied { messages, .. } => *messages,
            Segment::Shared(_) | Segment::Volatile(_) => 1,
        }
    }
}

/// The frames that wait for the socket.
#[derive(Default)]
pub(crate) struct Outbox {
    /// What leaves first: frames one behind the other.
    head: Vec<u8>,
    head_messages: usize,
    /// What leaves after it.
    rest: VecDeque<Segment>,
    /// How much of the first piece (`head`, else the front of `rest`) is written already.
    written: usize,
    bytes: usize,
    messages: usize,
    /// Control frames since the outbox was last empty.
    control: u32,
    /// Where in `head` its control frames end: the next one goes behind them.
    control_end: usize,
    /// The socket refused bytes at the last write.
    blocked: bool,
}

impl Outbox {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn messages(&self) -> usize {
        self.messages
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// True when no further message of the client should be handled before it has read.
    pub(crate) fn is_crowded(&self, limits: &Limits) -> bool {
        self.bytes > limits.outbound_soft_bytes || self.messages > limits.outbound_messages / 2
    }

    /// Puts a message behind all others.
    pub(crate) fn put(&mut self, frame: &mut Frame<'_>, class: Class<'_>, limits: &Limits) -> Put {
        let len = frame.bytes.len();
        if let (Class::Volatile(Some(key)), true) = (class, self.blocked) {
            self.remove_key(key);
        }
        if !self.has_room(len, class, limits) {
            match class {
                Class::Reply | Class::Push => return Put::Overflow,
                Class::Volatile(_) if limits.volatile == VolatilePolicy::DropNewest => return Put::Dropped,
                Class::Volatile(_) => {
                    while !self.has_room(len, class, limits) {
                        if !self.remove_volatile(|_| true) {
                            return Put::Dropped;
                        }
                    }
                }
            }
        }
        match class {
            Class::Volatile(None) if self.blocked && limits.volatile == VolatilePolicy::DropNewest => {
                return Put::Dropped;
            }
            Class::Volatile(key) if self.blocked => {
                let volatile = Volatile { bytes: frame.bytes.to_vec(), key: key.map(Into::into) };
                self.rest.push_back(Segment::Volatile(Box::new(volatile)));
            }
            _ if len <= COPIED => self.copy(frame.bytes),
            _ => self.rest.push_back(Segment::Shared(frame.share())),
        }
        self.bytes += len;
        self.messages += 1;
        Put::Queued
    }

    /// Puts a close frame behind all others, whatever the limits say.
    pub(crate) fn put_close(&mut self, frame: &[u8]) {
        self.copy(frame);
        self.bytes += frame.len();
        self.messages += 1;
    }

    /// Puts a ping or pong in front of all messages. False when the control lane is full.
    pub(crate) fn put_control(&mut self, frame: &[u8]) -> bool {
        if self.blocked && self.control >= CONTROL_LANE {
            return false;
        }
        self.control += 1;
        self.bytes += frame.len();
        self.insert_first(frame);
        true
    }

    /// Throws away all but the frame that is half written. Returns how many messages that were.
    pub(crate) fn discard(&mut self) -> usize {
        let before = self.messages;
        let boundary = self.boundary();
        let begun = boundary > self.written;
        let mut first = if self.head.is_empty() {
            match self.rest.pop_front() {
                Some(Segment::Copied { bytes, .. }) => bytes,
                Some(segment) => segment.bytes().to_vec(),
                None => Vec::new(),
            }
        } else {
            std::mem::take(&mut self.head)
        };
        first.truncate(if begun { boundary } else { 0 });
        self.written = if begun { self.written } else { 0 };
        self.head = first;
        self.rest = VecDeque::new();
        self.head_messages = usize::from(begun);
        self.control_end = 0;
        self.messages = self.head_messages;
        self.bytes = self.head.len() - self.written;
        before.saturating_sub(self.messages)
    }

    fn has_room(&self, len: usize, class: Class<'_>, limits: &Limits) -> bool {
        let messages = match class {
            Class::Reply => limits.outbound_messages,
            _ => limits.outbound_messages.saturating_sub(limits.outbound_reserved),
        };
        // What the socket has not refused does not wait for the client: until then bytes alone are bounded.
        let few = !self.blocked || self.messages < messages;
        // One message up to `max_message_out`, which the caller checks, is taken when nothing else waits; a reply when
        // little does, because no further message is handled while much does.
        self.is_empty()
            || (few
                && (self.bytes + len <= limits.outbound_bytes
                    || (matches!(class, Class::Reply) && self.bytes <= limits.outbound_soft_bytes)))
    }

    fn copy(&mut self, frame: &[u8]) {
        if self.rest.is_empty() {
            if self.head.capacity() == 0 {
                self.head = buffers::take();
            }
            self.head.extend_from_slice(frame);
            self.head_messages += 1;
            return;
        }
        match self.rest.back_mut() {
            Some(Segment::Copied { bytes, messages }) if *messages > 0 => {
                bytes.extend_from_slice(frame);
                *messages += 1;
            }
            // A segment of control frames stays one: the next of them goes behind it.
            _ => {
                let mut bytes = buffers::take();
                bytes.extend_from_slice(frame);
                self.rest.push_back(Segment::Copied { bytes, messages: 1 });
            }
        }
    }

    /// Where in the first piece the next frame begins that is not yet begun.
    fn boundary(&self) -> usize {
        let first = if self.head.is_empty() { self.rest.front().map_or(&[][..], Segment::bytes) } else { &self.head };
        let mut at = 0;
        while at < self.written {
            // The outbox holds whole frames only, so that each has a length.
            at += ws::frame_len(&first[at..]).unwrap_or(first.len() - at);
        }
        at
    }

    fn insert_first(&mut self, frame: &[u8]) {
        let at = self.boundary();
        if !self.head.is_empty() {
            let at = at.max(self.control_end);
            self.head.splice(at..at, frame.iter().copied());
            self.control_end = at + frame.len();
        } else if self.written > 0 {
            match self.rest.get_mut(1) {
                Some(Segment::Copied { bytes, messages: 0 }) => bytes.extend_from_slice(frame),
                _ => self.rest.insert(1, Segment::Copied { bytes: frame.to_vec(), messages: 0 }),
            }
        } else {
            self.head = buffers::take();
            self.head.extend_from_slice(frame);
            self.control_end = frame.len();
        }
    }

    fn remove_key(&mut self, key: &str) {
        self.remove_volatile(|volatile| volatile.key.as_deref() == Some(key));
    }

    /// Removes the oldest volatile message that `matches` and is not begun.
    fn remove_volatile(&mut self, matches: impl Fn(&Volatile) -> bool) -> bool {
        let begun = usize::from(self.head.is_empty() && self.written > 0);
        let found = self.rest.iter().skip(begun).position(|segment| match segment {
            Segment::Volatile(volatile) => matches(volatile),
            _ => false,
        });
        let Some(segment) = found.and_then(|at| self.rest.remove(begun + at)) else { return false };
        self.bytes -= segment.bytes().len();
        self.messages -= 1;
        true
    }

    /// Writes until all is written or the socket refuses.
    pub(crate) fn flush(&mut self, mut write: impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>) -> Flushed {
        let mut progress = false;
        while self.bytes > 0 {
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let mut count = 0;
            let mut skip = self.written;
            let head = (!self.head.is_empty()).then_some(&self.head[..]);
            for bytes in head.into_iter().chain(self.rest.iter().map(Segment::bytes)).take(PIECES) {
                pieces[count] = IoSlice::new(&bytes[skip..]);
                skip = 0;
                count += 1;
            }
            match write(&pieces[..count]) {
                Poll::Ready(Ok(0)) => return Flushed::Failed,
                Poll::Ready(Ok(n)) => {
                    progress = true;
                    self.advance(n);
                }
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Poll::Ready(Err(error)) if error.kind() != io::ErrorKind::WouldBlock => return Flushed::Failed,
                Poll::Pending | Poll::Ready(Err(_)) => {
                    self.blocked = true;
                    return Flushed::Blocked { progress };
                }
            }
        }
        self.blocked = false;
        self.control = 0;
        Flushed::Drained
    }

    fn advance(&mut self, n: usize) {
        self.bytes -= n;
        self.written += n;
        if !self.head.is_empty() {
            if self.written < self.head.len() {
                return;
            }
            self.written -= self.head.len();
            self.messages -= self.head_messages;
            self.head_messages = 0;
            self.control_end = 0;
            buffers::give(std::mem::take(&mut self.head));
        }
        while let Some(front) = self.rest.front() {
            let len = front.bytes().len();
            if self.written < len {
                break;
            }
            self.written -= len;
            self.messages -= front.messages();
            if let Some(Segment::Copied { bytes, .. }) = self.rest.pop_front() {
                buffers::give(bytes);
            }
        }
        if self.rest.is_empty() {
            self.rest = VecDeque::new();
        }
    }
}
