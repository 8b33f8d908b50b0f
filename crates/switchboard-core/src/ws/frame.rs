//! The frame header (RFC 6455 §5.2): its fields, and whether they are allowed at this point.
use super::{Deflate, Violation};

/// The longest payload of a control frame in bytes (RFC 6455 §5.5).
pub const MAX_CONTROL: usize = 125;

/// The longest header in bytes: two, a 64-bit length, a masking key.
pub(super) const MAX_HEADER: usize = 14;

/// The opcode of a frame (RFC 6455 §11.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// The next part of the open message.
    Continuation = 0x0,
    /// UTF-8 text.
    Text = 0x1,
    /// Bytes.
    Binary = 0x2,
    /// The end of the connection.
    Close = 0x8,
    /// A ping, to be answered with a pong.
    Ping = 0x9,
    /// The answer to a ping.
    Pong = 0xA,
}

impl Opcode {
    /// The opcode of a frame's first byte; the upper four bits are ignored. `None` for a reserved opcode.
    pub const fn of(first: u8) -> Option<Opcode> {
        Some(match first & 0x0F {
            0x0 => Opcode::Continuation,
            0x1 => Opcode::Text,
            0x2 => Opcode::Binary,
            0x8 => Opcode::Close,
            0x9 => Opcode::Ping,
            0xA => Opcode::Pong,
            _ => return None,
        })
    }

    /// The number on the wire.
    pub const fn get(self) -> u8 {
        self as u8
    }

    /// True for close, ping and pong: at most [`MAX_CONTROL`] bytes, never fragmented.
    pub const fn is_control(self) -> bool {
        self.get() & 0x8 != 0
    }
}

/// The end of the connection that this side is. A client masks its frames, a server does not (RFC 6455 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Decodes the masked frames of a client.
    Server,
    /// Decodes the unmasked frames of a server.
    Client,
}

/// Limits of what a peer may send. Sizes are payload bytes after unmasking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// The largest message, the sum of its fragments. Default 64 KiB.
    pub max_message: usize,
    /// The largest text, binary or continuation frame. Default 64 KiB.
    pub max_frame: usize,
    /// The most frames that one fragmented message may have, empty ones included. Default 128.
    pub max_fragments: u32,
}

impl Default for FrameLimits {
    fn default() -> FrameLimits {
        FrameLimits { max_message: 64 << 10, max_frame: 64 << 10, max_fragments: 128 }
    }
}

/// The part of the open message that has arrived in whole frames.
#[derive(Clone, Copy)]
pub(super) struct Progress {
    pub(super) len: usize,
    pub(super) fragments: u32,
}

/// The state that the next header is checked against.
#[derive(Clone, Copy)]
pub(super) struct Expect<'a> {
    pub(super) role: Role,
    pub(super) limits: &'a FrameLimits,
    /// `None` between messages.
    pub(super) open: Option<Progress>,
    /// The agreement on compression, if there is one.
    pub(super) deflate: Option<Deflate>,
}

/// A header that is allowed at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) fin: bool,
    pub(super) opcode: Opcode,
    /// The message that begins with this frame is compressed.
    pub(super) deflated: Option<Deflate>,
    pub(super) mask: Option<[u8; 4]>,
    pub(super) len: usize,
}

impl Header {
    /// The header at the start of `bytes` and its own length; `None` when it is incomplete.
    ///
    /// Each byte is checked as soon as it has arrived and before the next one, so a header that breaks two rules
    /// gives the same violation however the stream is split.
    #[inline(always)]
    pub(super) fn parse(bytes: &[u8], expect: &Expect<'_>) -> Result<Option<(Header, usize)>, Violation> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let (fin, opcode, deflated) = expect.first_byte(first)?;
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        expect.second_byte(opcode, second)?;
        let Some((len, at)) = length(bytes, second)? else { return Ok(None) };
        let len = expect.length(opcode, len)?;
        if second & 0x80 == 0 {
            return Ok(Some((Header { fin, opcode, deflated, mask: None, len }, at)));
        }
        let Some(mask) = bytes[at..].first_chunk() else { return Ok(None) };
        Ok(Some((Header { fin, opcode, deflated, mask: Some(*mask), len }, at + 4)))
    }
}

/// The payload length and where it ends.
#[inline(always)]
fn length(bytes: &[u8], second: u8) -> Result<Option<(u64, usize)>, Violation> {
    let (len, at, least) = match second & 0x7F {
        126 => match bytes[2..].first_chunk() {
            Some(len) => (u64::from(u16::from_be_bytes(*len)), 4, 126),
            None => return Ok(None),
        },
        127 => match bytes[2..].first_chunk() {
            Some(len) => (u64::from_be_bytes(*len), 10, 1 << 16),
            None => return Ok(None),
        },
        len => (u64::from(len), 2, 0),
    };
    if len >> 63 != 0 {
        return Err(Violation::LENGTH_TOP_BIT);
    }
    if len < least {
        return Err(Violation::NON_MINIMAL_LENGTH);
    }
    Ok(Some((len, at)))
}

impl Expect<'_> {
    #[inline(always)]
    fn first_byte(&self, first: u8) -> Result<(bool, Opcode, Option<Deflate>), Violation> {
        let deflated = match first & 0x70 {
            0 => None,
            // RSV1 (RFC 7692 §6).
            0x40 if self.deflate.is_some() && matches!(first & 0x0F, 0x1 | 0x2) => self.deflate,
            _ => return Err(Violation::RESERVED_BITS),
        };
        let fin = first & 0x80 != 0;
        let opcode = Opcode::of(first).ok_or(Violation::RESERVED_OPCODE)?;
        match (opcode, self.open) {
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) if !fin => Err(Violation::FRAGMENTED_CONTROL),
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => Ok((fin, opcode, None)),
            (Opcode::Continuation, None) => Err(Violation::UNEXPECTED_CONTINUATION),
            (Opcode::Text | Opcode::Binary, Some(_)) => Err(Violation::EXPECTED_CONTINUATION),
            (Opcode::Text | Opcode::Binary, None) if !fin && self.limits.max_fragments == 0 => {
                Err(Violation::TOO_MANY_FRAGMENTS)
            }
            (Opcode::Continuation, Some(open)) if open.fragments >= self.limits.max_fragments => {
                Err(Violation::TOO_MANY_FRAGMENTS)
            }
            _ => Ok((fin, opcode, deflated)),
        }
    }

    fn second_byte(&self, opcode: Opcode, second: u8) -> Result<(), Violation> {
        match (self.role, second & 0x80 != 0) {
            (Role::Server, false) => return Err(Violation::UNMASKED_FRAME),
            (Role::Client, true) => return Err(Violation::MASKED_FRAME),
            _ => {}
        }
        if opcode.is_control() && usize::from(second & 0x7F) > MAX_CONTROL {
            return Err(Violation::CONTROL_TOO_LONG);
        }
        Ok(())
    }

    /// The length as a `usize`, once it is known to be within the limits.
    fn length(&self, opcode: Opcode, len: u64) -> Result<usize, Violation> {
        if opcode.is_control() {
            return Ok(len as usize);
        }
        let len = usize::try_from(len).map_err(|_| Violation::FRAME_TOO_BIG)?;
        if len > self.limits.max_frame {
            return Err(Violation::FRAME_TOO_BIG);
        }
        let before = self.open.map_or(0, |open| open.len);
        match before.checked_add(len) {
            Some(sum) if sum <= self.limits.max_message => Ok(len),
            _ => Err(Violation::MESSAGE_TOO_BIG),
        }
    }
}
