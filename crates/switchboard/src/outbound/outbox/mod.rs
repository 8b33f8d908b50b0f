//! [`Outbox`]: one ordered queue of frames, bounded in bytes and messages, written without waiting.
//!
//! Replies, pushes, errors and acks leave in the order in which they were put in. Pings and pongs go to the front, at
//! the first place where a frame begins.
#[cfg(test)]
mod model;
mod segment;
mod writing;

use crate::buffers;
use crate::limits::{CONTROL_LANE, GatewayLimits, VolatilePolicy};
use crate::node::Node;
use crate::outbound::frame::{Frame, Shared};
use crate::outbound::outbox::segment::{Segment, Volatile, data_frames};
use std::collections::VecDeque;
use std::sync::Arc;
use switchboard_core::ws;

/// Up to this length a message is copied after the one before it, so that both leave from one piece of memory. A longer one is shared
/// by all outboxes that get it, which costs less than a copy for each.
const COPIED: usize = 512;
/// A segment of copied messages that has this length takes no further one, so that memory is freed soon after it is written.
const PACKED: usize = 16 << 10;
/// Until the socket has refused bytes, the outbox may hold this many times `outbound_bytes`: a client that was not offered bytes
/// cannot have read them, so it is not slow.
const UNTRIED: usize = 4;

/// How a message may be treated when its receiver does not keep up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Class<'a> {
    /// A reply, an error or an ack: may use the reserved messages (`Limits::outbound_reserved`).
    Reply,
    Push,
    /// May be dropped. With a key, it replaces the waiting message with the same key.
    Volatile(Option<&'a str>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is queued, and this many volatile messages were dropped for it.
    Queued {
        evicted: usize,
    },
    Dropped,
    /// The limit is exceeded, and the message may not be dropped silently: the client is disconnected.
    Overflow,
}

#[derive(Debug)]
pub(crate) enum Flushed {
    Drained,
    /// The socket refuses more; `progress` says whether it took anything.
    Blocked {
        progress: bool,
    },
    Failed,
}

