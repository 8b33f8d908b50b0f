//! Binary packets: a text, and the binary messages after it.
use std::borrow::Cow;

use serde::de::DeserializeOwned;

use super::{Arguments, Content, Packet, PacketLimits, Sender, Violation, decode, placeholder};
use crate::Error;
use crate::codec::Rejected;
use crate::codec::msgpack::{self, Raw, RawBuf};

/// Puts the messages of one connection together to packets (section "Sending and receiving data").
///
/// Between packets it holds no heap memory. While attachments are awaited it holds the text and the attachments that
/// have arrived, at most [`PacketLimits::max_bytes`]. It has no timeout for them; the caller must enforce one: see
/// [`is_waiting`](Assembler::is_waiting).
#[derive(Debug)]
pub struct Assembler {
    sender: Sender,
    pending: Option<Box<Pending>>,
}

/// A packet whose attachments are incomplete.
#[derive(Debug)]
struct Pending {
    text: Box<str>,
    attachments: usize,
    /// The attachments so far, one after another.
    bytes: Vec<u8>,
    /// The end of each attachment in `bytes`.
    ends: Vec<usize>,
}

impl Assembler {
    /// An assembler for the packets of such a sender.
    pub const fn new(sender: Sender) -> Assembler {
        Assembler { sender, pending: None }
    }

    /// True if attachments are awaited.
    pub fn is_waiting(&self) -> bool {
        self.pending.is_some()
    }

    /// How many bytes are held.
    pub fn buffered(&self) -> usize {
        self.pending.as_ref().map_or(0, |pending| pending.text.len() + pending.bytes.len())
    }

    /// Takes a text message and returns its packet. `None` if the packet has attachments, which are then awaited.
    ///
    /// Errors: those of [`decode`], [`Violation::AWAITED_BINARY`], [`Violation::PACKET_TOO_LONG`].
    pub fn text<'a>(&mut self, text: &'a str, limits: &PacketLimits) -> Result<Option<Packet<'a>>, Violation> {
        if self.pending.take().is_some() {
            return Err(Violation::AWAITED_BINARY);
        }
        let packet = decode(text, self.sender, limits)?;
        if packet.attachments == 0 {
            return Ok(Some(packet));
        }
        if text.len() > limits.max_bytes {
            return Err(Violation::PACKET_TOO_LONG);
        }
        let attachments = packet.attachments;
        self.pending = Some(Box::new(Pending { text: text.into(), attachments, bytes: Vec::new(), ends: Vec::new() }));
        Ok(None)
    }

    /// Takes a binary message. Returns the packet if this was its last attachment; `None` if more are awaited.
    ///
    /// Errors: [`Violation::UNEXPECTED_BINARY`], [`Violation::PACKET_TOO_LONG`].
    pub fn binary(&mut self, bytes: &[u8], limits: &PacketLimits) -> Result<Option<Assembled>, Violation> {
        let mut pending = self.pending.take().ok_or(Violation::UNEXPECTED_BINARY)?;
        let held = pending.text.len() + pending.bytes.len();
        if held.saturating_add(bytes.len()) > limits.max_bytes {
            return Err(Violation::PACKET_TOO_LONG);
        }
        pending.bytes.extend_from_slice(bytes);
        pending.ends.push(pending.bytes.len());
        if pending.ends.len() < pending.attachments {
            self.pending = Some(pending);
            return Ok(None);
        }
        pending.assemble(self.sender).map(Some)
    }
}

impl Pending {
    fn assemble(&self, sender: Sender) -> Result<Assembled, Violation> {
        let limits = PacketLimits { max_attachments: self.attachments, max_bytes: usize::MAX };
        let packet = decode(&self.text, sender, &limits)?;
        let content = match packet.content {
            Content::Event { ack, message } => {
                let message = message.map_err(Rejected::into_owned).and_then(|message| {
                    let event = message.event.into_owned();
                    match self.arguments(&message.arguments) {
                        Ok(arguments) => Ok(BinaryMessage { event, arguments }),
                        Err(rejected) => Err(rejected.with_event(Some(Cow::Owned(event)))),
                    }
                });
                AssembledContent::Event { ack, message }
            }
            Content::Ack { id, arguments } => {
                let arguments = arguments.map_err(Rejected::into_owned);
                AssembledContent::Ack { id, arguments: arguments.and_then(|arguments| self.arguments(&arguments)) }
            }
            // No other type has attachments.
            Content::Connect(_) | Content::Disconnect | Content::ConnectError(_) => return Err(Violation::PACKET_TYPE),
        };
        Ok(Assembled { namespace: packet.namespace.map(str::to_owned), content })
    }

