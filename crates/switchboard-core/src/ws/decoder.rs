//! [`Decoder`]: bytes of the peer → messages and control frames.
//!
//! A complete frame that arrives while nothing is held is unmasked in the input and borrowed from it: no copy, no allocation.
//! Everything else goes through [`Partial`], which exists only while a frame or a message is unfinished.
use std::borrow::Cow;
use std::mem;

use super::assembly::Assembly;
use super::deflate::Window;
use super::frame::{Expect, Header, MAX_HEADER};
use super::mask::apply_mask;
use super::skipper::Skipper;
use super::{Deflate, FrameLimits, Opcode, PeerClose, Role, Violation};

/// Decodes the frames of one connection (RFC 6455 §5).
///
/// The items and the violation are the same however the stream is split into calls. Between messages the decoder holds no heap memory,
/// unless it keeps the peer's window. Text is checked as it arrives: the first byte that cannot be UTF-8 fails, even inside an unfinished
/// frame.
#[derive(Debug)]
pub struct Decoder {
    /// Boxed so that an idle connection pays one pointer. Always present if the peer's window is kept.
    partial: Option<Box<Partial>>,
    role: Role,
    deflate: Option<Deflate>,
    /// A close frame or a violation has been returned, or [`pass_over`](Decoder::pass_over) was called: all further input is skipped.
    ended: bool,
    /// A close frame has arrived, before or after a violation.
    closed: bool,
    /// The work of inflating since [`take_inflated`](Decoder::take_inflated), in KiB, rounded up.
    inflated: u16,
    /// The length of the last compressed message as it was sent, in KiB, rounded down; 0 after
    /// [`take_compressed`](Decoder::take_compressed).
    compressed: u16,
}

/// The outcome of one call of [`Decoder::decode`].
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// How many bytes of the input were consumed.
    pub consumed: usize,
    /// `None` when all of the input was consumed and more is needed.
    pub item: Option<Item<'a>>,
}

