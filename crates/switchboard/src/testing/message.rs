//! [`TestMessage`]: a message without an application.
use super::detached::{DetachedClient, client};
use crate::codec::{Arity, Data};
use crate::di::MessageScope;
use crate::handler::{Attempt, Caller, FromMessage, MessageContext, Parts};
use crate::hub::ReplyTo;
use crate::pipeline::{AsyncGuard, Filter, Guard, Interceptor, Pipe, isolated};
use crate::{Error, Reply, User};
use serde::Serialize;
use serde_json::value::RawValue;
use std::fmt;
use switchboard_core::Id;
use switchboard_core::codec::json;

/// A message for testing a guard, a pipe, an interceptor, a filter or an extractor by itself. It needs no application,
/// and for synchronous stages no runtime.
///
/// ```
/// use serde_json::json;
/// use switchboard::handler::MessageContext;
/// use switchboard::pipeline::{Call, Guard, Interceptor, Next};
/// use switchboard::{Error, EventName, Reply, testing};
///
/// struct NoShouting;
/// impl Guard for NoShouting {
///     fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
///         let text: String = cx.key("text")?;
///         if text == text.to_uppercase() { Err(Error::forbidden("Not so loud")) } else { Ok(()) }
///     }
/// }
/// struct Doubled;
/// impl Interceptor for Doubled {
///     async fn intercept(&self, _: &Call, next: Next<'_>) -> Result<Reply, Error> {
///         next.run().await?.map(|value| json!([value, value]))
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let said = testing::message("say").data(json!({ "text": "hi" }));
/// said.check(&NoShouting).unwrap();
/// let shouted = testing::message("say").data(json!({ "text": "HI" }));
/// assert_eq!(shouted.check(&NoShouting).unwrap_err().code().as_str(), "forbidden");
///
/// assert_eq!(&*said.extract::<EventName>().unwrap(), "say");
/// let reply = said.intercept(&Doubled, || async { Ok(Reply::value(1)) }).await.unwrap();
/// assert_eq!(reply.data().unwrap(), Some(json!([1, 1])));
/// # });
/// ```
///
/// A panic of the tested code is passed on to the test. Unless [`sent_by`](TestMessage::sent_by) is called, the message
/// comes from its own [`client`](TestMessage::client).
pub struct TestMessage<'c> {
    event: String,
    id: Option<Id<'static>>,
    data: Option<Box<RawValue>>,
    meta: Option<Box<RawValue>>,
    sender: Sender<'c>,
}

enum Sender<'c> {
    Own(Box<DetachedClient>),
    Other(&'c DetachedClient),
}

/// Makes a message without an application: [`TestMessage`]. With the event "" it is what hooks see.
pub fn message(event: &str) -> TestMessage<'static> {
    TestMessage { event: event.to_owned(), id: None, data: None, meta: None, sender: Sender::Own(Box::new(client())) }
}

