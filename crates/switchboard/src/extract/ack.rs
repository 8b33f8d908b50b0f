//! [`Ack`]: a deferred reply.
use crate::handler::{FromMessage, IntoReply, Late, MessageContext, Plain, ReplySink};
use crate::hub::Endpoint;
use crate::hub::deferred::over;
use crate::outbound::Event;
use crate::{Client, Error, log};
use serde::Serialize;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use switchboard_core::ws::HEADER_ROOM;

/// Replies to a request in place of the handler's return value: at any later time, from any task. The handler returns
/// `()` or `Result<(), E>`; any other return type does not compile.
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
/// Until the reply is sent, the client's next messages are handled. The caller gets exactly one outcome: the value or
/// error that is sent; `internal`, if the `Ack` is dropped; `timeout`, after
/// [`Limits::deferred_reply_timeout`](crate::Limits), counted from the handler's return; or the result of its own
/// `cancel`. A connection has at most [`Limits::deferred_replies`](crate::Limits) open ones.
#[must_use = "an `Ack` that is dropped answers `internal`"]
pub struct Ack<T> {
    client: Client,
    number: u64,
    done: bool,
    marker: PhantomData<fn(T)>,
}

impl<T: Serialize + Send + 'static> Ack<T> {
    /// Sends the reply.
    ///
    /// Errors: `not_found` if the request has already ended or the client has left; `internal` if the value cannot be
    /// sent, and then the caller gets that error too.
    ///
    /// # Panics
    /// If the value's `Serialize` panics. The caller gets `internal` first.
    pub fn send(mut self, value: T) -> Result<(), Error> {
        self.done = true;
        self.client.endpoint_arc().answer_deferred(self.number, value)
    }
}

impl<T> Ack<T> {
    /// Replies with an error.
    ///
    /// Errors: as in [`send`](Ack::send).
    pub fn fail(mut self, error: impl Into<Error>) -> Result<(), Error> {
        self.done = true;
        self.client.endpoint_arc().fail_deferred(self.number, &error.into())
    }

    /// True if nobody waits for the reply any more: the request was cancelled or timed out, or the client has left.
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
        cx.attempt.may_defer()?;
        let client = cx.caller.connected().clone();
        let number = client.endpoint().open_deferred(cx.event(), cx.id(), cx.parts.reply_to)?;
        cx.attempt.defer(number);
        let done = false;
        Ok(Ack { client, number, done, marker: PhantomData })
    }
}

impl Endpoint {
    /// Sends the deferred reply `number`. Errors: the request has already ended, or the value cannot be sent.
    pub(crate) fn answer_deferred<T>(self: &Arc<Self>, number: u64, value: T) -> Result<(), Error>
    where
        T: IntoReply<Plain, Err = Infallible>,
    {
        let Some(open) = self.take_deferred(number) else { return Err(over()) };
        let mut failure = None;
        let mut empty = false;
        let write = AssertUnwindSafe(|| {
            Event::reply(self.encoding(), self.profile.limits.max_message_out, |out| {
                let mut sink = ReplySink::new(out, self.encoding(), &open.event, open.id.as_ref(), open.reply_to);
                let Ok(()) = value.into_reply(&mut sink);
                failure = sink.failure.take();
                empty = out.len() <= HEADER_ROOM;
            })
        });
        let frame = catch_unwind(write).unwrap_or_else(|panic| {
            let trace = log::panicked(self.profile.known(&open.event), &*panic);
            self.fail_open(&open, &log::panic_error(trace));
            resume_unwind(panic)
        });
        let error = match (failure, frame) {
            (None, Some(_)) if empty => {
                self.ended_deferred();
                return Ok(());
            }
            (None, Some(frame)) => return self.sent_deferred(&frame),
            (Some(error), _) => error,
            (None, None) => Error::internal("the reply is longer than `max_message_out`"),
        };
        self.fail_open(&open, &error);
        Err(error)
    }
}

impl<T> fmt::Debug for Ack<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ack").field("client", &self.client).finish_non_exhaustive()
    }
}
