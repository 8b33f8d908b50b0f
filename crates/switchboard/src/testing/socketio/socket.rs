//! [`Socket`]: a WebSocket that carries a Socket.IO connection.
use super::engine::{Engine, Order, Outgoing, What};
use crate::testing::reach::Stream;
use std::io;
use switchboard_core::engineio;
use switchboard_core::ws::{Decoder, FrameLimits, Item, Opcode, Role, write_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

/// Limits for what the server sends; above anything that a server under test sends.
const LIMITS: FrameLimits = FrameLimits { max_message: 32 << 20, max_frame: 32 << 20, max_fragments: 1024 };
/// Pongs are dropped while more than this is queued because the server reads nothing.
const PONGS: usize = 4 << 10;
/// How the connection of clients that were dropped ends.
pub(super) const DROPPED: &str = "its end by the test, which has dropped the client";
/// A fixed mask: masks protect proxies, and here there are none.
const MASK: [u8; 4] = [0x5A, 0x17, 0xC3, 0x8E];

pub(super) struct Socket {
    stream: Box<dyn Stream>,
    decoder: Decoder,
    /// Bytes that are not decoded yet.
    input: Vec<u8>,
    /// Bytes that are not written yet.
    output: Vec<u8>,
    /// True once our close frame has been queued.
    closing: bool,
}

impl Socket {
    pub(super) fn new(stream: Box<dyn Stream>) -> Socket {
        let (input, output) = (Vec::new(), Vec::new());
        Socket { stream, decoder: Decoder::new(Role::Client), input, output, closing: false }
    }

    /// Runs until the connection ends. Returns how it ended.
    pub(super) async fn run(mut self, engine: &mut Engine, orders: &mut mpsc::Receiver<Order>) -> String {
        let mut done = None;
        loop {
            self.decode(engine);
            if engine.take_ping() && !self.closing && self.output.len() < PONGS {
                self.frame(Opcode::Text, b"3");
            }
            if let Some(how) = engine.ended.take() {
                // The answer to a close frame. If the server is gone, it is not needed.
                let _ = self.stream.write_all(&self.output).await;
                let _ = self.stream.shutdown().await;
                return how;
            }
            let (mut reader, mut writer) = tokio::io::split(&mut self.stream);
            tokio::select! {
                order = orders.recv(), if done.is_none() => {
                    let Some(order) = order else { return DROPPED.to_owned() };
                    done = Some(order.done);
                    match order.what {
                        What::Send(outgoing) => self.queue(&outgoing),
                        What::Close => {
                            self.frame(Opcode::Close, &[]);
                            self.closing = true;
                        }
                        // It is a WebSocket already.
                        What::Upgrade(_) => {}
                    }
                    if self.output.is_empty() {
                        done = None;
                    }
                },
                written = writer.write(&self.output), if !self.output.is_empty() => match written {
                    Ok(written) if written > 0 => {
                        self.output.drain(..written);
                        if self.output.is_empty() {
                            let _ = writer.flush().await;
                            // The test may have given up.
                            done.take().map(|done| done.send(()));
                        }
                    }
                    // The other half says how the connection ended.
                    _ => {
                        self.output.clear();
                        done = None;
                    }
                },
                read = reader.read_buf(&mut self.input), if engine.seats.wants_more() => {
                    if !matches!(read, Ok(read) if read > 0) {
                        return "the end of the stream, without a close frame".to_owned();
                    }
                },
                () = engine.seats.changed() => {}
                () = engine.seats.dropped() => return DROPPED.to_owned(),
            }
        }
    }

    /// Asks whether the session may move here, and waits for the server's answer. Errors: what came instead.
    pub(super) async fn probe(&mut self) -> Result<(), String> {
        self.send(b"2probe").await?;
        loop {
            let decoded = self.decoder.decode(&mut self.input, &LIMITS);
            let decoded = decoded.map_err(|violation| violation.reason.to_owned())?;
            let consumed = decoded.consumed;
            let answer = match decoded.item {
                Some(Item::Text(text)) if text == "3probe" => Some(Ok(())),
                Some(other) => Some(Err(format!("the probe was answered with {other:?}"))),
                None => None,
            };
            self.input.drain(..consumed);
            if let Some(answer) = answer {
                return answer;
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(read) if read > 0 => {}
                _ => return Err("the server has ended the WebSocket that was probed".to_owned()),
            }
        }
    }

    /// Moves the session here. Errors: the server is gone.
    pub(super) async fn move_here(&mut self) -> Result<(), String> {
        self.send(b"5").await
    }

    async fn send(&mut self, text: &[u8]) -> Result<(), String> {
        self.frame(Opcode::Text, text);
        let output = std::mem::take(&mut self.output);
        let gone = |error: io::Error| format!("the WebSocket is gone: {error}");
        self.stream.write_all(&output).await.map_err(gone)?;
        self.stream.flush().await.map_err(gone)
    }

    fn queue(&mut self, outgoing: &Outgoing) {
        self.frame(Opcode::Text, &outgoing.text);
        for attachment in &outgoing.attachments {
            self.frame(Opcode::Binary, attachment);
        }
    }

    fn frame(&mut self, opcode: Opcode, payload: &[u8]) {
        write_frame(&mut self.output, opcode, true, payload, Some(MASK));
    }

    /// Decodes as much as the inboxes accept.
    fn decode(&mut self, engine: &mut Engine) {
        while !self.input.is_empty() && engine.ended.is_none() && engine.seats.wants_more() {
            let decoded = match self.decoder.decode(&mut self.input, &LIMITS) {
                Ok(decoded) => decoded,
                Err(violation) => return engine.invalid(violation.reason),
            };
            let consumed = decoded.consumed;
            let mut close = None;
            match decoded.item {
                Some(Item::Text(text)) => engine.text(&text),
                Some(Item::Binary(bytes)) => engine.packet(engineio::Packet::Binary(bytes)),
                Some(Item::Close(peer)) => {
                    let (code, reason) = peer.map_or((1005, String::new()), |peer| (peer.code.get(), peer.reason));
                    close = Some(code);
                    engine.end(format!("close {code} ({reason})"));
                }
                // Servers of Socket.IO ping with packets.
                Some(Item::Ping(_) | Item::Pong(_)) | None => {}
            }
            self.input.drain(..consumed);
            if let Some(code) = close.filter(|_| !self.closing) {
                let body = if code == 1005 { Vec::new() } else { code.to_be_bytes().to_vec() };
                self.frame(Opcode::Close, &body);
            }
        }
    }
}
