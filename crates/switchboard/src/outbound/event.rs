//! [`Event`]: a frame to be sent, encoded once in one format.
use crate::Error;
use crate::buffers::{give, take};
use crate::codec::Encoding;
use crate::outbound::{Frame, Sending};
use switchboard_core::Id;
use switchboard_core::ws;

/// An encoded frame. All receivers with the same format get the same bytes.
pub(crate) struct Event {
    bytes: Vec<u8>,
    start: usize,
    messages: u32,
}

impl Event {
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

    pub(super) fn build(
        encoding: Encoding<'_>,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<Event, Error> {
        let mut bytes = take();
        // Room for the header, which is written in place when the length is known.
        bytes.resize(ws::HEADER_ROOM, 0);
        if let Err(error) = encode(&mut bytes) {
            give(bytes);
            return Err(error);
        }
        let start = encoding.finish(&mut bytes);
        let messages = encoding.messages(&bytes[start..]);
        Ok(Event { bytes, start, messages })
    }

    /// The length of its payload, which is what `max_message_out` limits.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - ws::HEADER_ROOM
    }

    pub(crate) fn frame(&self) -> Frame<'_> {
        Frame::of(&self.bytes[self.start..], self.messages)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        give(std::mem::take(&mut self.bytes));
    }
}
