//! [`TestSocketIo`]: a Socket.IO client in one namespace.
use super::connect_error::ConnectError;
use super::engine::{Outgoing, What};
use super::link::Link;
use super::packet::{Content, Packet};
use crate::Transport;
use crate::testing::call::Call;
use crate::testing::failure::Failure;
use crate::testing::inbox::{Inbox, Missing};
use crate::testing::logs::Logs;
use crate::testing::received::Received;
use crate::testing::wire::Stuck;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use switchboard_core::socketio::{Emit, check_namespace, encode_connect_request, encode_disconnect, encode_event};
use tokio::time::Instant;

/// A Socket.IO client of a [`TestApp`](crate::testing::TestApp), in one namespace. It sends events, and its `expect…` methods
/// check what it receives, with the names and the meaning that they have at a [`TestClient`](crate::testing::TestClient).
///
/// What it sends and takes are the arguments of an event: one value is one argument, `()` is none, and an
/// [`Args`](crate::Args) is each of its items. A [`Binary`](crate::Binary), at any depth, is an attachment.
///
/// ```
/// use switchboard::testing::TestApp;
/// use switchboard::{App, Args, Binary, Client, Gateway, SocketIo};
///
/// struct Chat;
///
/// impl Chat {
///     async fn say(&self, Args((room, text)): Args<(String, String)>, client: &Client) -> usize {
///         client.emit("said", Args((&room, &text)));
///         text.len()
///     }
///     async fn draw(&self, picture: Binary) -> Binary {
///         picture
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let chat = Gateway::new(Chat).on("say", Chat::say).on("draw", Chat::draw);
/// let app = TestApp::new(App::new().gateway("/ws", chat).socketio(SocketIo::default()));
///
/// let mut ada = app.socketio("/").await;
/// let ack: usize = ada.request("say", Args(("lobby", "hi"))).await;
/// assert_eq!(ack, 2);
/// assert_eq!(ada.expect::<Args<(String, String)>>("said").await.0.1, "hi");
///
/// let mut bob = app.socketio("/").polling().await;
/// let picture = Binary::from(vec![1, 2, 3]);
/// assert_eq!(bob.request::<Binary>("draw", &picture).await, picture);
/// # }
/// ```
///
/// Several clients may share a connection, each in another namespace: see [`enter`](TestSocketIo::enter). When the last of
/// them is dropped, the connection ends: a WebSocket without a close frame, as if the network had failed; polling with its
/// packet, because a server could not notice before the heartbeat that nobody polls any more. The server learns nothing of one
/// that is dropped before the last. What a client sends after the end
/// is discarded; the next wait says how the connection ended.
///
/// # Panics
/// Its methods panic if something other than the expected packet arrives, or nothing within the
/// [patience](crate::testing::TestApp::patience). Methods that send also panic if the server takes nothing for that time, or if
/// the data cannot be serialised.
pub struct TestSocketIo {
    pub(super) link: Arc<Link>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) logs: Logs,
    pub(super) namespace: String,
    id: String,
    /// The number of requests so far.
    calls: u64,
}

/// What a client asks for.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) namespace: &'a str,
    pub(super) auth: &'a Value,
}

impl TestSocketIo {
    /// Enters a namespace by a connection.
    pub(super) async fn enter_by(
        link: Arc<Link>,
        entry: Entry<'_>,
        logs: &Logs,
        place: &'static Location<'static>,
    ) -> Result<TestSocketIo, ConnectError> {
        let Entry { namespace, auth } = entry;
        let failure = Failure { place, logs };
        if let Err(rule) = check_namespace(namespace) {
            failure.fail(format_args!("{namespace:?}: {rule}"));
        }
        let (inbox, answered) = link.seats.add(namespace).unwrap_or_else(|why| failure.fail(why));
        let mut outgoing = Outgoing { text: b"4".to_vec(), attachments: Vec::new() };
        let auth = Some(auth).filter(|auth| !auth.is_null()).map(|auth| auth as &dyn erased_serde::Serialize);
        if let Err(error) = encode_connect_request(&mut outgoing.text, namespace, auth) {
            failure.fail(format_args!("`auth` cannot be serialised: {}", error.source_chain()));
        }
        let patience = link.requests.patience;
        let answer = async {
            link.send(outgoing).await.ok()?;
            answered.await.ok()
        };
        let answer = tokio::time::timeout(patience, answer).await.ok().flatten();
        let Some(answer) = answer else {
            failure.fail(format_args!("Socket.IO's {namespace}: no answer to CONNECT within {patience:?}"))
        };
        match answer {
            Ok(id) => {
                let (logs, namespace) = (logs.clone(), namespace.to_owned());
                Ok(TestSocketIo { link, inbox, logs, namespace, id, calls: 0 })
            }
            Err(not) => {
                link.seats.remove(namespace);
                match not.expected() {
                    Ok(refused) => Err(refused),
                    Err(why) => failure.fail(format_args!("Socket.IO's {namespace}: {why}")),
                }
            }
        }
    }

