//! From bytes to messages.
use crate::Error;
use crate::buffers;
use crate::codec::{Format, Frames, Received};
use crate::hub::{Endpoint, Message};
use crate::node::clock::NEVER;
use crate::transport::websocket::closing::Net;
use crate::transport::websocket::task::{Served, Task};
use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use switchboard_core::CloseCode;
use switchboard_core::ws::{self, Item, Opcode};

/// How many bytes of a connection that is closed are read, and thrown away: what was on its way, and at least the longest message.
/// Whoever floods on does so against a full socket.
pub(crate) const ON_ITS_WAY: usize = 256 << 10;
/// The header of a client's control frame: two bytes and a masking key.
const CONTROL_HEADER: usize = 6;

impl Task {
    /// Reads once. True when there was something, so that there may be more.
    pub(crate) fn poll_read(&mut self, conn: &Served, cx: &mut Context<'_>) -> bool {
        let mut room = buffers::READ;
        if self.net == Net::Open {
            // Somebody may have asked for the end, which this turn obeys.
            if self.pauses() || !conn.writer.is_open() {
                return false;
            }
            if self.is_weighed {
                room = self.room_beside_others(conn);
            }
        } else {
            room = self.room_behind_the_end();
        }
        if room == 0 {
            return false;
        }
        if let Some(mut bytes) = self.unread.take() {
            self.parse(conn, &mut bytes, cx);
            return true;
        }
        buffers::with_read_buffer(|buffer| {
            let Some(stream) = &mut self.stream else { return false };
            match stream.poll_read(cx, &mut buffer[..room]) {
                Poll::Pending => false,
                Poll::Ready(Ok(n)) if n > 0 => {
                    match self.net {
                        Net::Open => self.parse(conn, &mut buffer[..n], cx),
                        _ => self.overhear(&buffer[..n]),
                    }
                    true
                }
                Poll::Ready(Ok(_)) => {
                    self.peer_ended();
                    true
                }
                Poll::Ready(Err(_)) => {
                    self.lost();
                    true
                }
            }
        })
    }

    /// How much is read after the end: nothing once the stream is gone, or enough was read, or all.
    #[cold]
    fn room_behind_the_end(&mut self) -> usize {
        self.pauses();
        let rare = self.timers.rare();
        let enough =
            self.net == Net::Gone || rare.peer_ended || rare.ignored > ON_ITS_WAY.max(self.limits().max_message);
        if enough { 0 } else { buffers::READ }
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.endpoint().paused.load(Ordering::Relaxed)
    }

    /// Reading pauses while too much waits to be handled. A paused read is not a missed pong.
    #[inline]
    pub(crate) fn pauses(&mut self) -> bool {
        let full = self.net == Net::Open && self.runner.is_full();
        if full != self.is_paused() {
            self.set_paused(full);
        }
        full
    }

    #[cold]
    pub(crate) fn set_paused(&mut self, full: bool) {
        self.endpoint().paused.store(full, Ordering::Relaxed);
        if full {
            let own = self.endpoint().extras.lock().as_mut().map(|extras| extras.acks.take_own());
            for waiting in own.into_iter().flatten() {
                waiting.settle(Err(crate::hub::acks::paused()));
            }
            if self.timers.pong_by != NEVER {
                self.timers.pong_by = NEVER;
                self.timers.ping_at = self.timers.after(self.now(), self.limits().websocket.ping_interval);
            }
        }
    }

    fn parse(&mut self, conn: &Served, bytes: &mut [u8], cx: &mut Context<'_>) {
        let limits = self.frame_limits();
        let (len, mut at, inflates) = (bytes.len(), 0, self.is_weighed && conn.deflate.is_some());
        // Whoever has ended the connection has done so for all that comes behind, be it in the same read.
        while at < len && self.net == Net::Open && conn.writer.is_open() {
            if self.pauses() {
                self.unread = Some(Box::new(bytes[at..].into()));
                return;
            }
            let decoded = match self.decoder.decode(&mut bytes[at..], &limits) {
                Ok(decoded) => decoded,
                Err(violation) => {
                    self.violation(violation.code, violation.reason);
                    // The decoder has passed over the rest.
                    return self.overhear(&[]);
                }
            };
            at += decoded.consumed;
            match decoded.item {
                // Part of a message, which has to go on from now.
                None => return self.timers.last_progress = conn.now(),
                Some(Item::Text(text)) => {
                    self.is_last = at == len;
                    self.text(conn, text, cx);
                }
                Some(Item::Binary(bytes)) => {
                    self.is_last = at == len;
                    self.binary(conn, bytes, cx);
                }
                Some(Item::Ping(payload)) => {
                    self.progress_beside(conn, decoded.consumed, payload.len());
                    self.pinged(&payload);
                }
                Some(Item::Pong(payload)) => {
                    self.progress_beside(conn, decoded.consumed, payload.len());
                    self.ponged(&payload);
                }
                Some(Item::Close(close)) => self.peer_closed(close),
            }
            self.is_last = false;
            if inflates && self.inflates_too_much(conn) && self.net == Net::Open && conn.writer.is_open() {
                self.unread = (at < len).then(|| Box::new(bytes[at..].into()));
                return;
            }
        }
        if at < len {
            self.overhear(&bytes[at..]);
        }
    }

    /// A ping or pong alone is no progress of the message that it stands in; with a part of that message before it, it is.
    fn progress_beside(&mut self, conn: &Endpoint, consumed: usize, payload: usize) {
        if consumed > CONTROL_HEADER + payload {
            self.timers.last_progress = conn.now();
        }
    }

    /// Of what comes behind the end only the peer's close frame counts.
    #[cold]
    pub(crate) fn overhear(&mut self, bytes: &[u8]) {
        let heard = self.decoder.pass_over(bytes);
        let rare = self.timers.rare_mut();
        rare.ignored += bytes.len();
        rare.heard_close = heard;
    }

