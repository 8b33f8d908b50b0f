//! Why a value was not built, or not written.
use std::fmt;

use serde::{de, ser};

use crate::codec::misfit::Misfit;

/// Why a value was not built, or not written.
#[derive(Debug)]
pub(super) struct Failure(pub(super) Misfit);

/// What the bytes are of themselves is checked already, so this is for what a type leaves over, and the like.
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

impl de::Error for Failure {
    fn custom<T: fmt::Display>(text: T) -> Failure {
        Failure(Misfit::Text(text.to_string()))
    }
}

impl ser::Error for Failure {
    fn custom<T: fmt::Display>(text: T) -> Failure {
        Failure(Misfit::Text(text.to_string()))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Failure {
        Failure(Misfit::from(&error))
    }
}
