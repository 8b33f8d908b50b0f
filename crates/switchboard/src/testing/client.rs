//! [`TestClient`]: the client's side of one connection.
use super::call::Call;
use super::failure::Failure;
use super::inbox::{Inbox, Missing};
use super::logs::Logs;
use super::reach::Stream;
use super::received::{Message, Received};
use super::speech::Speech;
use super::wire::{Stuck, Wire};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;
use switchboard_core::ws::Opcode;
use tokio::time::Instant;

/// A client of a [`TestApp`](super::TestApp). It sends messages, and its `expect…` methods check what it receives.
///
/// When it is dropped, its connection ends without a close frame, as if the network had failed. What it sends after the
/// connection has ended is discarded, as in a browser; the next wait says how the connection ended.
///
/// # Panics
/// Its methods panic if something other than the expected message arrives, or nothing within the
/// [patience](super::TestApp::patience). Methods that send also panic if the server reads nothing for that time, or if
/// the data cannot be serialised.
pub struct TestClient {
    pub(super) wire: Wire,
    pub(super) inbox: Arc<Inbox>,
    logs: Logs,
    protocol: Option<String>,
    /// The number of requests so far.
    calls: u64,
}

impl TestClient {
    /// `unasked` is the format that is spoken without a subprotocol.
    pub(super) fn new(
        stream: impl Stream,
        protocol: Option<String>,
        unasked: Speech,
        patience: Duration,
        logs: Logs,
    ) -> TestClient {
        let inbox = Arc::new(Inbox::new());
        let speech = protocol.as_deref().map_or(unasked, Speech::of);
        let wire = Wire::new(stream, inbox.clone(), speech, patience);
        TestClient { wire, inbox, logs, protocol, calls: 0 }
    }

    /// Returns the subprotocol that the server selected.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// Sends `{"event","data"}` without an id. If the handler returns a value, it arrives as a push of the same event;
    /// `()` sends nothing.
    #[track_caller]
    pub fn send(&mut self, event: &str, data: impl Serialize) -> impl Future<Output = ()> {
        let place = Location::caller();
        let message = self.encode(place, event, None, &data);
        async move { self.put_message(place, &message).await }
    }

