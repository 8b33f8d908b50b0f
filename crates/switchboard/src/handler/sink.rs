//! [`ReplySink`]: where a reply is written.
use super::none::is_none;
use super::{IntoError, Invocation};
use crate::Error;
use crate::codec::{Encoding, Held};
use crate::hub::ReplyTo;
use crate::pipeline::{Caught, Filtering};
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use switchboard_core::Id;
use switchboard_core::codec::json;

/// Where a reply is written: straight into the bytes of the frame, in the format of the connection.
pub struct ReplySink<'a> {
    out: &'a mut Vec<u8>,
    encoding: Encoding<'a>,
    event: &'a str,
    pub(super) id: Option<&'a Id<'a>>,
    reply_to: ReplyTo,
    pub(crate) failure: Option<Error>,
    /// What is written is one of several.
    item: bool,
    /// It is a reply in JSON, to the client.
    plain: bool,
    captured: Option<&'a mut Captured>,
    rare: Option<Box<Rare>>,
}

/// What most replies do not need.
#[derive(Default)]
struct Rare {
    stream: Option<Invocation>,
    filters: Option<Arc<Filtering>>,
    late: Option<u64>,
}

impl<'a> ReplySink<'a> {
    pub(crate) fn new(
        out: &'a mut Vec<u8>,
        encoding: Encoding<'a>,
        event: &'a str,
        id: Option<&'a Id<'a>>,
        reply_to: ReplyTo,
    ) -> ReplySink<'a> {
        let plain = encoding.is_json() && reply_to == ReplyTo::Event;
        ReplySink { out, encoding, event, id, reply_to, failure: None, item: false, plain, captured: None, rare: None }
    }

    /// One that keeps what is written for those around the handler. `out` is not used.
    pub(crate) fn capturing(
        out: &'a mut Vec<u8>,
        event: &'a str,
        captured: &'a mut Captured,
        filtering: &'a Arc<Filtering>,
    ) -> ReplySink<'a> {
        let mut sink = ReplySink::new(out, filtering.client.endpoint().encoding(), event, None, ReplyTo::Event);
        sink.captured = Some(captured);
        sink.plain = false;
        sink.set_filters(filtering.clone());
        sink
    }

    /// These are asked when the handler fails.
    pub(crate) fn set_filters(&mut self, filtering: Arc<Filtering>) {
        self.rare.get_or_insert_default().filters = Some(filtering);
    }

    /// The event's name.
    pub(crate) fn event(&self) -> &'a str {
        self.event
    }

    /// What the handler returned goes on.
    pub(crate) fn set_stream(&mut self, stream: Option<Invocation>) {
        if stream.is_some() {
            self.rare.get_or_insert_default().stream = stream;
        }
    }

    /// A reply is written, or nothing; that is all.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.rare.is_none()
    }

    pub(crate) fn take_stream(&mut self) -> Option<Invocation> {
        self.rare.as_mut()?.stream.take()
    }

    /// An `Ack` of this number answers.
    pub(crate) fn set_late(&mut self, late: Option<u64>) {
        if late.is_some() {
            self.rare.get_or_insert_default().late = late;
        }
    }

    pub(crate) fn late(&self) -> Option<u64> {
        self.rare.as_ref()?.late
    }

    /// What is written from now on is an item of a stream.
    pub(crate) fn begin_item(&mut self) {
        self.item = true;
        self.plain = false;
    }

    /// What a client is told of a handler's error.
    pub(crate) fn fail<E: IntoError + 'static>(&mut self, error: E) -> Error {
        self.fail_with(error, E::into_error)
    }

    pub(crate) fn fail_with<E: 'static>(&mut self, error: E, convert: impl FnOnce(E) -> Error) -> Error {
        let filters = self.rare.as_ref().and_then(|rare| rare.filters.as_ref());
        let Some(filtering) = filters else { return convert(error) };
        let Filtering { stages, client } = &**filtering;
        let caught = Caught::new(Some(client), self.event);
        match &self.captured {
            // Interceptors come first; but the error's own type is lost on the way.
            Some(_) => stages.catch_own(error, &caught).unwrap_or_else(convert),
            None => stages.catch(error, convert, &caught),
        }
    }

    /// Nobody waits for an empty reply without an `id`; with one, `data` is null.
    pub fn empty(&mut self) {
        if self.captured.is_none() && (self.id.is_some() || self.item) {
            self.value(&());
        }
    }

    /// A value under the request's event name. A value that cannot be serialised becomes an `internal` error.
    #[inline]
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) {
        if !self.plain {
            return self.value_as(None, value);
        }
        // The way of most replies: it alone has the value's `Serialize` compiled into it.
        let start = self.out.len();
        match json::encode_reply(self.out, self.event, self.id, value) {
            Ok(_) if self.id.is_none() && self.encoding.may_end_in_null(self.out) && is_none(value) => {
                self.out.truncate(start);
            }
            Ok(_) => {}
            Err(error) => self.failure = Some(error),
        }
    }

    #[inline(never)]
    pub(super) fn value_as<T: Serialize + ?Sized>(&mut self, event: Option<&str>, value: &T) {
        if let Some(captured) = &mut self.captured {
            match self.encoding.hold(value) {
                Ok(data) => {
                    captured.none = data.is_null() && is_none(value);
                    captured.event = event.map(str::to_owned);
                    captured.data = Some(data);
                }
                Err(error) => self.failure = Some(error),
            }
            return;
        }
        match self.reply_to {
            ReplyTo::Event => {}
            ReplyTo::Nothing => return,
            // Without an `id`, `None` is silence here, too.
            ReplyTo::Pattern if self.id.is_none() && !self.item && is_none(value) => return,
            ReplyTo::Pattern => {
                if let Err(error) = self.encoding.pattern(self.out, self.event, self.id, self.item, value) {
                    self.failure = Some(error);
                }
                return;
            }
        }
        let start = self.out.len();
        let event = event.unwrap_or(self.event);
        match self.encoding.answer(self.out, event, self.id, self.item, value) {
            // Without an `id`, `None` is silence (and `null` of any other type is a value).
            Ok(()) if self.id.is_none() && !self.item && self.encoding.may_end_in_null(self.out) && is_none(value) => {
                self.out.truncate(start);
            }
            Ok(()) => {}
            Err(error) => self.failure = Some(error),
        }
    }

    /// The end of a stream, for the one who waits for it.
    pub(crate) fn end(&mut self) {
        let Some(id) = self.id else { return };
        let ended = match self.reply_to {
            ReplyTo::Event => self.encoding.end(self.out, self.event, id),
            ReplyTo::Pattern => self.encoding.pattern_end(self.out, self.event, id),
            ReplyTo::Nothing => Ok(()),
        };
        if let Err(error) = ended {
            self.failure = Some(error);
        }
    }

    /// What was captured on this connection: it is in its format, or JSON.
    pub(super) fn held(&mut self, event: Option<&str>, data: &Held) {
        match data {
            Held::Nothing => self.value_as(event, &()),
            // Its serialisation is a secret of serde_json's.
            Held::Json(json) if !self.encoding.knows_raw_json() => match json::Exact::of(json) {
                Ok(value) => self.value_as(event, &value),
                Err(error) => self.failure = Some(error),
            },
            Held::Json(json) => self.value_as(event, json),
            Held::MessagePack(raw) => self.value_as(event, raw),
            Held::Own(..) => self.failure = Some(Error::internal("a codec's payload is not sent back")),
        }
    }
}

/// What a handler behind interceptors has written, as the client would have got it.
#[derive(Default)]
pub(crate) struct Captured {
    pub(super) event: Option<String>,
    pub(super) data: Option<Held>,
    /// `Option::None`, which is silence where nobody waits.
    pub(super) none: bool,
}

impl fmt::Debug for ReplySink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplySink").field("event", &self.event).finish_non_exhaustive()
    }
}
