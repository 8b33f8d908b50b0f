//! [`Ack`]: an answer that comes when it is ready.
use crate::handler::{FromMessage, Late, MessageContext};
use crate::{Client, Error};
use serde::Serialize;
use std::marker::PhantomData;

/// Answers a request in place of the handler's return value: later, from wherever it was moved to. The handler returns `()`, or
/// `Result<(), E>`; with another value it does not compile.
///
/// ```
/// use std::time::Duration;
/// use switchboard::Ack;
/// struct Jobs;
/// impl Jobs {
///     async fn render(&self, page: u32, ack: Ack<String>) {
///         tokio::spawn(async move {
///             tokio::time::sleep(Duration::from_secs(1)).await;
///             let _ = ack.send(format!("page {page}"));
///         });
///     }
/// }
/// ```
/// While it waits, the client's next messages are handled. The caller gets exactly one end: what is sent; `internal`, if it is
/// dropped; `timeout` after [`Limits::deferred_reply_timeout`](crate::Limits), counted from the handler's return; or its own `cancel`. A
/// connection has at most [`Limits::deferred_replies`](crate::Limits) of them.
#[must_use = "an `Ack` that is dropped answers `internal`"]
pub struct Ack<T> {
    client: Client,
    number: u64,
    done: bool,
    marker: PhantomData<fn(T)>,
}

impl<T: Serialize + Send + 'static> Ack<T> {
    /// Answers.
    ///
    /// Errors: `not_found`: the request has its end already, or the client has left; `internal`: the value cannot be sent, which the
    /// caller is told.
    ///
    /// # Panics
    /// Where the value's `Serialize` does; the caller is answered `internal` before.
    pub fn send(mut self, value: T) -> Result<(), Error> {
        self.done = true;
        self.client.endpoint_arc().answer_deferred(self.number, value)
    }
}

impl<T> Ack<T> {
    /// Answers by an error.
    ///
    /// Errors: as in [`send`](Ack::send).
    pub fn fail(mut self, error: impl Into<Error>) -> Result<(), Error> {
        self.done = true;
        self.client.endpoint_arc().fail_deferred(self.number, &error.into())
    }

    /// True when nobody waits any more: the request was cancelled or timed out, or the client has left.
    pub fn is_closed(&self) -> bool {
        !self.client.is_connected() || !self.client.endpoint().is_deferred_open(self.number)
    }
}

impl<T> Drop for Ack<T> {
    fn drop(&mut self) {
        if !self.done {
            self.client.endpoint_arc().abandon_deferred(self.number);
        }
    }
}

impl<T: 'static> FromMessage for Ack<T> {
    type Kind = Late;

    fn from_message(cx: &MessageContext<'_>) -> Result<Ack<T>, Error> {
        let Some(late) = cx.late else {
            return Err(Error::internal("`Ack` is a parameter of handlers only: a hook has nobody to answer"));
        };
        if late.get().is_some() {
            return Err(Error::internal("a handler takes one `Ack`"));
        }
        let number = cx.client.endpoint().open_deferred(cx.event(), cx.id(), cx.scope.answer())?;
        late.set(Some(number));
        let (client, done) = (cx.client.clone(), false);
        Ok(Ack { client, number, done, marker: PhantomData })
    }
}
