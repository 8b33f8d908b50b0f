//! From Engine.IO packets to Socket.IO packets, and to the seats that they are for.
use super::carrier::Carrier;
use super::ending::Net;
use super::joining::{Admitted, Joining, NotAdmitted};
use super::seat::Seat;
use super::session::Session;
use crate::Error;
use crate::codec::Received;
use crate::outbound::DisconnectReason;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::task::Context;
use std::time::Duration;
use switchboard_core::CloseCode;
use switchboard_core::codec::{ErrorBody, Rejected};
use switchboard_core::engineio::Packet;
use switchboard_core::socketio::{AssembledContent, Content, MAIN, decode_fast, encode_connect_error};
use tokio::time::Instant;

impl Session {
    pub(super) fn packet(&mut self, packet: Packet<'_>, cx: &mut Context<'_>) {
        match packet {
            Packet::Message(text) => self.message(text, cx),
            Packet::Binary(bytes) => self.attachment(&bytes, cx),
            Packet::Pong(_) => {
                if self.clock.is_pinged() {
                    self.clock.is_heard();
                    self.mailbox.set_expiry(self.clock.expiry());
                }
            }
            Packet::Close => {
                let reason = DisconnectReason::Client { code: None, reason: "transport close".to_owned() };
                self.client_left(&reason);
                match &self.carrier {
                    // The client ends the WebSocket itself.
                    Carrier::WebSocket(_) => self.close(reason),
                    Carrier::Polling | Carrier::Gone => self.lost(reason),
                }
            }
            // Pings of a client have no meaning but as probes: clients of the third version of Engine.IO send them, and then
            // miss the pings of the server. The others are the server's.
            Packet::Ping(_) | Packet::Open(_) | Packet::Upgrade | Packet::Noop => {}
        }
    }

    /// Stops waiting for a pong that could not be read.
    pub(super) fn forgive_pong(&mut self) {
        self.clock.forgive();
        self.mailbox.set_expiry(self.clock.expiry());
    }

    fn message(&mut self, text: &str, cx: &mut Context<'_>) {
        self.clock.last_message = Instant::now();
        if !self.assembler.is_waiting()
            && let Some(fast) = decode_fast(text)
            && serde_json::from_str::<&RawValue>(fast.data).is_ok()
        {
            return self.deliver(fast.namespace, Received::Text(Cow::Borrowed(text)), cx);
        }
        let packet = match self.assembler.text(text, &self.serving.packets()) {
            Ok(Some(packet)) => packet,
            Ok(None) => {
                self.clock.await_attachments();
                return;
            }
            Err(violation) => return self.violation(violation.reason),
        };
        match (packet.content, packet.namespace) {
            (Content::Connect(auth), namespace) => self.connect(namespace, auth, text.len()),
            (Content::Disconnect, Some(namespace)) => self.disconnect(namespace),
            // A namespace with an invalid name has no seat to leave.
            (Content::Disconnect, None) => {}
            (_, Some(namespace)) => self.deliver(namespace, Received::Text(Cow::Borrowed(text)), cx),
            (_, None) => self.violation("not_connected"),
        }
    }

    /// A binary message: an attachment of the packet before it.
    pub(super) fn attachment(&mut self, bytes: &[u8], cx: &mut Context<'_>) {
        self.clock.last_message = Instant::now();
        match self.assembler.binary(bytes, &self.serving.packets()) {
            Ok(None) => {}
            Ok(Some(assembled)) => {
                self.clock.attachments_by = None;
                match assembled.namespace.clone() {
                    Some(namespace) => self.deliver(&namespace, Received::Packet(Box::new(assembled)), cx),
                    None => self.violation("not_connected"),
                }
            }
            Err(violation) => self.violation(violation.reason),
        }
    }

    /// Hands an event or an ack to the seat that it is for.
    fn deliver(&mut self, namespace: &str, message: Received<'_>, cx: &mut Context<'_>) {
        let Some(at) = self.seats.find(namespace) else {
            // An ack may come late, from code of the client that does not look whether it is still there.
            if !is_ack(&message) && !self.seats.has_left(namespace) {
                self.violation("not_connected");
            }
            return;
        };
        if !self.seats[at].is_open() {
            // An end was asked for, by which later messages are not handled any more.
            return;
        }
        if self.rates.is_some() && self.is_over_rate(at, &message) {
            return;
        }
        if let Some(asked) = self.seats[at].message(message, cx) {
            self.obey(at, *asked);
        }
    }

