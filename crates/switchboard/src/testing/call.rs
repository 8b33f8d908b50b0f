//! Requests in both directions: [`Call`] and [`ServerRequest`].
use super::failure::Failure;
use super::logs::Logs;
use super::received::Message;
use super::wire::{Stuck, Wire};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::panic::Location;

/// A request that was sent and not yet answered: [`TestClient::begin`](super::TestClient::begin).
#[derive(Debug)]
#[must_use = "it is for `expect_reply` or `expect_error`"]
pub struct Call {
    event: String,
    id: String,
}

impl Call {
    /// The id is a text, so that it cannot equal a number in a request that a test has written itself.
    pub(super) fn new(event: &str, number: u64) -> Call {
        Call { event: event.to_owned(), id: format!("test-{number}") }
    }

    /// Of a Socket.IO client, whose ids are numbers.
    #[cfg(feature = "socketio")]
    pub(super) fn numbered(event: &str, number: u64) -> Call {
        Call { event: event.to_owned(), id: number.to_string() }
    }

    /// Returns the event's name.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// Returns the id on the wire.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// A request of the server (`emit_with_ack`): [`TestClient::expect_request`](super::TestClient::expect_request). If it
/// is dropped, it is not answered.
#[must_use = "the server waits for `answer` or `refuse`"]
pub struct ServerRequest {
    message: Message,
    wire: Wire,
    logs: Logs,
}

impl ServerRequest {
    pub(super) fn new(message: Message, wire: Wire, logs: Logs) -> ServerRequest {
        ServerRequest { message, wire, logs }
    }

    /// Returns the event's name.
    pub fn event(&self) -> &str {
        self.message.event()
    }

    /// Returns the number that the answer must carry.
    pub fn ack(&self) -> u64 {
        self.message.ack().unwrap_or_default()
    }

    /// Returns the request's data.
    ///
    /// # Panics
    /// If it is not a `T`.
    #[track_caller]
    pub fn data<T: DeserializeOwned>(&self) -> T {
        match self.message.data() {
            Ok(data) => data,
            Err(error) => {
                let (message, wanted) = (&self.message, std::any::type_name::<T>());
                self.failure(Location::caller()).fail(format_args!("the data of {message} is no {wanted}: {error}"))
            }
        }
    }

    /// Answers with `{"ack","data"}`.
    ///
    /// # Panics
    /// If the value cannot be serialised, or the server reads nothing.
    #[track_caller]
    pub fn answer(self, value: impl Serialize) -> impl Future<Output = ()> {
        let place = Location::caller();
        #[derive(Serialize)]
        struct Answer<T> {
            ack: Option<u64>,
            data: T,
        }
        let answer = self.wire.speech.write(&Answer { ack: self.message.ack(), data: value });
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => self.failure(place).fail(format_args!("the answer cannot be serialised: {why}")),
        };
        self.put(place, answer)
    }

    /// Answers with an error: `{"ack","error":{"code","message"}}`.
    ///
    /// # Panics
    /// If the server reads nothing.
    #[track_caller]
    pub fn refuse(self, code: &str, message: &str) -> impl Future<Output = ()> {
        let place = Location::caller();
        let error = serde_json::json!({ "code": code, "message": message });
        let answer = self.wire.speech.write(&serde_json::json!({ "ack": self.message.ack(), "error": error }));
        let answer = answer.unwrap_or_else(|why| self.failure(place).fail(why));
        self.put(place, answer)
    }

    async fn put(self, place: &'static Location<'static>, answer: Vec<u8>) {
        if let Err(Stuck) = self.wire.send(self.wire.speech.opcode(), &answer).await {
            let patience = self.wire.patience;
            self.failure(place).fail(format_args!("the server did not take the answer within {patience:?}"));
        }
    }

    fn failure(&self, place: &'static Location<'static>) -> Failure<'_> {
        Failure { place, logs: &self.logs }
    }
}

impl fmt::Debug for ServerRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.message, f)
    }
}
