//! [`TestStream`]: the replies of a handler that returns a stream.
use super::call::Call;
use super::client::TestClient;
use super::error::WireError;
use super::failure::Failure;
use super::inbox::Inbox;
use super::logs::Logs;
use super::received::{Kind, Message, Received};
use super::wire::{Stuck, Wire};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use tokio::time::Instant;

/// A request that is answered with a stream: [`TestClient::stream`].
///
/// It does not borrow the client. Other messages that arrive meanwhile are kept for the client's `expect…`s, which do
/// not see the stream's items. A client can have several streams at the same time. Dropping it does not cancel the
/// request: `expect…`s then see the items that still arrive.
#[must_use = "its items are to be taken"]
pub struct TestStream {
    call: Call,
    wire: Wire,
    inbox: Arc<Inbox>,
    logs: Logs,
    /// The number of items that were taken.
    taken: usize,
    /// How it ended.
    ended: Option<String>,
}

impl TestClient {
    /// Sends a request whose handler returns a stream.
    ///
    /// ```no_run
    /// # use switchboard::testing::TestClient;
    /// # async fn test(mut ada: TestClient) {
    /// let mut progress = ada.stream("progress", "job 7").await;
    /// assert_eq!(progress.next_item::<u8>().await, 10);
    /// assert_eq!(progress.collect::<u8>().await, [20, 30]);
    /// # }
    /// ```
    #[track_caller]
    pub fn stream(&mut self, event: &str, data: impl Serialize) -> impl Future<Output = TestStream> {
        let place = Location::caller();
        let (call, message) = self.call(place, event, &data);
        self.inbox.claim(call.id());
        async move {
            self.put_message(place, &message).await;
            let (wire, inbox, logs) = (self.wire.clone(), self.inbox.clone(), self.logs().clone());
            TestStream { call, wire, inbox, logs, taken: 0, ended: None }
        }
    }
}

impl TestStream {
    /// Returns the event's name.
    pub fn event(&self) -> &str {
        self.call.event()
    }

    /// Returns the id on the wire.
    pub fn id(&self) -> &str {
        self.call.id()
    }

    /// Returns the next item.
    ///
    /// # Panics
    /// If the stream ends or fails; if the item is not a `T`; if the connection ends, or nothing arrives.
    #[track_caller]
    pub fn next_item<T: DeserializeOwned>(&mut self) -> impl Future<Output = T> {
        let place = Location::caller();
        async move {
            let expected = format!("item {} of {:?}", self.taken + 1, self.event());
            let message = self.next(place, &expected).await;
            match message.kind() {
                Kind::Item => self.item(place, &message),
                _ => self.came(place, &expected, message),
            }
        }
    }

    /// Returns the remaining items, up to the end of the stream.
    ///
    /// # Panics
    /// If the stream fails; if an item is not a `T`; if the connection ends, or nothing arrives for longer than the
    /// patience.
    #[track_caller]
    pub fn collect<T: DeserializeOwned>(mut self) -> impl Future<Output = Vec<T>> {
        let place = Location::caller();
        async move {
            let mut items = Vec::new();
            loop {
                let expected = format!("item {} of {:?}, or its end", self.taken + 1, self.event());
                let message = self.next(place, &expected).await;
                match message.kind() {
                    Kind::Item => items.push(self.item(place, &message)),
                    Kind::End => return items,
                    _ => self.came(place, &expected, message),
                }
            }
        }
    }

    /// Expects the end of the stream, without a further item.
    ///
    /// # Panics
    /// If an item arrives or the stream fails; if the connection ends, or nothing arrives.
    #[track_caller]
    pub fn expect_end(mut self) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move {
            let expected = format!("the end of {:?} after {} item(s)", self.event(), self.taken);
            let message = self.next(place, &expected).await;
            if message.kind() != Kind::End {
                self.came(place, &expected, message);
            }
        }
    }

    /// Returns the error that ends the stream.
    ///
    /// # Panics
    /// If an item arrives before it, or the stream ends without an error; if the connection ends, or nothing arrives.
    #[track_caller]
    pub fn expect_error(mut self) -> impl Future<Output = WireError> {
        let place = Location::caller();
        async move {
            let expected = format!("an error that ends {:?} after {} item(s)", self.event(), self.taken);
            let message = self.next(place, &expected).await;
            match message.kind() {
                Kind::Exception => self.data(place, &message),
                _ => self.came(place, &expected, message),
            }
        }
    }

    /// Sends `{"cancel"}` and waits for the end of the stream; items that are still on their way are discarded. Returns
    /// the error `cancelled`, or `None` if the stream ended before it could be cancelled.
    ///
    /// # Panics
    /// If the server reads nothing; if the connection ends, or no end of the stream arrives.
    #[track_caller]
    pub fn cancel(mut self) -> impl Future<Output = Option<WireError>> {
        let place = Location::caller();
        async move {
            let speech = self.wire.speech;
            let cancel = speech.write(&serde_json::json!({ "cancel": self.id() }));
            let cancel = cancel.unwrap_or_else(|why| self.failure(place).fail(why));
            if let Err(Stuck) = self.wire.send(speech.opcode(), &cancel).await {
                let patience = self.wire.patience;
                self.failure(place).fail(format_args!("the server did not take the cancel within {patience:?}"));
            }
            let expected = format!("the end of {:?}, which is cancelled", self.event());
            let deadline = Instant::now() + self.wire.patience;
            loop {
                let message = self.next_until(place, &expected, deadline).await;
                match message.kind() {
                    Kind::Item => {}
                    Kind::Exception => return Some(self.data(place, &message)),
                    Kind::End => return None,
                    _ => self.came(place, &expected, message),
                }
            }
        }
    }

    async fn next(&mut self, place: &'static Location<'static>, expected: &str) -> Message {
        self.next_until(place, expected, Instant::now() + self.wire.patience).await
    }

    /// Returns the next message of this stream; panics if there is none.
    async fn next_until(&mut self, place: &'static Location<'static>, expected: &str, deadline: Instant) -> Message {
        if let Some(ended) = &self.ended {
            self.failure(place).expected(expected, format_args!("the stream has ended already, by {ended}"));
        }
        let ours = |received: &Received| received.as_message().is_some_and(|message| message.answers(self.call.id()));
        match self.inbox.find(deadline, ours).await {
            Ok(Received::Message(message)) => {
                if message.kind() != Kind::Item {
                    self.ended = Some(message.to_string());
                }
                message
            }
            Ok(received) => self.failure(place).expected(expected, format_args!("there came {received}")),
            Err(missing) => self.failure(place).expected(expected, missing),
        }
    }

    fn item<T: DeserializeOwned>(&mut self, place: &'static Location<'static>, message: &Message) -> T {
        self.taken += 1;
        self.data(place, message)
    }

    fn data<T: DeserializeOwned>(&self, place: &'static Location<'static>, message: &Message) -> T {
        match message.data() {
            Ok(data) => data,
            Err(error) => {
                let wanted = std::any::type_name::<T>();
                self.failure(place).fail(format_args!("the data of {message} is no {wanted}: {error}"))
            }
        }
    }

    fn came(&self, place: &'static Location<'static>, expected: &str, message: Message) -> ! {
        self.failure(place).expected(expected, format_args!("there came {message}"))
    }

    fn failure(&self, place: &'static Location<'static>) -> Failure<'_> {
        Failure { place, logs: &self.logs }
    }
}

impl Drop for TestStream {
    fn drop(&mut self) {
        self.inbox.release(self.call.id());
    }
}

impl fmt::Debug for TestStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestStream").field("call", &self.call).field("taken", &self.taken).finish_non_exhaustive()
    }
}
