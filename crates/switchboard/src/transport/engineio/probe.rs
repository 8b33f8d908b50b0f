//! [`Probe`]: a WebSocket that may become the carrier of a polling session (section "Upgrade").
use super::carrier::Carrier;
use super::session::Session;
use super::socket::Socket;
use super::staging::{Staging, Written};
use crate::buffers;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;
use switchboard_core::engineio::{PROBE, Packet, decode_text};
use switchboard_core::ws::{FrameLimits, Item};
use tokio::time::Instant;

/// A socket that is probed sends a probe, an `upgrade`, and then what the session may send. Its first messages are short.
const FIRST: FrameLimits = FrameLimits { max_message: 4096, max_frame: 4096, max_fragments: 4 };

/// A WebSocket that may become the carrier.
pub(super) struct Probe {
    socket: Socket,
    out: Staging,
    /// The client's probe has come, and was answered.
    pub(super) is_answered: bool,
    /// The client moves the session to it, as soon as the packets of its last POST are handled.
    is_next: bool,
    pub(super) by: Instant,
}

/// What a probed WebSocket came to.
enum Outcome {
    Waits,
    /// The client moves the session to it.
    Upgrades,
    Fails(&'static str),
}

impl Session {
    /// Reads the probed WebSocket. True if it became the carrier, or something changed.
    pub(super) fn poll_probe(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(probe) = &mut self.probe else { return false };
        let was_answered = probe.is_answered;
        let outcome = if probe.is_next { Outcome::Upgrades } else { probe.poll(cx) };
        match outcome {
            Outcome::Waits => {
                if !was_answered && probe.is_answered {
                    // The client waits for the end of its poll before it sends `upgrade`.
                    self.clock.noop_at = Some(Instant::now());
                    return true;
                }
                false
            }
            Outcome::Fails(reason) => {
                self.end_probe(reason);
                true
            }
            Outcome::Upgrades if self.unread.is_empty() && !self.mailbox.is_posting() => {
                self.upgrade();
                true
            }
            Outcome::Upgrades => {
                // Packets of a POST come before those of the WebSocket, even if its body is still being read.
                probe.is_next = true;
                false
            }
        }
    }

    fn upgrade(&mut self) {
        let Some(Probe { socket, out, .. }) = self.probe.take() else { return };
        // The answer to the probe may not be sent, or in part.
        self.staging.follow(out);
        self.clock.noop_at = None;
        self.mailbox.polls_no_more();
        // A poll that is still parked has to end.
        self.mailbox.answer(b"6".to_vec());
        self.mailbox.probed();
        self.carrier = Carrier::WebSocket(socket);
        self.polling.store(false, Ordering::Relaxed);
        self.clock.write_by = None;
    }

    /// Ends an upgrade that has failed. Polling goes on.
    pub(super) fn end_probe(&mut self, reason: &'static str) {
        self.node().rejected("upgrade", reason);
        self.clock.noop_at = None;
        self.probe = None;
        self.mailbox.probed();
    }
}

impl Probe {
    pub(super) fn new(socket: Socket, timeout: Duration) -> Probe {
        let by = Instant::now() + timeout;
        Probe { socket, out: Staging::default(), is_answered: false, is_next: false, by }
    }

    /// How many bytes of memory it holds.
    pub(super) fn held(&self) -> usize {
        self.socket.held() + self.out.len()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Outcome {
        loop {
            match self.parse() {
                Outcome::Waits => {}
                done => return done,
            }
            if let Written::Failed = self.out.write(self.socket.stream.as_mut(), cx) {
                return Outcome::Fails("gone");
            }
            let read = buffers::with_read_buffer(|buffer| {
                let mut buffer = tokio::io::ReadBuf::new(buffer);
                match self.socket.stream.as_mut().poll_read(cx, &mut buffer) {
                    Poll::Pending => None,
                    Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                        self.socket.unread.extend_from_slice(buffer.filled());
                        Some(true)
                    }
                    Poll::Ready(_) => Some(false),
                }
            });
            match read {
                None => return Outcome::Waits,
                Some(true) => {}
                Some(false) => return Outcome::Fails("gone"),
            }
        }
    }

    /// Takes the messages that came. What follows `upgrade` is left for the session.
    fn parse(&mut self) -> Outcome {
        let mut unread = std::mem::take(&mut self.socket.unread);
        let mut at = 0;
        let mut outcome = Outcome::Waits;
        while at < unread.len() {
            let decoded = match self.socket.decoder.decode(&mut unread[at..], &FIRST) {
                Ok(decoded) => decoded,
                Err(violation) => return Outcome::Fails(violation.reason),
            };
            at += decoded.consumed;
            let Some(item) = decoded.item else { break };
            outcome = match item {
                Item::Text(text) => match decode_text(&text) {
                    Ok(Packet::Ping(PROBE)) if !self.is_answered => {
                        self.is_answered = true;
                        self.out.text(b"3probe");
                        Outcome::Waits
                    }
                    Ok(Packet::Upgrade) if self.is_answered => Outcome::Upgrades,
                    _ => Outcome::Fails("probe"),
                },
                Item::Ping(payload) => {
                    self.out.pong(&payload);
                    Outcome::Waits
                }
                Item::Pong(_) => Outcome::Waits,
                Item::Binary(_) => Outcome::Fails("probe"),
                Item::Close(_) => Outcome::Fails("closed"),
            };
            if !matches!(outcome, Outcome::Waits) || self.out.len() > FIRST.max_message {
                break;
            }
        }
        if self.out.len() > FIRST.max_message {
            return Outcome::Fails("ping_flood");
        }
        unread.drain(..at);
        self.socket.unread = unread;
        outcome
    }
}
