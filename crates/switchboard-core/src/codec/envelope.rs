//! The keys of a frame, and the kind of message that they add up to.
use std::borrow::Cow;

use super::fault::Fault;
use super::rejected::Rejected;
use crate::{Error, Id, Incoming, PatternKind, Request, check_event, is_reserved};

/// The most keys of the envelope, and of any object inside `data`, `meta` or `error`.
pub(super) const MAX_KEYS: usize = 1024;

/// The keys that have a meaning.
#[derive(Clone, Copy)]
pub(super) enum Key {
    Event,
    Data,
    Id,
    Meta,
    Cancel,
    Ack,
    Error,
    Kind,
    Pattern,
    Payload,
    Metadata,
    Method,
    Url,
    Unknown,
}

impl Key {
    pub(super) fn of(word: &str) -> Key {
        match word {
            "event" => Key::Event,
            "data" => Key::Data,
            "id" => Key::Id,
            "meta" => Key::Meta,
            "cancel" => Key::Cancel,
            "ack" => Key::Ack,
            "error" => Key::Error,
            "kind" => Key::Kind,
            "pattern" => Key::Pattern,
            "payload" => Key::Payload,
            "metadata" => Key::Metadata,
            "method" => Key::Method,
            "url" => Key::Url,
            _ => Key::Unknown,
        }
    }

    /// True if the value of the key is needed.
    pub(super) fn has_value(self) -> bool {
        !matches!(self, Key::Unknown)
    }
}

/// A value of the envelope, not yet parsed, in its format.
pub(super) trait Value<'a>: Copy {
    type Data;

    fn is_null(self) -> bool;

    /// The value as a payload: `None` for null. It is refused if an object in it has too many keys, or a key is [private](super::private).
    fn data(self) -> Result<Option<Self::Data>, Fault>;

    /// The value as a text of at most 128 bytes. An implementation may return a longer text where that costs nothing.
    fn text(self) -> Option<Cow<'a, str>>;

    /// The value as an id, exactly as it was sent; `None` for null.
    fn id(self) -> Result<Option<Id<'a>>, Fault>;
}

/// The known keys of a frame with their values. They are kept outside of the parser, so that an answer can still name the id and the event
/// that were read before a fault.
pub(super) struct Envelope<V> {
    event: Option<V>,
    data: Option<V>,
    id: Option<V>,
    meta: Option<V>,
    cancel: Option<V>,
    ack: Option<V>,
    error: Option<V>,
    kind: Option<V>,
    pattern: Option<V>,
    payload: Option<V>,
    metadata: Option<V>,
    method: Option<V>,
    url: Option<V>,
    /// True if frames of message patterns are accepted.
    takes_patterns: bool,
    /// A bit for each [`Key`] that occurred.
    seen: u16,
    /// A bit for each [`Key`] that occurred more than once.
    again: u16,
}

impl<V> Envelope<V> {
    pub(super) fn new(takes_patterns: bool) -> Envelope<V> {
        Envelope {
            event: None,
            data: None,
            id: None,
            meta: None,
            cancel: None,
            ack: None,
            error: None,
            kind: None,
            pattern: None,
            payload: None,
            metadata: None,
            method: None,
            url: None,
            takes_patterns,
            seen: 0,
            again: 0,
        }
    }

    /// Records a key, and its value if the key has one that is needed.
    pub(super) fn put(&mut self, key: Key, value: Option<V>) {
        match key {
            Key::Event => self.event = value,
            Key::Data => self.data = value,
            Key::Id => self.id = value,
            Key::Meta => self.meta = value,
            Key::Cancel => self.cancel = value,
            Key::Ack => self.ack = value,
            Key::Error => self.error = value,
            Key::Kind => self.kind = value,
            Key::Pattern => self.pattern = value,
            Key::Payload => self.payload = value,
            Key::Metadata => self.metadata = value,
            Key::Method => self.method = value,
            Key::Url => self.url = value,
            Key::Unknown => return,
        }
        self.again |= self.seen & bit(key);
        self.seen |= bit(key);
    }
}

impl<'a, V: Value<'a>> Envelope<V> {
    /// The message, if `filled` says that the whole frame was read.
    pub(super) fn finish(self, filled: Result<(), Fault>) -> Result<Incoming<'a, V::Data>, Rejected<'a>> {
        filled.and_then(|()| self.read()).map_err(|fault| self.reject(fault))
    }

