//! [`Event`]: a frame to be sent, encoded once in one format.
use crate::buffers::{give, take};
use crate::codec::Encoding;
use crate::event_name::check_name;
use crate::nested::{Calls, DEEPEST, Nested, Refused};
use crate::outbound::Frame;
use crate::{Error, log};
use serde::Serialize;
use std::panic::Location;
use switchboard_core::Id;
use switchboard_core::ws;

thread_local! {
    static SENDS: Calls = const { Calls::new(DEEPEST) };
}

/// A value that the application sends, for the time of the call that sends it. The value's `Serialize` and `Drop` are code of the
/// application, which may send again: [`Nested`] bounds that.
pub(crate) struct Sending<T> {
    /// Declared before `_nested`, so that it is dropped while the call still counts.
    data: Option<T>,
    refused: Option<Refused>,
    _nested: Nested,
}

impl<T> Sending<T> {
    #[inline]
    pub(crate) fn begin(data: T) -> Sending<T> {
        let (_nested, refused) = Nested::begin(&SENDS);
        Sending { data: Some(data), refused, _nested }
    }

    /// Errors: why it is not sent.
    #[inline]
    fn get(&self) -> Result<&T, String> {
        match (&self.data, self.refused) {
            (Some(data), None) => Ok(data),
            (_, refused) => {
                let refused = refused.unwrap_or(Refused::Endless);
                Err(refused.told(
                    "events are sent inside of each other, by what they send as it is serialised or dropped",
                    DEEPEST,
                ))
            }
        }
    }
}

impl<T> Drop for Sending<T> {
    #[inline]
    fn drop(&mut self) {
        if self.refused == Some(Refused::Endless) {
            // Dropping the value would send again, until the stack overflows, so it is leaked. The log says that it was not sent.
            std::mem::forget(self.data.take());
        }
    }
}

/// An encoded frame. All receivers with the same format get the same bytes.
pub(crate) struct Event {
    bytes: Vec<u8>,
    start: usize,
}

impl Event {
    /// Encodes an event with a payload of at most `most` bytes. `None`, and a line in the log, if the data cannot be serialised
    /// or is too long.
    #[track_caller]
    pub(crate) fn encode(
        encoding: Encoding<'_>,
        event: &str,
        data: &Sending<impl Serialize>,
        most: usize,
    ) -> Option<Event> {
        Event::encode_at(Location::caller(), encoding, event, data, most)
    }

    /// [`encode`](Event::encode), with the place in the application that the log names.
    pub(crate) fn encode_at(
        place: &'static Location<'static>,
        encoding: Encoding<'_>,
        event: &str,
        data: &Sending<impl Serialize>,
        most: usize,
    ) -> Option<Event> {
        let refused = |why: &str| {
            log::limited!(
                error,
                (place.file(), place.line()),
                event,
                why,
                file = place.file(),
                line = place.line(),
                "an event was not sent"
            );
            None
        };
        if let Err(why) = check_name(event) {
            return refused(why);
        }
        let data = match data.get() {
            Ok(data) => data,
            Err(why) => return refused(&why),
        };
        match Event::build(encoding, |out| encoding.event(out, event, data)) {
            Err(error) => refused(&error.source_chain()),
            Ok(built) if built.len() > most => refused("it is longer than `max_message_out`"),
            Ok(built) => Some(built),
        }
    }

    /// Encodes an event that asks the client for an answer.
    pub(crate) fn encode_request(
        encoding: Encoding<'_>,
        event: &str,
        data: &Sending<impl Serialize>,
        ack: u64,
        most: usize,
    ) -> Result<Event, Error> {
        check_name(event).map_err(Error::internal)?;
        let data = data.get().map_err(Error::internal)?;
        let built = Event::build(encoding, |out| encoding.request(out, event, data, ack))?;
        if built.len() > most {
            return Err(Event::too_long());
        }
        Ok(built)
    }

    /// The error of a request whose event is too long to be sent.
    pub(crate) fn too_long() -> Error {
        Error::payload_too_large("The event is longer than `max_message_out`")
    }

    /// Encodes a reply, whose payload `write` appends. `None`: it is longer than `most`.
    pub(crate) fn reply(encoding: Encoding<'_>, most: usize, write: impl FnOnce(&mut Vec<u8>)) -> Option<Event> {
        let built = Event::build(encoding, |out| {
            write(out);
            Ok(())
        });
        built.ok().filter(|built| built.len() <= most)
    }

    /// Encodes an error for a client. Errors: it cannot be encoded, see [`Encoding::exception_within`].
    pub(crate) fn exception(
        encoding: Encoding<'_>,
        most: usize,
        error: &Error,
        event: Option<&str>,
        id: Option<&Id<'_>>,
    ) -> Result<Event, Error> {
        // This counts as a send: a codec of the application may do something that fails while it encodes, which is answered by
        // another exception.
        let nothing = Sending::begin(());
        nothing.get().map_err(Error::internal)?;
        Event::build(encoding, |out| encoding.exception_within(most, out, error, event, id))
    }

    fn build(encoding: Encoding<'_>, encode: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>) -> Result<Event, Error> {
        let mut bytes = take();
        // Room for the header, which is written in place when the length is known.
        bytes.resize(ws::HEADER_ROOM, 0);
        if let Err(error) = encode(&mut bytes) {
            give(bytes);
            return Err(error);
        }
        let start = ws::finish_frame(&mut bytes, 0, encoding.opcode());
        Ok(Event { bytes, start })
    }

    /// The length of its payload, which is what `max_message_out` limits.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - ws::HEADER_ROOM
    }

    pub(crate) fn frame(&self) -> Frame<'_> {
        Frame::new(&self.bytes[self.start..])
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        give(std::mem::take(&mut self.bytes));
    }
}
