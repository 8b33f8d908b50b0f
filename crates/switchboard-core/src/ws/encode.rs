//! Frames to send. Every length takes as few bytes as possible, and no reserved bit is set.
use super::close::close_body;
use super::mask::apply_mask;
use super::{MAX_CONTROL, Opcode};
use crate::Close;

/// The largest header of an unmasked frame in bytes: what [`finish_frame`] needs before a payload.
pub const HEADER_ROOM: usize = 10;

/// Turns `buf[at..]` into one unmasked frame with FIN, in place, and returns where the frame begins.
///
/// `buf[at..at + HEADER_ROOM]` is room for the header; the payload is the rest of `buf`. The smallest header is
/// written right before the payload; up to 8 bytes between `at` and the frame are unchanged.
///
/// # Panics
/// When `buf` is shorter than `at + HEADER_ROOM`, and for a control frame of more than [`MAX_CONTROL`] bytes.
///
/// # Examples
/// ```
/// use switchboard_core::ws::{HEADER_ROOM, Opcode, finish_frame};
///
/// let mut buf = vec![0; HEADER_ROOM];
/// buf.extend_from_slice(b"hi");
/// let start = finish_frame(&mut buf, 0, Opcode::Text);
/// assert_eq!(&buf[start..], b"\x81\x02hi");
/// ```
#[inline]
pub fn finish_frame(buf: &mut [u8], at: usize, opcode: Opcode) -> usize {
    let payload = at + HEADER_ROOM;
    let (header, len) = header(opcode, true, buf.len() - payload, false);
    match &mut buf[payload - len..payload] {
        // Most frames are short.
        [first, second] => (*first, *second) = (header[0], header[1]),
        room => room.copy_from_slice(&header[..len]),
    }
    payload - len
}

/// The whole length, header and payload, of the frame that begins at `frame[0]`; `None` while its header is incomplete.
///
/// For frames of our own: the header is not checked. A length beyond `usize` saturates.
pub fn frame_len(frame: &[u8]) -> Option<usize> {
    let second = *frame.get(1)?;
    let (len, at) = match second & 0x7F {
        126 => (u64::from(u16::from_be_bytes(*frame[2..].first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*frame[2..].first_chunk()?), 10),
        len => (u64::from(len), 2),
    };
    let key = if second & 0x80 == 0 { 0 } else { 4 };
    Some(usize::try_from(len).unwrap_or(usize::MAX).saturating_add(at + key))
}

/// The payload of a whole unmasked frame; `None` while its header is incomplete.
pub fn payload(frame: &[u8]) -> Option<&[u8]> {
    let header = match frame.get(1)? {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    frame.get(header..)
}

/// Appends an unmasked control frame (RFC 6455 §5.5).
///
/// # Panics
/// When `payload` is longer than [`MAX_CONTROL`], or `opcode` is not close, ping or pong.
pub fn write_control(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    assert!(opcode.is_control(), "{opcode:?} is not the opcode of a control frame");
    write_frame(out, opcode, true, payload, None);
}

/// Appends an unmasked close frame (RFC 6455 §5.5.1). A client sends [`close_body`] with [`write_frame`] instead.
pub fn write_close(out: &mut Vec<u8>, close: &Close) {
    write_control(out, Opcode::Close, &close_body(close));
}

/// Appends a frame of either role: a client passes a fresh, unpredictable `mask` for each frame, a server `None`.
///
/// The payload of a text message must be UTF-8 as a whole; fragments may be cut anywhere.
///
/// # Panics
/// When a control frame is longer than [`MAX_CONTROL`] or has no FIN.
pub fn write_frame(out: &mut Vec<u8>, opcode: Opcode, fin: bool, payload: &[u8], mask: Option<[u8; 4]>) {
    let (header, len) = header(opcode, fin, payload.len(), mask.is_some());
    out.reserve(len + 4 + payload.len());
    out.extend_from_slice(&header[..len]);
    let Some(key) = mask else { return out.extend_from_slice(payload) };
    out.extend_from_slice(&key);
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], key, 0);
}

/// The header up to the masking key, and its length.
fn header(opcode: Opcode, fin: bool, len: usize, masked: bool) -> ([u8; HEADER_ROOM], usize) {
    assert!(
        !opcode.is_control() || (fin && len <= MAX_CONTROL),
        "a control frame is one frame of at most {MAX_CONTROL} bytes"
    );
    let mut header = [0; HEADER_ROOM];
    header[0] = opcode.get() | if fin { 0x80 } else { 0 };
    let (short, size) = if len <= 125 {
        (len as u8, 2)
    } else if let Ok(len) = u16::try_from(len) {
        header[2..4].copy_from_slice(&len.to_be_bytes());
        (126, 4)
    } else {
        header[2..10].copy_from_slice(&(len as u64).to_be_bytes());
        (127, 10)
    };
    header[1] = short | if masked { 0x80 } else { 0 };
    (header, size)
}
