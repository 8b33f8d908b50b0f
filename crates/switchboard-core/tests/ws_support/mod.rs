//! Streams of frames, and what a decoder makes of them however they arrive.
#![allow(dead_code, unreachable_pub)]
use switchboard_core::ws::{Decoder, FrameLimits, Item, Opcode, Role, Violation, write_frame};

pub const LIMITS: FrameLimits = FrameLimits { max_message: 1000, max_frame: 800, max_fragments: 8 };

/// What came of a stream: its items, and the violation that ended it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub items: Vec<Item<'static>>,
    pub violation: Option<Violation>,
}

/// Feeds `stream` in pieces of these sizes, over and over; what a read leaves unconsumed is not fed again.
pub fn decode(role: Role, stream: &[u8], limits: &FrameLimits, sizes: impl IntoIterator<Item = usize>) -> Outcome {
    let mut decoder = Decoder::new(role);
    let mut outcome = Outcome { items: Vec::new(), violation: None };
    let mut bytes = stream.to_vec();
    let mut rest = bytes.as_mut_slice();
    let mut sizes = sizes.into_iter();
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(rest.len()).clamp(1, rest.len());
        let (mut read, after) = rest.split_at_mut(size);
        rest = after;
        loop {
            match decoder.decode(read, limits) {
                Ok(decoded) => {
                    let (consumed, ends) = (decoded.consumed, decoded.item.is_none());
                    outcome.items.extend(decoded.item.map(Item::into_owned));
                    if ends {
                        assert_eq!(consumed, read.len(), "without an item, all of the input is consumed");
                        break;
                    }
                    read = &mut read[consumed..];
                }
                Err(violation) => {
                    assert!(!decoder.is_partial() && decoder.buffered() == 0, "a violation holds nothing");
                    assert!(Violation::ALL.contains(&violation));
                    outcome.violation = Some(violation);
                    return outcome;
                }
            }
        }
        assert!(decoder.buffered() <= limits.max_message.saturating_add(125), "holds {}", decoder.buffered());
        assert!(decoder.is_partial() || decoder.buffered() == 0);
    }
    outcome
}

/// The outcome of a stream, which is the same whole and byte by byte.
pub fn outcome(role: Role, stream: &[u8]) -> Outcome {
    let whole = decode(role, stream, &LIMITS, []);
    assert_eq!(whole, decode(role, stream, &LIMITS, std::iter::repeat(1)), "whole and byte by byte: {stream:?}");
    whole
}

/// A masked frame, as a client sends it.
pub fn masked(opcode: Opcode, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_frame(&mut out, opcode, fin, payload, Some([0xA1, 0x02, 0xF3, 0x44]));
    out
}

/// A frame of any bits: first byte, the length field as written, the payload, masked when `key` is given.
pub fn raw(first: u8, len: Len, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let mask = if key.is_some() { 0x80 } else { 0 };
    let mut out = vec![first];
    match len {
        Len::Byte(len) => out.push(mask | len),
        Len::Two(len) => {
            out.push(mask | 126);
            out.extend_from_slice(&len.to_be_bytes());
        }
        Len::Eight(len) => {
            out.push(mask | 127);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
    out.extend_from_slice(&key.unwrap_or_default()[..if key.is_some() { 4 } else { 0 }]);
    out.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ key.map_or(0, |key| key[i % 4])));
    out
}

/// A length field.
#[derive(Clone, Copy, Debug)]
pub enum Len {
    Byte(u8),
    Two(u16),
    Eight(u64),
}

/// A small generator of numbers, the same for the same seed (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}
