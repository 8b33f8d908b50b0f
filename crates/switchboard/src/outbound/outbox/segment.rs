//! The pieces of memory in which frames wait.
use crate::outbound::frame::{Frame, Shared};
use std::sync::Arc;
use switchboard_core::ws;

/// A contiguous piece of memory with one or more frames.
pub(super) enum Segment {
    /// Short frames, copied one after the other.
    Copied(Vec<u8>),
    /// A frame that other outboxes may hold as well.
    Shared(Arc<Shared>),
    /// A frame that may be dropped while nothing of it is written.
    Volatile(Box<Volatile>),
}

pub(super) struct Volatile {
    pub(super) bytes: Vec<u8>,
    /// See [`Frame::messages`](crate::outbound::Frame).
    pub(super) messages: u32,
    pub(super) key: Option<Box<str>>,
}

impl Volatile {
    pub(super) fn new(frame: &Frame<'_>, key: Option<&str>) -> Volatile {
        Volatile { bytes: frame.bytes.to_vec(), messages: frame.messages, key: key.map(Into::into) }
    }
}

impl Segment {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Segment::Copied(bytes) => bytes,
            Segment::Shared(shared) => &shared.bytes,
            Segment::Volatile(volatile) => &volatile.bytes,
        }
    }

    /// Bytes and messages that may be dropped: none of a segment that is not volatile.
    pub(super) fn volatile(&self) -> (usize, usize) {
        match self {
            Segment::Copied(_) | Segment::Shared(_) => (0, 0),
            Segment::Volatile(volatile) => (volatile.bytes.len(), volatile.messages as usize),
        }
    }
}

/// True for the first byte of a frame that carries data (RFC 6455 §5.2: control frames have the top bit of the opcode).
pub(super) fn is_data(first: u8) -> bool {
    first & 0x08 == 0
}

/// The number of complete data frames at the beginning of these bytes.
pub(super) fn data_frames(mut frames: &[u8]) -> u32 {
    let mut count = 0;
    while let Some(len) = ws::frame_len(frames).filter(|len| *len <= frames.len()) {
        count += u32::from(is_data(frames[0]));
        frames = &frames[len..];
    }
    count
}
