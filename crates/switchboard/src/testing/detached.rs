//! [`DetachedClient`]: a client without an application.
use super::failure::Failure;
use super::head::{Head, of_the_request};
use super::logs::Logs;
use super::received::{Message, Received};
use crate::client_id::ClientId;
use crate::close::{Close, CloseCode};
use crate::codec::Format;
use crate::gateway::CompiledGateway;
use crate::handler::{FromMessage, Requirements};
use crate::hub::rooms::leave_all;
use crate::hub::{Endpoint, Kept, Membership, Owner, peer};
use crate::hub::{Flusher, Hub};
use crate::namespace::Marker;
use crate::outbound::{CloseRequest, Stream, Writer};
use crate::{Client, Error, Gateway, Root};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;
use std::io;
use std::ops::Deref;
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use switchboard_core::ws::{Decoder, FrameLimits, Item, Role};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A client without a real connection, for testing code that takes a [`Client`], without an application or a runtime.
///
/// It dereferences to its [`Client`], so `&ada` can be passed as one. Messages emitted to it are queued until they are
/// taken; rooms and state work as for a real client. It is alone in its namespace: no join hook controls its rooms, no
/// hook runs when it leaves, [`Client::emit_with_ack`] gets no answer, and no module provides services. To test any of
/// these, use [`TestApp`](super::TestApp).
///
/// ```
/// use switchboard::{Client, Error, testing};
///
/// async fn welcome(client: &Client, name: &str) -> Result<(), Error> {
///     client.join("lobby").await?;
///     client.emit("welcome", name);
///     Ok(())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let ada = testing::client();
/// welcome(&ada, "Ada").await.unwrap();
/// assert!(ada.is_in("lobby"));
/// assert_eq!(ada.expect::<String>("welcome"), "Ada");
/// ada.disconnect();
/// assert_eq!(ada.closed().unwrap().code.get(), 4503);
/// # });
/// ```
///
/// Its queue is limited like the outbox of a real client; beyond the limit it is closed as a slow consumer. When it is
/// dropped, the client leaves.
pub struct DetachedClient {
    head: Head,
    /// What the parameters of the tested code need from the request.
    needs: Requirements,
    made: OnceLock<Made>,
}

struct Made {
    client: Client,
    seen: Mutex<Seen>,
}

/// What the client's connection has sent.
struct Seen {
    stream: Stream,
    written: Written,
    decoder: Decoder,
    /// Bytes that are not decoded yet.
    input: Vec<u8>,
    queue: Vec<Message>,
    closed: Option<Close>,
}

/// A message that was emitted to a [`DetachedClient`].
///
/// It compares equal to `("event", json!(..))`, and a `Vec` of it to an array of such pairs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Emitted {
    /// The event's name; `exception` for an error that was sent to the client.
    pub event: String,
    /// The data; null if there is none.
    pub data: Value,
}

impl PartialEq<(&str, Value)> for Emitted {
    fn eq(&self, (event, data): &(&str, Value)) -> bool {
        self.event == *event && self.data == *data
    }
}

/// Makes a client without an application: [`DetachedClient`].
pub fn client() -> DetachedClient {
    DetachedClient { head: Head::new("/"), needs: Requirements::default(), made: OnceLock::new() }
}

impl DetachedClient {
    of_the_request!(head);

    /// The client's connection is made at the first use.
    ///
    /// # Panics
    /// If the client has already been used.
    #[track_caller]
    fn head(&mut self) -> &mut Head {
        assert!(self.made.get().is_none(), "the request of a client is said before its first use");
        &mut self.head
    }

    /// Keeps what the parameter `T` needs from the request, as a gateway does that has a handler with this parameter.
    /// [`TestMessage::extract`](super::TestMessage::extract) does this by itself if it is the first use of the client.
    ///
    /// # Panics
    /// At the first use of the client, if the request does not fit.
    #[track_caller]
    pub fn reads<T: FromMessage>(mut self) -> DetachedClient {
        self.head();
        T::requirements(&mut self.needs);
        self
    }

