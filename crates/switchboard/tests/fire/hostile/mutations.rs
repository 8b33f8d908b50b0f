//! Mutations of a seed, or of two.
use super::{Input, Kind};
use crate::seed::Rng;

/// A mutation of a seed, or of two.
pub(super) fn mutation(rng: &mut Rng, seeds: &[Input]) -> Input {
    let kind = *rng.pick(&[Kind::Handshake, Kind::Frames, Kind::Envelope]);
    let mut input = loop {
        let seed = rng.pick(seeds);
        // The long ones are about their length.
        if seed.kind == kind && seed.bytes.len() <= 4096 {
            break seed.clone();
        }
    };
    let bytes = &mut input.bytes;
    for _ in 0..1 + rng.below(3) {
        if bytes.is_empty() {
            bytes.push(rng.next() as u8);
        }
        let (one, two) = (rng.below(bytes.len()), rng.below(bytes.len()));
        let (from, to) = (one.min(two), one.max(two) + 1);
        match rng.below(8) {
            0 | 1 => bytes[one] ^= 1 << rng.below(8),
            2 => bytes[one] = rng.next() as u8,
            3 => bytes.truncate(one),
            4 => drop(bytes.drain(from..to.min(from + 16))),
            5 => {
                let piece = bytes[from..to.min(from + 64)].to_vec();
                let times = 1 + rng.below(8);
                let at = rng.below(bytes.len());
                bytes.splice(at..at, piece.repeat(times));
            }
            6 => bytes.insert(one, rng.next() as u8),
            _ => {
                let others: Vec<&Input> = seeds.iter().filter(|other| other.kind == input.kind).collect();
                let other = &rng.pick(&others).bytes;
                let other = &other[..other.len().min(2048)];
                let at = rng.below(other.len() + 1);
                bytes.truncate(one);
                bytes.extend_from_slice(&other[at..]);
            }
        }
    }
    bytes.truncate(8192);
    input
}
