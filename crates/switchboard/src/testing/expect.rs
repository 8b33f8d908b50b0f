//! What a [`TestClient`] waits for.
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
    /// Sends a request and returns the data of its reply. What comes before that waits for later `expect…`s.
    ///
    /// # Panics
    /// With the exception, when that is the answer; when the data is no `T`; when the connection ends, or no answer comes.
    #[track_caller]
    pub fn request<T: DeserializeOwned>(&mut self, event: &str, data: impl Serialize) -> impl Future<Output = T> {
        let place = Location::caller();
        let (call, message) = self.call(place, event, &data);
        async move {
            self.put_message(place, &message).await;
            self.reply(place, &call).await
        }
    }

    /// Sends a request and returns the error that answers it. What comes before that waits for later `expect…`s.
    ///
    /// # Panics
    /// With the reply, when that is the answer; when the connection ends, or no answer comes.
    #[track_caller]
    pub fn request_error(&mut self, event: &str, data: impl Serialize) -> impl Future<Output = WireError> {
        let place = Location::caller();
        let (call, message) = self.call(place, event, &data);
        async move {
            self.put_message(place, &message).await;
            self.error(place, &call).await
        }
    }

    /// The data of the reply to a request that has begun. What comes before that waits for later `expect…`s.
    ///
    /// # Panics
    /// As [`request`](TestClient::request).
    #[track_caller]
    pub fn expect_reply<T: DeserializeOwned>(&mut self, call: Call) -> impl Future<Output = T> {
        let place = Location::caller();
        async move { self.reply(place, &call).await }
    }

    /// The error that answers a request that has begun. What comes before that waits for later `expect…`s.
    ///
    /// # Panics
    /// As [`request_error`](TestClient::request_error).
    #[track_caller]
    pub fn expect_error(&mut self, call: Call) -> impl Future<Output = WireError> {
        let place = Location::caller();
        async move { self.error(place, &call).await }
    }

    /// The data of the next message, which must be a push of this event. Of a data that does not matter the type is
    /// `serde::de::IgnoredAny`.
    ///
    /// # Panics
    /// When something else comes first, or nothing; when the data is no `T`.
    #[track_caller]
    pub fn expect<T: DeserializeOwned>(&mut self, event: &str) -> impl Future<Output = T> {
        let place = Location::caller();
        async move { self.push(place, &format!("the push {event:?}"), event, self.deadline()).await }
    }

    /// The data of the next push of this event, whatever comes before it: that is dropped.
    ///
    /// # Panics
    /// When the connection ends, or no such push comes; when the data is no `T`.
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

    /// The next message, which must be an exception with this code.
    ///
    /// # Panics
    /// When something else comes first, or nothing.
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

    /// The next message, which must be a request of the server (`emit_with_ack`) with this event.
    ///
    /// # Panics
    /// When something else comes first, or nothing.
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

    /// The next message as it stands, which must be a text.
    ///
    /// # Panics
    /// When something else comes first, or nothing.
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

    /// The next message, which must be binary.
    ///
    /// # Panics
    /// When something else comes first, or nothing.
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

    /// Nothing but pings for so long.
    ///
    /// # Panics
    /// When anything comes, or has come and was not taken, the end of the connection too.
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

    /// The reason of the close frame that comes next, which must have this code. A `sys.goaway` before it is passed over.
    ///
    /// As in a browser, 1005 is a close frame without a code, and 1006 the end of the stream without a close frame.
    ///
    /// # Panics
    /// When something else comes first, or nothing; when the code is another.
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

    /// That the on-connect hook refuses this client: an exception, and then a close with this code. Returns the error.
    ///
    /// # Panics
    /// When something else comes, or nothing; when the code is another.
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

    /// The data of the next message, which must be a push of this event.
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

    /// What has the id of the request.
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
