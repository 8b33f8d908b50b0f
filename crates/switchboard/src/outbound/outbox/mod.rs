//! The outbox: one ordered lane of frames, bounded in bytes and messages, written without waiting.
//!
//! Replies, pushes, errors and acks leave in the order in which they were put in. Pings and pongs go to the front, at
//! the first place where a frame begins.
#[cfg(test)]
mod model;
mod writing;

use crate::buffers;
use crate::limits::{CONTROL_LANE, Limits, VolatilePolicy};
use crate::node::Node;
use crate::outbound::frame::{Frame, Shared};
use std::collections::VecDeque;
use std::sync::Arc;
use switchboard_core::ws;

/// Up to this length a message is copied behind the one before it, so that both leave in one piece of memory; a longer
/// one is shared between all that get it.
const COPIED: usize = 512;
/// A piece of copied messages takes no further one from this length on, so that what is written is soon free again.
const PACKED: usize = 16 << 10;
/// So many times `outbound_bytes` may stand in the outbox of a stream that was not tried yet.
const UNTRIED: usize = 4;

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
    /// In its place, and so many volatile messages made room for it.
    Queued {
        evicted: usize,
    },
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
    /// Frames one behind the other.
    Compressed(Vec<u8>),
    Shared(Arc<Shared>),
    Volatile(Box<Volatile>),
}

struct Volatile {
    bytes: Vec<u8>,
    key: Option<Box<str>>,
}

impl Segment {
    fn bytes(&self) -> &[u8] {
        match self {
            Segment::Compressed(bytes) => bytes,
            Segment::Shared(shared) => &shared.bytes,
            Segment::Volatile(volatile) => &volatile.bytes,
        }
    }
}

/// The frames that wait for the socket. It holds whole frames only, but for the front of the one that is being written.
///
/// The fields stand in the order of their use: a broadcast touches the first ones, and nothing else, of each member's.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Outbox {
    /// The one message, of a broadcast, of which nothing is written; nothing else waits then.
    single: Option<Arc<Shared>>,
    /// Bytes that are not written.
    bytes: usize,
    /// Messages that are not written whole.
    messages: u32,
    /// Control frames since the outbox was last empty.
    control: u16,
    /// The socket refused bytes at the last write.
    blocked: bool,
    /// Where in the first piece the frame begins that is not yet written whole.
    frame: u32,
    /// Shared pieces, the last ones, that nobody has tried to charge.
    uncharged: u32,
    /// What leaves first: frames one behind the other.
    head: Vec<u8>,
    /// What leaves after it.
    rest: VecDeque<Segment>,
    /// How much of the first piece (`head`, else the front of `rest`) is written already.
    written: usize,
    /// Where in the first piece its control frames end: the next one goes behind them.
    control_end: u32,
    /// The same of the second piece, where the first one is shared with others.
    second_end: u32,
    /// Bytes of shared pieces, written ones included.
    shared: usize,
    /// A reply that is longer than what may wait: its length, 0 where there is none.
    long: u32,
    /// Bytes up to the end of that reply that are not written.
    until_long: u32,
}

impl Outbox {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn messages(&self) -> usize {
        self.messages as usize
    }

    /// Bytes that wait here alone, while the socket refuses them. Those that others wait for too are charged to the node.
    pub(crate) fn charge(&mut self, node: &Arc<Node>) -> usize {
        if !self.blocked {
            return 0;
        }
        if self.uncharged > 0 {
            let shared = self.rest.iter().rev().filter_map(|segment| match segment {
                Segment::Shared(shared) => Some(shared),
                _ => None,
            });
            shared.take(self.uncharged as usize).for_each(|shared| shared.charge(node));
            self.uncharged = 0;
        }
        self.own()
    }

    /// Bytes that are not written, of pieces that nobody can share.
    fn own(&self) -> usize {
        let begun = match self.rest.front() {
            Some(Segment::Shared(_)) if self.head.is_empty() => self.written,
            _ => 0,
        };
        self.bytes - (self.shared - begun)
    }

