//! The methods of a [`TestClient`] that wait for messages.
use super::call::{Call, ServerRequest};
use super::client::TestClient;
use super::error::WireError;
use super::inbox::Missing;
use super::received::{Kind, Message, Received};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::panic::Location;
use std::time::Duration;
use tokio::time::Instant;

impl TestClient {
    /// Sends a request and returns the data of its reply. Messages that arrive before it are kept for later `expect…`s.
    ///
    /// # Panics
    /// If the answer is an exception (the message has it), if the data is not a `T`, if the connection ends, or if no
    /// answer comes.
    #[track_caller]
    pub fn request<T: DeserializeOwned>(&mut self, event: &str, data: impl Serialize) -> impl Future<Output = T> {
        let place = Location::caller();
        let (call, message) = self.call(place, event, &data);
        async move {
            self.put_message(place, &message).await;
            self.reply(place, &call).await
        }
    }

    /// Sends a request and returns the error that answers it. Messages that arrive before it are kept for later
    /// `expect…`s.
    ///
    /// # Panics
    /// If the answer is a reply (the message has it), if the connection ends, or if no answer comes.
    #[track_caller]
    pub fn request_error(&mut self, event: &str, data: impl Serialize) -> impl Future<Output = WireError> {
        let place = Location::caller();
        let (call, message) = self.call(place, event, &data);
        async move {
            self.put_message(place, &message).await;
            self.error(place, &call).await
        }
    }

    /// Returns the data of the reply to a request that [`begin`](TestClient::begin) has sent. Messages that arrive
    /// before it are kept for later `expect…`s.
    ///
    /// # Panics
    /// As [`request`](TestClient::request).
    #[track_caller]
    pub fn expect_reply<T: DeserializeOwned>(&mut self, call: Call) -> impl Future<Output = T> {
        let place = Location::caller();
        async move { self.reply(place, &call).await }
    }

    /// Returns the error that answers a request that [`begin`](TestClient::begin) has sent. Messages that arrive before
    /// it are kept for later `expect…`s.
    ///
    /// # Panics
    /// As [`request_error`](TestClient::request_error).
    #[track_caller]
    pub fn expect_error(&mut self, call: Call) -> impl Future<Output = WireError> {
        let place = Location::caller();
        async move { self.error(place, &call).await }
    }

    /// Returns the data of the next message, which must be a push of this event. If the data does not matter, use the
    /// type `serde::de::IgnoredAny`.
    ///
    /// # Panics
    /// If something else arrives first, or nothing; if the data is not a `T`.
    #[track_caller]
    pub fn expect<T: DeserializeOwned>(&mut self, event: &str) -> impl Future<Output = T> {
        let place = Location::caller();
        async move { self.push(place, &format!("the push {event:?}"), event, self.deadline()).await }
    }

    /// Returns the data of the next push of this event. Messages that arrive before it are discarded.
    ///
    /// # Panics
    /// If the connection ends, or no such push comes; if the data is not a `T`.
    #[track_caller]
    pub fn skip_until<T: DeserializeOwned>(&mut self, event: &str) -> impl Future<Output = T> {
        let place = Location::caller();
        async move {
            let deadline = self.deadline();
            let mut skipped = 0;
            loop {
                let missing = match self.inbox.next(deadline).await {
                    Ok(received) => match received.as_kind(Kind::Push) {
                        Some(message) if message.event() == event => return self.data(place, message),
                        _ if received.is_last() => Missing::Ended(received.to_string()),
                        _ => {
                            skipped += 1;
                            continue;
                        }
                    },
                    Err(missing) => missing,
                };
                let expected = format!("the push {event:?} after {skipped} skipped message(s)");
                self.failure(place).expected(expected, missing);
            }
        }
    }

    /// Returns the error of the next message, which must be an exception with this code.
    ///
    /// # Panics
    /// If something else arrives first, or nothing.
    #[track_caller]
    pub fn expect_exception(&mut self, code: &str) -> impl Future<Output = WireError> {
        let place = Location::caller();
        async move {
            let expected = format!("the exception {code:?}");
            let received = self.next(place, &expected).await;
            let error = received.as_kind(Kind::Exception).map(|message| self.data::<WireError>(place, message));
            match error {
                Some(error) if error.code == code => error,
                _ => self.came(place, &expected, &received),
            }
        }
    }

    /// Returns the next message, which must be a request of the server (`emit_with_ack`) with this event.
    ///
    /// # Panics
    /// If something else arrives first, or nothing.
    #[track_caller]
    pub fn expect_request(&mut self, event: &str) -> impl Future<Output = ServerRequest> {
        let place = Location::caller();
        async move {
            let expected = format!("the server's request {event:?}");
            match self.next(place, &expected).await {
                Received::Message(message) if message.event() == event && message.ack().is_some() => {
                    ServerRequest::new(message, self.wire.clone(), self.logs().clone())
                }
                received => self.came(place, &expected, &received),
            }
        }
    }

