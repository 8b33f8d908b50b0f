//! [`Call`]: a message that waits for its handler, owning its bytes.
use crate::codec::Held;
use crate::di::{Container, MessageScope, scope};
use crate::handler::{MessageContext, Parts};
use crate::hub::ReplyTo;
use crate::{Client, Error};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use std::cell::Cell;
use std::sync::Arc;
use switchboard_core::Id;

/// A message on its way to its handler, as guards that wait, and interceptors, see it.
///
/// An application's and a gateway's interceptors stand around the on-connect hook too: that is a call without an event.
pub struct Call {
    client: Client,
    event: Arc<str>,
    id: Option<Id<'static>>,
    reply_to: ReplyTo,
    data: Held,
    meta: Held,
    container: Option<Arc<Container>>,
    scope: MessageScope,
    /// The late ack that a parameter has taken.
    pub(super) late: Mutex<Option<u64>>,
}

impl Call {
    pub(super) fn of(cx: &MessageContext<'_>) -> Call {
        Call {
            client: cx.client.clone(),
            event: cx.event.into(),
            id: cx.parts.id.cloned().map(Id::into_owned),
            reply_to: cx.parts.reply_to,
            data: cx.parts.data.hold(),
            meta: cx.parts.meta.hold(),
            container: cx.container.cloned(),
            scope: cx.scope.share(cx.container.map(|container| &**container)),
            late: Mutex::new(None),
        }
    }

    /// The connection.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The event's name; "" when the client connects.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// True around the on-connect hook.
    pub fn is_connect(&self) -> bool {
        self.event.is_empty()
    }

    /// The message's `data` as a `T`.
    ///
    /// Errors: `validation_failed` with what does not fit.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.with(|cx| cx.payload())
    }

    /// What a module provides: see [`MessageContext::resolve`].
    pub fn resolve<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, Error> {
        Ok(scope::resolve_for(self.container.as_deref(), &self.client, &self.scope)?)
    }

    /// Works on it as on a message that was not copied.
    pub fn with<T>(&self, work: impl FnOnce(&MessageContext<'_>) -> T) -> T {
        // What is left in it is kept, though `work` panics.
        let late = Kept { number: Cell::new(None), by: &self.late };
        let parts =
            Parts { data: self.data.data(), meta: self.meta.data(), id: self.id.as_ref(), reply_to: self.reply_to };
        let cx = MessageContext {
            client: &self.client,
            event: &self.event,
            parts: &parts,
            reason: None,
            parsed: Cell::new(true),
            late: Some(&late.number),
            container: self.container.as_ref(),
            scope: &self.scope,
        };
        work(&cx)
    }
}

struct Kept<'a> {
    number: Cell<Option<u64>>,
    by: &'a Mutex<Option<u64>>,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number.get() {
            *self.by.lock() = Some(number);
        }
    }
}
