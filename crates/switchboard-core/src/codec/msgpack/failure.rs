//! [`Failure`]: the reason why a value was not built, or not written.
use std::fmt::{self, Write};

use serde::{de, ser};

use crate::codec::misfit::Misfit;
use crate::error::Cut;

/// The reason why a value was not built, or not written.
#[derive(Debug)]
pub(super) struct Failure(pub(super) Misfit);

/// The bytes were validated before, so this error means that a type does not accept the value, or has left a part of it
/// unread.
pub(super) const NOT_VALID: Failure = Failure(Misfit::NotValid);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Misfit::TooDeep => "nested too deep",
            Misfit::NumberOutOfRange => "number out of range",
            Misfit::NoVariant => "not one of the variants",
            Misfit::NotValid => "not valid",
            Misfit::Text(text) => text,
        })
    }
}

impl std::error::Error for Failure {}

/// The longest text of an error that the application's `Serialize` or `Deserialize` returns.
const LONGEST: usize = 4 << 10;

/// The text of an error. Its `Display` is code of the application and may never end, so the text is cut.
fn short(text: &impl fmt::Display) -> String {
    let mut short = Cut::new(LONGEST);
    // The error only says that the text is full.
    let _ = write!(short, "{text}");
    short.end()
}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(text: T) -> Failure {
        Failure(Misfit::Text(short(&text)))
    }
}

impl ser::Error for Failure {
    fn custom<T: fmt::Display>(text: T) -> Failure {
        Failure(Misfit::Text(short(&text)))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Failure {
        Failure(Misfit::from(&error))
    }
}