    /// Returns the next message unchanged; it must be a text message.
    ///
    /// # Panics
    /// If something else arrives first, or nothing.
    #[track_caller]
    pub fn expect_text(&mut self) -> impl Future<Output = String> {
        let place = Location::caller();
        async move {
            match self.next(place, "a text message").await.into_text() {
                Ok(text) => text,
                Err(received) => self.came(place, "a text message", &received),
            }
        }
    }

    /// Returns the next message, which must be binary.
    ///
    /// # Panics
    /// If something else arrives first, or nothing.
    #[track_caller]
    pub fn expect_binary(&mut self) -> impl Future<Output = Vec<u8>> {
        let place = Location::caller();
        async move {
            match self.next(place, "a binary message").await.into_binary() {
                Ok(bytes) => bytes,
                Err(received) => self.came(place, "a binary message", &received),
            }
        }
    }

    /// Expects that nothing but pings arrives for `duration`.
    ///
    /// # Panics
    /// If a message arrives, if an earlier message has not been taken, or if the connection ends.
    #[track_caller]
    pub fn expect_silence(&mut self, duration: Duration) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move {
            let expected = format!("silence for {duration:?}");
            match self.inbox.next(Instant::now() + duration).await {
                Err(Missing::TimedOut { .. }) => {}
                Err(missing) => self.failure(place).expected(expected, missing),
                Ok(received) => self.came(place, &expected, &received),
            }
        }
    }

    /// Expects a close frame with this code, and returns its reason. A `sys.goaway` before it is skipped.
    ///
    /// As in a browser, 1005 means a close frame without a code, and 1006 the end of the stream without a close frame.
    ///
    /// # Panics
    /// If something else arrives first, or nothing; if the code is different.
    #[track_caller]
    pub fn expect_close(&mut self, code: u16) -> impl Future<Output = String> {
        let place = Location::caller();
        async move {
            let expected = format!("close {code}");
            loop {
                match self.next(place, &expected).await {
                    Received::Close { code: came, reason } if came == code => return reason,
                    Received::End if code == 1006 => return String::new(),
                    received if received.is_goaway() => {}
                    received => self.came(place, &expected, &received),
                }
            }
        }
    }

    /// Expects that the on-connect hook refuses this client, with an exception and then a close with this code. Returns
    /// the error.
    ///
    /// # Panics
    /// If something else arrives, or nothing; if the code is different.
    #[track_caller]
    pub fn expect_refused(&mut self, code: u16) -> impl Future<Output = WireError> {
        let place = Location::caller();
        async move {
            let expected = format!("an exception and close {code}");
            let received = self.next(place, &expected).await;
            let error = match received.as_kind(Kind::Exception) {
                Some(message) => self.data(place, message),
                _ => self.came(place, &expected, &received),
            };
            loop {
                match self.next(place, &expected).await {
                    Received::Close { code: came, .. } if came == code => return error,
                    received if received.is_goaway() => {}
                    received => self.came(place, &expected, &received),
                }
            }
        }
    }

    /// Returns the data of the next message, which must be a push of this event.
    pub(super) async fn push<T: DeserializeOwned>(
        &self,
        place: &'static Location<'static>,
        expected: &str,
        event: &str,
        deadline: Instant,
    ) -> T {
        let received = match self.inbox.next(deadline).await {
            Ok(received) => received,
            Err(missing) => self.failure(place).expected(expected, missing),
        };
        match received.as_kind(Kind::Push) {
            Some(message) if message.event() == event => self.data(place, message),
            _ => self.came(place, expected, &received),
        }
    }

    async fn reply<T: DeserializeOwned>(&self, place: &'static Location<'static>, call: &Call) -> T {
        let expected = format!("the reply to {:?}", call.event());
        let message = self.answer(place, call, &expected).await;
        match message.kind() {
            Kind::Reply => self.data(place, &message),
            _ => self.came(place, &expected, &Received::Message(message)),
        }
    }

    async fn error(&self, place: &'static Location<'static>, call: &Call) -> WireError {
        let expected = format!("an error that answers {:?}", call.event());
        let message = self.answer(place, call, &expected).await;
        match message.kind() {
            Kind::Exception => self.data(place, &message),
            _ => self.came(place, &expected, &Received::Message(message)),
        }
    }

    /// Takes the answer to the request.
    async fn answer(&self, place: &'static Location<'static>, call: &Call, expected: &str) -> Message {
        let answers = |received: &Received| received.as_message().is_some_and(|message| message.answers(call.id()));
        match self.inbox.find(self.deadline(), answers).await {
            Ok(Received::Message(message)) => message,
            Ok(received) => self.came(place, expected, &received),
            Err(missing) => self.failure(place).expected(expected, missing),
        }
    }

    fn came(&self, place: &'static Location<'static>, expected: &str, received: &Received) -> ! {
        self.failure(place).expected(expected, format_args!("there came {received}"))
    }
}
