//! Properties of the message other than its payload.
use crate::handler::{Context, FromMessage, MessageContext, Reason};
use crate::{Client, DisconnectReason, Error};
use serde::de::DeserializeOwned;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The name of the event that is handled; "" in a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventName(Arc<str>);

impl Deref for EventName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromMessage for EventName {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<EventName, Error> {
        Ok(EventName(cx.event().into()))
    }
}

/// An owned handle of the client, which can be kept. A handler that only uses it during the call takes `&Client`, which
/// saves the clone.
impl FromMessage for Client {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<Client, Error> {
        Ok(cx.caller().connected().clone())
    }
}

/// The message's `meta`, which is sent beside the payload, as a `T`. If it is missing, `T` is deserialised from null:
/// `Meta<Option<T>>` accepts messages with and without it.
///
/// ```
/// use serde::Deserialize;
/// use switchboard::{Gateway, Meta};
///
/// #[derive(Deserialize)]
/// struct Trace { traceparent: String }
///
/// struct Orders;
/// impl Orders {
///     async fn place(&self, item: String, Meta(trace): Meta<Option<Trace>>) {
///         tracing::info!(item, traceparent = trace.map(|trace| trace.traceparent));
///     }
/// }
/// let orders = Gateway::new(Orders).on("place", Orders::place);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta<T>(pub T);

impl<T> Deref for Meta<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned + Send + 'static> FromMessage for Meta<T> {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<Meta<T>, Error> {
        cx.meta().map(Meta)
    }
}

impl FromMessage for DisconnectReason {
    type Kind = Reason;

    fn from_message(cx: &MessageContext<'_>) -> Result<DisconnectReason, Error> {
        let reason = cx.reason.cloned();
        reason.ok_or_else(|| Error::internal("`DisconnectReason` is a parameter of on-disconnect hooks only"))
    }
}
