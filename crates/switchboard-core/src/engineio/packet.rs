//! One packet: a type and its content.
use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Violation;

/// The content of a ping that asks for an upgrade, and of the pong that answers it (section "Upgrade").
pub const PROBE: &str = "probe";

/// Base64 as clients write it: some leave the padding out, as the reference implementation allows.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The type of a packet (section "Protocol").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PacketType {
    /// The handshake, from the server.
    Open = b'0',
    /// The transport can be closed.
    Close = b'1',
    /// The heartbeat, from the server; a probe, from a client.
    Ping = b'2',
    /// The answer to a ping.
    Pong = b'3',
    /// Content.
    Message = b'4',
    /// The end of an upgrade, from a client.
    Upgrade = b'5',
    /// A packet without meaning: it ends a poll.
    Noop = b'6',
}

impl PacketType {
    /// The type that a packet begins with; `None` for every other byte.
    pub const fn of(byte: u8) -> Option<PacketType> {
        Some(match byte {
            b'0' => PacketType::Open,
            b'1' => PacketType::Close,
            b'2' => PacketType::Ping,
            b'3' => PacketType::Pong,
            b'4' => PacketType::Message,
            b'5' => PacketType::Upgrade,
            b'6' => PacketType::Noop,
            _ => return None,
        })
    }

    /// The byte on the wire, an ASCII digit.
    pub const fn byte(self) -> u8 {
        self as u8
    }
}

/// A packet. A text message of a WebSocket is [`decode_text`]; a binary message is a [`Packet::Binary`] as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The handshake: [`Open`](super::Open) as JSON. Only a server sends it; what a client sends is to be ignored.
    Open(&'a str),
    /// The session ends. Content is ignored.
    Close,
    /// A ping. From a client it can only be a [`PROBE`].
    Ping(&'a str),
    /// A pong, with the content of the ping that it answers: empty, or a [`PROBE`].
    Pong(&'a str),
    /// A text message, which is not empty.
    Message(&'a str),
    /// A binary message, which may be empty.
    Binary(Cow<'a, [u8]>),
    /// The end of an upgrade. Content is ignored.
    Upgrade,
    /// A packet without meaning. Content is ignored.
    Noop,
}

/// Decodes one packet: a text message of a WebSocket, or a part of a polling payload (section "Packet encoding").
///
/// Allocates only for a `b` packet, which WebSocket clients may send too: at most three quarters of its length.
///
/// Errors: [`Violation::EMPTY_PACKET`], [`Violation::PACKET_TYPE`], [`Violation::EMPTY_MESSAGE`],
/// [`Violation::BASE64`].
pub fn decode_text(packet: &str) -> Result<Packet<'_>, Violation> {
    let first = *packet.as_bytes().first().ok_or(Violation::EMPTY_PACKET)?;
    if first == b'b' {
        return decode_base64(&packet[1..]);
    }
    let kind = PacketType::of(first).ok_or(Violation::PACKET_TYPE)?;
    let content = &packet[1..];
    Ok(match kind {
        PacketType::Open => Packet::Open(content),
        PacketType::Close => Packet::Close,
        PacketType::Ping => Packet::Ping(content),
        PacketType::Pong => Packet::Pong(content),
        PacketType::Message if content.is_empty() => return Err(Violation::EMPTY_MESSAGE),
        PacketType::Message => Packet::Message(content),
        PacketType::Upgrade => Packet::Upgrade,
        PacketType::Noop => Packet::Noop,
    })
}

/// The official Java client breaks its base64 into lines.
#[cold]
fn decode_base64(content: &str) -> Result<Packet<'static>, Violation> {
    let is_broken = content.bytes().any(|byte| byte.is_ascii_whitespace());
    let bytes = if is_broken {
        BASE64.decode(content.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<u8>>())
    } else {
        BASE64.decode(content)
    };
    bytes.map(|bytes| Packet::Binary(bytes.into())).map_err(|_| Violation::BASE64)
}

impl Packet<'_> {
    /// Appends the packet as a text: a text message of a WebSocket, or a part of a polling payload. A
    /// [`Packet::Binary`] becomes a `b` packet, as polling needs it (section "HTTP long-polling"); over a WebSocket
    /// send its bytes as a binary message instead.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (kind, content) = match self {
            Packet::Open(content) => (PacketType::Open, *content),
            Packet::Close => (PacketType::Close, ""),
            Packet::Ping(content) => (PacketType::Ping, *content),
            Packet::Pong(content) => (PacketType::Pong, *content),
            Packet::Message(content) => (PacketType::Message, *content),
            Packet::Binary(bytes) => return write_base64(out, bytes),
            Packet::Upgrade => (PacketType::Upgrade, ""),
            Packet::Noop => (PacketType::Noop, ""),
        };
        out.push(kind.byte());
        out.extend_from_slice(content.as_bytes());
    }

    /// The length in bytes of what [`write`](Packet::write) appends.
    pub fn text_len(&self) -> usize {
        match self {
            Packet::Open(content) | Packet::Ping(content) | Packet::Pong(content) | Packet::Message(content) => {
                1 + content.len()
            }
            Packet::Binary(bytes) => base64_len(bytes.len()),
            Packet::Close | Packet::Upgrade | Packet::Noop => 1,
        }
    }
}

/// The length of this many bytes as a `b` packet.
pub(super) fn base64_len(bytes: usize) -> usize {
    1 + bytes.div_ceil(3).saturating_mul(4)
}

pub(super) fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'b');
    let start = out.len();
    out.resize(start + base64_len(bytes.len()) - 1, 0);
    let written = BASE64.encode_slice(bytes, &mut out[start..]).expect("the room is what base64 takes");
    debug_assert_eq!(start + written, out.len());
}