/// A message or a control frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A text message, which may be empty.
    Text(Cow<'a, str>),
    /// A binary message, which may be empty.
    Binary(Cow<'a, [u8]>),
    /// A ping, to be answered with a pong of the same payload, at most 125 bytes.
    Ping(Cow<'a, [u8]>),
    /// A pong of at most 125 bytes, which need not answer a ping.
    Pong(Cow<'a, [u8]>),
    /// The peer's close frame; `None` if it has no body. No item follows.
    Close(Option<PeerClose>),
}

/// The state of an unfinished frame or message.
#[derive(Default)]
struct Partial {
    /// The first bytes of a header.
    head: [u8; MAX_HEADER],
    head_len: usize,
    /// The frame whose payload is arriving.
    frame: Option<Open>,
    /// The message that the frame, or the next continuation, belongs to.
    message: Option<Assembly>,
    /// The payload so far of a control frame, which may come between the fragments of a message.
    control: Vec<u8>,
    /// The end of the messages so far, if later ones may refer back to it.
    window: Window,
    /// Skips the input after the end.
    skipper: Skipper,
    /// The length of the message that is complete, as it was sent and inflated; `None` if it was not compressed.
    inflated: Option<(usize, usize)>,
}

/// A frame whose header is known and whose payload is incomplete.
#[derive(Clone, Copy)]
struct Open {
    header: Header,
    /// Payload bytes that have arrived.
    at: usize,
}

impl Decoder {
    /// A decoder for the frames that we receive in this role.
    pub const fn new(role: Role) -> Decoder {
        Decoder { partial: None, role, deflate: None, ended: false, closed: false, inflated: 0, compressed: 0 }
    }

    /// A decoder that also accepts compressed messages, if both ends have agreed on them. A compressed message is held as it was sent,
    /// within the same limits, until it is complete; inflated it may again have `max_message` bytes. If the agreement keeps a window, up to
    /// that many bytes are held between messages.
    pub fn with_deflate(mut self, deflate: Option<Deflate>) -> Decoder {
        self.deflate = deflate;
        if self.keeps_window() {
            self.partial = Some(Box::default());
        }
        self
    }

    #[inline]
    fn keeps_window(&self) -> bool {
        self.deflate.is_some_and(|deflate| deflate.kept_window() > 0)
    }

    /// Handles the input up to the first item. Call again with the rest while there is an item.
    ///
    /// Payload is unmasked in place, so the consumed part of `input` is overwritten. Items borrow from it where they can.
    /// After a close frame, or an error, all further input is ignored: consumed, without an item.
    ///
    /// # Errors
    /// The [`Violation`] that ends the connection. What is held is dropped.
    pub fn decode<'a>(&mut self, input: &'a mut [u8], limits: &FrameLimits) -> Result<Decoded<'a>, Violation> {
        if self.ended {
            return Ok(Decoded { consumed: input.len(), item: None });
        }
        let decoded = match self.partial {
            None => self.fresh(input, limits),
            Some(_) => self.resume(input, limits),
        };
        match decoded {
            Err(_) => self.ended = true,
            Ok(Decoded { item: Some(Item::Close(_)), .. }) => {
                self.partial = None;
                self.ended = true;
                self.closed = true;
            }
            Ok(_) => {}
        }
        decoded
    }

    /// Skips this input and all that follows, without judging it. Returns whether the peer's close frame has arrived, in this input or
    /// before: after a violation the decoder has skipped the rest of that input already.
    pub fn pass_over(&mut self, input: &[u8]) -> bool {
        self.ended = true;
        if self.closed {
            return true;
        }
        let partial = self.partial.get_or_insert_default();
        if !partial.is_empty() {
            **partial = Partial { skipper: partial.as_skipper(), ..Partial::default() };
        }
        // No message is inflated from now on.
        partial.window = Window::default();
        self.closed = partial.skipper.skip(input);
        if self.closed {
            self.partial = None;
        }
        self.closed
    }

    /// Skips the frame that breaks the protocol, and the rest of the input.
    #[cold]
    fn fails(&mut self, violation: Violation, skipper: Skipper, rest: &[u8]) -> Violation {
        self.partial = Some(Box::new(Partial { skipper, ..Partial::default() }));
        self.pass_over(rest);
        violation
    }

    /// True if an unfinished frame or message is held. A peer that makes no progress from here is too slow.
    #[inline]
    pub fn is_partial(&self) -> bool {
        !self.ended && self.partial.as_ref().is_some_and(|partial| !partial.is_empty())
    }

    /// The work of inflating since the last call, in bytes: the inflated length of each message in whole KiB, because a few bytes of input
    /// can become many. Input that inflates to nothing, such as empty blocks, is work too: a message counts for at least 16 times its
    /// compressed length.
    pub const fn take_inflated(&mut self) -> usize {
        let inflated = self.inflated;
        self.inflated = 0;
        inflated as usize * KIB
    }

    /// The compressed length of the last message, in bytes, rounded down to whole KiB; 0 if this was called since. It may be longer than
    /// the message itself.
    pub const fn take_compressed(&mut self) -> usize {
        let compressed = self.compressed;
        self.compressed = 0;
        compressed as usize * KIB
    }

    fn count(&mut self, compressed: usize, inflated: usize) {
        let short = |kib: usize| u16::try_from(kib).unwrap_or(u16::MAX);
        let work = inflated.max(compressed.saturating_mul(WORK));
        self.inflated = self.inflated.saturating_add(short(work.div_ceil(KIB)));
        self.compressed = short(compressed / KIB);
    }

    /// Bytes held for an unfinished frame or message, at most `max_message` + 125, and for the peer's window, at most 32 KiB.
    pub fn buffered(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.held())
    }

    #[inline]
    fn fresh<'a>(&mut self, input: &'a mut [u8], limits: &FrameLimits) -> Result<Decoded<'a>, Violation> {
        let expect = Expect { role: self.role, limits, open: None, deflate: self.deflate };
        let parsed = match Header::parse(input, &expect) {
            Ok(parsed) => parsed,
            Err(violation) => return Err(self.fails(violation, Skipper::default(), input)),
        };
        if let Some((header, at)) = parsed
            && header.fin
            && header.len <= input.len() - at
        {
            let consumed = at + header.len;
            let (frame, rest) = input.split_at_mut(consumed);
            let payload = &mut frame[at..];
            if let Some(key) = header.mask {
                apply_mask(payload, key, 0);
            }
            let item = match header.deflated {
                None => Item::whole(header.opcode, payload),
                // If a window is kept, `resume` inflates it.
                Some(deflate) => {
                    deflate.inflate(payload, limits.max_message, &mut Window::default()).and_then(|message| {
                        self.count(header.len, message.len());
                        Item::inflated(header.opcode, message)
                    })
                }
            };
            return match item {
                Ok(item) => Ok(Decoded { consumed, item: Some(item) }),
                Err(violation) => Err(self.fails(violation, Skipper::within(&[], 0, header.opcode), rest)),
            };
        }
        if input.is_empty() {
            return Ok(Decoded { consumed: 0, item: None });
        }
        self.resume(input, limits)
    }

    fn resume<'a>(&mut self, input: &'a mut [u8], limits: &FrameLimits) -> Result<Decoded<'a>, Violation> {
        let expect = Expect { role: self.role, limits, open: None, deflate: self.deflate };
        let partial = self.partial.get_or_insert_default();
        let total = input.len();
        let mut rest = input;
        let item = loop {
            let used = match partial.read_header(rest, expect) {
                Ok(used) => used,
                Err(violation) => {
                    let skipper = partial.as_skipper();
                    return Err(self.fails(violation, skipper, rest));
                }
            };
            rest = &mut mem::take(&mut rest)[used..];
            let Some(open) = &mut partial.frame else { break None };
            let arrived = open.left().min(rest.len());
            let (payload, after) = mem::take(&mut rest).split_at_mut(arrived);
            rest = after;
            let open = open.advance(payload);
            match partial.accept(open, payload, limits) {
                Ok(None) => {}
                Ok(Some(item)) => break Some(item),
                Err(violation) => return Err(self.fails(violation, open.as_skipper(), rest)),
            }
            if rest.is_empty() {
                break None;
            }
        };
        let consumed = total - rest.len();
        let counted = partial.inflated.take();
        if partial.is_empty() && !self.keeps_window() {
            self.partial = None;
        }
        if let Some((compressed, inflated)) = counted {
            self.count(compressed, inflated);
        }
        Ok(Decoded { consumed, item })
    }
}