    /// Sends a text message unchanged: a malformed one, for example, or one for a raw gateway.
    #[track_caller]
    pub fn send_text(&mut self, text: impl AsRef<str>) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move { self.put(place, Opcode::Text, text.as_ref().as_bytes()).await }
    }

    /// Sends a binary message.
    #[track_caller]
    pub fn send_binary(&mut self, bytes: impl AsRef<[u8]>) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move { self.put(place, Opcode::Binary, bytes.as_ref()).await }
    }

    /// Sends `{"event","data","id"}` with a new id, for [`expect_reply`](TestClient::expect_reply) or
    /// [`expect_error`](TestClient::expect_error). Together they do what [`request`](TestClient::request) does; use
    /// them if the test does something in between.
    #[track_caller]
    pub fn begin(&mut self, event: &str, data: impl Serialize) -> impl Future<Output = Call> {
        let place = Location::caller();
        let (call, message) = self.call(place, event, &data);
        async move {
            self.put_message(place, &message).await;
            call
        }
    }

    /// Sends `{"cancel"}` for a request that [`begin`](TestClient::begin) has sent.
    #[track_caller]
    pub fn cancel(&mut self, call: &Call) -> impl Future<Output = ()> {
        let place = Location::caller();
        let message = self.write(place, &serde_json::json!({ "cancel": call.id() }), "the id");
        async move { self.put_message(place, &message).await }
    }

    /// Stops reading and answering pings, until [`read_again`](TestClient::read_again): a client that hangs. The stream
    /// holds about 64 KiB before the server notices.
    pub fn stop_reading(&mut self) {
        self.inbox.set_reads(false);
    }

    /// Reads again, beginning with what has accumulated.
    pub fn read_again(&mut self) {
        self.inbox.set_reads(true);
    }

    /// Sets whether pings are answered. Default: true.
    pub fn answer_pings(&mut self, answer: bool) {
        self.inbox.set_answers_pings(answer);
    }

    /// Closes with 1000, and waits for the server's close frame. Messages that arrive before it are discarded.
    ///
    /// # Panics
    /// If the connection does not end.
    #[track_caller]
    pub fn close(self) -> impl Future<Output = ()> {
        self.close_with(1000)
    }

    /// Closes with another code, which may be one that no client may send: see [`close`](TestClient::close).
    ///
    /// # Panics
    /// If the connection does not end.
    #[track_caller]
    pub fn close_with(self, code: u16) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move {
            self.inbox.set_reads(true);
            self.put(place, Opcode::Close, &code.to_be_bytes()).await;
            let deadline = self.deadline();
            loop {
                match self.inbox.next(deadline).await {
                    Ok(received) if received.is_last() => return,
                    Ok(_) => {}
                    Err(Missing::Ended(_)) => return,
                    Err(missing) => self.failure(place).expected("an answer to our close frame", missing),
                }
            }
        }
    }

    /// Makes a new request and its message.
    pub(super) fn call(
        &mut self,
        place: &'static Location<'static>,
        event: &str,
        data: &impl Serialize,
    ) -> (Call, Vec<u8>) {
        self.calls += 1;
        let call = Call::new(event, self.calls);
        let message = self.encode(place, event, Some(&call), data);
        (call, message)
    }

    fn encode(
        &self,
        place: &'static Location<'static>,
        event: &str,
        call: Option<&Call>,
        data: &impl Serialize,
    ) -> Vec<u8> {
        #[derive(Serialize)]
        struct Envelope<'a, T> {
            event: &'a str,
            data: &'a T,
            #[serde(skip_serializing_if = "Option::is_none")]
            id: Option<&'a str>,
        }
        let envelope = Envelope { event, data, id: call.map(Call::id) };
        self.write(place, &envelope, &format!("the data of {event:?}"))
    }

    /// Serialises a message in the format of this client.
    fn write(&self, place: &'static Location<'static>, message: &impl Serialize, what: &str) -> Vec<u8> {
        match self.wire.speech.write(message) {
            Ok(message) => message,
            Err(why) => self.failure(place).fail(format_args!("{what} cannot be serialised: {why}")),
        }
    }

    /// Sends a message in the format of this client.
    pub(super) async fn put_message(&self, place: &'static Location<'static>, message: &[u8]) {
        self.put(place, self.wire.speech.opcode(), message).await;
    }

    pub(super) async fn put(&self, place: &'static Location<'static>, opcode: Opcode, payload: &[u8]) {
        if let Err(Stuck) = self.wire.send(opcode, payload).await {
            let patience = self.wire.patience;
            self.failure(place).fail(format_args!("the server did not take what was sent within {patience:?}"));
        }
    }

    pub(super) fn failure(&self, place: &'static Location<'static>) -> Failure<'_> {
        Failure { place, logs: &self.logs }
    }

    pub(super) fn logs(&self) -> &Logs {
        &self.logs
    }

    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.wire.patience
    }

    /// Waits for the next message, and panics if there is none.
    pub(super) async fn next(&self, place: &'static Location<'static>, expected: impl fmt::Display) -> Received {
        match self.inbox.next(self.deadline()).await {
            Ok(received) => received,
            Err(missing) => self.failure(place).expected(expected, missing),
        }
    }

    pub(super) fn data<T: DeserializeOwned>(&self, place: &'static Location<'static>, message: &Message) -> T {
        match message.data() {
            Ok(data) => data,
            Err(error) => {
                let wanted = std::any::type_name::<T>();
                self.failure(place).fail(format_args!("the data of {message} is no {wanted}: {error}"))
            }
        }
    }
}

impl Drop for TestClient {
    fn drop(&mut self) {
        self.wire.cut();
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestClient")
    }
}
