//! MessagePack, one token at a time.
use rmp::Marker;
use serde::de::Unexpected;

use crate::codec::envelope::MAX_KEYS;
use crate::codec::private::is_private;

/// A scalar value, or the head of an array or map.
#[derive(Clone, Copy, Debug)]
pub(super) enum Token<'a> {
    Nil,
    Bool(bool),
    /// An integer of any width.
    Unsigned(u64),
    /// A negative integer.
    Signed(i64),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// An array; this many values follow.
    Array(u32),
    /// A map; this many keys follow, each with its value.
    Map(u32),
    Ext(i8, &'a [u8]),
}

impl Token<'_> {
    /// The value for serde's error texts. A text is left out, so that an error never repeats it.
    pub(super) fn unexpected(self) -> Unexpected<'static> {
        match self {
            Token::Nil => Unexpected::Unit,
            Token::Bool(value) => Unexpected::Bool(value),
            Token::Unsigned(value) => Unexpected::Unsigned(value),
            Token::Signed(value) => Unexpected::Signed(value),
            Token::Float(value) => Unexpected::Float(value),
            Token::Text(_) => Unexpected::Other("text"),
            Token::Bytes(_) => Unexpected::Other("bytes"),
            Token::Array(_) => Unexpected::Seq,
            Token::Map(_) => Unexpected::Map,
            Token::Ext(..) => Unexpected::Other("extension"),
        }
    }
}

/// One complete value, checked.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) bytes: &'a [u8],
    /// True if some map in it has too many keys.
    pub(super) is_overfull: bool,
    /// True if some text or bytes in it would be [private](crate::codec::private) if they were a key.
    pub(super) may_be_private: bool,
}

/// The bytes that are not read yet.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn is_at_nil(&self) -> bool {
        self.rest.first() == Some(&Marker::Null.to_u8())
    }

    /// `None` when the input is cut off, is not MessagePack, or is a text that is not UTF-8.
    #[inline]
    pub(super) fn token(&mut self) -> Option<Token<'a>> {
        let [marker] = self.take()?;
        Some(match Marker::from_u8(marker) {
            Marker::FixPos(value) => Token::Unsigned(value.into()),
            Marker::FixNeg(value) => Token::Signed(value.into()),
            Marker::Null => Token::Nil,
            Marker::True => Token::Bool(true),
            Marker::False => Token::Bool(false),
            Marker::U8 => Token::Unsigned(u8::from_be_bytes(self.take()?).into()),
            Marker::U16 => Token::Unsigned(u16::from_be_bytes(self.take()?).into()),
            Marker::U32 => Token::Unsigned(u32::from_be_bytes(self.take()?).into()),
            Marker::U64 => Token::Unsigned(u64::from_be_bytes(self.take()?)),
            Marker::I8 => integer(i8::from_be_bytes(self.take()?).into()),
            Marker::I16 => integer(i16::from_be_bytes(self.take()?).into()),
            Marker::I32 => integer(i32::from_be_bytes(self.take()?).into()),
            Marker::I64 => integer(i64::from_be_bytes(self.take()?)),
            Marker::F32 => Token::Float(f32::from_be_bytes(self.take()?).into()),
            Marker::F64 => Token::Float(f64::from_be_bytes(self.take()?)),
            Marker::FixStr(length) => self.text(length.into())?,
            Marker::Str8 => self.length8().and_then(|length| self.text(length))?,
            Marker::Str16 => self.length16().and_then(|length| self.text(length))?,
            Marker::Str32 => self.length32().and_then(|length| self.text(length))?,
            Marker::Bin8 => self.length8().and_then(|length| self.bytes(length)).map(Token::Bytes)?,
            Marker::Bin16 => self.length16().and_then(|length| self.bytes(length)).map(Token::Bytes)?,
            Marker::Bin32 => self.length32().and_then(|length| self.bytes(length)).map(Token::Bytes)?,
            Marker::FixArray(count) => Token::Array(count.into()),
            Marker::Array16 => Token::Array(self.length16()?),
            Marker::Array32 => Token::Array(self.length32()?),
            Marker::FixMap(count) => Token::Map(count.into()),
            Marker::Map16 => Token::Map(self.length16()?),
            Marker::Map32 => Token::Map(self.length32()?),
            Marker::FixExt1 => self.ext(1)?,
            Marker::FixExt2 => self.ext(2)?,
            Marker::FixExt4 => self.ext(4)?,
            Marker::FixExt8 => self.ext(8)?,
            Marker::FixExt16 => self.ext(16)?,
            Marker::Ext8 => self.length8().and_then(|length| self.ext(length))?,
            Marker::Ext16 => self.length16().and_then(|length| self.ext(length))?,
            Marker::Ext32 => self.length32().and_then(|length| self.ext(length))?,
            Marker::Reserved => return None,
        })
    }

    /// The next complete value, however deep it is nested: it only counts how many values are still to come.
    ///
    /// `None` as for [`token`](Reader::token); a count beyond the input ends it at once.
    pub(super) fn skip(&mut self) -> Option<Part<'a>> {
        let start = self.rest;
        let (mut is_overfull, mut may_be_private) = (false, false);
        let mut awaited: u64 = 1;
        while awaited > 0 {
            awaited -= 1;
            match self.token()? {
                Token::Array(values) => awaited += u64::from(values),
                Token::Map(keys) => {
                    awaited += 2 * u64::from(keys);
                    is_overfull |= keys as usize > MAX_KEYS;
                }
                Token::Text(text) => may_be_private |= is_private(text.as_bytes()),
                Token::Bytes(bytes) => may_be_private |= is_private(bytes),
                _ => {}
            }
            // Each value has at least one byte.
            if awaited > self.rest.len() as u64 {
                return None;
            }
        }
        Some(Part { bytes: &start[..start.len() - self.rest.len()], is_overfull, may_be_private })
    }

    #[inline]
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }

    fn length8(&mut self) -> Option<u32> {
        self.take().map(u8::from_be_bytes).map(u32::from)
    }

    fn length16(&mut self) -> Option<u32> {
        self.take().map(u16::from_be_bytes).map(u32::from)
    }

    fn length32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    #[inline]
    fn bytes(&mut self, length: u32) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length as usize)?;
        self.rest = rest;
        Some(taken)
    }

    #[inline]
    fn text(&mut self, length: u32) -> Option<Token<'a>> {
        simdutf8::basic::from_utf8(self.bytes(length)?).ok().map(Token::Text)
    }

    fn ext(&mut self, length: u32) -> Option<Token<'a>> {
        let kind = i8::from_be_bytes(self.take()?);
        Some(Token::Ext(kind, self.bytes(length)?))
    }
}

/// The integer that a float is, if it is a whole number within 2^53, up to which an `f64` holds every integer.
pub(super) fn whole<'a>(value: f64) -> Option<Token<'a>> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (value.abs() <= EXACT && value.trunc() == value).then(|| integer(value as i64))
}

fn integer<'a>(value: i64) -> Token<'a> {
    u64::try_from(value).map_or(Token::Signed(value), Token::Unsigned)
}