impl Partial {
    /// Opens the next frame, unless one is open, and returns how many bytes that took; its header may stay incomplete.
    fn read_header(&mut self, input: &[u8], expect: Expect<'_>) -> Result<usize, Violation> {
        if self.frame.is_some() {
            return Ok(0);
        }
        let held = self.head_len;
        let end = MAX_HEADER.min(held + input.len());
        self.head[held..end].copy_from_slice(&input[..end - held]);
        let open = self.message.as_ref().map(Assembly::progress);
        let Some((header, len)) = Header::parse(&self.head[..end], &Expect { open, ..expect })? else {
            self.head_len = end;
            return Ok(end - held);
        };
        self.head_len = 0;
        self.frame = Some(Open { header, at: 0 });
        Ok(len - held)
    }

    /// Adds the next piece of payload, which `open` already counts.
    fn accept<'a>(
        &mut self,
        open: Open,
        payload: &'a [u8],
        limits: &FrameLimits,
    ) -> Result<Option<Item<'a>>, Violation> {
        if open.left() == 0 {
            self.frame = None;
        }
        if open.header.opcode.is_control() { self.control(open, payload) } else { self.data(open, payload, limits) }
    }

    fn control<'a>(&mut self, open: Open, payload: &'a [u8]) -> Result<Option<Item<'a>>, Violation> {
        let Header { opcode, len, .. } = open.header;
        if payload.len() == len {
            // Memory for it may have been reserved when only its header had arrived.
            self.control = Vec::new();
            return Item::whole(opcode, payload).map(Some);
        }
        // At most 125 bytes, so the declared length may be trusted with memory.
        self.control.reserve_exact(len - self.control.len());
        self.control.extend_from_slice(payload);
        if open.left() > 0 {
            return Ok(None);
        }
        Item::control(opcode, Cow::Owned(mem::take(&mut self.control))).map(Some)
    }

    fn data<'a>(&mut self, open: Open, payload: &'a [u8], limits: &FrameLimits) -> Result<Option<Item<'a>>, Violation> {
        let mut message = self.message.take().unwrap_or_else(|| Assembly::new(&open.header));
        let ends = open.left() == 0;
        if ends && open.header.fin {
            let compressed = message.is_deflated().then(|| message.progress().len + payload.len());
            let item = message.finish(payload, limits.max_message, &mut self.window)?;
            self.inflated = compressed.map(|compressed| (compressed, item.len()));
            return Ok(Some(item));
        }
        let largest = match open.header.fin {
            true => message.progress().len + payload.len() + open.left(),
            false => limits.max_message,
        };
        message.push(payload, largest)?;
        message.fragments += u32::from(ends);
        self.message = Some(message);
        Ok(None)
    }

    /// A skipper at the same position, within a frame or a header.
    fn as_skipper(&self) -> Skipper {
        match &self.frame {
            Some(open) => open.as_skipper(),
            None => Skipper::within(&self.head[..self.head_len], 0, Opcode::Continuation),
        }
    }

    fn held(&self) -> usize {
        let message = self.message.as_ref().map_or(0, Assembly::held);
        self.head_len + self.control.capacity() + message + self.window.held()
    }

    fn is_empty(&self) -> bool {
        self.head_len == 0 && self.frame.is_none() && self.message.is_none()
    }
}

