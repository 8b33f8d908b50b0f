//! Base64, as polling needs it for bytes.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let three = chunk.iter().chain(&[0; 2]).take(3).fold(0u32, |sum, &byte| sum << 8 | u32::from(byte));
        for place in 0..4 {
            let digit = three >> (18 - 6 * place) & 63;
            text.push(if place > chunk.len() { '=' } else { char::from(ALPHABET[digit as usize]) });
        }
    }
    text
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut sum) = (Vec::new(), 0, 0u32);
    let mut values = [u32::MAX; 256];
    (0..).zip(ALPHABET).for_each(|(value, digit)| values[usize::from(*digit)] = value);
    for digit in text.trim_end_matches('=').bytes() {
        let value = values[usize::from(digit)];
        assert!(value < 64, "base64");
        (bits, sum) = (bits + 6, sum << 6 | value);
        if bits >= 8 {
            bits -= 8;
            bytes.push((sum >> bits & 255) as u8);
        }
    }
    bytes
}
