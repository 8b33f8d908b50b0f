//! [`Port`]: the queue between the connection task and the loop of a raw gateway.
use crate::Error;
use crate::hub::Client;
use crate::limits::GatewayLimits;
use crate::node::{Charge, Kind, Node};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

/// A message of a raw gateway.
///
/// ```
/// use switchboard::raw::Message;
///
/// let message = Message::text("hello");
/// assert_eq!((message.as_text(), message.as_bytes()), (Some("hello"), &b"hello"[..]));
/// assert_eq!(Message::binary(vec![1, 2]).as_text(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<String>) -> Message {
        Message::Text(text.into())
    }

    /// A binary message.
    pub fn binary(bytes: impl Into<Bytes>) -> Message {
        Message::Binary(bytes.into())
    }

    /// Returns the text; `None` for a binary message.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Message::Text(text) => Some(text),
            Message::Binary(_) => None,
        }
    }

    /// Returns the bytes of the message, for text and binary messages.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
        }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Message {
        Message::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Message {
        Message::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Message {
        Message::Binary(bytes.into())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Message {
        Message::Binary(bytes)
    }
}

/// The reason why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is closing or closed.
    Closed,
    /// The message is longer than `Limits::max_message_out`.
    TooLong,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::Closed => "the connection is closed",
            SendError::TooLong => "the message is longer than `max_message_out`",
        })
    }
}

impl std::error::Error for SendError {}

impl From<SendError> for Error {
    fn from(error: SendError) -> Error {
        match error {
            SendError::Closed => crate::hub::acks::left(),
            SendError::TooLong => Error::internal(error),
        }
    }
}

/// The queue between the connection task, which puts messages in, and the loop of a raw gateway, which takes them out.
#[derive(Default)]
pub(crate) struct Port(Mutex<State>);

#[derive(Default)]
struct State {
    queue: VecDeque<Message>,
    bytes: usize,
    /// The memory charged to the node, if its memory is limited: for the queue, and for the message that the gateway took last.
    charge: Option<Charge>,
    /// Set when the gateway takes a message. Cleared when it asks for the next one and the queue is empty, which means that it has handled
    /// them all.
    unanswered: bool,
    /// No more messages arrive. Those in the queue can still be taken.
    ended: bool,
    /// No more messages arrive, and none can be sent.
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl State {
    fn is_full(&self, limits: &GatewayLimits) -> bool {
        self.queue.len() >= limits.inbound_messages || self.bytes >= limits.inbound_bytes
    }

    fn held(&self) -> usize {
        self.bytes + self.queue.len() * size_of::<Message>()
    }

    fn recharge(&mut self, taken: usize) {
        let held = self.held() + taken;
        if let Some(charge) = &mut self.charge {
            charge.set(held);
        }
    }
}

impl Port {
    pub(crate) fn is_full(&self, limits: &GatewayLimits) -> bool {
        self.0.lock().is_full(limits)
    }

    /// Queues a message for the gateway. Returns false if the port no longer accepts messages.
    pub(crate) fn receive(&self, message: Message, node: &Arc<Node>) -> bool {
        let reader = {
            let mut state = self.0.lock();
            if state.closed || state.ended {
                return false;
            }
            state.bytes += message.as_bytes().len();
            state.queue.push_back(message);
            if node.memory.is_limited() {
                state.charge = state.charge.take().or_else(|| Charge::new(node, Kind::Waiting));
                state.recharge(0);
            }
            state.reader.take()
        };
        node.memory.notice();
        if let Some(reader) = reader {
            reader.wake();
        }
        true
    }

    /// Ends the input: no more messages are accepted; those in the queue can still be taken and answered.
    pub(crate) fn end(&self) {
        let reader = {
            let mut state = self.0.lock();
            state.ended = true;
            state.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// True if the gateway has handled everything: the queue is empty, and the gateway has asked for more since it took the last message.
    pub(crate) fn is_answered(&self) -> bool {
        let state = self.0.lock();
        state.queue.is_empty() && !state.unanswered
    }

    /// Returns the bytes that the queue occupies.
    pub(crate) fn held(&self) -> usize {
        self.0.lock().held()
    }

    /// Discards the queued messages. Returns how many there were.
    pub(crate) fn discard(&self) -> usize {
        let messages = {
            let mut state = self.0.lock();
            state.bytes = 0;
            let messages = std::mem::take(&mut state.queue);
            state.recharge(0);
            messages
        };
        messages.len()
    }

    /// Closes the port in both directions, and wakes the gateway's loop.
    pub(crate) fn close(&self) {
        let (reader, writer) = {
            let mut state = self.0.lock();
            state.closed = true;
            (state.reader.take(), state.writer.take())
        };
        for waker in reader.into_iter().chain(writer) {
            waker.wake();
        }
    }

    /// Closes the port because the server ends the connection, and discards the queued messages. Returns how many there were.
    pub(crate) fn cut(&self) -> usize {
        let dropped = self.discard();
        self.close();
        dropped
    }

    /// Wakes the raw gateway's task if it waits to send. Called when the outbox has room.
    pub(crate) fn writable(&self) {
        let writer = self.0.lock().writer.take();
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    pub(crate) fn poll_recv(&self, cx: &mut TaskContext<'_>, client: &Client) -> Poll<Option<Message>> {
        let limits = &client.endpoint().profile.limits;
        let (message, resume) = {
            let mut state = self.0.lock();
            let was_full = state.is_full(limits);
            match state.queue.pop_front() {
                Some(message) => {
                    state.bytes -= message.as_bytes().len();
                    state.recharge(message.as_bytes().len());
                    state.unanswered = true;
                    (message, was_full && !state.is_full(limits))
                }
                None if state.closed || state.ended => {
                    let is_last = state.ended && !state.closed;
                    state.recharge(0);
                    state.unanswered = false;
                    state.closed = true;
                    let writer = state.writer.take();
                    drop(state);
                    writer.into_iter().for_each(Waker::wake);
                    // The connection's task may be waiting only for this end.
                    if is_last && !client.endpoint().is_current() {
                        client.endpoint().writer.wake();
                    }
                    return Poll::Ready(None);
                }
                None => {
                    state.recharge(0);
                    state.unanswered = false;
                    state.reader = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        };
        if resume && !client.endpoint().is_current() {
            client.endpoint().writer.wake();
        }
        Poll::Ready(Some(message))
    }

    pub(crate) fn poll_writable(&self, cx: &mut TaskContext<'_>, client: &Client) -> Poll<Result<(), SendError>> {
        let conn = client.endpoint();
        {
            let mut state = self.0.lock();
            if state.closed {
                return Poll::Ready(Err(SendError::Closed));
            }
            if !conn.writer.is_crowded(&conn.profile.limits) {
                return Poll::Ready(Ok(()));
            }
            state.writer = Some(cx.waker().clone());
        }
        // The connection's task calls `writable` when there is room. Wake it, because it may not know yet that the gateway waits.
        if !conn.is_current() {
            conn.writer.wake();
        }
        Poll::Pending
    }
}
