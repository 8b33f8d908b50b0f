//! Reading: from the frames of a WebSocket, or the payload of a POST, to Engine.IO packets.
use super::carrier::Carrier;
use super::ending::Net;
use super::mailbox::Post;
use super::session::Session;
use super::writing::MARK;
use crate::buffers;
use crate::node::Level;
use crate::outbound::DisconnectReason;
use std::task::{Context, Poll};
use std::time::Duration;
use switchboard_core::CloseCode;
use switchboard_core::engineio::{Packet, Payload, PayloadLimits, Refusal, decode_payload, decode_text};
use switchboard_core::ws::Item;
use tokio::io::ReadBuf;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The time between two checks of whether memory is still short.
const AGAIN: Duration = Duration::from_millis(500);
/// A session that holds no more than this of messages that are not whole is read even while memory is exhausted.
const LITTLE: usize = 4 << 10;
/// After this many checks a session that holds messages is evicted, if nothing else has freed memory.
const GIVEN_UP: u32 = 2;

/// The packets of a POST that are not handled yet.
#[derive(Default)]
pub(super) struct Unread(Option<Pending>);

struct Pending {
    payload: String,
    /// Where the packets begin that are not handled.
    at: usize,
    /// Pongs and acks in it are handled, because they do not wait for room in a queue.
    is_scanned: bool,
    done: oneshot::Sender<Result<(), Refusal>>,
}

impl Unread {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |pending| pending.payload.len())
    }

    /// Drops the packets, because the session ends. `is_refused`: the client has broken a protocol, or learns of the end by nothing
    /// else than the answer to its POST.
    pub(super) fn clear(&mut self, is_refused: bool) {
        if let Some(Pending { done, .. }) = self.0.take() {
            let _ = done.send(if is_refused { Err(Refusal::BAD_REQUEST) } else { Ok(()) });
        }
    }
}

impl Session {
    /// Begins to handle the packets of a POST.
    pub(super) fn begin_payload(&mut self, post: Post) {
        let Post { body, done } = post;
        let limits =
            PayloadLimits { max_payload: self.serving.options.max_http_buffer_size, ..PayloadLimits::default() };
        if let Err(violation) = decode_payload(&body, &limits) {
            self.mailbox.posted();
            // The client may have gone.
            let _ = done.send(Err(violation.into()));
            return self.violation(violation.reason);
        }
        // It is UTF-8, which was checked.
        let payload = String::from_utf8(body.into()).unwrap_or_default();
        self.unread = Unread(Some(Pending { payload, at: 0, is_scanned: false, done }));
    }

