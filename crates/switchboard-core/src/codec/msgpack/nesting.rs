//! A search for private keys. Whether a text is a key depends on the arrays and maps that are open around it.
use super::reader::{Part, Reader, Token};
use crate::codec::private::is_private;

impl Part<'_> {
    /// True if some map in it, at any depth, has a key that is [private](crate::codec::private), as a text or as bytes.
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
    // The innermost open array or map. It is pushed to `open` when another one begins in it.
    let mut inner = Container { awaited: 1, is_map: false };
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
            Some(Token::Array(values)) => Container { awaited: values.into(), is_map: false },
            Some(Token::Map(keys)) => Container { awaited: 2 * u64::from(keys), is_map: true },
            Some(_) => continue,
            None => return false,
        };
        // A container that has nothing left need not be kept.
        if inner.awaited > 0 {
            open.push(inner);
        }
        inner = begun;
    }
}

/// An open array or map.
struct Container {
    /// How many values are still to come; a key and its value are two.
    awaited: u64,
    is_map: bool,
}

/// The containers around the innermost one. Each takes as few bytes as its count needs, so that together they take no more memory than
/// their heads do in the input.
#[derive(Default)]
struct Open(Vec<u8>);

impl Open {
    /// Appends seven bits in each byte, the highest first. Every byte but the first has its top bit set, so that the number can be read
    /// backwards.
    fn push(&mut self, container: Container) {
        let mut rest = container.awaited << 1 | u64::from(container.is_map);
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

    fn pop(&mut self) -> Option<Container> {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = self.0.pop()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Some(Container { awaited: value >> 1, is_map: value & 1 == 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_come_back_in_reverse_order() {
        let mut open = Open::default();
        let counts = [0, 1, 63, 64, 127, 128, 8191, 8192, 1 << 20, u64::from(u32::MAX), 2 * u64::from(u32::MAX)];
        for (awaited, is_map) in counts.into_iter().flat_map(|count| [(count, false), (count, true)]) {
            open.push(Container { awaited, is_map });
        }
        for (awaited, is_map) in counts.into_iter().flat_map(|count| [(count, false), (count, true)]).rev() {
            let container = open.pop().unwrap();
            assert_eq!((container.awaited, container.is_map), (awaited, is_map));
        }
        assert!(open.pop().is_none());
    }
}
