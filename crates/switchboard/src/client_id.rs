//! Client ids.
use crate::ClientIdText;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::str::FromStr;

/// The id of one connection: 128 random bits, written as `~` and 22 characters of base64url. Only the client's own room has such a name.
///
/// ```
/// use switchboard::ClientId;
///
/// let id: ClientId = "~AAAAAAAAAAAAAAAAAAAAAA".parse()?;
/// assert_eq!(id.to_string(), "~AAAAAAAAAAAAAAAAAAAAAA");
/// assert!("lobby".parse::<ClientId>().is_err());
/// # Ok::<(), switchboard::InvalidClientId>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClientId([u64; 2]);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const MARK: u8 = b'~';
/// The characters after the mark.
const LEN: usize = ClientIdText::LEN - 1;

/// Ids drawn at once, because a system call for each would be a noticeable part of a handshake.
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

    /// The id with this text, as [`FromStr`] reads it; `None` when the text is not an id.
    pub(crate) fn parse(text: &str) -> Option<ClientId> {
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

    /// The id as text, where a `&str` is needed; `to_string` and `Display` write the same.
    ///
    /// An id is stored as 16 bytes, so each call makes the text.
    pub fn as_text(&self) -> ClientIdText {
        let (bits, mut text) = (self.bits(), [MARK; ClientIdText::LEN]);
        for (at, byte) in text[1..].iter_mut().enumerate() {
            let value = if at + 1 < LEN { bits >> (122 - 6 * at) } else { bits << 4 };
            *byte = ALPHABET[(value & 63) as usize];
        }
        ClientIdText::new(text)
    }

    /// Two halves, because a `u128` is aligned to 16 bytes, which would cost as much again in every map.
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

/// Text that is not the id of a client: an id is `~` and 22 characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidClientId;

impl fmt::Display for InvalidClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the id of a client is `~` and 22 characters of base64url")
    }
}

impl std::error::Error for InvalidClientId {}

impl FromStr for ClientId {
    type Err = InvalidClientId;

    fn from_str(text: &str) -> Result<ClientId, InvalidClientId> {
        ClientId::parse(text).ok_or(InvalidClientId)
    }
}

/// Orders ids by their number, for sorted maps. It is not the order in which clients connected.
impl Ord for ClientId {
    fn cmp(&self, other: &ClientId) -> Ordering {
        self.bits().cmp(&other.bits())
    }
}

impl PartialOrd for ClientId {
    fn partial_cmp(&self, other: &ClientId) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_text(), f)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ClientId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.as_text())
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ClientId, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = ClientId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of a client")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ClientId, E> {
                ClientId::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl Hash for ClientId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.low());
    }
}

/// Uses the low bits of an id as its hash: ids are random already.
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

    const BITS: [u128; 5] = [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_0011_2233_4455_6677, 1 << 127];

    #[test]
    fn what_is_written_is_read_back() {
        for bits in BITS {
            let id = ClientId::of(bits);
            assert_eq!(id.to_string().parse(), Ok(id), "{id}");
            assert_eq!(id.as_text().parse(), Ok(id), "{id}");
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(json, format!("\"{id}\""));
            assert_eq!(serde_json::from_str::<ClientId>(&json).unwrap(), id);
            assert_eq!(serde_json::from_value::<ClientId>(serde_json::Value::from(id.to_string())).unwrap(), id);
        }
    }

    #[test]
    fn other_text_is_no_id() {
        for text in
            ["", "lobby", "~", "AAAAAAAAAAAAAAAAAAAAAA", "~AAAAAAAAAAAAAAAAAAAAAB", "~AAAAAAAAAAAAAAAAAAAAA!", "~é"]
        {
            assert_eq!(text.parse::<ClientId>(), Err(InvalidClientId), "{text}");
            assert!(serde_json::from_value::<ClientId>(text.into()).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<ClientId>("7").is_err());
    }

    #[test]
    fn ids_are_in_the_order_of_their_numbers() {
        let mut ids = BITS.map(ClientId::of);
        ids.sort();
        let mut bits = BITS;
        bits.sort();
        assert_eq!(ids, bits.map(ClientId::of));
    }

    #[test]
    fn the_text_is_padded_as_texts_are() {
        let id = ClientId::of(0);
        assert_eq!(format!("{id:>25}"), format!("  {id}"));
        assert_eq!(AsRef::<str>::as_ref(&id.as_text()), id.to_string());
        assert_eq!(format!("{:?}", id.as_text()), format!("\"{id}\""));
    }
}
