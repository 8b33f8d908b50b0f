//! From bytes to messages.
use super::acks::Answer;
use super::buffers;
use super::closing::Net;
use super::inbound::Waiting;
use super::serving::{Running, Stage};
use super::task::Task;
use super::timers::NEVER;
use crate::Error;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use switchboard_core::CloseCode;
use switchboard_core::codec::json;
use switchboard_core::ws::{self, Item, Opcode};
use switchboard_core::{Id, Incoming};

/// The header of a client's control frame: two bytes and a masking key.
const CONTROL_HEADER: usize = 6;

impl Task {
    /// Reads once. True when there was something, so that there may be more.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> bool {
        if self.net == Net::Gone || self.pauses() {
            return false;
        }
        if let Some(mut bytes) = self.unread.take() {
            self.parse(&mut bytes, cx);
            return true;
        }
        buffers::with_read_buffer(|buffer| {
            let Some(stream) = &mut self.stream else { return false };
            match stream.poll_read(cx, buffer) {
                Poll::Pending => false,
                Poll::Ready(Ok(n)) if n > 0 => {
                    self.parse(&mut buffer[..n], cx);
                    true
                }
                Poll::Ready(_) => {
                    self.lost();
                    true
                }
            }
        })
    }

    pub(super) fn is_paused(&self) -> bool {
        self.conn().paused.load(Ordering::Relaxed)
    }

    /// Reading pauses while too much waits to be handled. A paused read is not a missed pong.
    pub(super) fn pauses(&mut self) -> bool {
        let full = self.net == Net::Open && self.is_full();
        if full != self.is_paused() {
            self.conn().paused.store(full, Ordering::Relaxed);
            if full {
                let own = self.conn().attached.lock().as_mut().map(|attached| attached.acks.take_own());
                for waiting in own.into_iter().flatten() {
                    waiting.settle(Err(super::acks::paused()));
                }
                if self.timers.pong_by != NEVER {
                    self.timers.pong_by = NEVER;
                    self.timers.ping_at = self.timers.after(self.now(), self.limits().ping_interval);
                }
            }
        }
        full
    }

    fn is_full(&self) -> bool {
        match &self.port {
            Some(port) => port.is_full(self.limits()),
            None => self.inbound.is_full(self.limits()),
        }
    }

    fn parse(&mut self, bytes: &mut [u8], cx: &mut Context<'_>) {
        let limits = self.frame_limits();
        let mut at = 0;
        while at < bytes.len() && self.net == Net::Open {
            if self.pauses() {
                self.unread = Some(bytes[at..].into());
                return;
            }
            let decoded = match self.decoder.decode(&mut bytes[at..], &limits) {
                Ok(decoded) => decoded,
                Err(violation) => return self.violation(violation.code, violation.reason),
            };
            at += decoded.consumed;
            // A ping or pong alone is no progress of the message that it stands in.
            let alone = match &decoded.item {
                Some(Item::Ping(payload) | Item::Pong(payload)) => decoded.consumed <= CONTROL_HEADER + payload.len(),
                _ => false,
            };
            if !alone {
                self.timers.last_progress = self.client.conn().node().now();
            }
            match decoded.item {
                None => return,
                Some(Item::Text(text)) => self.text(text, cx),
                Some(Item::Binary(bytes)) => self.binary(bytes, cx),
                Some(Item::Ping(payload)) => self.pinged(&payload),
                Some(Item::Pong(payload)) => self.ponged(&payload),
                Some(Item::Close(close)) => match close {
                    Some(close) => self.peer_closed(Some(close.code.get()), close.reason),
                    None => self.peer_closed(None, String::new()),
                },
            }
        }
    }

    fn binary(&mut self, bytes: Cow<'_, [u8]>, cx: &mut Context<'_>) {
        self.timers.last_message = self.now();
        if let Some(port) = &self.port {
            return port.receive(crate::raw::Message::Binary(bytes.into_owned().into()));
        }
        // JSON in binary frames is accepted.
        match simdutf8::basic::from_utf8(&bytes) {
            Ok(text) => self.text(Cow::Borrowed(text), cx),
            // Not text, so not JSON either.
            Err(_) => self.text(Cow::Borrowed("\u{fffd}"), cx),
        }
    }

    fn text(&mut self, text: Cow<'_, str>, cx: &mut Context<'_>) {
        self.timers.last_message = self.now();
        if let Some(port) = &self.port {
            return port.receive(crate::raw::Message::Text(text.into_owned()));
        }
        if self.is_free() {
            return self.dispatch(&text, cx);
        }
        // Acks and `cancel` are handled at once; everything else waits its turn.
        let id = match json::decode(&text) {
            Ok(Incoming::Ack { ack, answer }) => return self.settle(ack, answer),
            Ok(Incoming::Cancel(id)) => return self.cancel(&id),
            Ok(Incoming::Request(_)) if self.draining => return self.refuse_draining(&text),
            Ok(Incoming::Request(request)) => request.id,
            Err(rejected) => rejected.id,
        };
        if let Some(id) = &id
            && self.has_in_flight(id)
        {
            let error = Error::conflict("A request with this id is in flight");
            return self.exception(&error, None, Some(id));
        }
        let id = id.map(Id::into_owned);
        self.inbound.push(Waiting { text: text.into_owned(), id });
    }

    /// True when a message may be handled now.
    pub(super) fn is_free(&self) -> bool {
        matches!(self.stage, Stage::Serving) && self.running.is_none() && self.inbound.is_empty() && !self.congested
    }

    fn has_in_flight(&self, id: &Id<'_>) -> bool {
        let running = match &self.running {
            Some(Running::Handler(handler)) => handler.id.as_ref() == Some(id),
            _ => false,
        };
        running || self.inbound.contains(id)
    }

    pub(super) fn settle(&mut self, ack: u64, answer: Result<Option<&RawValue>, &RawValue>) {
        let answer: Answer = match answer {
            Ok(data) => Ok(data.map(RawValue::to_owned)),
            Err(error) => Err(client_error(error)),
        };
        let waiting = self.conn().attached.lock().as_mut().and_then(|attached| attached.acks.remove(ack));
        // The waker behind it runs without our lock.
        if !waiting.is_some_and(|waiting| waiting.settle(answer)) {
            self.conn().node().rejected("ack", "unknown_ack");
        }
    }

    fn pinged(&mut self, payload: &[u8]) {
        let (now, limits) = (self.now(), &self.client.conn().table.limits);
        if self.timers.ping_received(now, limits) {
            return self.violation(CloseCode::POLICY, "ping_flood");
        }
        let mut frame = Vec::with_capacity(payload.len() + 2);
        ws::write_control(&mut frame, Opcode::Pong, payload);
        if !self.conn().lane.put_control(&frame) {
            self.conn().node().rejected("frame", "control_lane_full");
        }
    }

    /// Only the answer to the outstanding ping proves that the peer lives.
    fn ponged(&mut self, payload: &[u8]) {
        if self.timers.pong_by != NEVER && payload == self.timers.pinged.to_be_bytes() {
            self.timers.pong_by = NEVER;
            self.timers.ping_at = self.timers.after(self.now(), self.limits().ping_interval);
        }
    }

    /// Sends a ping; until its pong there is no other.
    pub(super) fn ping(&mut self) {
        let now = self.present();
        let mut frame = Vec::with_capacity(10);
        ws::write_control(&mut frame, Opcode::Ping, &now.to_be_bytes());
        if !self.is_paused() && self.conn().lane.put_control(&frame) {
            self.timers.pinged = now;
            self.timers.ping_at = NEVER;
            self.timers.pong_by = self.timers.after(now, self.limits().ping_timeout);
        } else {
            self.timers.ping_at = self.timers.after(now, self.limits().ping_interval);
        }
    }
}

/// What a client answered as an error: its code and message, if it has the shape of one.
fn client_error(error: &RawValue) -> Error {
    #[derive(serde::Deserialize)]
    struct Shape {
        code: Option<String>,
        message: Option<String>,
    }
    let shape: Option<Shape> = serde_json::from_str(error.get()).ok();
    let (code, message) = shape.map_or((None, None), |shape| (shape.code, shape.message));
    Error::new(
        switchboard_core::Code::Custom(code.unwrap_or_else(|| "client_error".to_owned()).into()),
        message.unwrap_or_else(|| "The client answered with an error".to_owned()),
    )
}