    /// Reads once. True if there was something, so that there may be more.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> bool {
        let net = self.net;
        match net {
            Net::Open if self.pauses() => {
                self.scan_ahead(cx);
                false
            }
            Net::Open => self.read_payload(cx) || self.read_socket(cx),
            Net::Closing | Net::Lingering => match &mut self.carrier {
                Carrier::WebSocket(socket) => match socket.overhear(cx) {
                    Poll::Pending => false,
                    Poll::Ready(true) => true,
                    Poll::Ready(false) => {
                        self.lost(DisconnectReason::Lost);
                        true
                    }
                },
                Carrier::Polling | Carrier::Gone => false,
            },
            Net::Gone => false,
        }
    }

    /// Whether reading is paused: too much waits to be handled, or to be sent, or memory is short.
    fn pauses(&mut self) -> bool {
        let is_stuck = self.seats.iter().any(|seat| seat.is_full()) || self.is_short_of_memory();
        let pauses = is_stuck || self.staging.len() > MARK;
        if pauses || self.is_paused {
            // A handler that awaits an ack of its own client could wait for ever while a queue is full. What is staged is only a
            // matter of time.
            self.seats.iter().for_each(|seat| seat.set_paused(is_stuck));
        }
        if pauses != self.is_paused {
            self.is_paused = pauses;
            // The time for the rest of an unfinished message stops while reading is paused, and begins anew after that.
            self.clock.expect_rest(!self.is_paused && self.carrier.is_partial());
            if pauses && self.clock.is_pinged() {
                // The pong would not be read.
                self.forgive_pong();
            }
        }
        pauses
    }

    fn is_short_of_memory(&mut self) -> bool {
        let memory = &self.serving.hub.node.memory;
        // Whether messages of the client take memory: they wait to be handled, or a long one has come in part while memory is
        // exhausted.
        let holds = || {
            let held = self.carrier.held() + self.assembler.buffered();
            self.seats.iter().any(|seat| seat.has_messages()) || (held > LITTLE && memory.pressure() == Level::Evict)
        };
        if !memory.is_limited() || !memory.is_short() || !holds() {
            if self.tried > 0 {
                (self.tried, self.clock.read_at) = (0, None);
            }
            return false;
        }
        if self.clock.read_at.is_some() {
            return true;
        }
        self.tried += 1;
        if self.tried > GIVEN_UP && memory.is_exhausted() {
            self.node().counters.evicted();
            let code = CloseCode::TRY_AGAIN_LATER;
            self.abort(code, DisconnectReason::Server { code });
        } else {
            self.clock.read_at = Some(Instant::now() + AGAIN);
        }
        true
    }

    /// Handles the packets of a POST, until reading pauses.
    fn read_payload(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(Pending { payload, at, is_scanned, done }) = self.unread.0.take() else { return false };
        let mut packets = Payload::resume(&payload[at..]);
        while self.net == Net::Open {
            if let Some(rest) = packets.rest()
                && self.pauses()
            {
                let at = payload.len() - rest.len();
                self.unread = Unread(Some(Pending { payload, at, is_scanned, done }));
                return true;
            }
            match packets.next() {
                None => {
                    if (at > 0 || is_scanned) && self.clock.is_pinged() {
                        // The packets had to wait, and with them a pong, for which there is little time left now.
                        self.forgive_pong();
                    }
                    self.mailbox.posted();
                    let _ = done.send(Ok(()));
                    return true;
                }
                Some(Ok(Packet::Pong(_))) if is_scanned => {}
                Some(Ok(Packet::Message(text))) if is_scanned && is_ack(text) => {}
                Some(Ok(Packet::Close)) => {
                    // The client waits for the end of its poll.
                    self.mailbox.answer(b"6".to_vec());
                    self.mailbox.posted();
                    let _ = done.send(Ok(()));
                    self.packet(Packet::Close, cx);
                    return true;
                }
                Some(Ok(packet)) => self.packet(packet, cx),
                Some(Err(violation)) => {
                    let _ = done.send(Err(violation.into()));
                    self.violation(violation.reason);
                    return true;
                }
            }
        }
        // The session has ended by one of the packets.
        self.mailbox.posted();
        let _ = done.send(if self.is_broken { Err(Refusal::BAD_REQUEST) } else { Ok(()) });
        true
    }

    /// While reading is paused: handles the pongs, the acks and a close packet in the rest of the POST, before the packets that
    /// precede them, because these need no room in a queue. At most once for each POST.
    fn scan_ahead(&mut self, cx: &mut Context<'_>) {
        if self.unread.0.as_ref().is_none_or(|pending| pending.is_scanned) || self.assembler.is_waiting() {
            return;
        }
        let Some(mut pending) = self.unread.0.take() else { return };
        pending.is_scanned = true;
        for packet in Payload::resume(&pending.payload[pending.at..]).flatten() {
            match packet {
                Packet::Pong(_) => self.packet(packet, cx),
                Packet::Message(text) if is_ack(text) => self.packet(packet, cx),
                Packet::Close => {
                    self.mailbox.answer(b"6".to_vec());
                    self.mailbox.posted();
                    let _ = pending.done.send(Ok(()));
                    return self.packet(Packet::Close, cx);
                }
                _ => {}
            }
        }
        if self.net == Net::Open {
            self.unread = Unread(Some(pending));
        }
    }

    fn read_socket(&mut self, cx: &mut Context<'_>) -> bool {
        let Carrier::WebSocket(socket) = &mut self.carrier else { return false };
        if !socket.unread.is_empty() {
            let mut unread = std::mem::take(&mut socket.unread);
            self.parse(&mut unread, cx);
            self.clock.expect_rest(!self.is_paused && self.carrier.is_partial());
            return true;
        }
        buffers::with_read_buffer(|buffer| {
            let Carrier::WebSocket(socket) = &mut self.carrier else { return false };
            let mut buffer = ReadBuf::new(buffer);
            match socket.stream.as_mut().poll_read(cx, &mut buffer) {
                Poll::Pending => false,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.parse(buffer.filled_mut(), cx);
                    self.clock.expect_rest(!self.is_paused && self.carrier.is_partial());
                    true
                }
                Poll::Ready(_) => {
                    self.lost(DisconnectReason::Lost);
                    true
                }
            }
        })
    }

    fn parse(&mut self, bytes: &mut [u8], cx: &mut Context<'_>) {
        let limits = self.serving.limits.frames();
        let mut at = 0;
        while at < bytes.len() {
            let is_paused = self.net == Net::Open && self.pauses();
            let Carrier::WebSocket(socket) = &mut self.carrier else { return };
            if is_paused {
                socket.unread = bytes[at..].to_vec();
                return;
            }
            if self.net != Net::Open {
                socket.heard_close |= socket.decoder.pass_over(&bytes[at..]);
                return;
            }
            let decoded = match socket.decoder.decode(&mut bytes[at..], &limits) {
                Ok(decoded) => decoded,
                Err(violation) => {
                    self.goodbye = violation.code;
                    return self.violation(violation.reason);
                }
            };
            at += decoded.consumed;
            match decoded.item {
                None => return,
                Some(Item::Text(text)) => match decode_text(&text) {
                    Ok(packet) => self.packet(packet, cx),
                    Err(violation) => self.violation(violation.reason),
                },
                Some(Item::Binary(bytes)) => self.attachment(&bytes, cx),
                Some(Item::Ping(payload)) => {
                    // A ping of WebSocket, which is not Engine.IO's.
                    let (now, most) = (self.node().exact(), self.serving.limits.websocket.pings_per_second);
                    if self.pings.count(now, 1000, most) {
                        self.goodbye = CloseCode::POLICY;
                        self.violation("ping_flood");
                    } else {
                        self.staging.pong(&payload);
                    }
                }
                Some(Item::Pong(_)) => {}
                Some(Item::Close(close)) => self.peer_closed(close),
            }
        }
    }
}

/// True for the text of an ACK without attachments.
fn is_ack(text: &str) -> bool {
    text.starts_with('3')
}
