//! [`Wire`]: a client's connection, owned by a task that reads it and answers pings whatever the test is doing.
use super::inbox::Inbox;
use super::reach::Stream;
use super::received::Received;
use super::speech::Speech;
use std::sync::Arc;
use std::time::Duration;
use switchboard_core::ws::{Decoder, FrameLimits, Item, Opcode, Role, write_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

/// Limits for what the server sends; above anything that a server under test sends.
const LIMITS: FrameLimits = FrameLimits { max_message: 32 << 20, max_frame: 32 << 20, max_fragments: 1024 };
/// Pongs are dropped while more than this is queued because the server reads nothing (RFC 6455 §5.5.3).
const PONGS: usize = 4 << 10;
/// A fixed mask: masks protect proxies, and here there are none.
const MASK: [u8; 4] = [0x5A, 0x17, 0xC3, 0x8E];

/// The sending half. Cheap to clone.
#[derive(Clone)]
pub(super) struct Wire {
    orders: mpsc::Sender<Order>,
    task: AbortHandle,
    pub(super) speech: Speech,
    pub(super) patience: Duration,
}

struct Order {
    frame: Vec<u8>,
    closes: bool,
    done: oneshot::Sender<()>,
}

/// The server reads nothing.
pub(super) struct Stuck;

impl Wire {
    pub(super) fn new(stream: impl Stream, inbox: Arc<Inbox>, speech: Speech, patience: Duration) -> Wire {
        let (orders, receiver) = mpsc::channel(1);
        let task = Task {
            inbox,
            speech,
            decoder: Decoder::new(Role::Client),
            input: Vec::new(),
            output: Vec::new(),
            done: None,
            closing: false,
        };
        let task = tokio::spawn(task.run(stream, receiver)).abort_handle();
        Wire { orders, task, speech, patience }
    }

    /// Returns once the frame has been written to the stream, or the connection has ended and the frame is discarded.
    pub(super) async fn send(&self, opcode: Opcode, payload: &[u8]) -> Result<(), Stuck> {
        let mut frame = Vec::new();
        write_frame(&mut frame, opcode, true, payload, Some(MASK));
        let (done, written) = oneshot::channel();
        let order = Order { frame, closes: opcode == Opcode::Close, done };
        let sent = async {
            if self.orders.send(order).await.is_ok() {
                // An error means that the task has ended.
                let _ = written.await;
            }
        };
        tokio::time::timeout(self.patience, sent).await.map_err(|_| Stuck)
    }

    /// Ends the stream without a close frame.
    pub(super) fn cut(&self) {
        self.task.abort();
    }
}

struct Task {
    inbox: Arc<Inbox>,
    speech: Speech,
    decoder: Decoder,
    /// Bytes that are not decoded yet.
    input: Vec<u8>,
    /// Bytes that are not written yet, and who waits for it.
    output: Vec<u8>,
    done: Option<oneshot::Sender<()>>,
    /// True once our close frame has been queued.
    closing: bool,
}

impl Task {
    async fn run(mut self, stream: impl Stream, mut orders: mpsc::Receiver<Order>) {
        let (mut reader, mut writer) = tokio::io::split(stream);
        while !self.decode() {
            tokio::select! {
                order = orders.recv(), if self.done.is_none() => match order {
                    Some(order) => self.obey(order),
                    None => return,
                },
                written = writer.write(&self.output), if !self.output.is_empty() => match written {
                    Ok(written) if written > 0 => {
                        self.output.drain(..written);
                        if self.output.is_empty() {
                            let _ = writer.flush().await;
                            self.done.take().map(|done| done.send(()));
                        }
                    }
                    // The other half says how the connection ended.
                    _ => {
                        self.output.clear();
                        self.done = None;
                    }
                },
                read = reader.read_buf(&mut self.input), if self.inbox.wants_more() => {
                    if !matches!(read, Ok(read) if read > 0) {
                        return self.inbox.push(Received::End);
                    }
                },
                () = self.inbox.changed() => {}
            }
        }
        // The answer to a close frame. If the server is gone, it is not needed.
        let _ = writer.write_all(&self.output).await;
        let _ = writer.shutdown().await;
    }

    fn obey(&mut self, order: Order) {
        self.output.extend_from_slice(&order.frame);
        self.done = Some(order.done);
        self.closing |= order.closes;
    }

    /// Decodes as much as the inbox accepts. True at the end of the connection.
    fn decode(&mut self) -> bool {
        while !self.input.is_empty() && self.inbox.wants_more() {
            let decoded = match self.decoder.decode(&mut self.input, &LIMITS) {
                Ok(decoded) => decoded,
                Err(violation) => {
                    self.inbox.push(Received::Invalid(violation.reason));
                    return true;
                }
            };
            let consumed = decoded.consumed;
            let mut ping = None;
            let received = match decoded.item {
                Some(Item::Text(text)) => Some(Received::text(text.into_owned())),
                Some(Item::Binary(bytes)) => Some(Received::binary(bytes.into_owned(), self.speech)),
                Some(Item::Ping(payload)) => {
                    ping = Some(payload.into_owned());
                    None
                }
                Some(Item::Close(Some(close))) => {
                    Some(Received::Close { code: close.code.get(), reason: close.reason })
                }
                Some(Item::Close(None)) => Some(Received::Close { code: 1005, reason: String::new() }),
                Some(Item::Pong(_)) | None => None,
            };
            self.input.drain(..consumed);
            if let Some(payload) = ping {
                self.answer_ping(&payload);
            }
            if let Some(received) = received {
                let close = match &received {
                    Received::Close { code, .. } => Some(*code),
                    _ => None,
                };
                self.inbox.push(received);
                if let Some(code) = close {
                    self.answer_close(code);
                    return true;
                }
            }
        }
        false
    }

    fn answer_ping(&mut self, payload: &[u8]) {
        if self.inbox.answers_pings() && !self.closing && self.output.len() < PONGS {
            write_frame(&mut self.output, Opcode::Pong, true, payload, Some(MASK));
        }
    }

    fn answer_close(&mut self, code: u16) {
        if !self.closing {
            let body = if code == 1005 { Vec::new() } else { code.to_be_bytes().to_vec() };
            write_frame(&mut self.output, Opcode::Close, true, &body, Some(MASK));
        }
    }
}
