//! From bytes to messages.
use crate::Error;
use crate::buffers;
use crate::codec::{Data, Format, Part};
use crate::codec::{Frames, Received};
use crate::contain::contained;
use crate::hub::Endpoint;
use crate::hub::acks::Answer;
use crate::runner::inbound::Waiting;
use crate::runner::serving::{Running, Stage};
use crate::transport::websocket::closing::Net;
use crate::transport::websocket::task::{Served, Task};
use crate::transport::websocket::timers::NEVER;
use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use switchboard_core::CloseCode;
use switchboard_core::ws::{self, Item, Opcode};
use switchboard_core::{Id, Incoming};

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
        let full = self.net == Net::Open && self.is_full();
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

    fn is_full(&self) -> bool {
        match &self.port {
            Some(port) => port.is_full(self.limits()),
            None => self.inbound.is_full(self.limits()),
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
        if self.port.is_some() {
            return self.received_raw(len, || crate::hub::Message::Binary(bytes.into_owned().into()));
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
        if self.port.is_some() {
            return self.received_raw(len, || crate::hub::Message::Text(text.into_owned()));
        }
        self.received(conn, Received::Text(text), len, cx);
    }

    fn received_raw(&mut self, len: usize, message: impl FnOnce() -> crate::hub::Message) {
        if self.rates.is_some() && self.is_over_rate(len, None) {
            return;
        }
        if let Some(port) = &self.port
            && !port.receive(message(), self.endpoint().node())
        {
            self.endpoint().node().counters.dropped_inbound(1);
        }
    }

    /// `len`: of the frame, which may be another than that of the message.
    #[inline(always)]
    fn received(&mut self, conn: &Served, message: Received<'_>, len: usize, cx: &mut Context<'_>) {
        if self.rates.is_none() || !self.is_over_rate(len, Some(&message)) {
            self.message(conn, message, cx);
        }
    }

    fn message(&mut self, conn: &Served, message: Received<'_>, cx: &mut Context<'_>) {
        let concurrent = conn.table.is_concurrent;
        if self.is_free() && !concurrent {
            return self.dispatch(conn, &message, cx);
        }
        let mut group = None;
        // Acks and `cancel` are handled at once; everything else waits its turn.
        let id = match conn.decode(&message) {
            Ok(Incoming::Ack { ack, answer, .. }) => return self.settle(ack, answer),
            Ok(Incoming::Cancel(id)) => return self.cancel(&id),
            Ok(Incoming::Request(_) | Incoming::Pattern { .. }) if self.draining => {
                return self.refuse_draining(&message);
            }
            Ok(Incoming::Request(request) | Incoming::Pattern { request, .. }) => {
                if concurrent {
                    group = conn.table.find(&request.event).and_then(|entry| entry.group);
                }
                request.id
            }
            // `dispatch` refuses it.
            Ok(_) => None,
            Err(rejected) => rejected.id,
        };
        if let Some(id) = &id
            && self.has_in_flight(id)
        {
            let error = Error::conflict("A request with this id is in flight");
            return self.exception(&error, None, Some(id));
        }
        if concurrent && self.serves() && self.inbound.is_empty() && self.may_start(group) {
            return self.dispatch(conn, &message, cx);
        }
        if conn.node().memory.is_short() {
            return self.refuse_waiting(&message);
        }
        let id = id.map(Id::into_owned);
        self.inbound.push(Waiting { message: message.into_owned(), id, group });
    }

    /// Takes a message off the client's rates. True when there is not enough left: it is refused. `message` is `None` for a raw
    /// gateway.
    fn is_over_rate(&mut self, bytes: usize, message: Option<&Received<'_>>) -> bool {
        // A compressed message may be longer than what it says: empty blocks say nothing.
        let bytes = bytes.max(self.decoder.take_compressed());
        let conn = self.client.endpoint();
        let Some(rates) = &mut self.rates else { return false };
        let Err(wait) = rates.take(conn.exact(), bytes, &conn.profile.limits) else { return false };
        self.refuse_rate(message, bytes, wait);
        true
    }

    /// Answers `rate_limited`; a client that keeps on is closed, and one of a raw gateway at once, which has no such answer. What
    /// the server asked for, or has to stop, is done all the same: there is no more of it than there are requests.
    fn refuse_rate(&mut self, message: Option<&Received<'_>>, bytes: usize, wait: u64) {
        let mut answered = None;
        let conn = self.client.endpoint_arc().clone();
        match message.map(|message| conn.decode(message)) {
            Some(Ok(Incoming::Ack { ack, answer, .. })) if self.is_awaited(ack) => return self.settle(ack, answer),
            Some(Ok(Incoming::Cancel(id))) if self.has_in_flight(&id) => return self.cancel(&id),
            Some(Ok(Incoming::Request(request) | Incoming::Pattern { request, .. })) => {
                answered = Some((Some(request.event), request.id));
            }
            Some(Err(rejected)) => answered = Some((rejected.event, rejected.id)),
            Some(Ok(_)) | None => {}
        }
        conn.node().counters.rate_limited();
        conn.node().rejected("message", "rate_limited");
        let (now, limits) = (conn.exact(), &conn.profile.limits);
        let keeps_on = message.is_none() || self.rates.as_mut().is_some_and(|rates| rates.refused(now, bytes, limits));
        if let Some((event, id)) = answered {
            let error = Error::rate_limited("Too many messages, or bytes, in a short time");
            let error = error.retry_after(std::time::Duration::from_millis(wait));
            self.exception(&error, event.as_deref(), id.as_ref());
        }
        if keeps_on {
            self.passes_limit(CloseCode::RATE_LIMITED);
        }
    }

    fn is_awaited(&self, ack: u64) -> bool {
        self.endpoint().extras.lock().as_ref().is_some_and(|extras| extras.acks.contains(ack))
    }

    /// True when a message may be handled now.
    pub(crate) fn is_free(&self) -> bool {
        self.serves() && self.running.is_none() && self.inbound.is_empty()
    }

    fn serves(&self) -> bool {
        matches!(self.stage, Stage::Serving) && !self.congested
    }

    fn has_in_flight(&self, id: &Id<'_>) -> bool {
        let running = match &self.running {
            Some(Running::Handler(handler)) => handler.id.as_ref() == Some(id),
            _ => false,
        };
        running || self.inbound.contains(id) || self.runs_beside(id)
    }

    pub(crate) fn settle(&mut self, ack: u64, answer: Result<Option<Part<'_>>, Part<'_>>) {
        let answer: Answer = match answer {
            Ok(data) => Ok(data.into()),
            Err(error) => Err(client_error(Some(error))),
        };
        let waiting = self.endpoint().extras.lock().as_mut().and_then(|extras| extras.acks.remove(ack));
        // The waker behind it runs without our lock.
        if !waiting.is_some_and(|waiting| waiting.settle(answer)) {
            self.endpoint().node().rejected("ack", "unknown_ack");
        }
    }

    fn pinged(&mut self, payload: &[u8]) {
        let (now, limits) = (self.now(), &self.client.endpoint().profile.limits);
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
        let (now, limits) = (self.now(), &self.client.endpoint().profile.limits);
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

/// What a client answered as an error: its code and message, if it has the shape of one.
fn client_error(error: Option<Part<'_>>) -> Error {
    #[derive(serde::Deserialize)]
    struct Shape {
        code: Option<String>,
        message: Option<String>,
    }
    // A codec of the application's own may panic; that is no shape.
    let shape: Option<Shape> = contained("codec", || Data::from(&error).read()).ok();
    let (code, message) = shape.map_or((None, None), |shape| (shape.code, shape.message));
    Error::new(
        switchboard_core::Code::Custom(code.unwrap_or_else(|| "client_error".to_owned()).into()),
        message.unwrap_or_else(|| "The client answered with an error".to_owned()),
    )
}
