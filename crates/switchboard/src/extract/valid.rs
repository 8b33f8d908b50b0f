//! Validated payloads.
use crate::Error;
use crate::handler::{Checks, Decided, FromMessage, MessageContext, Needs};
use garde::Validate;
use serde::de::DeserializeOwned;
use std::ops::{Deref, DerefMut};
use switchboard_core::Detail;

/// A payload that has been validated by [garde](garde::Validate), with context `()`.
///
/// The derive macro is garde's own, so your crate depends on `garde` with the feature `derive` too.
/// ```
/// use garde::Validate;
/// use serde::Deserialize;
/// use switchboard::Valid;
///
/// #[derive(Deserialize, Validate)]
/// struct Say {
///     #[garde(length(chars, min = 1, max = 500))]
///     text: String,
/// }
///
/// struct Chat;
/// impl Chat {
///     async fn say(&self, say: Valid<Say>) -> usize {
///         say.text.len()
///     }
/// }
/// ```
///
/// What is not valid is answered `validation_failed`, with at most eight `details` (JSON pointer, code, message); never the
/// rejected value.
#[derive(Clone, Copy, Debug)]
pub struct Valid<T>(pub T);

impl<T> Deref for Valid<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: serde::Serialize> serde::Serialize for Valid<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<T> DerefMut for Valid<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> FromMessage for Valid<T>
where
    T: DeserializeOwned + Validate<Context = ()> + Send + 'static,
{
    type Kind = Decided;

    fn needs(needs: &mut Needs) {
        needs.payload::<T>(true);
    }

    fn from_message(cx: &MessageContext<'_>) -> Result<Valid<T>, Error> {
        let value: T = cx.payload()?;
        validate(&value)?;
        Ok(Valid(value))
    }
}

/// A payload that is taken as it is, though its type could be validated.
///
/// Attributes validate every payload whose type implements garde's `Validate` with context `()`. This is for those that shall
/// not be, or cannot: a type with another context, or one that is a generic parameter.
#[derive(Clone, Copy, Debug)]
pub struct Unchecked<T>(pub T);

impl<T> Deref for Unchecked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Unchecked<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: serde::Serialize> serde::Serialize for Unchecked<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<T: DeserializeOwned + Send + 'static> FromMessage for Unchecked<T> {
    type Kind = Decided;

    fn needs(needs: &mut Needs) {
        needs.note_payload::<T>(Checks::Unchecked);
    }

    fn from_message(cx: &MessageContext<'_>) -> Result<Unchecked<T>, Error> {
        cx.payload().map(Unchecked)
    }
}

/// What is not valid is `validation_failed`, with at most eight details.
pub(crate) fn validate<T: Validate<Context = ()>>(value: &T) -> Result<(), Error> {
    value.validate().map_err(|report| refused(&report))
}

fn refused(report: &garde::Report) -> Error {
    let error = Error::validation_failed("The data is not valid");
    report.iter().take(Error::MAX_DETAILS).fold(error, |error, (path, why)| {
        error.detail(Detail::new(pointer(&path.to_string()), "invalid", why.message().to_owned()))
    })
}

/// garde's path, `users[0].name`, as a JSON pointer (RFC 6901), `/users/0/name`.
fn pointer(path: &str) -> String {
    path.split(['.', '[']).filter(|segment| !segment.is_empty()).fold(String::new(), |mut pointer, segment| {
        let segment = segment.strip_suffix(']').unwrap_or(segment);
        pointer.push('/');
        pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
        pointer
    })
}

#[cfg(test)]
mod tests {
    use super::pointer;

    #[test]
    fn a_path_becomes_a_pointer() {
        assert_eq!(pointer(""), "");
        assert_eq!(pointer("text"), "/text");
        assert_eq!(pointer("users[0].a/b"), "/users/0/a~1b");
        assert_eq!(pointer("[2][3]"), "/2/3");
    }
}
