//! Reading: from bytes to messages.
use crate::Error;
use crate::buffers;
use crate::codec::{Format, Frames, Received};
use crate::hub::{Endpoint, Message};
use crate::node::clock::NEVER;
use crate::transport::Served;
use crate::transport::websocket::closing::Net;
use crate::transport::websocket::task::Task;
use crate::transport::websocket::timers::Timers;
use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use switchboard_core::CloseCode;
use switchboard_core::ws::{self, Item, Opcode};

/// How many bytes are read and thrown away after the end of a connection; the length of the longest message, if that is more.
/// Bytes that were on their way are read, because otherwise the connection would end with a reset, and the close frame could be
/// lost. A peer that sends more than this finds its socket full.
pub(crate) const ON_ITS_WAY: usize = 256 << 10;

impl Task {
    /// Reads once. True if there was something, so that there may be more.
    pub(crate) fn poll_read(&mut self, conn: &Served, cx: &mut Context<'_>) -> bool {
        let mut room = buffers::READ;
        if self.net == Net::Open {
            // An end may have been asked for. This turn obeys it, so nothing more is read.
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

    /// How many bytes are read after the end: 0 once the stream is gone, the peer has ended its half, or enough was thrown away.
    #[cold]
    fn room_behind_the_end(&mut self) -> usize {
        // Ends a pause of reading.
        self.pauses();
        let rare = self.timers.rare();
        let enough = self.net == Net::Gone
            || rare.peer_ended
            || rare.ignored > ON_ITS_WAY.max(self.endpoint().limits().max_message);
        if enough { 0 } else { buffers::READ }
    }

    /// Whether reading is paused because too much waits to be handled. This notes changes of that: a pause also ends the wait for
    /// a pong, which cannot be read.
    #[inline]
    pub(crate) fn pauses(&mut self) -> bool {
        let full = self.net == Net::Open && self.runner.is_full();
        if full != self.endpoint().is_paused() {
            set_paused(self.runner.client.endpoint(), &mut self.timers, full);
        }
        full
    }

    fn parse(&mut self, conn: &Served, bytes: &mut [u8], cx: &mut Context<'_>) {
        let limits = self.endpoint().limits().frames();
        let (len, mut at, inflates) = (bytes.len(), 0, self.is_weighed && conn.deflate.is_some());
        // An end, by the peer or by us, also holds for the messages after it in the same read.
        while at < len && self.net == Net::Open && conn.writer.is_open() {
            if self.pauses() {
                self.unread = Some(Box::new(bytes[at..].into()));
                return;
            }
            let decoded = match self.decoder.decode(&mut bytes[at..], &limits) {
                Ok(decoded) => decoded,
                Err(violation) => {
                    self.violation(violation.code, violation.reason);
                    // The decoder has skipped the rest already. This only notes whether the close frame was in it.
                    return self.overhear(&[]);
                }
            };
            at += decoded.consumed;
            match decoded.item {
                // An unfinished message: its time to make progress begins now.
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
                    self.timers.progress_beside(conn.now(), decoded.consumed, payload.len());
                    if self.count_ping() {
                        put_pong(conn, &payload);
                    }
                }
                Some(Item::Pong(payload)) => {
                    self.timers.progress_beside(conn.now(), decoded.consumed, payload.len());
                    // Only the pong of the outstanding ping proves that the peer is alive. Any other one counts as a ping.
                    if !self.timers.settles_ping(&payload, conn) {
                        self.count_ping();
                    }
                }
                Some(Item::Close(close)) => self.peer_closed(close),
            }
            self.is_last = false;
            if inflates && self.inflates_too_much(conn) && self.net == Net::Open && conn.writer.is_open() {
                // As much was inflated as may be in this second: the rest waits, unparsed.
                self.unread = (at < len).then(|| Box::new(bytes[at..].into()));
                return;
            }
        }
        if at < len {
            self.overhear(&bytes[at..]);
        }
    }

    /// After the end only the peer's close frame matters; everything else is skipped.
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
            if self.rates.is_none() || !self.is_over_rate(len, None) {
                self.runner.raw_message(Message::Binary(bytes.into_owned().into()));
            }
            return;
        }
        let message = match conn.format {
            // JSON is accepted in binary frames, too. Bytes that are not text cannot be JSON either.
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
            if self.rates.is_none() || !self.is_over_rate(len, None) {
                self.runner.raw_message(Message::Text(text.into_owned()));
            }
            return;
        }
        self.received(conn, Received::Text(text), len, cx);
    }

    /// `len`: the length of the frame's payload, which may differ from the length of `message`.
    #[inline(always)]
    fn received(&mut self, conn: &Served, message: Received<'_>, len: usize, cx: &mut Context<'_>) {
        if self.rates.is_none() || !self.is_over_rate(len, Some(&message)) {
            self.run(conn, |runner, round| runner.message(&conn.table, message, round, cx));
        }
    }

    /// Takes a message from the client's rates. True if not enough is left, and the message was refused. `message` is `None` for
    /// a raw gateway.
    fn is_over_rate(&mut self, bytes: usize, message: Option<&Received<'_>>) -> bool {
        // The compressed length counts if it is more than the inflated one: empty blocks inflate to nothing.
        let bytes = bytes.max(self.decoder.take_compressed());
        let conn = self.runner.client.endpoint();
        let Some(rates) = &mut self.rates else { return false };
        let Err(wait) = rates.take(conn.exact(), bytes, &conn.profile.limits) else { return false };
        self.refuse_rate(message, bytes, wait);
        true
    }

    /// Answers `rate_limited`, and closes the connection of a client that keeps on. A raw gateway has no such answer, so its
    /// client is closed at once.
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

    /// Counts a ping, or a pong that is unsolicited. False: there are too many, and the connection ends.
    fn count_ping(&mut self) -> bool {
        let conn = self.runner.endpoint();
        let is_flood = self.timers.ping_received(conn.now(), conn.limits());
        if is_flood {
            self.violation(CloseCode::POLICY, "ping_flood");
        }
        !is_flood
    }
}