/// The frames that wait for the socket. All are complete, except that a part of the first one may be written already.
///
/// The fields are in the order of their use: a broadcast touches only the first fields of each member's outbox, which are in one
/// cache line.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Outbox {
    /// The only waiting message, if it is the shared frame of a broadcast and nothing of it is written. This is the common case,
    /// for which no segment is allocated. `end_single` turns it into a segment.
    single: Option<Arc<Shared>>,
    /// Bytes that are not written.
    bytes: usize,
    /// Messages that are not completely written.
    messages: u32,
    /// Control frames since the outbox was last empty.
    control: u16,
    /// The socket refused bytes at the last write.
    blocked: bool,
    /// Offset, in the first piece, of the first frame that is not completely written.
    frame: u32,
    /// How many of the shared segments, counted from the back, have not been charged to the node yet.
    uncharged: u32,
    /// The frames that leave first, one after the other.
    head: Vec<u8>,
    /// The segments that leave after `head`.
    rest: VecDeque<Segment>,
    /// How much of the first piece (`head`, else the front of `rest`) is written already.
    written: usize,
    /// Offset in the first piece after its control frames: the next control frame goes there, so that they keep their order.
    control_end: u32,
    /// That offset in the second piece, which is used while nothing can be inserted into the first one.
    second_end: u32,
    /// Bytes of all shared segments, including those that are written already.
    shared: usize,
    /// The length of a reply that is longer than `outbound_bytes`; 0 if there is none.
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

    /// The bytes to charge for this outbox alone; 0 unless the socket refuses bytes. Shared segments are charged to the node
    /// directly, once for all outboxes.
    ///
    /// A client that reads is never charged: its messages would be added and removed again, which is two operations on one cache
    /// line for each message.
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

    /// Unwritten bytes in segments that only this outbox holds.
    fn own(&self) -> usize {
        let begun = match self.rest.front() {
            Some(Segment::Shared(_)) if self.head.is_empty() => self.written,
            _ => 0,
        };
        // `shared` includes the written part of the first piece, `bytes` does not.
        self.bytes - (self.shared - begun)
    }

    /// Bytes that are freed if this outbox is dropped: not those that other outboxes hold as well.
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

    /// True if no further message of the client should be handled before it has read more.
    pub(crate) fn is_crowded(&self, limits: &GatewayLimits) -> bool {
        self.bytes > limits.outbound_soft_bytes || self.messages() > limits.outbound_messages / 2
    }

    /// Puts a message after all others.
    pub(crate) fn put(&mut self, frame: &mut Frame<'_>, class: Class<'_>, limits: &GatewayLimits) -> Put {
        let len = frame.bytes.len();
        // An empty outbox holds a broadcast by reference, from the second member on: otherwise a room of thousands would fill
        // thousands of buffers. `again` is called last, because it marks the frame as used.
        if !matches!(class, Class::Reply)
            && self.bytes == 0
            && !self.blocked
            && let Some(shared) = frame.again()
        {
            self.single = Some(shared);
            self.bytes = len;
            self.messages = frame.messages;
            return Put::Queued { evicted: 0 };
        }
        self.end_single();
        let mut evicted = 0;
        if let Class::Volatile(key) = class {
            if self.blocked && key.is_none() && limits.volatile == VolatilePolicy::DropNewest {
                return Put::Dropped;
            }
            let replaced = key.and_then(|key| self.find_volatile(|volatile| volatile.key.as_deref() == Some(key)));
            // What could be dropped to make room. Nothing is dropped unless that is enough: otherwise the old messages would be
            // lost as well as the new one.
            let (bytes, messages) = match limits.volatile {
                VolatilePolicy::DropNewest => replaced.map_or((0, 0), |at| self.rest[at].volatile()),
                VolatilePolicy::DropOldest => self.volatile(),
            };
            if !self.has_room_without(bytes, messages, frame, class, limits) {
                return Put::Dropped;
            }
            if let Some(at) = replaced {
                evicted += self.remove(at);
            }
            while !self.has_room(frame, class, limits) {
                let Some(at) = self.find_volatile(|_| true) else { return Put::Dropped };
                evicted += self.remove(at);
            }
        } else if !self.has_room(frame, class, limits) {
            return Put::Overflow;
        }
        match class {
            // A segment of its own, so that it can still be dropped.
            Class::Volatile(key) if self.blocked => {
                let volatile = Volatile::new(frame, key);
                self.rest.push_back(Segment::Volatile(Box::new(volatile)));
            }
            _ if len <= COPIED => self.pack(frame.bytes),
            _ => self.push_shared(frame.share()),
        }
        // Remembers the one reply that exceeds the limit, beside which pushes keep their room.
        if matches!(class, Class::Reply) && self.bytes + len > limits.outbound_bytes && len > self.rest_of_long() {
            self.long = short(len);
            self.until_long = short(self.bytes + len);
        }
        self.bytes += len;
        self.messages += frame.messages;
        Put::Queued { evicted }
    }

    /// Unwritten bytes of the one long reply. They take no room from other messages, because code that pushes does not know what
    /// the client has asked for.
    fn rest_of_long(&self) -> usize {
        self.long.min(self.until_long) as usize
    }

    /// Puts the closing frames after all others, whatever the limits say. They are not counted as messages.
    pub(crate) fn put_close(&mut self, frames: &[u8]) {
        self.end_single();
        // The buffer comes from the thread's pool, because it will be returned there: otherwise every connection that closes
        // would add one to the pool.
        let mut bytes = buffers::take();
        bytes.extend_from_slice(frames);
        self.rest.push_back(Segment::Copied(bytes));
        self.bytes += frames.len();
    }

    /// Puts a ping or pong before all messages. False if too many control frames wait for a socket that refuses bytes.
    pub(crate) fn put_control(&mut self, frame: &[u8]) -> bool {
        if self.blocked && self.control >= CONTROL_LANE {
            return false;
        }
        self.end_single();
        self.control = self.control.saturating_add(1);
        self.bytes += frame.len();
        // The frame leaves before the long reply does.
        if self.until_long > 0 {
            self.until_long = self.until_long.saturating_add(short(frame.len()));
        }
        self.insert_first(frame);
        true
    }

    /// Unwritten bytes in segments of its own, and all bytes in shared ones: found by a walk, to check what `charge` returns.
    #[cfg(test)]
    pub(crate) fn pieces(&self) -> (usize, usize) {
        let shared = |segment: &Segment| matches!(segment, Segment::Shared(_));
        let len = |segment: &Segment| segment.bytes().len();
        let own = self.head.len() + self.rest.iter().filter(|piece| !shared(piece)).map(len).sum::<usize>();
        let begun_is_own = !self.head.is_empty() || self.rest.front().is_some_and(|piece| !shared(piece));
        let shared = self.rest.iter().filter(|piece| shared(piece)).map(len).sum();
        (own - if begun_is_own { self.written } else { 0 }, shared)
    }

    /// The length of the frame that is partly written; 0 if there is none.
    pub(crate) fn begun(&self) -> usize {
        self.boundary() - self.frame as usize
    }

    /// Drops everything except a half-written frame, which has to be completed so that the peer can parse what follows. Returns
    /// how many messages were dropped.
    pub(crate) fn discard(&mut self) -> usize {
        self.end_single();
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

    fn has_room(&self, frame: &Frame<'_>, class: Class<'_>, limits: &GatewayLimits) -> bool {
        self.has_room_without(0, 0, frame, class, limits)
    }

    /// Whether `frame` fits after removing `bytes` bytes and `gone` messages.
    fn has_room_without(
        &self,
        bytes: usize,
        gone: usize,
        frame: &Frame<'_>,
        class: Class<'_>,
        limits: &GatewayLimits,
    ) -> bool {
        let (bytes, len) = (self.bytes - bytes, frame.bytes.len());
        let messages = match class {
            Class::Reply => limits.outbound_messages,
            _ => limits.outbound_messages.saturating_sub(limits.outbound_reserved),
        };
        // As long as the socket has refused nothing, nothing waits because of the client: messages are not counted, and more
        // bytes may wait.
        let few = !self.blocked || self.messages() - gone + frame.messages as usize <= messages;
        let most = if self.blocked { limits.outbound_bytes } else { limits.outbound_bytes.saturating_mul(UNTRIED) };
        // If nothing else waits, any message fits: the caller has checked `max_message_out`. A reply fits while at most
        // `outbound_soft_bytes` wait. Above that no message of the client is handled, so there is never a second reply that
        // exceeds the limit.
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

    /// Turns the single message into a segment, because another message follows or a part of it is written.
    #[inline]
    fn end_single(&mut self) {
        if let Some(single) = self.single.take() {
            self.demote(single);
        }
    }

    #[cold]
    fn demote(&mut self, single: Arc<Shared>) {
        if single.bytes.len() <= COPIED { self.pack(&single.bytes) } else { self.push_shared(single) }
    }

    /// Copies a frame into the last segment, if that has room, or begins a new one.
    #[inline(always)]
    fn pack(&mut self, frame: &[u8]) {
        let last = match self.rest.back_mut() {
            None if self.head.len() < PACKED => {
                if self.head.capacity() == 0 {
                    self.head = buffers::take();
                }
                Some(&mut self.head)
            }
            Some(Segment::Copied(bytes)) if bytes.len() < PACKED => Some(bytes),
            _ => None,
        };
        match last {
            Some(bytes) => bytes.extend_from_slice(frame),
            None => {
                let mut bytes = buffers::take();
                bytes.extend_from_slice(frame);
                self.rest.push_back(Segment::Copied(bytes));
            }
        }
    }

    fn first(&self) -> &[u8] {
        if self.head.is_empty() { self.rest.front().map_or(&[], Segment::bytes) } else { &self.head }
    }

    /// Offset, in the first piece, of the first frame of which nothing is written.
    fn boundary(&self) -> usize {
        let frame = self.frame as usize;
        if self.written == frame {
            return frame;
        }
        let first = self.first();
        ws::frame_len(&first[frame..]).map_or(first.len(), |len| frame + len)
    }

    /// Inserts a control frame where the first unwritten frame begins, after the control frames that are there.
    fn insert_first(&mut self, frame: &[u8]) {
        let at = self.boundary().max(self.control_end as usize);
        if self.head.is_empty() && self.written > 0 && !matches!(self.rest.front(), Some(Segment::Copied(_))) {
            // The first piece is a single half-written frame, which other outboxes may share: the control frame goes into a piece
            // after it.
            if !matches!(self.rest.get(1), Some(Segment::Copied(_))) {
                self.rest.insert(1, Segment::Copied(buffers::take()));
            }
            if let Some(Segment::Copied(bytes)) = self.rest.get_mut(1) {
                let end = self.second_end as usize;
                bytes.splice(end..end, frame.iter().copied());
                self.second_end += short(frame.len());
            }
            return;
        }
        if self.head.is_empty() {
            self.head = match self.rest.pop_front() {
                Some(Segment::Copied(bytes)) => bytes,
                // Nothing of it is written: the control frames go into a piece before it.
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

    /// Bytes and number of the volatile messages of which nothing is written.
    fn volatile(&self) -> (usize, usize) {
        let begun = usize::from(self.head.is_empty() && self.written > 0);
        let volatile = self.rest.iter().skip(begun);
        volatile.map(Segment::volatile).fold((0, 0), |(bytes, count), (len, messages)| (bytes + len, count + messages))
    }

    /// The index of the oldest volatile message that `matches` and of which nothing is written.
    fn find_volatile(&self, matches: impl Fn(&Volatile) -> bool) -> Option<usize> {
        let begun = usize::from(self.head.is_empty() && self.written > 0);
        let found = self.rest.iter().skip(begun).position(|segment| match segment {
            Segment::Volatile(volatile) => matches(volatile),
            _ => false,
        });
        found.map(|at| begun + at)
    }

    /// Drops the volatile message at this index of `rest`. Returns how many WebSocket messages it was.
    fn remove(&mut self, at: usize) -> usize {
        if self.until_long > 0 {
            let in_front = self.rest.iter().take(at).map(|segment| segment.bytes().len()).sum::<usize>();
            // It is before the end of the long reply, which moves forward.
            if self.head.len() + in_front < self.written + self.until_long as usize {
                self.until_long = self.until_long.saturating_sub(short(self.rest[at].bytes().len()));
            }
        }
        let Some(segment) = self.rest.remove(at) else { return 0 };
        let (bytes, messages) = segment.volatile();
        self.bytes -= bytes;
        self.messages -= messages as u32;
        messages
    }
}

/// An offset as 32 bits, which keeps the outbox small. No message is as long as 4 GiB, see `Limits::problems`. Only with limits
/// close to that can an offset be larger. It is then capped, and other messages have less room beside a long reply.
fn short(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
