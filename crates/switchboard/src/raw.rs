//! Raw gateways: the gateway owns the socket and writes its own loop.
use crate::Error;
use crate::client::Client;
use crate::conn::{Class, Frame, Pushed, give, take};
use crate::handler::{FromMessage, MessageContext, OwnedSocket};
use crate::hub::{Charge, Kind, Node};
use crate::limits::Limits;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use switchboard_core::ws::{self, Opcode};
use switchboard_core::{Close, CloseCode};

/// A message of a raw gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text, which is UTF-8.
    Text(String),
    /// Bytes.
    Binary(Bytes),
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

/// Why a message was not sent.
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
            SendError::Closed => crate::conn::left(),
            SendError::TooLong => Error::internal(error),
        }
    }
}

/// The socket of a raw gateway: a parameter of the function given to [`crate::Gateway::raw`].
///
/// When the function returns the connection is closed with 1000, unless it has closed it with a code of its own; when it returns an
/// error, with the code of that error.
pub struct Socket {
    client: Client,
    port: Arc<Port>,
}

impl Socket {
    /// The next message; `None` when the peer has closed or is gone, and all that it sent has been received, and at once when the
    /// connection was closed from this side. What is sent before that `None` is still sent, within `Limits::linger`; nothing after it.
    ///
    /// Cancel-safe. While nothing is received at most `inbound_messages` wait; then the peer is not read any more.
    pub async fn recv(&mut self) -> Option<Message> {
        poll_fn(|cx| self.port.poll_recv(cx, &self.client)).await
    }

    /// Sends a message; waits while more than `outbound_soft_bytes` wait for the peer to read.
    ///
    /// Cancel-safe: a message is queued whole or not at all. Errors: the connection is closed, or the message too long.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        let message = message.into();
        poll_fn(|cx| self.port.poll_writable(cx, &self.client)).await?;
        let (opcode, payload) = match &message {
            Message::Text(text) => (Opcode::Text, text.as_bytes()),
            Message::Binary(bytes) => (Opcode::Binary, &bytes[..]),
        };
        if payload.len() > self.client.conn().table.limits.max_message_out {
            return Err(SendError::TooLong);
        }
        let mut frame = take();
        frame.resize(ws::HEADER_ROOM, 0);
        frame.extend_from_slice(payload);
        let start = ws::finish_frame(&mut frame, 0, opcode);
        let pushed = self.client.conn_arc().push(&mut Frame::new(&frame[start..]), Class::Reply);
        give(frame);
        if pushed == Pushed::Queued { Ok(()) } else { Err(SendError::Closed) }
    }

    /// The subprotocol that the client and this gateway have in common: one of [`Gateway::protocols`](crate::Gateway::protocols).
    /// `None` where the client offered none of them.
    pub fn protocol(&self) -> Option<&str> {
        let conn = self.client.conn();
        let number = conn.attached.lock().as_ref().and_then(|attached| attached.protocol)?;
        conn.table.protocols.name(number)
    }

    /// The client, as other gateways see it: rooms, state, `disconnect`.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Closes behind all that was sent.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.client.close(Close::new(code, reason.to_owned()));
    }
}

impl FromMessage for Socket {
    type Kind = OwnedSocket;

    fn from_message(cx: &MessageContext<'_>) -> Result<Socket, Error> {
        let port = cx.conn().attached.lock().as_ref().and_then(|attached| attached.port.clone());
        let port = port.ok_or_else(|| Error::internal("`Socket` is a parameter of raw gateways only"))?;
        Ok(Socket { client: cx.client().clone(), port })
    }
}

/// The two ends of a raw socket meet here: the connection task puts messages in, the gateway takes them out.
#[derive(Default)]
pub(crate) struct Port(Mutex<State>);

#[derive(Default)]
struct State {
    queue: VecDeque<Message>,
    bytes: usize,
    /// What of it is held against the memory, where that is limited: the queue, and the message that the gateway has taken last.
    charge: Option<Charge>,
    /// A message was received, and the loop has not asked for the next one while there was none.
    unanswered: bool,
    /// No more messages come.
    ended: bool,
    /// And none can be sent.
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl State {
    fn is_full(&self, limits: &Limits) -> bool {
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

fn len(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) => bytes.len(),
    }
}

impl Port {
    pub(crate) fn is_full(&self, limits: &Limits) -> bool {
        self.0.lock().is_full(limits)
    }

    /// False when nothing is received any more.
    pub(crate) fn receive(&self, message: Message, node: &Arc<Node>) -> bool {
        let reader = {
            let mut state = self.0.lock();
            if state.closed || state.ended {
                return false;
            }
            state.bytes += len(&message);
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

    /// No more messages come; those that have are still received and answered.
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

    /// The loop has answered all that came: it has asked for more, or had nothing to answer.
    pub(crate) fn is_answered(&self) -> bool {
        let state = self.0.lock();
        state.queue.is_empty() && !state.unanswered
    }

    /// Bytes of messages that wait here.
    pub(crate) fn held(&self) -> usize {
        self.0.lock().held()
    }

    /// Throws away what waits. Returns how many messages that were.
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

    /// No more messages come, and none can be sent.
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

    /// The connection was ended from this side: what was not received is thrown away. Returns how many messages that were.
    pub(crate) fn cut(&self) -> usize {
        let dropped = self.discard();
        self.close();
        dropped
    }

    /// The outbox has room again.
    pub(crate) fn writable(&self) {
        let writer = self.0.lock().writer.take();
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    fn poll_recv(&self, cx: &mut TaskContext<'_>, client: &Client) -> Poll<Option<Message>> {
        let limits = &client.conn().table.limits;
        let (message, resume) = {
            let mut state = self.0.lock();
            let was_full = state.is_full(limits);
            match state.queue.pop_front() {
                Some(message) => {
                    state.bytes -= len(&message);
                    state.recharge(len(&message));
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
                    // The connection may have waited for this alone.
                    if is_last && !client.conn().is_current() {
                        client.conn().lane.wake();
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
        if resume && !client.conn().is_current() {
            client.conn().lane.wake();
        }
        Poll::Ready(Some(message))
    }

    fn poll_writable(&self, cx: &mut TaskContext<'_>, client: &Client) -> Poll<Result<(), SendError>> {
        let conn = client.conn();
        {
            let mut state = self.0.lock();
            if state.closed {
                return Poll::Ready(Err(SendError::Closed));
            }
            if !conn.lane.is_crowded(&conn.table.limits) {
                return Poll::Ready(Ok(()));
            }
            state.writer = Some(cx.waker().clone());
        }
        // The task tells when there is room; it may not know yet that somebody waits.
        if !conn.is_current() {
            conn.lane.wake();
        }
        Poll::Pending
    }
}
