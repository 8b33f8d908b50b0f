//! Requests and answers that are compressed (permessage-deflate), each by itself.
//!
//! The numbers of a sender begin anew after [`NUMBERS`], so that every request is compressed before the run, and
//! every answer inflated once: after that, an answer must have the same bytes.

use std::collections::HashMap;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use crate::tag::{self, Incoming, PLACEHOLDER};
use crate::{Result, ws};

/// How many requests of a sender differ.
pub(crate) const NUMBERS: u32 = 16;

/// The server's level.
const LEVEL: u32 = 2;

/// The end that RFC 7692 removes from each compressed message.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Frames that are sent, by their tags.
pub(crate) struct Outbound {
    frames: HashMap<u64, Vec<u8>>,
    burst: Vec<u8>,
}

impl Outbound {
    /// For the requests of these senders, which have a text with a placeholder.
    pub(crate) fn new(text: &str, senders: usize) -> Outbound {
        let mut stream = Compress::new(Compression::new(LEVEL), false);
        let senders = 0..=u8::try_from(senders - 1).unwrap_or(u8::MAX);
        let tags = senders.flat_map(|sender| (0..NUMBERS).map(move |number| tag::encode(sender, number)));
        let mut frame = |tag| ws::client_frame(ws::PACKED | ws::TEXT, &deflate(&mut stream, &tagged(text, tag)));
        let frames = tags.map(|tag| (tag, frame(tag))).collect();
        Outbound { frames, burst: Vec::new() }
    }

    /// `count` frames, tagged in turn.
    pub(crate) fn tagged(&mut self, count: usize, mut tags: impl FnMut() -> u64) -> &[u8] {
        self.burst.clear();
        for _ in 0..count {
            self.burst.extend_from_slice(&self.frames[&tags()]);
        }
        &self.burst
    }
}

/// Frames that are expected, with any tag.
pub(crate) struct Inbound {
    text: Incoming,
    /// The payloads that were inflated and are correct, with their tags.
    known: HashMap<Vec<u8>, u64>,
    stream: Decompress,
}

impl Inbound {
    pub(crate) fn new(text: &str) -> Inbound {
        Inbound { text: Incoming::new(text.as_bytes()), known: HashMap::new(), stream: Decompress::new(false) }
    }

    /// The tag and the length of the frame, when the bytes begin with a compressed one that is whole.
    pub(crate) fn tag_of(&mut self, bytes: &[u8]) -> Result<Option<(u64, usize)>> {
        let Some(frame) = ws::parse(bytes)? else { return Ok(None) };
        if frame.opcode != ws::whole(ws::PACKED | ws::TEXT) {
            return Ok(None);
        }
        if let Some(tag) = self.known.get(frame.payload) {
            return Ok(Some((*tag, frame.length)));
        }
        let text = inflate(&mut self.stream, frame.payload, self.text.length())?;
        let tag = self.text.tag_of(&text).filter(|_| text.len() == self.text.length());
        let tag = tag.ok_or("a compressed message that is not what was sent")?;
        self.known.insert(frame.payload.to_vec(), tag);
        Ok(Some((tag, frame.length)))
    }
}

fn tagged(text: &str, tag: u64) -> String {
    text.replace(PLACEHOLDER, &String::from_utf8_lossy(&tag.to_le_bytes()))
}

fn deflate(stream: &mut Compress, text: &str) -> Vec<u8> {
    stream.reset();
    let mut payload = Vec::with_capacity(text.len() + 64);
    stream.compress_vec(text.as_bytes(), &mut payload, FlushCompress::Sync).expect("a stream that was reset");
    assert!(payload.ends_with(&TAIL) && stream.total_in() == text.len() as u64, "there was room for all");
    payload.truncate(payload.len() - TAIL.len());
    payload
}

/// Inflates a message of this many bytes. A longer one is cut off one byte after them, so that it is noticed.
fn inflate(stream: &mut Decompress, payload: &[u8], length: usize) -> Result<Vec<u8>> {
    stream.reset(false);
    let mut text = Vec::with_capacity(length + 1);
    for part in [payload, &TAIL] {
        let status = stream.decompress_vec(part, &mut text, FlushDecompress::Sync);
        status.map_err(|why| format!("a message that cannot be inflated: {why}"))?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{Inbound, NUMBERS, Outbound, deflate, tagged};
    use crate::tag::{PLACEHOLDER, encode};
    use crate::{text, ws};
    use flate2::{Compress, Compression};

    fn answer(text: &str) -> Vec<u8> {
        let mut stream = Compress::new(Compression::new(6), false);
        ws::server_frame(ws::PACKED | ws::TEXT, &deflate(&mut stream, text))
    }

    #[test]
    fn what_is_compressed_is_known_by_its_tag() {
        let text = format!("before {} after", text::records(4096));
        let mut inbound = Inbound::new(&text);
        for _ in 0..2 {
            for number in 0..NUMBERS {
                let tag = encode(7, number);
                let frame = answer(&tagged(&text, tag));
                assert!(frame.len() < text.len() / 2);
                assert_eq!(inbound.tag_of(&frame), Ok(Some((tag, frame.len()))));
                assert_eq!(inbound.tag_of(&frame[..frame.len() - 1]), Ok(None), "it is not whole");
            }
        }
        assert_eq!(inbound.tag_of(&ws::server_frame(ws::TEXT, b"plain")), Ok(None));
    }

    #[test]
    fn another_message_is_an_error() {
        let text = text::records(4096);
        let mut inbound = Inbound::new(&text);
        let right = tagged(&text, encode(1, 2));
        for wrong in [right.replacen("total", "totem", 1), format!("{right}."), right[..4000].to_owned()] {
            assert!(inbound.tag_of(&answer(&wrong)).is_err());
        }
        assert!(inbound.tag_of(&ws::server_frame(ws::PACKED | ws::TEXT, b"\xff\xff")).is_err());
        assert!(inbound.tag_of(&answer(&right)).is_ok());
    }

    #[test]
    fn requests_differ_by_sender_and_number() {
        let mut outbound = Outbound::new(PLACEHOLDER, 2);
        let mut tags = [encode(0, 1), encode(1, 15)].into_iter();
        let both = outbound.tagged(2, || tags.next().unwrap()).to_vec();
        let alone = outbound.tagged(1, || encode(1, 15)).to_vec();
        assert!(both.ends_with(&alone) && both.len() > alone.len());
        assert_eq!(outbound.frames.len(), 2 * NUMBERS as usize);
    }
}
