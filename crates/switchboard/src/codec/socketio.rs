//! [`Packets`]: the packets of one Socket.IO namespace, as frames of WebSocket.
//!
//! A packet is a text frame, `4` (a message of Engine.IO) and the packet's text, and a binary frame for each of its attachments.
//! An answer may be two packets. All frames of one call leave together.
use super::{Part, Received};
use crate::Error;
use crate::buffers::{give, take};
use serde::Serialize;
use std::borrow::Cow;
use switchboard_core::codec::{ErrorBody, Rejected};
use switchboard_core::socketio::{
    Arguments, Assembled, AssembledContent, BinaryArguments, Content, Emit, PacketLimits, Sender, decode, encode_ack,
    encode_event,
};
use switchboard_core::ws::{self, HEADER_ROOM, Opcode};
use switchboard_core::{Id, Incoming, Request};

/// The packets of a namespace. Each function that writes appends the frames of a call to `out`, whose last [`HEADER_ROOM`] bytes
/// are room for the header of the first one.
///
/// Errors: internal; `out` is then as it was, and its room is untouched.
#[derive(Clone, Copy)]
pub(super) struct Packets<'a>(pub(super) &'a str);

/// A message of Engine.IO.
const MESSAGE: u8 = b'4';

impl Packets<'_> {
    /// An event. Its arguments are what the value says.
    pub(super) fn event<T: Serialize + ?Sized>(
        self,
        out: &mut Vec<u8>,
        event: &str,
        data: &T,
        ack: Option<u64>,
    ) -> Result<(), Error> {
        write(out, |out, attach| encode_event(out, self.0, event, Emit::Value(data), ack, attach))
    }

    /// A reply: an ack, or an event where no ack was asked for or more of a stream follows.
    pub(super) fn answer<T: Serialize + ?Sized>(
        self,
        out: &mut Vec<u8>,
        event: &str,
        id: Option<&Id<'_>>,
        item: bool,
        data: &T,
    ) -> Result<(), Error> {
        match asked(id).filter(|_| !item) {
            Some(ack) => write(out, |out, attach| encode_ack(out, self.0, ack, Emit::Value(data), attach)),
            None => self.event(out, event, data, None),
        }
    }

    /// A reply under a name of its own: an event, and an empty ack after it if one was asked for.
    pub(super) fn named<T: Serialize + ?Sized>(
        self,
        out: &mut Vec<u8>,
        event: &str,
        id: Option<&Id<'_>>,
        item: bool,
        data: &T,
    ) -> Result<(), Error> {
        let start = out.len();
        self.event(out, event, data, None)?;
        if let Some(ack) = asked(id).filter(|_| !item) {
            finish_first(out, start);
            let second = out.len();
            out.resize(second + HEADER_ROOM, 0);
            self.empty_ack(out, ack);
            let begin = ws::finish_frame(out, second, Opcode::Text);
            out.drain(second..begin);
        }
        Ok(())
    }

    /// The end of a stream: an ack without arguments.
    pub(super) fn end(self, out: &mut Vec<u8>, id: &Id<'_>) {
        if let Some(ack) = asked(Some(id)) {
            self.empty_ack(out, ack);
        }
    }

    fn empty_ack(self, out: &mut Vec<u8>, ack: u64) {
        out.push(MESSAGE);
        let written = encode_ack(out, self.0, ack, Emit::<()>::Nothing, &mut |_| ());
        debug_assert!(written.is_ok(), "nothing has to be serialised");
    }

    /// An error: the argument of the ack, `{"error":{…}}`, or the event `exception` where no ack was asked for.
    pub(super) fn exception(
        self,
        out: &mut Vec<u8>,
        error: &Error,
        event: Option<&str>,
        id: Option<&Id<'_>>,
    ) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Failed<'a> {
            error: ErrorBody<'a>,
        }
        let body = ErrorBody::new(error, event);
        match asked(id) {
            Some(ack) => {
                let failed = Failed { error: body };
                write(out, |out, attach| encode_ack(out, self.0, ack, Emit::One(&failed), attach))
            }
            None => write(out, |out, attach| encode_event(out, self.0, "exception", Emit::One(&body), None, attach)),
        }
    }
}

/// The number of the ack that was asked for.
fn asked(id: Option<&Id<'_>>) -> Option<u64> {
    match id {
        Some(Id::Number(ack)) => Some(*ack),
        // Clients of Socket.IO have no other ids.
        _ => None,
    }
}

/// Appends a packet that `encode` writes, with its attachments.
fn write(
    out: &mut Vec<u8>,
    encode: impl FnOnce(&mut Vec<u8>, &mut dyn FnMut(&[u8])) -> Result<usize, Error>,
) -> Result<(), Error> {
    let start = out.len();
    out.push(MESSAGE);
    let mut attachments = None;
    let encoded = encode(out, &mut |bytes| {
        ws::write_frame(attachments.get_or_insert_with(take), Opcode::Binary, true, bytes, None);
    });
    if let Err(error) = encoded {
        out.truncate(start);
        attachments.into_iter().for_each(give);
        return Err(error);
    }
    if let Some(attachments) = attachments {
        finish_first(out, start);
        out.extend_from_slice(&attachments);
        give(attachments);
    }
    Ok(())
}

