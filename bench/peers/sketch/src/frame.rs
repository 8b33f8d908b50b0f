//! Frames, whole messages only.

use serde::Serialize;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;

/// Encodes a text frame in place: room for the header is left before the payload, then filled in.
pub(crate) fn encode(out: &mut Vec<u8>, value: &impl Serialize) {
    let at = out.len();
    out.extend_from_slice(&[0x80 | TEXT, 0]);
    serde_json::to_writer(&mut *out, value).expect("it has no maps with odd keys");
    let length = out.len() - at - 2;
    if length < 126 {
        out[at + 1] = length as u8;
    } else {
        out[at + 1] = 126;
        out.splice(at + 2..at + 2, (length as u16).to_be_bytes());
    }
}

/// Passes on the text of every whole frame, and returns how many bytes they took. `None`: the connection must end.
pub(crate) fn each(bytes: &mut [u8], mut handle: impl FnMut(&str) -> Option<()>) -> Option<usize> {
    let mut at = 0;
    loop {
        let frame = &mut bytes[at..];
        if frame.len() < 2 {
            return Some(at);
        }
        if frame[1] & 0x80 == 0 || frame[0] & 0x70 != 0 {
            return None;
        }
        let (head, length) = match frame[1] & 0x7f {
            126 if frame.len() < 4 => return Some(at),
            126 => (8, usize::from(u16::from_be_bytes([frame[2], frame[3]]))),
            127 => return None,
            length => (6, usize::from(length)),
        };
        if frame.len() < head + length {
            return Some(at);
        }
        let mask = [frame[head - 4], frame[head - 3], frame[head - 2], frame[head - 1]];
        let opcode = frame[0] & 15;
        let payload = &mut frame[head..head + length];
        unmask(payload, mask);
        match opcode {
            TEXT => {
                handle(simdutf8::basic::from_utf8(payload).ok()?);
            }
            CLOSE => return None,
            _ => {}
        }
        at += head + length;
    }
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let word = u64::from(u32::from_ne_bytes(mask));
    let word = word << 32 | word;
    let (chunks, rest) = payload.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}
