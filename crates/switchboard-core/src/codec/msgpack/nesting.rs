//! Which texts of a value are keys: the question needs to know what is open.
use super::reader::{Part, Reader, Token};
use crate::codec::private::is_private;

impl Part<'_> {
    /// True where some map in it, at any depth, has a key that is [private](crate::codec::private), as a text or as bytes.
    #[inline]
    pub(super) fn has_private_key(&self) -> bool {
        self.may_be_private && search(self.bytes)
    }
}

#[cold]
#[inline(never)]
fn search(value: &[u8]) -> bool {
    let mut reader = Reader::new(value);
    let mut open = Open::default();
    // What is still to come in the innermost array or map, which comes last in `open` when another one begins in it.
    let mut inner = Level { awaited: 1, is_map: false };
    loop {
        while inner.awaited == 0 {
            match open.pop() {
                Some(outer) => inner = outer,
                None => return false,
            }
        }
        let is_key = inner.is_map && inner.awaited.is_multiple_of(2);
        inner.awaited -= 1;
        let begun = match reader.token() {
            Some(Token::Text(text)) if is_key && is_private(text.as_bytes()) => return true,
            Some(Token::Bytes(bytes)) if is_key && is_private(bytes) => return true,
            Some(Token::Array(values)) => Level { awaited: values.into(), is_map: false },
            Some(Token::Map(keys)) => Level { awaited: 2 * u64::from(keys), is_map: true },
            Some(_) => continue,
            None => return false,
        };
        // One in which nothing more comes needs not be kept.
        if inner.awaited > 0 {
            open.push(inner);
        }
        inner = begun;
    }
}

struct Level {
    awaited: u64,
    is_map: bool,
}

/// The levels that are open, each in as few bytes as its count has: together they take no more memory than the heads that they come
/// from.
#[derive(Default)]
struct Open(Vec<u8>);

impl Open {
    /// Seven bits a byte, the highest first; every byte but the first has a mark, so that it can be read backwards.
    fn push(&mut self, level: Level) {
        let mut rest = level.awaited << 1 | u64::from(level.is_map);
        let mut bytes = [0; 10];
        let mut first = bytes.len();
        loop {
            first -= 1;
            bytes[first] = (rest & 0x7f) as u8 | 0x80;
            rest >>= 7;
            if rest == 0 {
                break;
            }
        }
        bytes[first] &= 0x7f;
        self.0.extend_from_slice(&bytes[first..]);
    }

    fn pop(&mut self) -> Option<Level> {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = self.0.pop()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Some(Level { awaited: value >> 1, is_map: value & 1 == 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_come_back_in_turn() {
        let mut open = Open::default();
        let counts = [0, 1, 63, 64, 127, 128, 8191, 8192, 1 << 20, u64::from(u32::MAX), 2 * u64::from(u32::MAX)];
        for (awaited, is_map) in counts.into_iter().flat_map(|count| [(count, false), (count, true)]) {
            open.push(Level { awaited, is_map });
        }
        for (awaited, is_map) in counts.into_iter().flat_map(|count| [(count, false), (count, true)]).rev() {
            let level = open.pop().unwrap();
            assert_eq!((level.awaited, level.is_map), (awaited, is_map));
        }
        assert!(open.pop().is_none());
    }
}