/// The payload as text. Bytes that are not UTF-8 become a text that no format accepts.
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

/// Notes that reading pauses, or goes on.
#[cold]
pub(crate) fn set_paused(conn: &Endpoint, timers: &mut Timers, full: bool) {
    conn.paused.store(full, Ordering::Relaxed);
    if full {
        // Handlers of this connection that await an ack: no answer to them can be read now.
        let own = conn.extras.lock().as_mut().map(|extras| extras.acks.take_own());
        for waiting in own.into_iter().flatten() {
            waiting.settle(Err(crate::hub::acks::paused()));
        }
        // The pong would not be read. The next ping comes one interval later.
        if timers.pong_by != NEVER {
            timers.pong_by = NEVER;
            timers.ping_at = timers.after(conn.now(), conn.limits().websocket.ping_interval);
        }
    }
}

/// Sends a ping. There is no other ping until its pong has come.
pub(crate) fn ping(conn: &Endpoint, timers: &mut Timers) {
    let now = conn.present();
    let mut frame = Vec::with_capacity(10);
    ws::write_control(&mut frame, Opcode::Ping, &now.to_be_bytes());
    if !conn.is_paused() && conn.writer.put_control(&frame) {
        timers.pinged = now;
        timers.ping_at = NEVER;
        timers.pong_by = timers.after(now, conn.limits().websocket.ping_timeout);
    } else {
        timers.ping_at = timers.after(now, conn.limits().websocket.ping_interval);
    }
}

fn put_pong(conn: &Endpoint, payload: &[u8]) {
    let mut frame = Vec::with_capacity(payload.len() + 2);
    ws::write_control(&mut frame, Opcode::Pong, payload);
    if !conn.writer.put_control(&frame) {
        conn.node().rejected("frame", "control_lane_full");
    }
}