    /// Bytes that are free again when all of it is thrown away: not those that others wait for, too.
    pub(crate) fn frees(&self) -> usize {
        let alone = self.rest.iter().map(|segment| match segment {
            Segment::Shared(shared) if Arc::strong_count(shared) == 1 => shared.bytes.len(),
            _ => 0,
        });
        self.own() + alone.sum::<usize>()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// True when no further message of the client should be handled before it has read.
    pub(crate) fn is_crowded(&self, limits: &Limits) -> bool {
        self.bytes > limits.outbound_soft_bytes || self.messages() > limits.outbound_messages / 2
    }

    /// Puts a message behind all others.
    pub(crate) fn put(&mut self, frame: &mut Frame<'_>, class: Class<'_>, limits: &Limits) -> Put {
        let len = frame.bytes.len();
        if !matches!(class, Class::Reply)
            && self.bytes == 0
            && !self.blocked
            && let Some(shared) = frame.again()
        {
            self.single = Some(shared);
            self.bytes = len;
            self.messages = 1;
            return Put::Queued { evicted: 0 };
        }
        self.end_solo();
        let mut evicted = 0;
        if let Class::Volatile(key) = class {
            if self.blocked && key.is_none() && limits.volatile == VolatilePolicy::DropNewest {
                return Put::Dropped;
            }
            let replaced = key.and_then(|key| self.find_volatile(|volatile| volatile.key.as_deref() == Some(key)));
            // What would make room, all of it; nothing goes unless that is enough.
            let (bytes, messages) = match limits.volatile {
                VolatilePolicy::DropNewest => replaced.map_or((0, 0), |at| (self.rest[at].bytes().len(), 1)),
                VolatilePolicy::DropOldest => self.volatile(),
            };
            if !self.has_room_without(bytes, messages, len, class, limits) {
                return Put::Dropped;
            }
            if let Some(at) = replaced {
                self.remove(at);
                evicted += 1;
            }
            while !self.has_room(len, class, limits) {
                let Some(at) = self.find_volatile(|_| true) else { return Put::Dropped };
                self.remove(at);
                evicted += 1;
            }
        } else if !self.has_room(len, class, limits) {
            return Put::Overflow;
        }
        match class {
            Class::Volatile(key) if self.blocked => {
                let volatile = Volatile { bytes: frame.bytes.to_vec(), key: key.map(Into::into) };
                self.rest.push_back(Segment::Volatile(Box::new(volatile)));
            }
            _ if len <= COPIED => self.pack(frame.bytes),
            _ => self.push_shared(frame.share()),
        }
        if matches!(class, Class::Reply) && self.bytes + len > limits.outbound_bytes && len > self.rest_of_long() {
            self.long = short(len);
            self.until_long = short(self.bytes + len);
        }
        self.bytes += len;
        self.messages += 1;
        Put::Queued { evicted }
    }

    /// Bytes of the one long reply that are not written. The client asked for them: they leave the room of all else as it is.
    fn rest_of_long(&self) -> usize {
        self.long.min(self.until_long) as usize
    }

    /// Puts the last frames behind all others, whatever the limits say. They are not counted as messages.
    pub(crate) fn put_close(&mut self, frames: &[u8]) {
        self.end_solo();
        // Given back like any other: one of its own would stay with the thread's for every connection that closes.
        let mut bytes = buffers::take();
        bytes.extend_from_slice(frames);
        self.rest.push_back(Segment::Compressed(bytes));
        self.bytes += frames.len();
    }

    /// Puts a ping or pong in front of all messages. False when the control lane is full.
    pub(crate) fn put_control(&mut self, frame: &[u8]) -> bool {
        if self.blocked && self.control >= CONTROL_LANE {
            return false;
        }
        self.end_solo();
        self.control = self.control.saturating_add(1);
        self.bytes += frame.len();
        if self.until_long > 0 {
            self.until_long = self.until_long.saturating_add(short(frame.len()));
        }
        self.insert_first(frame);
        true
    }

    /// Bytes that are not written, of pieces of its own and of shared ones: what `charge` tells without looking.
    #[cfg(test)]
    pub(crate) fn pieces(&self) -> (usize, usize) {
        let shared = |segment: &Segment| matches!(segment, Segment::Shared(_));
        let len = |segment: &Segment| segment.bytes().len();
        let own = self.head.len() + self.rest.iter().filter(|piece| !shared(piece)).map(len).sum::<usize>();
        let begun_is_own = !self.head.is_empty() || self.rest.front().is_some_and(|piece| !shared(piece));
        let shared = self.rest.iter().filter(|piece| shared(piece)).map(len).sum();
        (own - if begun_is_own { self.written } else { 0 }, shared)
    }

    /// The length of the frame that is half written; 0 when there is none.
    pub(crate) fn begun(&self) -> usize {
        self.boundary() - self.frame as usize
    }

    /// Throws away all but the frame that is half written. Returns how many messages that were.
    pub(crate) fn discard(&mut self) -> usize {
        self.end_solo();
        let before = self.messages();
        let half = self.frame as usize..self.boundary();
        let mut head = buffers::take();
        head.extend_from_slice(&self.first()[half.clone()]);
        self.written = if head.is_empty() { 0 } else { self.written - half.start };
        self.frame = 0;
        self.control_end = 0;
        self.second_end = 0;
        self.bytes = head.len() - self.written;
        self.messages = data_frames(&head);
        self.head = head;
        self.rest = VecDeque::new();
        self.shared = 0;
        self.uncharged = 0;
        self.long = 0;
        self.until_long = 0;
        before.saturating_sub(self.messages())
    }

    fn has_room(&self, len: usize, class: Class<'_>, limits: &Limits) -> bool {
        self.has_room_without(0, 0, len, class, limits)
    }

    /// Whether there is room once so many bytes and messages are gone.
    fn has_room_without(&self, bytes: usize, gone: usize, len: usize, class: Class<'_>, limits: &Limits) -> bool {
        let bytes = self.bytes - bytes;
        let messages = match class {
            Class::Reply => limits.outbound_messages,
            _ => limits.outbound_messages.saturating_sub(limits.outbound_reserved),
        };
        // What the socket has not refused does not wait for the client: until then messages are not counted, and there may
        // be more bytes.
        let few = !self.blocked || self.messages() - gone < messages;
        let most = if self.blocked { limits.outbound_bytes } else { limits.outbound_bytes.saturating_mul(UNTRIED) };
        // One message up to `max_message_out`, which the caller checks, is taken when nothing else waits; a reply when
        // little does, because no further message is handled while much does.
        bytes == 0
            || (few
                && (bytes + len <= most
                    || bytes - self.rest_of_long() + len <= most
                    || (matches!(class, Class::Reply) && bytes <= limits.outbound_soft_bytes)))
    }

    fn push_shared(&mut self, shared: Arc<Shared>) {
        self.shared += shared.bytes.len();
        self.uncharged += 1;
        self.rest.push_back(Segment::Shared(shared));
    }

    /// The one message takes its place among others, or is begun.
    #[inline]
    fn end_solo(&mut self) {
        if let Some(single) = self.single.take() {
            self.demote(single);
        }
    }

    #[cold]
    fn demote(&mut self, single: Arc<Shared>) {
        if single.bytes.len() <= COPIED { self.pack(&single.bytes) } else { self.push_shared(single) }
    }

    #[inline(always)]
    fn pack(&mut self, frame: &[u8]) {
        let last = match self.rest.back_mut() {
            None if self.head.len() < PACKED => {
                if self.head.capacity() == 0 {
                    self.head = buffers::take();
                }
                Some(&mut self.head)
            }
            Some(Segment::Compressed(bytes)) if bytes.len() < PACKED => Some(bytes),
            _ => None,
        };
        match last {
            Some(bytes) => bytes.extend_from_slice(frame),
            None => {
                let mut bytes = buffers::take();
                bytes.extend_from_slice(frame);
                self.rest.push_back(Segment::Compressed(bytes));
            }
        }
    }

    fn first(&self) -> &[u8] {
        if self.head.is_empty() { self.rest.front().map_or(&[], Segment::bytes) } else { &self.head }
    }

    /// Where in the first piece the next frame begins of which nothing is written.
    fn boundary(&self) -> usize {
        let frame = self.frame as usize;
        if self.written == frame {
            return frame;
        }
        let first = self.first();
        ws::frame_len(&first[frame..]).map_or(first.len(), |len| frame + len)
    }

    fn insert_first(&mut self, frame: &[u8]) {
        let at = self.boundary().max(self.control_end as usize);
        if self.head.is_empty() && self.written > 0 && !matches!(self.rest.front(), Some(Segment::Compressed(_))) {
            // The first piece is one frame, begun, which others may share.
            if !matches!(self.rest.get(1), Some(Segment::Compressed(_))) {
                self.rest.insert(1, Segment::Compressed(buffers::take()));
            }
            if let Some(Segment::Compressed(bytes)) = self.rest.get_mut(1) {
                let end = self.second_end as usize;
                bytes.splice(end..end, frame.iter().copied());
                self.second_end += short(frame.len());
            }
            return;
        }
        if self.head.is_empty() {
            self.head = match self.rest.pop_front() {
                Some(Segment::Compressed(bytes)) => bytes,
                // Nothing of it is written: the control frames go into a piece in front of it.
                Some(other) => {
                    self.rest.push_front(other);
                    buffers::take()
                }
                None => buffers::take(),
            };
        }
        self.head.splice(at..at, frame.iter().copied());
        self.control_end = short(at + frame.len());
    }

    /// Bytes and number of the volatile messages that are not begun.
    fn volatile(&self) -> (usize, usize) {
        let begun = usize::from(self.head.is_empty() && self.written > 0);
        let volatile = self.rest.iter().skip(begun).filter(|segment| matches!(segment, Segment::Volatile(_)));
        volatile.fold((0, 0), |(bytes, count), segment| (bytes + segment.bytes().len(), count + 1))
    }

    /// The oldest volatile message that `matches` and is not begun.
    fn find_volatile(&self, matches: impl Fn(&Volatile) -> bool) -> Option<usize> {
        let begun = usize::from(self.head.is_empty() && self.written > 0);
        let found = self.rest.iter().skip(begun).position(|segment| match segment {
            Segment::Volatile(volatile) => matches(volatile),
            _ => false,
        });
        found.map(|at| begun + at)
    }

    fn remove(&mut self, at: usize) {
        if self.until_long > 0 {
            let in_front = self.rest.iter().take(at).map(|segment| segment.bytes().len()).sum::<usize>();
            if self.head.len() + in_front < self.written + self.until_long as usize {
                self.until_long = self.until_long.saturating_sub(short(self.rest[at].bytes().len()));
            }
        }
        if let Some(segment) = self.rest.remove(at) {
            self.bytes -= segment.bytes().len();
            self.messages -= 1;
        }
    }
}

/// A place in a piece: no message that is sent is as long as 4 GiB, see `Limits::problems`. Only with limits near to that does more
/// wait; then others have less room beside a long reply.
fn short(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// True for the first byte of a frame that carries data (RFC 6455 §5.2: control frames have the top bit of the opcode).
fn is_data(first: u8) -> bool {
    first & 0x08 == 0
}

fn data_frames(mut frames: &[u8]) -> u32 {
    let mut count = 0;
    while let Some(len) = ws::frame_len(frames).filter(|len| *len <= frames.len()) {
        count += u32::from(is_data(frames[0]));
        frames = &frames[len..];
    }
    count
}