    /// Counts a message that is over the client's rates, and ends the session of a client that keeps on.
    fn rate_refused(&mut self, bytes: usize) {
        self.node().counters.rate_limited();
        self.node().rejected("message", "rate_limited");
        let (now, limits) = (self.node().exact(), &self.serving.limits);
        if self.rates.as_mut().is_some_and(|rates| rates.refused(now, bytes, limits)) {
            self.close(DisconnectReason::Violation { code: CloseCode::RATE_LIMITED });
        }
    }

    /// True if a message is over the client's rates, and was refused if it can be.
    fn is_over_rate(&mut self, at: usize, message: &Received<'_>) -> bool {
        let bytes = message.len();
        let Some(error) = over_rate(self, bytes) else { return false };
        let (is_refused, asked) = self.seats[at].refuse_rate(message, &error);
        if let Some(asked) = asked {
            self.obey(at, *asked);
        }
        if is_refused {
            self.rate_refused(bytes);
        }
        true
    }

    /// The client asks to enter a namespace. `None`: the name is invalid, so the refusal names `/` instead.
    /// `bytes`: the length of its packet.
    fn connect(&mut self, namespace: Option<&str>, auth: Result<Option<&RawValue>, Rejected<'_>>, bytes: usize) {
        if let Some(error) = over_rate(self, bytes) {
            self.refuse(namespace.unwrap_or(MAIN), Some(&error));
            return self.rate_refused(bytes);
        }
        let Some(name) = namespace else { return self.refuse(MAIN, None) };
        if self.seats.knows(name) {
            return;
        }
        if self.clock.is_late_to_connect() {
            return self.refuse(name, Some(&Error::timeout("The time to enter a namespace is over: connect again")));
        }
        if self.seats.count() >= self.serving.options.max_namespaces {
            return self.refuse(name, Some(&Error::rate_limited("Too many namespaces on one connection")));
        }
        let auth = match auth {
            Ok(auth) => auth.map(ToOwned::to_owned),
            Err(rejected) => return self.refuse(name, Some(&rejected.error)),
        };
        match Joining::new(&self.serving, name, &self.request, auth) {
            Some(joining) => {
                self.seats.join(joining);
                self.clock.seats_changed(&self.seats);
            }
            None => self.refuse(name, None),
        }
    }

    /// The guards have answered.
    pub(super) fn joined(&mut self, name: &str, outcome: Result<Admitted, NotAdmitted>) {
        match outcome {
            Ok(admitted) if self.net == Net::Open => {
                self.seats.push(Seat::new(name, admitted, self.request.peer_addr(), &self.polling));
            }
            Ok(_) => {}
            Err(NotAdmitted::Refused(error)) => self.refuse(name, Some(&error)),
            // A client comes back by itself only after the end of its transport. What it has in other namespaces goes on.
            Err(NotAdmitted::Later(_)) if !self.seats.are_any_present() => {
                self.node().rejected("connect", "later");
                self.close(DisconnectReason::Expired);
            }
            Err(NotAdmitted::Later(error)) => self.refuse(name, Some(&error)),
        }
        self.clock.seats_changed(&self.seats);
    }

    /// Answers a CONNECT with CONNECT_ERROR. `None`: there is no such namespace, which is answered without data, as by the
    /// reference implementation.
    fn refuse(&mut self, name: &str, error: Option<&Error>) {
        self.node().rejected("connect", "refused");
        let mut packet = vec![b'4'];
        let body = error.map(|error| ErrorBody::new(error, None));
        let data = body.as_ref().map(|body| body as &dyn erased_serde::Serialize);
        let message = error.map_or("Invalid namespace", Error::message);
        if encode_connect_error(&mut packet, name, message, data).is_ok() {
            self.staging.text(&packet);
        }
    }

    /// The client leaves a namespace.
    fn disconnect(&mut self, name: &str) {
        self.seats.join_no_more(name);
        let left = |seat: &mut Seat| {
            if seat.is_present() && seat.name() == name {
                seat.left(DisconnectReason::Client { code: None, reason: "client namespace disconnect".to_owned() });
            }
        };
        self.seats.iter_mut().for_each(left);
        self.clock.seats_changed(&self.seats);
    }
}

/// Takes a message from the client's rates. If not enough is left: the error to answer it with.
fn over_rate(session: &mut Session, bytes: usize) -> Option<Error> {
    let now = session.node().exact();
    let wait = session.rates.as_mut()?.take(now, bytes, &session.serving.limits).err()?;
    let error = Error::rate_limited("Too many messages, or bytes, in a short time");
    Some(error.retry_after(Duration::from_millis(wait)))
}

/// True for an ACK or a BINARY_ACK.
fn is_ack(message: &Received<'_>) -> bool {
    match message {
        Received::Text(text) => text.starts_with('3'),
        Received::Packet(packet) => matches!(packet.content, AssembledContent::Ack { .. }),
        Received::Bytes(_) => false,
    }
}