    fn binary(&mut self, conn: &Served, bytes: Cow<'_, [u8]>, cx: &mut Context<'_>) {
        self.timers.last_message = conn.now();
        if conn.profile.frames == Frames::Text {
            return self.violation(CloseCode::UNSUPPORTED, "text_only");
        }
        let len = bytes.len();
        if self.runner.port.is_some() {
            return self.received_raw(len, || Message::Binary(bytes.into_owned().into()));
        }
        let message = match conn.format {
            // JSON in binary frames is accepted; what is not text is not JSON either.
            Format::Json => Received::Text(into_text(bytes)),
            _ => Received::Bytes(bytes),
        };
        self.received(conn, message, len, cx);
    }

    fn text(&mut self, conn: &Served, text: Cow<'_, str>, cx: &mut Context<'_>) {
        self.timers.last_message = conn.now();
        if conn.profile.frames == Frames::Binary {
            return self.violation(CloseCode::UNSUPPORTED, "binary_only");
        }
        let len = text.len();
        if self.runner.port.is_some() {
            return self.received_raw(len, || Message::Text(text.into_owned()));
        }
        self.received(conn, Received::Text(text), len, cx);
    }

    fn received_raw(&mut self, len: usize, message: impl FnOnce() -> Message) {
        if self.rates.is_none() || !self.is_over_rate(len, None) {
            self.runner.raw_message(message());
        }
    }

    /// `len`: of the frame, which may be another than that of the message.
    #[inline(always)]
    fn received(&mut self, conn: &Served, message: Received<'_>, len: usize, cx: &mut Context<'_>) {
        if self.rates.is_none() || !self.is_over_rate(len, Some(&message)) {
            self.run(conn, |runner, round| runner.message(&conn.table, message, round, cx));
        }
    }

    /// Takes a message off the client's rates. True when there is not enough left: it is refused. `message` is `None` for a raw
    /// gateway.
    fn is_over_rate(&mut self, bytes: usize, message: Option<&Received<'_>>) -> bool {
        // A compressed message may be longer than what it says: empty blocks say nothing.
        let bytes = bytes.max(self.decoder.take_compressed());
        let conn = self.runner.client.endpoint();
        let Some(rates) = &mut self.rates else { return false };
        let Err(wait) = rates.take(conn.exact(), bytes, &conn.profile.limits) else { return false };
        self.refuse_rate(message, bytes, wait);
        true
    }

    /// Answers `rate_limited`; a client that keeps on is closed, and one of a raw gateway at once, which has no such answer.
    fn refuse_rate(&mut self, message: Option<&Received<'_>>, bytes: usize, wait: u64) {
        let client = self.runner.client.clone();
        let conn = client.endpoint();
        if let Some(message) = message {
            let error = Error::rate_limited("Too many messages, or bytes, in a short time");
            let error = error.retry_after(std::time::Duration::from_millis(wait));
            if !self.run(conn, |runner, round| runner.refuse_rate(message, &error, round)) {
                return;
            }
        }
        conn.node().counters.rate_limited();
        conn.node().rejected("message", "rate_limited");
        let (now, limits) = (conn.exact(), &conn.profile.limits);
        if message.is_none() || self.rates.as_mut().is_some_and(|rates| rates.refused(now, bytes, limits)) {
            self.passes_limit(CloseCode::RATE_LIMITED);
        }
    }

    fn pinged(&mut self, payload: &[u8]) {
        let (now, limits) = (self.now(), &self.runner.client.endpoint().profile.limits);
        if self.timers.ping_received(now, limits) {
            return self.violation(CloseCode::POLICY, "ping_flood");
        }
        let mut frame = Vec::with_capacity(payload.len() + 2);
        ws::write_control(&mut frame, Opcode::Pong, payload);
        if !self.endpoint().writer.put_control(&frame) {
            self.endpoint().node().rejected("frame", "control_lane_full");
        }
    }

    /// Only the answer to the outstanding ping proves that the peer lives. Others nobody asked for: they count as pings.
    fn ponged(&mut self, payload: &[u8]) {
        if self.timers.pong_by != NEVER && payload == self.timers.pinged.to_be_bytes() {
            self.timers.pong_by = NEVER;
            self.timers.ping_at = self.timers.after(self.now(), self.limits().websocket.ping_interval);
            return;
        }
        let (now, limits) = (self.now(), &self.runner.client.endpoint().profile.limits);
        if self.timers.ping_received(now, limits) {
            self.violation(CloseCode::POLICY, "ping_flood");
        }
    }

    /// Sends a ping; until its pong there is no other.
    pub(crate) fn ping(&mut self) {
        let now = self.present();
        let mut frame = Vec::with_capacity(10);
        ws::write_control(&mut frame, Opcode::Ping, &now.to_be_bytes());
        if !self.is_paused() && self.endpoint().writer.put_control(&frame) {
            self.timers.pinged = now;
            self.timers.ping_at = NEVER;
            self.timers.pong_by = self.timers.after(now, self.limits().websocket.ping_timeout);
        } else {
            self.timers.ping_at = self.timers.after(now, self.limits().websocket.ping_interval);
        }
    }
}

/// The text of a frame; what is none becomes a text that no format takes.
fn into_text(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    const NO_TEXT: &str = "\u{fffd}";
    match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(simdutf8::basic::from_utf8(bytes).unwrap_or(NO_TEXT)),
        Cow::Owned(bytes) => match simdutf8::basic::from_utf8(&bytes) {
            Ok(text) => Cow::Owned(text.to_owned()),
            Err(_) => Cow::Borrowed(NO_TEXT),
        },
    }
}
