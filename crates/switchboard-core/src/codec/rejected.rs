//! A frame that is refused.
use std::borrow::Cow;

use crate::{Error, Id};

/// A frame that is answered with an `exception`, and all that is known for addressing the answer.
#[derive(Debug)]
pub struct Rejected<'a> {
    /// `bad_request`; the message says what to do, and never repeats the input.
    pub error: Error,
    /// For the metric, one of: `not_json`, `not_object`, `not_msgpack`, `not_map`, `key_not_text`, `too_many_keys`,
    /// `private_key`, `duplicate_key`, `two_kinds`, `no_event`, `kind_disabled`, `event_name`, `event_reserved`, `kind`, `id`, `cancel`, `ack`; and
    /// what other codecs than those of this crate say.
    pub reason: &'static str,
    /// The id of the request, where it could be read.
    pub id: Option<Id<'a>>,
    /// The event of the request, where it could be read and is a name.
    pub event: Option<Cow<'a, str>>,
}

impl Rejected<'_> {
    /// The same, owning the id and the event.
    pub fn into_owned(self) -> Rejected<'static> {
        let Rejected { error, reason, id, event } = self;
        Rejected { error, reason, id: id.map(Id::into_owned), event: event.map(|event| Cow::Owned(event.into_owned())) }
    }
}

/// A frame of which nothing more is known; the reason is `codec`.
impl From<Error> for Rejected<'_> {
    fn from(error: Error) -> Self {
        Rejected { error, reason: "codec", id: None, event: None }
    }
}
