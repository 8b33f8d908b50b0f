//! [`Received`]: a message as it arrived.
use std::borrow::Cow;

/// A message as it arrived. For JSON clients it is always a text: binary frames are converted.
#[derive(Clone)]
pub(crate) enum Received<'a> {
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

impl Received<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Received::Text(text) => text.len(),
            Received::Bytes(bytes) => bytes.len(),
        }
    }

    /// Bytes of memory that it owns.
    pub(crate) fn held(&self) -> usize {
        match self {
            Received::Text(Cow::Owned(text)) => text.capacity(),
            Received::Bytes(Cow::Owned(bytes)) => bytes.capacity(),
            Received::Text(_) | Received::Bytes(_) => 0,
        }
    }

    pub(crate) fn into_owned(self) -> Received<'static> {
        match self {
            Received::Text(text) => Received::Text(Cow::Owned(text.into_owned())),
            Received::Bytes(bytes) => Received::Bytes(Cow::Owned(bytes.into_owned())),
        }
    }
}
