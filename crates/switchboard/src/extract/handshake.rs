//! Parameters that are kept from the request that opened the connection.
use crate::Error;
use crate::handler::{Context, FromMessage, MessageContext, Requirements};
use http::{HeaderMap, HeaderName};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The headers of the request that opened the connection.
///
/// They are kept only in gateways with a handler that takes them, because they use memory for the lifetime of the
/// connection.
#[derive(Clone)]
pub struct Headers(Arc<HeaderMap>);

impl Deref for Headers {
    type Target = HeaderMap;

    fn deref(&self) -> &HeaderMap {
        &self.0
    }
}

/// Shows only the names: values may be secret, such as those of `authorization` and `cookie`.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Headers")?;
        f.debug_set().entries(self.0.keys().map(HeaderName::as_str)).finish()
    }
}

impl FromMessage for Headers {
    type Kind = Context;

    fn requirements(requirements: &mut Requirements) {
        requirements.headers();
    }

    fn from_message(cx: &MessageContext<'_>) -> Result<Headers, Error> {
        let headers = cx.endpoint().kept.as_ref().and_then(|handshake| handshake.headers.clone());
        Ok(Headers(headers.unwrap_or_default()))
    }
}

/// A request extension of type `T`, set by a tower layer when the connection was opened.
///
/// If there was none, a message is answered with `internal`, and the log names the missing type.
#[derive(Clone, Copy, Debug)]
pub struct Ext<T>(pub T);

impl<T: Clone + Send + Sync + 'static> FromMessage for Ext<T> {
    type Kind = Context;

    fn requirements(requirements: &mut Requirements) {
        requirements.extension::<T>();
    }

    fn from_message(cx: &MessageContext<'_>) -> Result<Ext<T>, Error> {
        let handshake = cx.endpoint().kept.as_ref();
        handshake.and_then(|handshake| handshake.extensions.get::<T>()).cloned().map(Ext).ok_or_else(|| {
            Error::internal(format!(
                "the request had no extension of type {}; add the tower layer that sets it around the gateway",
                std::any::type_name::<T>()
            ))
        })
    }
}

/// The `T` that was kept from the opening request, or `None` if no `T` was kept.
pub(super) fn kept<T: Clone + Send + Sync + 'static>(cx: &MessageContext<'_>) -> Option<T> {
    cx.endpoint().kept.as_ref()?.extensions.get::<T>().cloned()
}
