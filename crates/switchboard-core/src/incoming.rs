//! A frame from a client, as the native protocol has it.
use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::codec::{Fault, Rejected};
use crate::{Error, Id, check_event, is_reserved};

/// A message for a handler: `{"event","data"?,"id"?,"meta"?}`; `D` is a payload in its format.
///
/// ```
/// use switchboard_core::{Id, Request};
///
/// let request: Request<'_, &[u8]> = Request::new("say").with_data(&b"hello"[..]).with_id(Id::number(7));
/// assert_eq!(request.id, Id::number(7));
/// assert!(request.meta.is_none());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request<'a, D = &'a RawValue> {
    /// A name that passes [`check_event`](crate::check_event) and is not [reserved](crate::is_reserved).
    pub event: Cow<'a, str>,
    /// The payload: validated to be well-formed in its format, and parsed once the handler is known. `None` when missing or null.
    pub data: Option<D>,
    /// A request with an id is answered exactly once.
    pub id: Option<Id<'a>>,
    /// Metadata that is sent with the payload; like `data`, `None` when missing or null.
    pub meta: Option<D>,
}

/// The kind of the frame of a message pattern: it decides if the message is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternKind {
    /// `"message"`: it is answered.
    Message,
    /// `"event"`: it is not answered.
    Event,
}

impl PatternKind {
    /// True if a frame of this kind is answered.
    pub fn is_answered(self) -> bool {
        match self {
            PatternKind::Message => true,
            PatternKind::Event => false,
        }
    }
}

/// A frame from a client, by its kind. Each variant has a constructor.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Incoming<'a, D = &'a RawValue> {
    /// A message for a handler.
    Request(Request<'a, D>),
    /// A message for a handler, in the frame of a message pattern: `{"kind","pattern","payload"?,"metadata"?,"id"?}`.
    #[non_exhaustive]
    Pattern {
        /// The kind of the frame, which decides if the message is answered.
        kind: PatternKind,
        /// The message: `pattern` is its event, `payload` its data, and `metadata` its meta.
        request: Request<'a, D>,
    },
    /// `{"cancel": id}`: stop a running request or stream.
    Cancel(Id<'a>),
    /// The client's answer to a request of the server.
    #[non_exhaustive]
    Ack {
        /// The number that the server's request carried; at most [`Id::MAX_NUMBER`].
        ack: u64,
        /// `data` (`None` when missing or null), or else `error`.
        answer: Result<Option<D>, D>,
    },
}

impl<'a, D> Request<'a, D> {
    /// A message without a payload, an id or metadata.
    pub fn new(event: impl Into<Cow<'a, str>>) -> Request<'a, D> {
        Request { event: event.into(), data: None, id: None, meta: None }
    }

    /// Sets the payload; `None` when it is missing or null.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Option<D>>) -> Request<'a, D> {
        self.data = data.into();
        self
    }

    /// Sets the id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<Option<Id<'a>>>) -> Request<'a, D> {
        self.id = id.into();
        self
    }

    /// Sets the metadata; `None` when it is missing or null.
    #[must_use]
    pub fn with_meta(mut self, meta: impl Into<Option<D>>) -> Request<'a, D> {
        self.meta = meta.into();
        self
    }

    fn map<E>(self, mut form: impl FnMut(D) -> E) -> Request<'a, E> {
        let Request { event, data, id, meta } = self;
        Request { event, data: data.map(&mut form), id, meta: meta.map(form) }
    }

    fn into_owned(self) -> Request<'static, D> {
        let Request { event, data, id, meta } = self;
        Request { event: Cow::Owned(event.into_owned()), data, id: id.map(Id::into_owned), meta }
    }

    /// Returns the fault in the names or ids, if there is one: the reason for the metric, and the message for the client.
    fn fault(&self) -> Option<(&'static str, &'static str)> {
        match (check_event(&self.event), &self.id) {
            (Err(rule), _) => Some(("event_name", rule)),
            _ if is_reserved(&self.event) => Some(Fault::EventReserved.texts()),
            (_, Some(id)) if !id.is_valid() => Some(Fault::Id.texts()),
            _ => None,
        }
    }

    fn rejected(self, (reason, message): (&'static str, &'static str)) -> Rejected<'a> {
        Rejected::new(Error::bad_request(message))
            .with_reason(reason)
            .with_id(self.id.filter(Id::is_valid))
            .with_event(check_event(&self.event).is_ok().then_some(self.event))
    }
}

