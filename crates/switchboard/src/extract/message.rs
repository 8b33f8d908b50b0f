//! What is known of the message beside its payload.
use crate::handler::{Context, FromMessage, MessageContext, Reason};
use crate::{Client, DisconnectReason, Error};
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
        Ok(cx.client().clone())
    }
}

impl FromMessage for DisconnectReason {
    type Kind = Reason;

    fn from_message(cx: &MessageContext<'_>) -> Result<DisconnectReason, Error> {
        let reason = cx.reason.cloned();
        reason.ok_or_else(|| Error::internal("`DisconnectReason` is a parameter of on-disconnect hooks only"))
    }
}