    /// Makes the connection, if it is not made yet, with what this parameter needs. Errors: the request does not fit.
    pub(super) fn prepare<T: FromMessage>(&self) -> Result<(), Error> {
        if self.made.get().is_none() {
            let mut needs = self.needs.clone();
            T::requirements(&mut needs);
            let made = self.make(&needs)?;
            self.made.get_or_init(|| made);
        }
        Ok(())
    }

    /// Returns the client.
    pub fn client(&self) -> &Client {
        &self.made().client
    }

    /// Takes everything that was emitted to it, in order.
    ///
    /// ```
    /// # use serde_json::json;
    /// let ada = switchboard::testing::client();
    /// ada.emit("said", "hi");
    /// ada.emit("count", 1);
    /// assert_eq!(ada.emitted(), [("said", json!("hi")), ("count", json!(1))]);
    /// assert_eq!(ada.emitted(), []);
    /// ```
    pub fn emitted(&self) -> Vec<Emitted> {
        let messages = std::mem::take(&mut self.look().queue);
        let emitted =
            |message: Message| Emitted { event: message.event().to_owned(), data: message.data().unwrap_or_default() };
        messages.into_iter().map(emitted).collect()
    }

    /// Takes the data of the next message that was emitted to it, which must be this event.
    ///
    /// # Panics
    /// If it is a different event, or there is none; if the data is not a `T`.
    #[track_caller]
    pub fn expect<T: DeserializeOwned>(&self, event: &str) -> T {
        let failure = Failure { place: Location::caller(), logs: &Logs::default() };
        let expected = format_args!("{event:?} to be emitted");
        let message = {
            let mut seen = self.look();
            if seen.queue.is_empty() {
                let closed = seen.closed.clone();
                drop(seen);
                match closed {
                    Some(close) => {
                        let (code, reason) = (close.code.get(), close.reason());
                        failure
                            .expected(expected, format_args!("nothing was, and it was closed with {code} ({reason})"))
                    }
                    None => failure.expected(expected, "nothing was"),
                }
            }
            seen.queue.remove(0)
        };
        if message.event() != event {
            failure.expected(expected, format_args!("there came {message}"));
        }
        message.data().unwrap_or_else(|error| {
            failure.fail(format_args!("the data of {message} is no {}: {error}", std::any::type_name::<T>()))
        })
    }

    /// Expects that every message emitted to it was taken, and that it was not closed.
    ///
    /// # Panics
    /// If not; the message says what was emitted, or how it was closed.
    #[track_caller]
    pub fn expect_nothing(&self) {
        let failure = Failure { place: Location::caller(), logs: &Logs::default() };
        let seen = self.look();
        let (first, closed) = (seen.queue.first().map(ToString::to_string), seen.closed.clone());
        drop(seen);
        if let Some(first) = first {
            failure.expected("nothing to be emitted", format_args!("there came {first}"));
        }
        if let Some(close) = closed {
            let (code, reason) = (close.code.get(), close.reason());
            failure.expected("nothing", format_args!("it was closed with {code} ({reason})"));
        }
    }

    /// Returns what it was closed with: by [`Client::disconnect`], by [`Client::close`], or as a slow consumer.
    pub fn closed(&self) -> Option<Close> {
        self.look().closed.clone()
    }

