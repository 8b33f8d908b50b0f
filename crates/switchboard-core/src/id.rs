//! The id of a request.
use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Serialize, Serializer};

use crate::name::has_control;

/// The id of a request, chosen by the client; the answer carries it back exactly as it came.
///
/// A number and a text are never equal: `7` and `"7"` are two ids. `Number(7)` and `Float(7)` are one id.
///
/// [`Id::number`], [`Id::float`] and [`Id::text`] check the bounds; a codec may also build a variant, since what it returns is checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Id<'a> {
    /// 0 to [`Id::MAX_NUMBER`].
    Number(u64),
    /// 0 to [`Id::MAX_NUMBER`], received as a float and sent back as a float. In MessagePack, some JavaScript encoders write whole numbers
    /// above 2^32 as floats, and read a 64-bit integer as a `BigInt`, which does not equal the number that they sent.
    Float(u64),
    /// 1 to [`Id::MAX_TEXT`] bytes, no control characters.
    Text(Cow<'a, str>),
}

impl<'a> Id<'a> {
    /// 2^53, up to which a JavaScript number is exact.
    pub const MAX_NUMBER: u64 = 1 << 53;

    /// The longest text, in bytes.
    pub const MAX_TEXT: usize = 128;

    /// A number as an id; `None` above [`Id::MAX_NUMBER`].
    pub fn number(number: u64) -> Option<Id<'a>> {
        (number <= Self::MAX_NUMBER).then_some(Id::Number(number))
    }

    /// A whole number that came as a float, as an id; `None` above [`Id::MAX_NUMBER`].
    pub fn float(number: u64) -> Option<Id<'a>> {
        (number <= Self::MAX_NUMBER).then_some(Id::Float(number))
    }

    /// The number, if the id is one.
    pub fn as_number(&self) -> Option<u64> {
        match self {
            Id::Number(number) | Id::Float(number) => Some(*number),
            Id::Text(_) => None,
        }
    }

    /// A text as an id; `None` when it is empty, longer than [`Id::MAX_TEXT`], or has control characters.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Option<Id<'a>> {
        Some(Id::Text(text.into())).filter(Id::is_valid)
    }

    /// True if the id is within its bounds. The variants are public, so an id need not be.
    pub(crate) fn is_valid(&self) -> bool {
        match self {
            Id::Number(number) | Id::Float(number) => *number <= Self::MAX_NUMBER,
            Id::Text(text) => !text.is_empty() && text.len() <= Self::MAX_TEXT && !has_control(text),
        }
    }

    /// The id with an owned text.
    pub fn into_owned(self) -> Id<'static> {
        match self {
            Id::Number(number) => Id::Number(number),
            Id::Float(number) => Id::Float(number),
            Id::Text(text) => Id::Text(Cow::Owned(text.into_owned())),
        }
    }
}

impl PartialEq for Id<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Id::Text(one), Id::Text(other)) => one == other,
            (one, other) => one.as_number().is_some() && one.as_number() == other.as_number(),
        }
    }
}

impl Eq for Id<'_> {}

impl Hash for Id<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Id::Number(number) | Id::Float(number) => (false, number).hash(state),
            Id::Text(text) => (true, text).hash(state),
        }
    }
}

/// Writes the id as the client sent it; a text has no quotes.
impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Number(number) | Id::Float(number) => number.fmt(f),
            Id::Text(text) => f.write_str(text),
        }
    }
}

/// A number as a number, a text as a string.
impl Serialize for Id<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Id::Number(number) | Id::Float(number) => serializer.serialize_u64(*number),
            Id::Text(text) => serializer.serialize_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn d09_ids_have_bounds() {
        assert_eq!(Id::number(1 << 53), Some(Id::Number(9_007_199_254_740_992)));
        assert_eq!(Id::number((1 << 53) + 1), None);
        assert!(matches!(Id::float(1 << 53), Some(Id::Float(_))));
        assert_eq!(Id::float((1 << 53) + 1), None);
        assert_eq!(Id::text("a-1"), Some(Id::Text("a-1".into())));
        assert!(Id::text("x".repeat(128)).is_some());
        for bad in ["", "a\n", "\u{85}", &"x".repeat(129)] {
            assert_eq!(Id::text(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn d09_a_number_and_the_same_as_a_float_are_one_id() {
        let ids = [Id::Number(7), Id::Float(7)];
        assert_eq!(ids[0], ids[1]);
        assert_eq!(HashSet::from(ids).len(), 1);
        assert_ne!(Id::Float(7), Id::Number(8));
        assert_ne!(Id::Float(7), Id::Text("7".into()));
        assert_ne!(Id::Text("7".into()), Id::Text("8".into()));
        assert_eq!([Id::Float(7).as_number(), Id::Text("7".into()).as_number()], [Some(7), None]);
        assert_eq!(Id::Float(7).to_string(), "7");
        assert_eq!(serde_json::to_string(&Id::Float(7)).expect("a number"), "7");
        assert!(!Id::Float(Id::MAX_NUMBER + 1).is_valid());
        assert!(matches!(Id::Float(7).into_owned(), Id::Float(7)));
    }

    #[test]
    fn a_number_and_its_text_are_two_ids() {
        assert_ne!(Id::number(7), Id::text("7"));
        assert_eq!(Id::text("7").map(Id::into_owned), Id::text("7"));
    }
}