impl<'a, D> Incoming<'a, D> {
    /// A message for a handler.
    pub fn request(request: Request<'a, D>) -> Incoming<'a, D> {
        Incoming::Request(request)
    }

    /// A message for a handler, in the frame of a message pattern. The pattern is the request's event.
    pub fn pattern(kind: PatternKind, request: Request<'a, D>) -> Incoming<'a, D> {
        Incoming::Pattern { kind, request }
    }

    /// Stops the running request or stream with this id.
    pub fn cancel(id: Id<'a>) -> Incoming<'a, D> {
        Incoming::Cancel(id)
    }

    /// The answer to the server's request with this number: its data (`None` when missing or null), or an error.
    pub fn ack(number: u64, answer: Result<Option<D>, D>) -> Incoming<'a, D> {
        Incoming::Ack { ack: number, answer }
    }

    /// The message with its payloads in another form.
    pub fn map<E>(self, mut form: impl FnMut(D) -> E) -> Incoming<'a, E> {
        match self {
            Incoming::Request(request) => Incoming::Request(request.map(form)),
            Incoming::Pattern { kind, request } => Incoming::Pattern { kind, request: request.map(form) },
            Incoming::Cancel(id) => Incoming::Cancel(id),
            Incoming::Ack { ack, answer } => Incoming::Ack {
                ack,
                answer: match answer {
                    Ok(data) => Ok(data.map(form)),
                    Err(error) => Err(form(error)),
                },
            },
        }
    }

    /// The message with an owned event and id. Its payloads are unchanged: see [`map`](Incoming::map).
    pub fn into_owned(self) -> Incoming<'static, D> {
        match self {
            Incoming::Request(request) => Incoming::Request(request.into_owned()),
            Incoming::Pattern { kind, request } => Incoming::Pattern { kind, request: request.into_owned() },
            Incoming::Cancel(id) => Incoming::Cancel(id.into_owned()),
            Incoming::Ack { ack, answer } => Incoming::Ack { ack, answer },
        }
    }

    /// Checks the rules that hold in every format: event names that may be used, and ids within their bounds. The codecs of this crate have
    /// checked them already.
    ///
    /// Errors: [`Rejected`], as of [`json::decode`](crate::codec::json::decode()).
    pub fn check(self) -> Result<Incoming<'a, D>, Rejected<'a>> {
        let fault = match &self {
            Incoming::Request(request) | Incoming::Pattern { request, .. } => request.fault(),
            Incoming::Cancel(id) => (!id.is_valid()).then(|| Fault::Cancel.texts()),
            Incoming::Ack { ack, .. } => (*ack > Id::MAX_NUMBER).then(|| Fault::Ack.texts()),
        };
        match (self, fault) {
            (message, None) => Ok(message),
            (Incoming::Request(request) | Incoming::Pattern { request, .. }, Some(fault)) => {
                Err(request.rejected(fault))
            }
            (_, Some((reason, message))) => Err(Rejected::new(Error::bad_request(message)).with_reason(reason)),
        }
    }

    /// Refuses the frame of a message pattern, for gateways that do not take them.
    ///
    /// Errors: [`Rejected`], whose reason is `kind_disabled`.
    pub fn without_patterns(self) -> Result<Incoming<'a, D>, Rejected<'a>> {
        match self {
            Incoming::Pattern { request, .. } => Err(request.rejected(Fault::PatternDisabled.texts())),
            message => Ok(message),
        }
    }
}