    fn arguments(&self, arguments: &Arguments<'_>) -> Result<BinaryArguments, Rejected<'static>> {
        let attachment = |json: &str| {
            let (number, len) = placeholder::read(json)?;
            let end = *self.ends.get(number)?;
            let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
            Some((len, &self.bytes[start..end]))
        };
        let values = msgpack::array_of_json(arguments.iter(), attachment);
        let values = values.map_err(|error| Rejected::new(error).with_reason("payload"))?;
        Ok(BinaryArguments { values, len: arguments.len() })
    }
}

/// A packet with its attachments.
#[derive(Debug)]
#[non_exhaustive]
pub struct Assembled {
    /// As [`Packet::namespace`].
    pub namespace: Option<String>,
    /// The type of the packet and its payload.
    pub content: AssembledContent,
}

impl Assembled {
    /// How many bytes of memory its event and its arguments take.
    pub fn bytes(&self) -> usize {
        match &self.content {
            AssembledContent::Event { message: Ok(message), .. } => message.event.len() + message.arguments.bytes(),
            AssembledContent::Ack { arguments: Ok(arguments), .. } => arguments.bytes(),
            AssembledContent::Event { message: Err(_), .. } | AssembledContent::Ack { arguments: Err(_), .. } => 0,
        }
    }
}

/// The types of packets that have attachments.
#[derive(Debug)]
#[non_exhaustive]
pub enum AssembledContent {
    /// BINARY_EVENT: see [`Content::Event`].
    Event {
        /// The id under which the sender awaits an ack.
        ack: Option<u64>,
        /// The event, or the error to answer it with.
        message: Result<BinaryMessage, Rejected<'static>>,
    },
    /// BINARY_ACK: see [`Content::Ack`].
    Ack {
        /// The id of the event that is answered.
        id: u64,
        /// The arguments of the ack, or the reason why it counts as an error.
        arguments: Result<BinaryArguments, Rejected<'static>>,
    },
}

/// An event with its arguments, some of which are, or contain, bytes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BinaryMessage {
    /// As [`Message::event`](super::Message::event).
    pub event: String,
    /// Its arguments.
    pub arguments: BinaryArguments,
}

/// Arguments of which some are, or contain, bytes. They are kept as MessagePack, because JSON has no bytes: a
/// [`Binary`](crate::Binary), at any depth, reads an attachment as it reads `bin`.
///
/// A payload is refused here (`bad_request`) if it is nested deeper than 127, or has a number that no `f64` can hold or
/// a text with an unpaired surrogate, even if its type would skip that part.
#[derive(Clone, Debug)]
pub struct BinaryArguments {
    /// An array.
    values: RawBuf,
    len: usize,
}

impl BinaryArguments {
    /// How many there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "an attachment is, or is in, an argument")]
    pub fn len(&self) -> usize {
        self.len
    }

    fn bytes(&self) -> usize {
        self.values.as_raw().as_bytes().len()
    }

    /// The argument, if there is exactly one.
    pub fn only(&self) -> Option<Raw<'_>> {
        (self.len == 1).then(|| self.values.as_raw().only_item()).flatten()
    }

    /// The arguments as an array.
    pub fn as_array(&self) -> Raw<'_> {
        self.values.as_raw()
    }

    /// Parses them as a payload: one argument is the payload, several are an array.
    ///
    /// Errors: those of [`msgpack::from_data`].
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        msgpack::from_data(Some(self.only().unwrap_or(self.as_array())))
    }

    /// Parses them as an array, however many there are.
    ///
    /// Errors: those of [`msgpack::from_data`].
    pub fn parse_array<T: DeserializeOwned>(&self) -> Result<T, Error> {
        msgpack::from_data(Some(self.as_array()))
    }
}