impl<'c> TestMessage<'c> {
    /// Sets the payload; null means none.
    ///
    /// # Panics
    /// If it cannot be serialised, or has a key that begins with `$serde_json::private::`.
    #[track_caller]
    pub fn data(self, data: impl Serialize) -> TestMessage<'c> {
        TestMessage { data: raw("data", &data), ..self }
    }

    /// Sets the message's `meta`.
    ///
    /// # Panics
    /// If it cannot be serialised, or has a key that begins with `$serde_json::private::`.
    #[track_caller]
    pub fn meta(self, meta: impl Serialize) -> TestMessage<'c> {
        TestMessage { meta: raw("meta", &meta), ..self }
    }

    /// Sets the id that the answer carries. Default: none, so that no answer is expected.
    pub fn id(self, id: u64) -> TestMessage<'c> {
        TestMessage { id: Some(Id::Number(id)), ..self }
    }

    /// Sets the user of the message's own client.
    ///
    /// # Panics
    /// After [`sent_by`](TestMessage::sent_by): set the user on that client instead.
    #[track_caller]
    pub fn user<T: Send + Sync + 'static>(mut self, user: User<T>) -> TestMessage<'c> {
        match self.sender {
            Sender::Own(client) => self.sender = Sender::Own(Box::new(client.user(user))),
            Sender::Other(_) => panic!("say who it is on the client that sends the message"),
        }
        self
    }

    /// Sets the client that sends the message, with that client's own headers, rooms and state.
    pub fn sent_by(self, client: &DetachedClient) -> TestMessage<'_> {
        TestMessage { sender: Sender::Other(client), ..self }
    }

    /// The client that sends the message.
    pub fn client(&self) -> &DetachedClient {
        match &self.sender {
            Sender::Own(client) => client,
            Sender::Other(client) => client,
        }
    }

    /// Runs a guard on the message.
    ///
    /// Errors: the guard's.
    pub fn check(&self, guard: &impl Guard) -> Result<(), Error> {
        self.with(|cx| guard.message(cx))
    }

    /// Runs an async guard on the message.
    ///
    /// Errors: the guard's.
    pub async fn check_async(&self, guard: &impl AsyncGuard) -> Result<(), Error> {
        let call = self.with(isolated::call);
        guard.message(&call).await
    }

    /// Extracts a parameter of a handler: an extractor, or a payload.
    ///
    /// Errors: the parameter's own, with which the message would be answered.
    pub fn extract<T: FromMessage>(&self) -> Result<T, Error> {
        self.client().prepare::<T>()?;
        self.with(T::from_message)
    }

    /// Transforms the payload with a pipe.
    ///
    /// Errors: the pipe's; `validation_failed` if the payload is not of the type that the pipe takes.
    pub fn pipe<T>(&self, pipe: &impl Pipe<T>) -> Result<T, Error> {
        self.with(|cx| pipe.transform(cx.payload()?, cx))
    }

    /// Runs an interceptor around a handler that is given here: `|| async { Ok(Reply::value(1)) }`. Returns the
    /// interceptor's result.
    ///
    /// Errors: the interceptor's, or the handler's if the interceptor passes it on.
    pub async fn intercept<H, F>(&self, interceptor: &impl Interceptor, handler: H) -> Result<Reply, Error>
    where
        H: FnOnce() -> F + Send,
        F: Future<Output = Result<Reply, Error>> + Send,
    {
        let call = self.with(isolated::call);
        isolated::intercept(interceptor, &call, handler).await
    }

    /// Returns the error that the client is told after a filter has caught `error`.
    pub fn catch<X: Filter>(&self, filter: &X, error: X::Error) -> Error {
        self.with(|cx| filter.catch(error, &isolated::caught(cx)))
    }

    /// Calls `work` with the [`MessageContext`] of this message, to test anything else that takes one.
    pub fn with<T>(&self, work: impl FnOnce(&MessageContext<'_>) -> T) -> T {
        work(&MessageContext {
            caller: Caller::Client(self.client().client()),
            event: &self.event,
            parts: &Parts {
                data: Data::Json(self.data.as_deref()),
                arity: Arity::Payload,
                meta: Data::Json(self.meta.as_deref()),
                id: self.id.as_ref(),
                reply_to: ReplyTo::Event,
            },
            reason: None,
            attempt: &Attempt::whole(),
            container: None,
            scope: &MessageScope::default(),
        })
    }
}

#[track_caller]
fn raw(what: &str, value: &impl Serialize) -> Option<Box<RawValue>> {
    match serde_json::value::to_raw_value(value) {
        Ok(raw) if json::has_private_key(raw.get()) => {
            panic!("the {what} of the message has a key that begins with `$serde_json::private::`, which is refused")
        }
        Ok(raw) => (raw.get() != "null").then_some(raw),
        Err(error) => panic!("the {what} of the message cannot be serialised: {error}"),
    }
}

impl fmt::Debug for TestMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TestMessage { event, id, data, meta, sender: _ } = self;
        f.debug_struct("TestMessage")
            .field("event", event)
            .field("id", id)
            .field("data", data)
            .field("meta", meta)
            .finish_non_exhaustive()
    }
}
