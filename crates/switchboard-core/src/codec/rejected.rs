//! A frame that is refused.
use std::borrow::Cow;

use crate::{Error, Id};

/// A frame that is refused: the error for the client, and as much of the request as the answer needs.
///
/// An [`Error`] becomes one by `?`, with the reason `codec` and without id and event.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rejected<'a> {
    /// Sent to the client as `exception`. The codecs of this crate send `bad_request`; its message says what to do, and never repeats the
    /// input.
    pub error: Error,
    /// For the metric, one of: `not_json`, `not_object`, `not_msgpack`, `not_map`, `key_not_text`, `too_many_keys`, `private_key`,
    /// `duplicate_key`, `two_kinds`, `no_event`, `kind_disabled`, `event_name`, `event_reserved`, `kind`, `id`, `cancel`, `ack`,
    /// `unknown_event`, `payload`; or a reason of another codec, `codec` by default.
    pub reason: &'static str,
    /// The id of the request, if it could be read.
    pub id: Option<Id<'a>>,
    /// The event of the request, if it could be read and is a valid name.
    pub event: Option<Cow<'a, str>>,
}

impl<'a> Rejected<'a> {
    /// A frame of which only the error is known; its reason is `codec`.
    pub fn new(error: Error) -> Rejected<'a> {
        Rejected { error, reason: "codec", id: None, event: None }
    }

    /// Sets the reason for the metric: a word of a closed list, never part of the input.
    #[must_use]
    pub fn with_reason(mut self, reason: &'static str) -> Rejected<'a> {
        self.reason = reason;
        self
    }

    /// Sets the id that the answer carries.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<Option<Id<'a>>>) -> Rejected<'a> {
        self.id = id.into();
        self
    }

    /// Sets the event that the answer names.
    #[must_use]
    pub fn with_event(mut self, event: impl Into<Option<Cow<'a, str>>>) -> Rejected<'a> {
        self.event = event.into();
        self
    }

    /// The refusal with an owned id and event.
    pub fn into_owned(self) -> Rejected<'static> {
        let Rejected { error, reason, id, event } = self;
        Rejected { error, reason, id: id.map(Id::into_owned), event: event.map(|event| Cow::Owned(event.into_owned())) }
    }
}

impl From<Error> for Rejected<'_> {
    fn from(error: Error) -> Self {
        Rejected::new(error)
    }
}
