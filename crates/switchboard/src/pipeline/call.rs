//! [`Call`]: an owned copy of a message, before its handler runs.
use crate::codec::{Arity, Held};
use crate::di::{Container, MessageScope, scope};
use crate::handler::{Attempt, Caller, MessageContext, Parts};
use crate::hub::ReplyTo;
use crate::{Client, Error};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;
use switchboard_core::Id;

/// A message on its way to its handler, as async guards and interceptors see it.
///
/// The interceptors of an application and of a gateway run around the on-connect hook too: that is a call without an
/// event.
pub struct Call {
    client: Client,
    event: Arc<str>,
    id: Option<Id<'static>>,
    reply_to: ReplyTo,
    data: Held,
    arity: Arity,
    meta: Held,
    container: Option<Arc<Container>>,
    scope: MessageScope,
    /// The number of the deferred reply that a parameter has opened.
    pub(super) deferred: Mutex<Option<u64>>,
}

impl Call {
    pub(super) fn of(cx: &MessageContext<'_>) -> Call {
        Call {
            client: cx.caller.connected().clone(),
            event: cx.event.into(),
            id: cx.parts.id.cloned().map(Id::into_owned),
            reply_to: cx.parts.reply_to,
            data: cx.parts.data.hold(),
            arity: cx.parts.arity,
            meta: cx.parts.meta.hold(),
            container: cx.container.cloned(),
            scope: cx.scope.share(cx.container.map(|container| &**container)),
            deferred: Mutex::new(None),
        }
    }

    /// The sender of the message, or the client that connects.
    pub fn caller(&self) -> Caller<'_> {
        Caller::Client(&self.client)
    }

    /// The connected client that sent the message; `None` where the sender is no client: see [`Caller`].
    pub fn client(&self) -> Option<&Client> {
        self.caller().client()
    }

    /// The event's name; "" when the client connects.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// True if this is the call of the on-connect hook.
    pub fn is_connect(&self) -> bool {
        self.event.is_empty()
    }

    /// Deserialises the message's `data` as a `T`.
    ///
    /// Errors: `validation_failed` if it does not fit.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.with(|cx| cx.payload())
    }

    /// Resolves a service: see [`MessageContext::resolve`].
    pub fn resolve<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, Error> {
        Ok(scope::resolve_for(self.container.as_deref(), &self.client, &self.scope)?)
    }

    /// Calls `work` with a [`MessageContext`] that borrows from this copy.
    pub fn with<T>(&self, work: impl FnOnce(&MessageContext<'_>) -> T) -> T {
        // Keeps the number of a deferred reply that `work` opens, even if `work` panics.
        let kept = Kept { attempt: Attempt::whole(), by: &self.deferred };
        let parts = Parts {
            data: self.data.data(),
            arity: self.arity,
            meta: self.meta.data(),
            id: self.id.as_ref(),
            reply_to: self.reply_to,
        };
        let cx = MessageContext {
            caller: self.caller(),
            event: &self.event,
            parts: &parts,
            reason: None,
            attempt: &kept.attempt,
            container: self.container.as_ref(),
            scope: &self.scope,
        };
        work(&cx)
    }
}

struct Kept<'a> {
    attempt: Attempt,
    by: &'a Mutex<Option<u64>>,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.attempt.deferred() {
            *self.by.lock() = Some(number);
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("client", &self.client).field("event", &self.event).finish_non_exhaustive()
    }
}
