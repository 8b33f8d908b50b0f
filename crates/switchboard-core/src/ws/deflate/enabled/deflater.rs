//! Compressing messages: the deflaters of a thread.
use super::TAIL;
use crate::ws::{HEADER_ROOM, Opcode, finish_frame, payload};
use flate2::{Compress, Compression, FlushCompress};
use std::cell::RefCell;

/// The bit of a frame's first byte that marks its message as compressed (RFC 7692 §6).
const RSV1: u8 = 0x40;

thread_local! {
    /// One for each compression level in use, because setting one up costs more than compressing a message.
    static DEFLATERS: RefCell<Vec<(u8, Compress)>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn compress(frame: &[u8], level: u8, out: &mut Vec<u8>) -> Option<usize> {
    let opcode = Opcode::of(*frame.first()?).filter(|opcode| !opcode.is_control())?;
    let payload = payload(frame)?;
    let level = level.clamp(1, 9);
    DEFLATERS.with_borrow_mut(|deflaters| {
        let at = deflaters.iter().position(|(known, _)| *known == level).unwrap_or_else(|| {
            deflaters.push((level, Compress::new(Compression::new(level.into()), false)));
            deflaters.len() - 1
        });
        out.resize(HEADER_ROOM + payload.len() + TAIL.len(), 0);
        let len = deflate(&mut deflaters[at].1, payload, &mut out[HEADER_ROOM..])?;
        out.truncate(HEADER_ROOM + len);
        let start = finish_frame(out, 0, opcode);
        out[start] |= RSV1;
        Some(start)
    })
}

/// The length of the compressed payload without its tail; `None` if it is not shorter than the original.
fn deflate(stream: &mut Compress, payload: &[u8], out: &mut [u8]) -> Option<usize> {
    stream.reset();
    stream.compress(payload, out, FlushCompress::Sync).ok()?;
    let (read, written) = (stream.total_in() as usize, stream.total_out() as usize);
    // A full buffer means that there may be more output.
    let whole = read == payload.len() && written < out.len() && out[..written].ends_with(&TAIL);
    let len = written.checked_sub(TAIL.len())?;
    (whole && len < payload.len()).then_some(len)
}