/// Writes the header of the frame that begins at `start` into the room before it, unless it has one: further frames follow, so
/// the length of what is in `out` will soon not be the frame's.
fn finish_first(out: &mut [u8], start: usize) {
    let room = start - HEADER_ROOM;
    if begin_of(&out[room..start]).is_none() {
        ws::finish_frame(out, room, Opcode::Text);
    }
}

/// Finishes what is in `out`. Returns where its first frame begins.
pub(super) fn finish(out: &mut [u8]) -> usize {
    // A frame that others follow has its header already. The first byte of a header is never 0, and the room is zeros before it.
    begin_of(&out[..HEADER_ROOM]).unwrap_or_else(|| ws::finish_frame(out, 0, Opcode::Text))
}

fn begin_of(room: &[u8]) -> Option<usize> {
    room.iter().position(|byte| *byte != 0)
}

/// How many frames these are.
pub(super) fn frames(mut frames: &[u8]) -> u32 {
    let mut count = 0;
    while let Some(len) = ws::frame_len(frames).filter(|len| *len <= frames.len()) {
        count += 1;
        frames = &frames[len..];
    }
    count
}

/// Reads a packet.
pub(super) fn read<'f>(message: &'f Received<'_>) -> Result<Incoming<'f, Part<'f>>, Rejected<'f>> {
    match message {
        Received::Text(text) => match decode(text, Sender::Client, &PacketLimits::default()) {
            Ok(packet) => text_packet(packet.content),
            Err(violation) => Err(unexpected().with_reason(violation.reason)),
        },
        Received::Packet(packet) => binary_packet(packet),
        Received::Bytes(_) => Err(unexpected()),
    }
}

/// What the transport does not pass on: it has decoded the packet before.
#[cold]
fn unexpected() -> Rejected<'static> {
    Rejected::new(Error::bad_request("Packets of this kind are not supported")).with_reason("kind")
}

fn text_packet(content: Content<'_>) -> Result<Incoming<'_, Part<'_>>, Rejected<'_>> {
    match content {
        Content::Event { ack, message } => match message {
            Ok(message) => Ok(request(message.event, part(&message.arguments), ack)),
            Err(rejected) => Err(rejected.with_id(ack.map(Id::Number))),
        },
        Content::Ack { id, arguments } => Ok(match arguments {
            Ok(arguments) => Incoming::ack(id, Ok(part(&arguments))),
            Err(rejected) => Incoming::ack(id, failed(&rejected)),
        }),
        _ => Err(unexpected()),
    }
}

fn binary_packet(packet: &Assembled) -> Result<Incoming<'_, Part<'_>>, Rejected<'_>> {
    match &packet.content {
        AssembledContent::Event { ack, message } => match message {
            Ok(message) => Ok(request(Cow::Borrowed(&message.event), Some(binary_part(&message.arguments)), *ack)),
            Err(rejected) => Err(copied(rejected).with_id(ack.map(Id::Number))),
        },
        AssembledContent::Ack { id, arguments } => Ok(match arguments {
            Ok(arguments) => Incoming::ack(*id, Ok(Some(binary_part(arguments)))),
            Err(rejected) => Incoming::ack(*id, failed(rejected)),
        }),
        _ => Err(unexpected()),
    }
}

fn request<'f>(event: Cow<'f, str>, data: Option<Part<'f>>, ack: Option<u64>) -> Incoming<'f, Part<'f>> {
    Incoming::request(Request::new(event).with_data(data).with_id(ack.map(Id::Number)))
}

fn part<'f>(arguments: &Arguments<'f>) -> Option<Part<'f>> {
    match arguments.only() {
        Some(json) if json.get() == "null" => Some(Part::Null),
        Some(json) => Some(Part::Json(json)),
        None if arguments.is_empty() => None,
        None => Some(Part::Array(arguments.to_array())),
    }
}

fn binary_part(arguments: &BinaryArguments) -> Part<'_> {
    arguments.only().map_or_else(|| Part::Items(arguments.as_array()), Part::MessagePack)
}

/// An ack whose arguments are refused counts as an error of the client.
#[cold]
fn failed<'f>(rejected: &Rejected<'_>) -> Result<Option<Part<'f>>, Part<'f>> {
    let body = serde_json::value::to_raw_value(&ErrorBody::new(&rejected.error, None));
    Err(body.map_or(Part::Null, Part::Array))
}

/// A packet may be decoded more than once, and an error is no value that is cloned.
#[cold]
fn copied<'f>(rejected: &'f Rejected<'static>) -> Rejected<'f> {
    let Rejected { error, reason, event, .. } = rejected;
    let told = Error::new(error.code().clone(), error.message().to_owned());
    let told = error.details().iter().cloned().fold(told, Error::detail);
    Rejected::new(told).with_reason(reason).with_event(event.as_deref().map(Cow::Borrowed))
}

#[cfg(test)]
#[path = "socketio_tests.rs"]
mod tests;
