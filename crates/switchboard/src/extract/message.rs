//! What is known of the message beside its payload.
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

/// The connection, to keep it: in a handler that only works with it, `&Client` saves the clone.
impl FromMessage for Client {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<Client, Error> {
        Ok(cx.caller().connected().clone())
    }
}

/// What travels beside the payload: the message's `meta`, as a `T`. Where it is missing, `T` is read from null: `Meta<Option<T>>`
/// takes messages with and without.
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