    /// Takes the contents of the outbox, as the end of a turn does.
    fn look(&self) -> parking_lot::MutexGuard<'_, Seen> {
        let Made { client, seen } = self.made();
        let conn = client.endpoint();
        let mut seen = seen.lock();
        let mut cx = Context::from_waker(Waker::noop());
        let end = conn.writer.end_turn(&mut cx, Some(&mut seen.stream), &conn.profile.limits, conn.node());
        // The task's part, so that nobody asks a flusher that has no task.
        conn.writer.put_control(&[]);
        if let Some(request) = end.request {
            seen.closed.get_or_insert(closed_with(request));
            conn.writer.close(&[], true, conn.node());
        }
        seen.decode();
        seen
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(|| match self.make(&self.needs) {
            Ok(made) => made,
            Err(error) => panic!("this request would be refused: {}, {}", error.code().as_str(), error.message()),
        })
    }

    fn make(&self, needs: &Requirements) -> Result<Made, Error> {
        let client = Client::new(Arc::new(self.connection(needs)?));
        client.endpoint().writer.put_control(&[]);
        let written = Written::default();
        let stream = Stream::Other(Box::pin(written.clone()));
        let (decoder, input, queue) = (Decoder::new(Role::Client), Vec::new(), Vec::new());
        Ok(Made { client, seen: Mutex::new(Seen { stream, written, decoder, input, queue, closed: None }) })
    }

    fn connection(&self, needs: &Requirements) -> Result<Endpoint, Error> {
        let mut upgrade = self.head.upgrade();
        let owner = upgrade.take_identity().map(|identity| Owner::new(identity, None));
        let headers = Some(Arc::new(upgrade.headers().clone()));
        let mut handshake = Kept { headers, ..Kept::default() };
        handshake.extensions = upgrade.parts().extensions.clone();
        for wanted in &needs.at_upgrade {
            (wanted.read)(&upgrade, &mut handshake.extensions)?;
        }
        let Ok(id) = ClientId::random() else { panic!("the system has no random bytes") };
        let (peer_port, peer_ip) = peer(upgrade.peer_addr());
        Ok(Endpoint {
            id,
            space: Hub::new().space(Marker::of::<Root>()),
            profile: table().profile,
            flusher: Flusher::of_nobody(),
            writer: Writer::new(None),
            membership: Mutex::new(Membership::of(owner)),
            extras: Mutex::default(),
            kept: Some(Box::new(handshake)),
            deflate: None,
            format: Format::Json,
            peer_port,
            peer_ip,
            ended: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            alarm: AtomicU64::new(0),
        })
    }
}

/// Returns a gateway without handlers.
fn table() -> CompiledGateway {
    struct Detached;
    match Gateway::new(Detached).build(None, None) {
        Ok(Some((table, _))) => table,
        Ok(None) | Err(_) => unreachable!("it has a state, and asks nobody for anything"),
    }
}

fn closed_with(request: CloseRequest) -> Close {
    match request {
        CloseRequest::Graceful { close, .. } => close,
        CloseRequest::Abort { close, .. } => close.into(),
        CloseRequest::Reset { .. } | CloseRequest::Shutdown | CloseRequest::Kill => CloseCode::NORMAL.into(),
    }
}

impl Seen {
    fn decode(&mut self) {
        const LIMITS: FrameLimits = FrameLimits { max_message: 32 << 20, max_frame: 32 << 20, max_fragments: 1024 };
        self.input.append(&mut self.written.0.lock());
        while !self.input.is_empty() {
            let decoded = match self.decoder.decode(&mut self.input, &LIMITS) {
                Ok(decoded) => decoded,
                Err(violation) => panic!("the frames of a detached client: {}", violation.reason),
            };
            let consumed = decoded.consumed;
            if let Some(Item::Text(text)) = decoded.item
                && let Received::Message(message) = Received::text(text.into_owned())
            {
                self.queue.push(message);
            }
            self.input.drain(..consumed);
        }
    }
}

impl Deref for DetachedClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.client()
    }
}

impl Drop for DetachedClient {
    fn drop(&mut self) {
        let Some(Made { client, .. }) = self.made.get() else { return };
        let conn = client.endpoint_arc();
        drop(leave_all(conn));
        conn.writer.gone(conn.node());
        conn.end();
    }
}

impl fmt::Debug for DetachedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DetachedClient")
    }
}

/// A stream that collects what is written to it.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl AsyncWrite for Written {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Written {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}