    fn read(&self) -> Result<Incoming<'a, V::Data>, Fault> {
        if self.again != 0 {
            return Err(Fault::DuplicateKey);
        }
        match self.message_of(self.seen) {
            // A null key counts as absent if another key decides the kind. If it is the only one, the error is about its value.
            Err(Fault::TwoKinds) => self.message_of(self.seen & !self.nulls()),
            message => message,
        }
    }

    /// The message of the kind that the keys in `present` decide.
    #[inline]
    fn message_of(&self, present: u16) -> Result<Incoming<'a, V::Data>, Fault> {
        let has = |key: Key| present & bit(key) != 0;
        let pattern = has(Key::Kind) && has(Key::Pattern);
        let rest = has(Key::Method) && has(Key::Url);
        match (has(Key::Event), has(Key::Cancel), has(Key::Ack), pattern, rest) {
            (true, false, false, false, false) => self.request().map(Incoming::Request),
            (false, true, false, false, false) => match self.cancel.map(V::id) {
                Some(Ok(Some(id))) => Ok(Incoming::Cancel(id)),
                _ => Err(Fault::Cancel),
            },
            (false, false, true, false, false) => self.answer(),
            (false, false, false, true, false) if self.takes_patterns => self.message(),
            (false, false, false, true, false) => Err(Fault::PatternDisabled),
            (false, false, false, false, true) => Err(Fault::RestDisabled),
            (false, false, false, false, false) => Err(Fault::NoEvent),
            _ => Err(Fault::TwoKinds),
        }
    }

    fn request(&self) -> Result<Request<'a, V::Data>, Fault> {
        let event = read_event(self.event.ok_or(Fault::NoEvent)?, EVENT)?;
        if is_reserved(&event) {
            return Err(Fault::EventReserved);
        }
        let id = self.id.map_or(Ok(None), V::id)?;
        Ok(Request { event, data: read_data(self.data)?, id, meta: read_data(self.meta)? })
    }

    /// A frame of a message pattern.
    #[cold]
    fn message(&self) -> Result<Incoming<'a, V::Data>, Fault> {
        let event = read_event(self.pattern.ok_or(Fault::NoEvent)?, PATTERN)?;
        if is_reserved(&event) {
            return Err(Fault::EventReserved);
        }
        let kind = match self.kind.and_then(V::text).as_deref() {
            Some("message") => PatternKind::Message,
            Some("event") => PatternKind::Event,
            _ => return Err(Fault::Kind),
        };
        let id = self.id.map_or(Ok(None), V::id)?;
        let request = Request { event, data: read_data(self.payload)?, id, meta: read_data(self.metadata)? };
        Ok(Incoming::Pattern { kind, request })
    }

    /// A bit for each null key that would decide the kind.
    #[cold]
    fn nulls(&self) -> u16 {
        let deciding = [
            (Key::Event, self.event),
            (Key::Cancel, self.cancel),
            (Key::Ack, self.ack),
            (Key::Kind, self.kind),
            (Key::Pattern, self.pattern),
            (Key::Method, self.method),
            (Key::Url, self.url),
        ];
        deciding.into_iter().filter(|(_, value)| value.is_some_and(V::is_null)).map(|(key, _)| bit(key)).sum()
    }

    fn is_pattern(&self) -> bool {
        let both = bit(Key::Kind) | bit(Key::Pattern);
        self.seen & both == both
    }

    fn answer(&self) -> Result<Incoming<'a, V::Data>, Fault> {
        let id = self.ack.and_then(|ack| ack.id().ok()).flatten();
        let Some(ack) = id.as_ref().and_then(Id::as_number) else { return Err(Fault::Ack) };
        let answer = match (read_data(self.data)?, read_data(self.error)?) {
            (data, None) => Ok(data),
            (None, Some(error)) => Err(error),
            (Some(_), Some(_)) => return Err(Fault::AckTwice),
        };
        Ok(Incoming::Ack { ack, answer })
    }

    /// The refusal. It names the id and the event, unless that key occurred more than once.
    #[cold]
    fn reject(&self, fault: Fault) -> Rejected<'a> {
        let once = |key: Key| self.again & bit(key) == 0;
        let (reason, message) = fault.texts();
        let event = self.event.filter(|event| once(Key::Event) && !event.is_null());
        let pattern = self.pattern.filter(|_| self.is_pattern() && once(Key::Pattern));
        Rejected::new(Error::bad_request(message))
            .with_reason(reason)
            .with_id(self.id.filter(|_| once(Key::Id)).and_then(|value| value.id().ok()).flatten())
            .with_event(event.or(pattern).and_then(|value| read_event(value, EVENT).ok()))
    }
}

fn bit(key: Key) -> u16 {
    1 << key as u16
}

fn read_data<'a, V: Value<'a>>(value: Option<V>) -> Result<Option<V::Data>, Fault> {
    value.map_or(Ok(None), V::data)
}

const EVENT: Fault = Fault::EventName("`event` must be a text of 1 to 128 bytes");
const PATTERN: Fault = Fault::EventName("`pattern` must be a text of 1 to 128 bytes");

fn read_event<'a, V: Value<'a>>(value: V, no_text: Fault) -> Result<Cow<'a, str>, Fault> {
    let event = value.text().ok_or(no_text)?;
    check_event(&event).map_err(Fault::EventName)?;
    Ok(event)
}
