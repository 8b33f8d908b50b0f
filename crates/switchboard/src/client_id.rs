//! Client ids.
use std::cell::RefCell;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// 128 random bits: one connection. Written as `~` and 22 characters of base64url; no room but a client's own has such a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClientId([u64; 2]);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const MARK: u8 = b'~';
const LEN: usize = 22;

/// Ids drawn at once: a system call each would be a noticeable part of a handshake.
const AT_ONCE: usize = 32;

thread_local! {
    static DRAWN: RefCell<Vec<u128>> = const { RefCell::new(Vec::new()) };
}

impl ClientId {
    /// A new id. Errors: the operating system has no random bytes to give.
    pub(crate) fn random() -> Result<ClientId, getrandom::Error> {
        DRAWN.with_borrow_mut(|drawn| {
            if drawn.is_empty() {
                let mut bytes = [[0; 16]; AT_ONCE];
                getrandom::fill(bytes.as_flattened_mut())?;
                drawn.extend(bytes.map(u128::from_ne_bytes));
            }
            Ok(ClientId::of(drawn.pop().ok_or(getrandom::Error::UNEXPECTED)?))
        })
    }

    /// The id that `text` spells; `None` for any other text.
    pub fn parse(text: &str) -> Option<ClientId> {
        let text = text.strip_prefix(char::from(MARK)).filter(|text| text.len() == LEN)?;
        let mut bits = 0u128;
        for (at, byte) in text.bytes().enumerate() {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => return None,
            };
            // 21 characters of 6 bits, then one of 2.
            bits = if at + 1 < LEN { bits << 6 | u128::from(value) } else { bits << 2 | u128::from(value >> 4) };
            if at + 1 == LEN && value & 0b1111 != 0 {
                return None;
            }
        }
        Some(ClientId::of(bits))
    }

    /// Two halves: a `u128` would stand at addresses divisible by 16 only, and cost as much in every map.
    fn of(bits: u128) -> ClientId {
        ClientId([bits as u64, (bits >> 64) as u64])
    }

    fn bits(self) -> u128 {
        u128::from(self.0[1]) << 64 | u128::from(self.0[0])
    }

    pub(crate) fn low(self) -> u64 {
        self.0[0]
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bits, mut text) = (self.bits(), [MARK; LEN + 1]);
        for (at, byte) in text[1..].iter_mut().enumerate() {
            let value = if at + 1 < LEN { bits >> (122 - 6 * at) } else { bits << 4 };
            *byte = ALPHABET[(value & 63) as usize];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for ClientId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Hash for ClientId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.low());
    }
}

/// Ids are random already, so that their low bits are their hash.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

pub(crate) type IdMap<V> = indexmap::IndexMap<ClientId, V, BuildHasherDefault<IdHasher>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for bits in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_0011_2233_4455_6677, 1 << 127] {
            let id = ClientId::of(bits);
            assert_eq!(ClientId::parse(&id.to_string()), Some(id), "{id}");
        }
    }

    #[test]
    fn other_text_is_no_id() {
        for text in
            ["", "lobby", "~", "AAAAAAAAAAAAAAAAAAAAAA", "~AAAAAAAAAAAAAAAAAAAAAB", "~AAAAAAAAAAAAAAAAAAAAA!", "~é"]
        {
            assert_eq!(ClientId::parse(text), None, "{text}");
        }
    }
}
