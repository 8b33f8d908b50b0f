//! The vocabulary of the native protocol, client to server.
use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::codec::{Fault, Rejected};
use crate::name::has_control;
use crate::{Error, check_event, is_reserved};

/// What a client calls a request by; the answer carries it back exactly as it came.
///
/// A number and a text are never equal: `7` and `"7"` are two ids. `Number(7)` and `Float(7)` are one.
#[derive(Clone, Debug)]
pub enum Id<'a> {
    /// 0 to [`Id::MAX_NUMBER`].
    Number(u64),
    /// The same, where it came as a float, and goes back as one: some encoders of JavaScript write whole numbers above 2^32 so in
    /// MessagePack, and read an integer of 64 bits as a `BigInt`, which is not equal to the number that they have sent.
    Float(u64),
    /// 1 to [`Id::MAX_TEXT`] bytes, no control characters.
    Text(Cow<'a, str>),
}

impl<'a> Id<'a> {
    /// 2^53, the end of what a JavaScript number counts exactly.
    pub const MAX_NUMBER: u64 = 1 << 53;

    /// The longest text, in bytes.
    pub const MAX_TEXT: usize = 128;

    /// A number as an id; `None` above [`Id::MAX_NUMBER`].
    pub fn number(number: u64) -> Option<Id<'a>> {
        (number <= Self::MAX_NUMBER).then_some(Id::Number(number))
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<u64> {
        match self {
            Id::Number(number) | Id::Float(number) => Some(*number),
            Id::Text(_) => None,
        }
    }

    /// A text as an id; `None` when it is empty, longer than [`Id::MAX_TEXT`], or has control characters.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Option<Id<'a>> {
        Some(Id::Text(text.into())).filter(Id::is_valid)
    }

    /// True for what [`Id::number`] or [`Id::text`] would give.
    fn is_valid(&self) -> bool {
        match self {
            Id::Number(number) | Id::Float(number) => *number <= Self::MAX_NUMBER,
            Id::Text(text) => !text.is_empty() && text.len() <= Self::MAX_TEXT && !has_control(text),
        }
    }

    /// The same id, owning its text.
    pub fn into_owned(self) -> Id<'static> {
        match self {
            Id::Number(number) => Id::Number(number),
            Id::Float(number) => Id::Float(number),
            Id::Text(text) => Id::Text(Cow::Owned(text.into_owned())),
        }
    }
}

impl PartialEq for Id<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Id::Text(one), Id::Text(other)) => one == other,
            (one, other) => one.as_number().is_some() && one.as_number() == other.as_number(),
        }
    }
}

impl Eq for Id<'_> {}

impl Hash for Id<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Id::Number(number) | Id::Float(number) => (false, number).hash(state),
            Id::Text(text) => (true, text).hash(state),
        }
    }
}

/// As a client writes it: a text without quotes.
impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Number(number) | Id::Float(number) => number.fmt(f),
            Id::Text(text) => f.write_str(text),
        }
    }
}

/// A number as a number, a text as a string.
impl Serialize for Id<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Id::Number(number) | Id::Float(number) => serializer.serialize_u64(*number),
            Id::Text(text) => serializer.serialize_str(text),
        }
    }
}

/// A message for a handler: `{"event","data"?,"id"?,"meta"?}`; `D` is a payload in its format.
#[derive(Clone, Debug)]
pub struct Request<'a, D = &'a RawValue> {
    /// A name that passes [`check_event`](crate::check_event) and is not [reserved](crate::is_reserved).
    pub event: Cow<'a, str>,
    /// The payload, checked to be of its format and parsed late; `None` when missing or null.
    pub data: Option<D>,
    /// With an id the request gets exactly one end.
    pub id: Option<Id<'a>>,
    /// What travels beside the payload, as `data`.
    pub meta: Option<D>,
}

/// What the frame of a message pattern asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternKind {
    /// `"message"`: an answer.
    Message,
    /// `"event"`: none.
    Event,
}