    /// Enters another namespace by the same connection, with this `auth`, which is an object, or `()` for none. Returns its
    /// client there, or the refusal.
    ///
    /// # Panics
    /// If this connection has a client in the namespace, or the name is not valid; if there is no answer.
    #[track_caller]
    pub fn enter(
        &self,
        namespace: &str,
        auth: impl Serialize,
    ) -> impl Future<Output = Result<TestSocketIo, ConnectError>> {
        let place = Location::caller();
        let auth = match serde_json::to_value(auth) {
            Ok(auth) if auth.is_object() || auth.is_null() => auth,
            Ok(auth) => self.failure(place).fail(format_args!("`auth` of Socket.IO is an object, not {auth}")),
            Err(error) => self.failure(place).fail(format_args!("`auth` cannot be serialised: {error}")),
        };
        async move {
            let entry = Entry { namespace, auth: &auth };
            TestSocketIo::enter_by(self.link.clone(), entry, &self.logs, place).await
        }
    }

    /// Returns the id of the client, as the server has told it in its CONNECT.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the name of the namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns what carries the connection.
    pub fn transport(&self) -> Transport {
        if self.link.seats.is_polling() { Transport::Polling } else { Transport::WebSocket }
    }

    /// Moves the connection from polling to a WebSocket. Nothing happens if it is one already.
    ///
    /// # Panics
    /// If the server refuses, or the upgrade does not come to its end.
    #[track_caller]
    pub fn upgrade(&mut self) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move { self.move_to_websocket(place).await }
    }

    pub(super) async fn move_to_websocket(&self, place: &'static Location<'static>) {
        let (true, Some(sid)) = (self.link.seats.is_polling(), &self.link.sid) else { return };
        let stream = match self.link.requests.websocket(Some(sid)).await {
            Ok(stream) => stream,
            Err(not) => {
                let why = not.expected().map_or_else(|why| why, |refused| refused.to_string());
                self.failure(place).fail(format_args!("the upgrade to a WebSocket: {why}"))
            }
        };
        match self.link.order(What::Upgrade(stream)).await {
            Ok(true) => {}
            Ok(false) => {
                let ended = self.link.seats.ended().unwrap_or_default();
                self.failure(place)
                    .expected("an upgrade to a WebSocket", format_args!("the connection has ended: {ended}"))
            }
            Err(Stuck) => {
                let patience = self.link.requests.patience;
                self.failure(place).fail(format_args!("the upgrade to a WebSocket has not ended within {patience:?}"))
            }
        }
    }

    /// Sends an event that asks for no ack. If the handler returns a value, it arrives as the same event; `()` sends nothing.
    #[track_caller]
    pub fn emit(&mut self, event: &str, data: impl Serialize) -> impl Future<Output = ()> {
        let place = Location::caller();
        let outgoing = self.encode(place, event, None, &data);
        async move { self.put(place, outgoing).await }
    }

    /// Sends a packet of Engine.IO unchanged, such as `42["echo",1]`: a malformed one, for example.
    #[track_caller]
    pub fn send_text(&mut self, packet: impl AsRef<str>) -> impl Future<Output = ()> {
        let place = Location::caller();
        let outgoing = Outgoing { text: packet.as_ref().as_bytes().to_vec(), attachments: Vec::new() };
        async move { self.put(place, outgoing).await }
    }

    /// Sends an event that asks for an ack, for [`expect_reply`](TestSocketIo::expect_reply) or
    /// [`expect_error`](TestSocketIo::expect_error). Together they do what [`request`](TestSocketIo::request) does; use them
    /// if the test does something in between, as it does with a stream, whose items are events and whose end is the ack.
    #[track_caller]
    pub fn begin(&mut self, event: &str, data: impl Serialize) -> impl Future<Output = Call> {
        let place = Location::caller();
        let (call, outgoing) = self.call(place, event, &data);
        async move {
            self.put(place, outgoing).await;
            call
        }
    }

    /// Stops reading and answering pings, until [`read_again`](TestSocketIo::read_again): a client that hangs. This holds for
    /// the whole connection; one that polls has one more poll, which is parked already.
    pub fn stop_reading(&mut self) {
        self.inbox.set_reads(false);
    }

    /// Reads again, beginning with what has accumulated.
    pub fn read_again(&mut self) {
        self.inbox.set_reads(true);
    }

    /// Sets whether the server's pings are answered, which holds for the whole connection. Default: true.
    pub fn answer_pings(&mut self, answer: bool) {
        self.inbox.set_answers_pings(answer);
    }

    /// Leaves the namespace with a DISCONNECT packet. The connection stays for its other clients; after the last one it is
    /// closed, as by the official client.
    ///
    /// # Panics
    /// If the connection was to be closed, and does not end.
    #[track_caller]
    pub fn disconnect(self) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move {
            let mut outgoing = Outgoing { text: b"4".to_vec(), attachments: Vec::new() };
            encode_disconnect(&mut outgoing.text, &self.namespace);
            self.put(place, outgoing).await;
            if self.link.seats.is_alone() {
                self.end(place).await;
            }
        }
    }

    /// Closes the connection, without a DISCONNECT: the WebSocket with a close frame, polling with a packet. All its clients
    /// leave. Events that arrive before its end are discarded.
    ///
    /// # Panics
    /// If the connection does not end.
    #[track_caller]
    pub fn close(self) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move { self.end(place).await }
    }

    async fn end(&self, place: &'static Location<'static>) {
        self.inbox.set_reads(true);
        if let Err(Stuck) = self.link.order(What::Close).await {
            self.is_stuck(place);
        }
        let deadline = self.deadline();
        loop {
            match self.inbox.next(deadline).await {
                Ok(received) if received.is_last() => return,
                Ok(_) => {}
                Err(Missing::Ended(_)) => return,
                Err(missing) => self.failure(place).expected("the end of the connection", missing),
            }
        }
    }

    /// Makes a new request and its packet.
    pub(super) fn call(
        &mut self,
        place: &'static Location<'static>,
        event: &str,
        data: &impl Serialize,
    ) -> (Call, Outgoing) {
        let number = self.calls;
        self.calls += 1;
        (Call::numbered(event, number), self.encode(place, event, Some(number), data))
    }

    fn encode(
        &self,
        place: &'static Location<'static>,
        event: &str,
        ack: Option<u64>,
        data: &impl Serialize,
    ) -> Outgoing {
        let Outgoing { mut text, mut attachments } = Outgoing::default();
        text.push(b'4');
        let attach = &mut |bytes: &[u8]| attachments.push(bytes.to_vec());
        match encode_event(&mut text, &self.namespace, event, Emit::Value(data), ack, attach) {
            Ok(_) => Outgoing { text, attachments },
            Err(error) => {
                let why = error.source_chain();
                self.failure(place).fail(format_args!("the data of {event:?} cannot be serialised: {why}"))
            }
        }
    }

    pub(super) async fn put(&self, place: &'static Location<'static>, outgoing: Outgoing) {
        if let Err(Stuck) = self.link.send(outgoing).await {
            self.is_stuck(place);
        }
    }

    fn is_stuck(&self, place: &'static Location<'static>) -> ! {
        let patience = self.link.requests.patience;
        self.failure(place).fail(format_args!("the server did not take what was sent within {patience:?}"))
    }

    pub(super) fn failure(&self, place: &'static Location<'static>) -> Failure<'_> {
        Failure { place, logs: &self.logs }
    }

    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.link.requests.patience
    }

    /// Waits for the next packet, and panics if there is none.
    pub(super) async fn next(&self, place: &'static Location<'static>, expected: impl fmt::Display) -> Packet {
        match self.inbox.next(self.deadline()).await {
            Ok(Received::Packet(packet)) => packet,
            Ok(received) => self.failure(place).expected(expected, format_args!("there came {received}")),
            Err(missing) => self.failure(place).expected(expected, missing),
        }
    }

    pub(super) fn data<T: DeserializeOwned>(&self, place: &'static Location<'static>, content: &Content) -> T {
        match content.read() {
            Ok(data) => data,
            Err(error) => {
                let wanted = std::any::type_name::<T>();
                self.failure(place).fail(format_args!("the data of {content} is no {wanted}: {error}"))
            }
        }
    }
}

impl Drop for TestSocketIo {
    fn drop(&mut self) {
        self.link.seats.remove(&self.namespace);
    }
}

impl fmt::Debug for TestSocketIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TestSocketIo { namespace, id, .. } = self;
        f.debug_struct("TestSocketIo").field("namespace", namespace).field("id", id).finish_non_exhaustive()
    }
}
