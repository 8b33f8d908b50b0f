//! [`Emission`]: what the application emits, before it is decided which formats are needed.
use crate::codec::Encoding;
use crate::event_name::check_name;
use crate::nested::{Calls, DEEPEST, Nested, Refused};
use crate::outbound::Event;
use crate::{Error, log};
use serde::Serialize;
use std::panic::Location;

thread_local! {
    static SENDS: Calls = const { Calls::new(DEEPEST) };
}

/// An event that can be encoded in any format, once for each format that a receiver has. Delivery knows no more of it:
/// the event may be an emit of the application as well as a message of another node.
pub(crate) trait Encode {
    /// Its name, for the log.
    fn event(&self) -> &str;

    /// Its frame in a format. `None`, and a line in the log, when the data cannot be serialised or is too long.
    ///
    /// It runs the application's `Serialize`: the caller holds no lock.
    fn encode(&self, encoding: Encoding<'_>) -> Option<Event>;
}

/// A request that can be encoded in any format; clients answer it by its number.
pub(crate) trait EncodeRequest {
    /// Its frame in a format. Errors: why no client of that format is asked.
    ///
    /// It runs the application's `Serialize`: the caller holds no lock.
    fn encode_request(&self, encoding: Encoding<'_>, ack: u64) -> Result<Event, Error>;
}

/// What the application sends, and the call that sends it. Its `Serialize` and its `Drop` are the application's, and
/// may send again.
pub(crate) struct Sending<T> {
    /// Before `nested`, so that it is dropped inside of the call.
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
    pub(crate) fn get(&self) -> Result<&T, String> {
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
            // One that is kept for ever, in place of a stack that overflows; it is logged that it is not sent.
            std::mem::forget(self.data.take());
        }
    }
}

/// One call of the application that sends an event.
pub(crate) struct Emission<'a, T> {
    event: &'a str,
    data: Sending<T>,
    /// The longest payload of its frame, in bytes.
    most: usize,
    /// The place in the application's code that the log names.
    place: &'static Location<'static>,
}

impl<'a, T> Emission<'a, T> {
    #[inline]
    #[track_caller]
    pub(crate) fn new(event: &'a str, data: T, most: usize) -> Emission<'a, T> {
        Emission { event, data: Sending::begin(data), most, place: Location::caller() }
    }

    #[cold]
    fn refused(&self, why: &str) -> Option<Event> {
        let Emission { event, place, .. } = *self;
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
    }
}

impl<T: Serialize> Encode for Emission<'_, T> {
    fn event(&self) -> &str {
        self.event
    }

    fn encode(&self, encoding: Encoding<'_>) -> Option<Event> {
        if let Err(why) = check_name(self.event) {
            return self.refused(why);
        }
        let data = match self.data.get() {
            Ok(data) => data,
            Err(why) => return self.refused(&why),
        };
        match Event::build(encoding, |out| encoding.event(out, self.event, data)) {
            Err(error) => self.refused(&error.source_chain()),
            Ok(built) if built.len() > self.most => self.refused("it is longer than `max_message_out`"),
            Ok(built) => Some(built),
        }
    }
}

impl<T: Serialize> EncodeRequest for Emission<'_, T> {
    fn encode_request(&self, encoding: Encoding<'_>, ack: u64) -> Result<Event, Error> {
        check_name(self.event).map_err(Error::internal)?;
        let data = self.data.get().map_err(Error::internal)?;
        let built = Event::build(encoding, |out| encoding.request(out, self.event, data, ack))?;
        if built.len() > self.most {
            return Err(Event::too_long());
        }
        Ok(built)
    }
}
