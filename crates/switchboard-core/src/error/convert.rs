//! Conversions into [`Error`]. Any other error becomes an opaque one.
use super::Error;
use std::error::Error as StdError;

/// Turns any error into an opaque internal one, and keeps the cause for the log.
pub trait OrInternal<T> {
    /// Returns the value, or the error as [`Error::internal`].
    fn or_internal(self) -> Result<T, Error>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> OrInternal<T> for Result<T, E> {
    fn or_internal(self) -> Result<T, Error> {
        self.map_err(Error::internal)
    }
}

macro_rules! opaque {
    ($($cause:ty),* $(,)?) => {
        $(
            #[doc = concat!("Opaque: see [`Error::internal`].")]
            impl From<$cause> for Error {
                fn from(cause: $cause) -> Error {
                    Error::internal(cause)
                }
            }
        )*
    };
}

opaque! {
    std::io::Error,
    std::fmt::Error,
    serde_json::Error,
    std::num::ParseIntError,
    std::num::ParseFloatError,
    std::num::TryFromIntError,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
    std::time::SystemTimeError,
}

/// An [`Error`] in the box comes out unchanged; any other error becomes opaque.
impl From<Box<dyn StdError + Send + Sync>> for Error {
    fn from(cause: Box<dyn StdError + Send + Sync>) -> Error {
        match cause.downcast::<Error>() {
            Ok(error) => *error,
            Err(cause) => Error::internal(cause),
        }
    }
}

/// An [`Error`] inside comes out unchanged; any other error becomes opaque.
#[cfg(feature = "anyhow")]
impl From<anyhow::Error> for Error {
    fn from(cause: anyhow::Error) -> Error {
        match cause.downcast::<Error>() {
            Ok(error) => error,
            Err(cause) => Error::internal(cause),
        }
    }
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Error {
        match never {}
    }
}
