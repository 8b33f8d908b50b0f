//! [`Skipper`]: skips frames after the end of a connection. It only tracks where frames end, and whether one is a close frame.
use super::Opcode;
use super::frame::MAX_HEADER;

/// Skips the frames after the end of a connection without judging them, because the peer's close frame counts even after a violation (RFC
/// 6455 §7.1.1).
#[derive(Clone, Copy, Default)]
pub(super) struct Skipper {
    head: [u8; MAX_HEADER],
    head_len: usize,
    /// Payload bytes of the frame that have not arrived.
    left: u64,
    /// True if the frame is a close frame.
    closes: bool,
}

impl Skipper {
    /// A skipper that begins in the middle of a header, or of a frame.
    pub(super) fn within(head: &[u8], left: u64, opcode: Opcode) -> Skipper {
        let mut skipper = Skipper { left, closes: opcode == Opcode::Close, ..Skipper::default() };
        skipper.head_len = head.len();
        skipper.head[..head.len()].copy_from_slice(head);
        skipper
    }

    /// Skips the input. Returns whether a complete close frame has arrived.
    pub(super) fn skip(&mut self, mut input: &[u8]) -> bool {
        loop {
            let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
            input = &input[here..];
            self.left -= here as u64;
            if self.left == 0 && self.closes {
                return true;
            }
            let Some((first, rest)) = input.split_first() else { return false };
            self.head[self.head_len] = *first;
            self.head_len += 1;
            input = rest;
            if let Some(len) = payload_len(&self.head[..self.head_len]) {
                self.closes = self.head[0] & 0x0F == Opcode::Close as u8;
                self.left = len;
                self.head_len = 0;
            }
        }
    }
}

/// The length that a header declares; `None` while it is incomplete (RFC 6455 §5.2).
fn payload_len(head: &[u8]) -> Option<u64> {
    let second = *head.get(1)?;
    let extended = match second & 0x7F {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let key = if second & 0x80 == 0 { 0 } else { 4 };
    if head.len() < 2 + extended + key {
        return None;
    }
    let declared = head[2..2 + extended].iter().fold(0, |len, byte| len << 8 | u64::from(*byte));
    Some(if extended == 0 { u64::from(second & 0x7F) } else { declared })
}
