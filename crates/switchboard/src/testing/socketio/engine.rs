//! [`Engine`]: the task of a connection, which reads it and answers pings whatever the test is doing.
use super::packet::{Content, Packet};
use super::polling::Polling;
use super::seats::{NotEntered, Seats};
use super::socket::Socket;
use crate::testing::reach::Stream;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use switchboard_core::engineio::{self, PayloadLimits, SEPARATOR, decode_payload};
use switchboard_core::socketio::{self, Assembler, MAX_ATTACHMENTS, PacketLimits, Sender};
use tokio::sync::{mpsc, oneshot};

/// Limits for what the server sends; above anything that a server under test sends.
const LIMITS: PacketLimits = PacketLimits { max_attachments: MAX_ATTACHMENTS, max_bytes: 64 << 20 };
const PAYLOAD: PayloadLimits = PayloadLimits { max_payload: 64 << 20, max_packets: 1 << 20 };

/// What the test wants of the task.
pub(super) struct Order {
    pub(super) what: What,
    /// Told once it is done. Dropped if the connection ends before.
    pub(super) done: oneshot::Sender<()>,
}

pub(super) enum What {
    Send(Outgoing),
    Close,
    /// Moves from polling to this WebSocket.
    Upgrade(Box<dyn Stream>),
}

/// A packet to send.
#[derive(Default)]
pub(super) struct Outgoing {
    /// With the type of the Engine.IO packet.
    pub(super) text: Vec<u8>,
    pub(super) attachments: Vec<Vec<u8>>,
}

impl Outgoing {
    /// The body of a POST.
    pub(super) fn into_payload(self) -> Vec<u8> {
        let mut payload = self.text;
        for attachment in self.attachments {
            payload.push(SEPARATOR);
            engineio::Packet::Binary(attachment.into()).write(&mut payload);
        }
        payload
    }
}

/// What carries the connection.
pub(super) enum Carrier {
    WebSocket(Socket),
    Polling(Polling),
}

/// The reader of the packets that the carrier receives.
pub(super) struct Engine {
    pub(super) seats: Arc<Seats>,
    assembler: Assembler,
    /// The text of the packet whose attachments are awaited.
    awaited: String,
    /// A ping is to be answered.
    is_pinged: bool,
    /// How the connection ended.
    pub(super) ended: Option<String>,
}

impl Engine {
    pub(super) fn new(seats: Arc<Seats>) -> Engine {
        let assembler = Assembler::new(Sender::Server);
        Engine { seats, assembler, awaited: String::new(), is_pinged: false, ended: None }
    }

    /// Runs until the connection ends.
    pub(super) async fn run(mut self, carrier: Carrier, mut orders: mpsc::Receiver<Order>) {
        let socket = match carrier {
            Carrier::WebSocket(socket) => Ok(socket),
            Carrier::Polling(polling) => polling.run(&mut self, &mut orders).await,
        };
        let how = match socket {
            Ok(socket) => {
                self.seats.polling.store(false, Ordering::Relaxed);
                socket.run(&mut self, &mut orders).await
            }
            Err(how) => how,
        };
        self.seats.end(&how);
    }

    /// Takes the ping that is to be answered.
    pub(super) fn take_ping(&mut self) -> bool {
        std::mem::take(&mut self.is_pinged)
    }

    /// The body of the answer to a poll.
    pub(super) fn payload(&mut self, payload: &[u8]) {
        match decode_payload(payload, &PAYLOAD) {
            Ok(packets) => {
                for packet in packets {
                    match packet {
                        Ok(packet) => self.packet(packet),
                        Err(violation) => self.invalid(violation.reason),
                    }
                }
            }
            Err(violation) => self.invalid(violation.reason),
        }
    }

    /// A text message of a WebSocket.
    pub(super) fn text(&mut self, text: &str) {
        match engineio::decode_text(text) {
            Ok(packet) => self.packet(packet),
            Err(violation) => self.invalid(violation.reason),
        }
    }

    pub(super) fn packet(&mut self, packet: engineio::Packet<'_>) {
        match packet {
            engineio::Packet::Close => self.end("the server's close of the transport".to_owned()),
            engineio::Packet::Ping(_) => self.is_pinged = self.seats.answers_pings(),
            engineio::Packet::Message(text) => {
                if let Err(reason) = self.message(text) {
                    self.invalid(reason);
                }
            }
            engineio::Packet::Binary(bytes) => {
                if let Err(reason) = self.attachment(&bytes) {
                    self.invalid(reason);
                }
            }
            // Of these, only an `open` comes from a server, as its first packet, and a `noop`.
            engineio::Packet::Open(_)
            | engineio::Packet::Pong(_)
            | engineio::Packet::Upgrade
            | engineio::Packet::Noop => {}
        }
    }

    fn message(&mut self, text: &str) -> Result<(), &'static str> {
        let packet = self.assembler.text(text, &LIMITS).map_err(|violation| violation.reason)?;
        let Some(packet) = packet else {
            text.clone_into(&mut self.awaited);
            return Ok(());
        };
        let namespace = packet.namespace.ok_or("namespace")?;
        match packet.content {
            socketio::Content::Connect(connect) => {
                #[derive(Deserialize)]
                struct Connected {
                    sid: String,
                }
                let connect = connect.map_err(|rejected| rejected.reason)?.ok_or("a CONNECT without sid")?;
                let Connected { sid } = serde_json::from_str(connect.get()).map_err(|_| "a CONNECT without sid")?;
                self.seats.answer(namespace, Ok(sid));
            }
            socketio::Content::ConnectError(error) => {
                #[derive(Deserialize)]
                struct Refused {
                    message: String,
                    data: Option<Value>,
                }
                let error = error.map_err(|rejected| rejected.reason)?;
                let refused = serde_json::from_str(error.get()).map_err(|_| "a CONNECT_ERROR without message")?;
                let Refused { message, data } = refused;
                self.seats.answer(namespace, Err(NotEntered::Refused { message, data }));
            }
            socketio::Content::Disconnect => self.seats.push(namespace, Packet::Disconnect),
            // The names of the server's own events are reserved for it, so a message may be rejected.
            socketio::Content::Event { ack, .. } => {
                let (event, content) = Content::of_event(text, namespace)?;
                self.seats.push(namespace, Packet::Event { event, ack, content });
            }
            socketio::Content::Ack { id, .. } => {
                let content = Content::of_ack(text, namespace)?;
                self.seats.push(namespace, Packet::Ack { id, content });
            }
            _ => return Err("kind"),
        }
        Ok(())
    }

    fn attachment(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        let assembled = self.assembler.binary(bytes, &LIMITS).map_err(|violation| violation.reason)?;
        if let Some(assembled) = assembled {
            let namespace = assembled.namespace.clone().ok_or("namespace")?;
            let packet = Packet::binary(std::mem::take(&mut self.awaited), assembled)?;
            self.seats.push(&namespace, packet);
        }
        Ok(())
    }

    pub(super) fn invalid(&mut self, reason: &str) {
        self.end(format!("a packet that no server may send ({reason})"));
    }

    /// Notes how the connection ends; the first to say so counts.
    pub(super) fn end(&mut self, how: String) {
        self.ended.get_or_insert(how);
    }
}
