//! Frames that nobody reads any more: only where they end, and whether one of them closes.
use super::Opcode;
use super::frame::MAX_HEADER;

/// Passes over the frames behind the end of a connection, whatever is wrong with them: the peer's close frame is to be heard also after
/// its violation (RFC 6455 §7.1.1).
#[derive(Clone, Copy, Default)]
pub(super) struct Passer {
    head: [u8; MAX_HEADER],
    head_len: usize,
    /// Payload bytes of the frame that have not come.
    left: u64,
    closes: bool,
}

impl Passer {
    /// In the middle of a header, or of a frame.
    pub(super) fn within(head: &[u8], left: u64, opcode: Opcode) -> Passer {
        let mut passer = Passer { left, closes: opcode == Opcode::Close, ..Passer::default() };
        passer.head_len = head.len();
        passer.head[..head.len()].copy_from_slice(head);
        passer
    }

    /// True when a whole close frame has come.
    pub(super) fn pass(&mut self, mut input: &[u8]) -> bool {
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

/// The length that a header declares, once it is whole (RFC 6455 §5.2).
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
