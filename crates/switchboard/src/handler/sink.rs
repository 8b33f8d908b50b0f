//! [`ReplySink`]: the destination of a reply.
use super::none::{is_args, is_none};
use super::{IntoError, Invocation};
use crate::codec::{Encoding, Held};
use crate::hub::ReplyTo;
use crate::pipeline::{Caught, Filtering};
use crate::{Args, Error};
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use switchboard_core::Id;
use switchboard_core::codec::json;

/// The destination of a reply: writes it directly into the bytes of the frame, in the connection's format.
pub struct ReplySink<'a> {
    out: &'a mut Vec<u8>,
    encoding: Encoding<'a>,
    event: &'a str,
    pub(super) id: Option<&'a Id<'a>>,
    reply_to: ReplyTo,
    pub(crate) failure: Option<Error>,
    /// True if the reply is an item of a stream.
    item: bool,
    /// True if it is a JSON reply to the client, not an item of a stream.
    plain: bool,
    captured: Option<&'a mut Captured>,
    rare: Option<Box<Rare>>,
}

/// State that most replies do not need.
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

    /// Returns a sink that captures the reply for the interceptors around the handler. `out` is not used.
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

    /// Sets the filters that handle an error of the handler.
    pub(crate) fn set_filters(&mut self, filtering: Arc<Filtering>) {
        self.rare.get_or_insert_default().filters = Some(filtering);
    }

    /// Returns the name of the event.
    pub(crate) fn event(&self) -> &'a str {
        self.event
    }

    /// Sets the stream that the handler returned, if it did.
    pub(crate) fn set_stream(&mut self, stream: Option<Invocation>) {
        if stream.is_some() {
            self.rare.get_or_insert_default().stream = stream;
        }
    }

    /// True if there is no stream, deferred reply or filter: the reply is complete when it is written.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.rare.is_none()
    }

    pub(crate) fn take_stream(&mut self) -> Option<Invocation> {
        self.rare.as_mut()?.stream.take()
    }

    /// Sets the number of the `Ack` that replies, if there is one.
    pub(crate) fn set_late(&mut self, late: Option<u64>) {
        if late.is_some() {
            self.rare.get_or_insert_default().late = late;
        }
    }

    pub(crate) fn late(&self) -> Option<u64> {
        self.rare.as_ref()?.late
    }

    /// Marks what is written from now on as items of a stream.
    pub(crate) fn begin_item(&mut self) {
        self.item = true;
        self.plain = false;
    }

    /// Converts a handler's error to the one for the client.
    pub(crate) fn fail<E: IntoError + 'static>(&mut self, error: E) -> Error {
        self.fail_with(error, E::into_error)
    }

    pub(crate) fn fail_with<E: 'static>(&mut self, error: E, convert: impl FnOnce(E) -> Error) -> Error {
        let filters = self.rare.as_ref().and_then(|rare| rare.filters.as_ref());
        let Some(filtering) = filters else { return convert(error) };
        let Filtering { stages, client } = &**filtering;
        let caught = Caught::new(Some(client), self.event);
        match &self.captured {
            // Filters run after the interceptors, but the error's own type is lost by then, so a filter of exactly that
            // type runs now.
            Some(_) => stages.catch_own(error, &caught).unwrap_or_else(convert),
            None => stages.catch(error, convert, &caught),
        }
    }

    /// Writes an empty reply: `data` is null. If the request has no `id`, only an item of a stream is written.
    pub fn empty(&mut self) {
        if self.captured.is_none() && (self.id.is_some() || self.item) {
            self.value(&());
        }
    }

    /// Writes a value under the request's event name. If it cannot be serialised, the reply is an `internal` error.
    #[inline]
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) {
        if !self.plain {
            return self.value_as(None, value);
        }
        // The path of most replies. It encodes JSON with the value's own `Serialize`; `value_as` erases the type for
        // JSON.
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
                    captured.args = self.encoding.spreads_args() && is_args(value);
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
            // Without an `id`, `None` is not sent here, either.
            ReplyTo::Pattern if self.id.is_none() && !self.item && is_none(value) => return,
            ReplyTo::Pattern => {
                if let Err(error) = self.encoding.pattern(self.out, self.event, self.id, self.item, value) {
                    self.failure = Some(error);
                }
                return;
            }
        }
        let start = self.out.len();
        let answered = match event {
            None => self.encoding.answer(self.out, self.event, self.id, self.item, value),
            Some(event) => self.encoding.answer_as(self.out, event, self.id, self.item, value),
        };
        match answered {
            // Without an `id`, `None` is not sent (`null` of any other type is).
            Ok(()) if self.id.is_none() && !self.item && self.encoding.may_end_in_null(self.out) && is_none(value) => {
                self.out.truncate(start);
            }
            Ok(()) => {}
            Err(error) => self.failure = Some(error),
        }
    }

    /// Writes the end of a stream, if the request has an `id`.
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

    /// Writes data that was captured on this connection: it is in the connection's format, or JSON.
    pub(super) fn held(&mut self, event: Option<&str>, data: &Held, args: bool) {
        match data {
            _ if data.is_null() => self.value_as(event, &()),
            Held::Nothing => self.value_as(event, &()),
            Held::Json(json) if args => self.value_as(event, &Args(json)),
            Held::MessagePack(raw) if args => self.value_as(event, &Args(raw)),
            // The format cannot see through the private serialisation of serde_json's raw value.
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

/// A reply that a handler inside interceptors has written, as the client would have got it.
#[derive(Default)]
pub(crate) struct Captured {
    pub(super) event: Option<String>,
    pub(super) data: Option<Held>,
    /// True if it is `Option::None`, which is not sent if the request has no `id`.
    pub(super) none: bool,
    /// True if it is an [`Args`](crate::Args).
    pub(super) args: bool,
}

impl fmt::Debug for ReplySink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplySink").field("event", &self.event).finish_non_exhaustive()
    }
}
