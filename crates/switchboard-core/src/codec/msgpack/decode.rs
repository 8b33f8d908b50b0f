//! Decoding, client to server: one pass over the bytes; all parts are borrowed from them.
use std::borrow::Cow;

use super::raw::Raw;
use super::reader::{Part, Reader, Token, whole};
use crate::codec::Rejected;
use crate::codec::envelope::{Envelope, Key, MAX_KEYS, Value};
use crate::codec::fault::Fault;
use crate::{Id, Incoming};

/// Decodes a frame of the native protocol.
///
/// The payload is only validated to be MessagePack, at any depth, without recursion. Nothing is allocated.
///
/// `data`, `meta`, `id` and `error` that are nil count as missing; unknown keys are ignored. A key is a `str`; an `id` is an
/// integer of any width, a float that is a whole number within 2^53, or a `str`.
///
/// Errors: [`Rejected`], for a frame that is not exactly one message of a kind that is accepted here.
pub fn decode(bytes: &[u8]) -> Result<Incoming<'_, Raw<'_>>, Rejected<'_>> {
    read(Envelope::new(false), bytes)
}

/// [`decode`] for gateways that also accept the frames of message patterns.
///
/// Errors: those of [`decode`].
pub fn decode_with_patterns(bytes: &[u8]) -> Result<Incoming<'_, Raw<'_>>, Rejected<'_>> {
    read(Envelope::new(true), bytes)
}

fn read<'a>(mut envelope: Envelope<Part<'a>>, bytes: &'a [u8]) -> Result<Incoming<'a, Raw<'a>>, Rejected<'a>> {
    let filled = fill(&mut envelope, bytes);
    envelope.finish(filled)
}

fn fill<'a>(envelope: &mut Envelope<Part<'a>>, bytes: &'a [u8]) -> Result<(), Fault> {
    let mut reader = Reader::new(bytes);
    let keys = match reader.token() {
        Some(Token::Map(keys)) => keys as usize,
        Some(_) => return Err(Fault::NotMap),
        None => return Err(Fault::NotMsgpack),
    };
    for read in 0..keys {
        if read == MAX_KEYS {
            return Err(Fault::TooManyKeys);
        }
        let key = match reader.token() {
            Some(Token::Text(word)) => Key::of(word),
            Some(_) => return Err(Fault::KeyNotText),
            None => return Err(Fault::NotMsgpack),
        };
        let value = reader.skip().ok_or(Fault::NotMsgpack)?;
        envelope.put(key, key.has_value().then_some(value));
    }
    if reader.is_empty() { Ok(()) } else { Err(Fault::NotMsgpack) }
}

impl<'a> Part<'a> {
    fn token(self) -> Option<Token<'a>> {
        Reader::new(self.bytes).token()
    }
}

impl<'a> Value<'a> for Part<'a> {
    type Data = Raw<'a>;

    fn is_null(self) -> bool {
        Reader::new(self.bytes).is_at_nil()
    }

    fn data(self) -> Result<Option<Raw<'a>>, Fault> {
        if self.is_overfull {
            return Err(Fault::TooManyKeys);
        }
        if self.has_private_key() {
            return Err(Fault::PrivateKey);
        }
        Ok((!Reader::new(self.bytes).is_at_nil()).then_some(Raw::checked(self.bytes)))
    }

    fn text(self) -> Option<Cow<'a, str>> {
        match self.token() {
            Some(Token::Text(text)) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    fn id(self) -> Result<Option<Id<'a>>, Fault> {
        match self.token() {
            Some(Token::Nil) => Ok(None),
            Some(Token::Unsigned(number)) => Id::number(number).map(Some).ok_or(Fault::Id),
            // JavaScript encoders write whole numbers above 2^32 as floats.
            Some(Token::Float(number)) => whole(number).and_then(float).map(Some).ok_or(Fault::Id),
            Some(Token::Text(text)) => Id::text(text).map(Some).ok_or(Fault::Id),
            _ => Err(Fault::Id),
        }
    }
}

fn float<'a>(whole: Token<'a>) -> Option<Id<'a>> {
    match whole {
        Token::Unsigned(number) if number <= Id::MAX_NUMBER => Some(Id::Float(number)),
        _ => None,
    }
}
