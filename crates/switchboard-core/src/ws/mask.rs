//! Masking (RFC 6455 §5.3): `payload[i] ^= key[i % 4]`, eight bytes at a time.

/// Masks or unmasks (the same operation) a piece of a payload that begins at `offset` in it.
///
/// # Examples
/// ```
/// use switchboard_core::ws::apply_mask;
///
/// let mut payload = *b"hello";
/// apply_mask(&mut payload, [1, 2, 3, 4], 0);
/// apply_mask(&mut payload[..2], [1, 2, 3, 4], 0);
/// apply_mask(&mut payload[2..], [1, 2, 3, 4], 2);
/// assert_eq!(&payload, b"hello");
/// ```
#[inline]
pub fn apply_mask(payload: &mut [u8], mut key: [u8; 4], offset: usize) {
    key.rotate_left(offset % 4);
    let [a, b, c, d] = key;
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = payload.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key.into_iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(payload: &mut [u8], key: [u8; 4], offset: usize) {
        for (i, byte) in payload.iter_mut().enumerate() {
            *byte ^= key[(i + offset) % 4];
        }
    }

    #[test]
    fn every_length_offset_and_alignment_equals_the_definition() {
        let bytes: Vec<u8> = (0..200).map(|i| (i * 37 + 11) as u8).collect();
        for key in [[0; 4], [255; 4], [1, 2, 3, 4], [0x80, 0, 0x7F, 0xFF]] {
            for start in 0..9 {
                for len in 0..100 {
                    for offset in [0, 1, 2, 3, 4, 5, 6, 7, 1001, usize::MAX - 200] {
                        let (mut ours, mut plain) = (bytes.clone(), bytes.clone());
                        apply_mask(&mut ours[start..start + len], key, offset);
                        naive(&mut plain[start..start + len], key, offset);
                        assert_eq!(ours, plain, "key {key:?} start {start} len {len} offset {offset}");
                    }
                }
            }
        }
    }
}