impl Open {
    /// Payload bytes that have not arrived.
    fn left(&self) -> usize {
        self.header.len - self.at
    }

    fn as_skipper(&self) -> Skipper {
        Skipper::within(&[], self.left() as u64, self.header.opcode)
    }

    /// Unmasks and counts the next piece of payload.
    fn advance(&mut self, payload: &mut [u8]) -> Open {
        if let Some(key) = self.header.mask {
            apply_mask(payload, key, self.at);
        }
        self.at += payload.len();
        *self
    }
}

const KIB: usize = 1 << 10;

/// The number of inflated bytes that a compressed byte counts for at least: the head of a block has only a few bytes, but takes as long as
/// inflating a hundred.
const WORK: usize = 16;

impl<'a> Item<'a> {
    fn len(&self) -> usize {
        match self {
            Item::Text(text) => text.len(),
            Item::Binary(bytes) | Item::Ping(bytes) | Item::Pong(bytes) => bytes.len(),
            Item::Close(_) => 0,
        }
    }

    /// The item of a frame that is a complete message, or a control frame.
    #[inline]
    pub(super) fn whole(opcode: Opcode, payload: &'a [u8]) -> Result<Item<'a>, Violation> {
        match opcode {
            Opcode::Text => match simdutf8::basic::from_utf8(payload) {
                Ok(text) => Ok(Item::Text(Cow::Borrowed(text))),
                Err(_) => Err(Violation::INVALID_UTF8),
            },
            Opcode::Binary => Ok(Item::Binary(Cow::Borrowed(payload))),
            _ => Item::control(opcode, Cow::Borrowed(payload)),
        }
    }

    /// The item of a message that was compressed.
    pub(super) fn inflated(opcode: Opcode, message: Vec<u8>) -> Result<Item<'a>, Violation> {
        if opcode != Opcode::Text {
            return Ok(Item::Binary(Cow::Owned(message)));
        }
        String::from_utf8(message).map(|text| Item::Text(Cow::Owned(text))).map_err(|_| Violation::INVALID_UTF8)
    }

    fn control(opcode: Opcode, payload: Cow<'a, [u8]>) -> Result<Item<'a>, Violation> {
        match opcode {
            Opcode::Ping => Ok(Item::Ping(payload)),
            Opcode::Pong => Ok(Item::Pong(payload)),
            Opcode::Close => PeerClose::parse(&payload).map(Item::Close),
            Opcode::Continuation | Opcode::Text | Opcode::Binary => Err(Violation::UNEXPECTED_CONTINUATION),
        }
    }

    /// The item with owned bytes.
    pub fn into_owned(self) -> Item<'static> {
        match self {
            Item::Text(text) => Item::Text(Cow::Owned(text.into_owned())),
            Item::Binary(bytes) => Item::Binary(Cow::Owned(bytes.into_owned())),
            Item::Ping(bytes) => Item::Ping(Cow::Owned(bytes.into_owned())),
            Item::Pong(bytes) => Item::Pong(Cow::Owned(bytes.into_owned())),
            Item::Close(close) => Item::Close(close),
        }
    }
}

impl std::fmt::Debug for Partial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Partial").field("held", &self.held()).finish_non_exhaustive()
    }
}
