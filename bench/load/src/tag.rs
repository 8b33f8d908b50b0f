//! Messages that differ in eight characters: the sender and the number. Everything else is encoded once.

use crate::ws::MASK;

pub(crate) const LENGTH: usize = 8;

/// The placeholder of the tag while a message is built.
pub(crate) const PLACEHOLDER: &str = "@TAGTAG@";

/// A character is one of `@` to `O`, for a nibble.
const BASE: u64 = 0x4040_4040_4040_4040;

/// A sender's numbers start again after this many.
pub(crate) const NUMBERS: u32 = 1 << 24;

/// `sender` and a number below [`NUMBERS`], as eight characters of text.
pub(crate) fn encode(sender: u8, number: u32) -> u64 {
    let mut x = u64::from(sender) | u64::from(number) << 8 & 0xffff_ff00;
    x = (x | x << 16) & 0x0000_ffff_0000_ffff;
    x = (x | x << 8) & 0x00ff_00ff_00ff_00ff;
    x = (x | x << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    x | BASE
}

/// The sender and the number. `None`: it is not a tag.
pub(crate) fn decode(tag: u64) -> Option<(u8, u32)> {
    let mut x = tag ^ BASE;
    if x & 0xf0f0_f0f0_f0f0_f0f0 != 0 {
        return None;
    }
    x = (x | x >> 4) & 0x00ff_00ff_00ff_00ff;
    x = (x | x >> 8) & 0x0000_ffff_0000_ffff;
    x |= x >> 16;
    Some((x as u8, (x as u32) >> 8))
}

/// A frame that is sent, once or several times in a row, with another tag each time.
pub(crate) struct Outgoing {
    burst: Vec<u8>,
    length: usize,
    at: usize,
    /// What the tag is masked with.
    mask: u64,
}

impl Outgoing {
    /// Room for `burst` frames like this one, in which the placeholder is found under its mask.
    pub(crate) fn new(frame: &[u8], is_masked: bool, burst: usize) -> Outgoing {
        let masks = if is_masked { 0..MASK.len() } else { 0..0 };
        let masks = masks.map(|turn| u64::from_le_bytes(std::array::from_fn(|i| MASK[(turn + i) % MASK.len()])));
        let placeholder = u64::from_le_bytes(*PLACEHOLDER.as_bytes().first_chunk().expect("eight characters"));
        let found = masks.chain([0]).find_map(|mask| Some((find(frame, placeholder ^ mask)?, mask)));
        let (at, mask) = found.expect("a frame with a placeholder");
        Outgoing { burst: frame.repeat(burst), length: frame.len(), at, mask }
    }

    /// `count` frames, tagged in turn.
    pub(crate) fn tagged(&mut self, count: usize, mut tags: impl FnMut() -> u64) -> &[u8] {
        let burst = &mut self.burst[..count * self.length];
        for frame in burst.chunks_exact_mut(self.length) {
            frame[self.at..self.at + LENGTH].copy_from_slice(&(tags() ^ self.mask).to_le_bytes());
        }
        burst
    }
}

/// A frame that is expected, with any tag.
pub(crate) struct Incoming {
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Incoming {
    pub(crate) fn new(frame: &[u8]) -> Incoming {
        let placeholder = u64::from_le_bytes(*PLACEHOLDER.as_bytes().first_chunk().expect("eight characters"));
        let at = find(frame, placeholder).expect("a frame with a placeholder");
        Incoming { before: frame[..at].to_vec(), after: frame[at + LENGTH..].to_vec() }
    }

    pub(crate) fn length(&self) -> usize {
        self.before.len() + LENGTH + self.after.len()
    }

    /// The tag, when the bytes begin with this frame.
    #[inline]
    pub(crate) fn tag_of(&self, bytes: &[u8]) -> Option<u64> {
        let (tag, rest) = bytes.strip_prefix(&self.before[..])?.split_first_chunk()?;
        rest.starts_with(&self.after).then_some(u64::from_le_bytes(*tag))
    }
}

fn find(frame: &[u8], tag: u64) -> Option<usize> {
    frame.windows(LENGTH).position(|window| window == tag.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::{Incoming, Outgoing, PLACEHOLDER, decode, encode};
    use crate::ws::{TEXT, client_frame, server_frame};

    #[test]
    fn a_tag_is_text_and_comes_back() {
        for (sender, number) in [(0, 0), (255, 0x00ff_ffff), (7, 1), (0x5a, 0x0012_3456)] {
            let tag = encode(sender, number);
            assert!(tag.to_le_bytes().iter().all(u8::is_ascii_graphic));
            assert_eq!(decode(tag), Some((sender, number)));
        }
        assert_eq!(decode(u64::from_le_bytes(*b"@@@@@@@a")), None);
        assert_eq!(encode(1, 0x0100_0002), encode(1, 2), "numbers begin anew");
    }

    #[test]
    fn tags_are_put_under_the_mask() {
        for prefix in ["", "a", "ab", "abc"] {
            let text = |tag: &[u8]| [prefix.as_bytes(), tag, b" end"].concat();
            let plain = text(PLACEHOLDER.as_bytes());
            let mut outgoing = Outgoing::new(&client_frame(TEXT, &plain), true, 2);
            let mut tags = [encode(3, 4), encode(3, 5)].into_iter();
            let expected = [encode(3, 4), encode(3, 5)].map(|tag| client_frame(TEXT, &text(&tag.to_le_bytes())));
            assert_eq!(outgoing.tagged(2, || tags.next().unwrap()), expected.concat());

            let incoming = Incoming::new(&server_frame(TEXT, &plain));
            let frame = server_frame(TEXT, &text(&encode(9, 8).to_le_bytes()));
            assert_eq!((incoming.tag_of(&frame), incoming.length()), (Some(encode(9, 8)), frame.len()));
            assert_eq!(incoming.tag_of(&frame[..frame.len() - 1]), None);
        }
    }
}
