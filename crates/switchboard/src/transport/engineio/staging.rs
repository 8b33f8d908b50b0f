//! [`Staging`]: frames on their way from the outboxes to the carrier.
use crate::buffers;
use crate::outbound::Io;
use std::pin::Pin;
use std::task::{Context, Poll};
use switchboard_core::engineio::PayloadWriter;
use switchboard_core::ws::{self, Opcode};

/// Frames in their order: those of the session itself (pings, refusals), and those of outboxes that a WebSocket has taken half,
/// or that one answer to a poll has no room for.
#[derive(Default)]
pub(super) struct Staging {
    bytes: Vec<u8>,
    /// How much of them is sent.
    at: usize,
}

/// What a write came to.
pub(super) enum Written {
    All,
    Blocked { progress: bool },
    Failed,
}

impl Staging {
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a text message, which is an Engine.IO packet.
    pub(super) fn text(&mut self, packet: &[u8]) {
        self.hold();
        ws::write_frame(&mut self.bytes, Opcode::Text, true, packet, None);
    }

    /// Puts an Engine.IO packet before everything else. For polling only, which takes whole frames: a ping after
    /// all of them could come too late.
    pub(super) fn ahead(&mut self, packet: &[u8]) {
        self.hold();
        let mut frame = Vec::new();
        ws::write_frame(&mut frame, Opcode::Text, true, packet, None);
        self.bytes.splice(self.at..self.at, frame);
    }

    /// Appends the answer to a ping of WebSocket.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        self.hold();
        ws::write_control(&mut self.bytes, Opcode::Pong, payload);
    }

    /// Appends a whole frame.
    pub(super) fn frames(&mut self, frames: &[u8]) {
        self.hold();
        self.bytes.extend_from_slice(frames);
    }

    /// Puts the frames of another staging before these. This one has sent no part of a frame.
    pub(super) fn follow(&mut self, mut before: Staging) {
        if !before.is_empty() {
            before.frames(&self.bytes[self.at..]);
            std::mem::swap(self, &mut before);
        }
        before.clear();
    }

    /// Marks the next `bytes` bytes as already sent.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    fn hold(&mut self) {
        if self.bytes.capacity() == 0 {
            self.bytes = buffers::take();
        }
    }

    /// Drops everything but the rest of a frame of which a part is sent. Returns how many bytes that is.
    pub(super) fn discard(&mut self) -> usize {
        let mut at = 0;
        while at < self.at {
            match self.bytes.get(at..).and_then(ws::frame_len) {
                Some(len) => at += len,
                None => break,
            }
        }
        self.bytes.truncate(at.max(self.at));
        self.len()
    }

    /// Writes to a WebSocket.
    pub(super) fn write(&mut self, mut stream: Pin<&mut dyn Io>, cx: &mut Context<'_>) -> Written {
        let mut progress = false;
        while self.at < self.bytes.len() {
            match stream.as_mut().poll_write(cx, &self.bytes[self.at..]) {
                Poll::Ready(Ok(n)) if n > 0 => {
                    progress = true;
                    self.at += n;
                }
                Poll::Ready(_) => return Written::Failed,
                Poll::Pending => {
                    self.forget();
                    return Written::Blocked { progress };
                }
            }
        }
        self.clear();
        Written::All
    }

    /// Takes whole frames out, as the payload of an answer to a poll. At most this many packets and bytes, but at least one packet.
    pub(super) fn payload(&mut self, max_packets: usize, max_bytes: usize) -> Vec<u8> {
        let mut payload = Vec::new();
        let mut writer = PayloadWriter::new(&mut payload, max_packets, max_bytes);
        while let Some(len) = self.bytes.get(self.at..).and_then(ws::frame_len) {
            let frame = &self.bytes[self.at..self.at + len];
            let content = ws::payload(frame).unwrap_or_default();
            let is_taken = match Opcode::of(frame[0]) {
                Some(Opcode::Binary) => writer.push_binary(content),
                // An empty message is no packet, and control frames have no meaning for polling.
                Some(Opcode::Text) if !content.is_empty() => writer.push_text(content),
                _ => true,
            };
            if !is_taken {
                break;
            }
            self.at += len;
        }
        if self.is_empty() {
            self.clear()
        } else {
            self.forget()
        }
        payload
    }

    /// Drops the frames that are sent, so that the bytes always begin with a frame.
    fn forget(&mut self) {
        let mut sent = 0;
        while let Some(len) = self.bytes.get(sent..).and_then(ws::frame_len).filter(|len| sent + len <= self.at) {
            sent += len;
        }
        self.bytes.drain(..sent);
        self.at -= sent;
    }

    pub(super) fn clear(&mut self) {
        buffers::give(std::mem::take(&mut self.bytes));
        self.at = 0;
    }
}