/// A frame from a client, by its kind.
#[derive(Clone, Debug)]
pub enum Incoming<'a, D = &'a RawValue> {
    /// A message for a handler.
    Request(Request<'a, D>),
    /// The same in the frame of a message pattern: `{"kind","pattern","payload"?,"metadata"?,"id"?}`.
    Pattern {
        /// Whether it is answered.
        kind: PatternKind,
        /// The pattern is its event, `payload` its data, and `metadata` its meta.
        request: Request<'a, D>,
    },
    /// `{"cancel": id}`: stop a running request or stream.
    Cancel(Id<'a>),
    /// The answer to a request of the server.
    Ack {
        /// The number that the server's request carried; at most [`Id::MAX_NUMBER`].
        ack: u64,
        /// `data` (`None` when missing or null), or else `error`.
        answer: Result<Option<D>, D>,
    },
}

impl<'a, D> Request<'a, D> {
    fn map<E>(self, mut form: impl FnMut(D) -> E) -> Request<'a, E> {
        let Request { event, data, id, meta } = self;
        Request { event, data: data.map(&mut form), id, meta: meta.map(form) }
    }

    fn into_owned(self) -> Request<'static, D> {
        let Request { event, data, id, meta } = self;
        Request { event: Cow::Owned(event.into_owned()), data, id: id.map(Id::into_owned), meta }
    }

    /// The reason for the metric, and the message for the client.
    fn fault(&self) -> Option<(&'static str, &'static str)> {
        match (check_event(&self.event), &self.id) {
            (Err(rule), _) => Some(("event_name", rule)),
            _ if is_reserved(&self.event) => Some(Fault::EventReserved.texts()),
            (_, Some(id)) if !id.is_valid() => Some(Fault::Id.texts()),
            _ => None,
        }
    }

    fn rejected(self, (reason, message): (&'static str, &'static str)) -> Rejected<'a> {
        Rejected {
            error: Error::bad_request(message),
            reason,
            id: self.id.filter(Id::is_valid),
            event: check_event(&self.event).is_ok().then_some(self.event),
        }
    }
}

impl<'a, D> Incoming<'a, D> {
    /// The same message, its payloads in another form.
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

    /// The same message, owning its event and ids; its payloads are as they are: see [`map`](Incoming::map).
    pub fn into_owned(self) -> Incoming<'static, D> {
        match self {
            Incoming::Request(request) => Incoming::Request(request.into_owned()),
            Incoming::Pattern { kind, request } => Incoming::Pattern { kind, request: request.into_owned() },
            Incoming::Cancel(id) => Incoming::Cancel(id.into_owned()),
            Incoming::Ack { ack, answer } => Incoming::Ack { ack, answer },
        }
    }

    /// Checks what every format has to hold to: names that may be used, and ids in their bounds. The codecs of this crate do.
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
            (_, Some((reason, message))) => {
                Err(Rejected { error: Error::bad_request(message), reason, id: None, event: None })
            }
        }
    }

    /// Refuses the frame of a message pattern, for whom takes none.
    ///
    /// Errors: [`Rejected`], whose reason is `kind_disabled`.
    pub fn without_patterns(self) -> Result<Incoming<'a, D>, Rejected<'a>> {
        match self {
            Incoming::Pattern { request, .. } => Err(request.rejected(Fault::PatternDisabled.texts())),
            message => Ok(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn d09_ids_have_bounds() {
        assert_eq!(Id::number(1 << 53), Some(Id::Number(9_007_199_254_740_992)));
        assert_eq!(Id::number((1 << 53) + 1), None);
        assert_eq!(Id::text("a-1"), Some(Id::Text("a-1".into())));
        assert!(Id::text("x".repeat(128)).is_some());
        for bad in ["", "a\n", "\u{85}", &"x".repeat(129)] {
            assert_eq!(Id::text(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn d09_a_number_and_the_same_as_a_float_are_one_id() {
        let ids = [Id::Number(7), Id::Float(7)];
        assert_eq!(ids[0], ids[1]);
        assert_eq!(HashSet::from(ids).len(), 1);
        assert_ne!(Id::Float(7), Id::Number(8));
        assert_ne!(Id::Float(7), Id::Text("7".into()));
        assert_ne!(Id::Text("7".into()), Id::Text("8".into()));
        assert_eq!([Id::Float(7).as_number(), Id::Text("7".into()).as_number()], [Some(7), None]);
        assert_eq!(Id::Float(7).to_string(), "7");
        assert_eq!(serde_json::to_string(&Id::Float(7)).expect("a number"), "7");
        assert!(!Id::Float(Id::MAX_NUMBER + 1).is_valid());
        assert!(matches!(Id::Float(7).into_owned(), Id::Float(7)));
    }

    #[test]
    fn a_number_and_its_text_are_two_ids() {
        assert_ne!(Id::number(7), Id::text("7"));
        assert_eq!(Id::text("7").map(Id::into_owned), Id::text("7"));
    }
}
